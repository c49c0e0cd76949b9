//! A task as ECS describes it, whether that is a success, and why it stopped.
//! Asks nobody: it reads what was answered.

use aws_sdk_ecs::types::Task;
use serde::{Deserialize, Serialize};

/// A task as ECS describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskState {
    pub arn: String,
    pub task_definition: String,
    pub started_by: String,
    /// `PROVISIONING`, `PENDING`, `RUNNING`, … `STOPPED`.
    pub status: String,
    /// `TaskFailedToStart`, `EssentialContainerExited`, `UserInitiated`, …
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub health: String,
    /// Seconds since 1970.
    pub created_s: Option<i64>,
    pub stopped_s: Option<i64>,
    pub containers: Vec<ContainerState>,
}

/// A container of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerState {
    pub name: String,
    pub image: String,
    /// `sha256:…`, once it was pulled.
    pub digest: Option<String>,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
}

impl TaskState {
    /// What follows the last slash of its ARN: also the end of its log streams' names.
    pub fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    pub fn ended(&self) -> bool {
        self.status == "STOPPED"
    }

    /// It ended and every container that ran said 0; one that never ran or was killed is no success.
    pub fn succeeded(&self) -> bool {
        self.ended() && !self.containers.is_empty() && self.containers.iter().all(|c| c.exit_code == Some(0))
    }

    /// Whether the container of that name ended with 0: what counts where side containers are killed at the end.
    pub fn succeeded_in(&self, container: &str) -> bool {
        self.ended() && self.containers.iter().any(|c| c.name == container && c.exit_code == Some(0))
    }

    /// Why it stopped, with exit codes: one line.
    pub fn why(&self) -> String {
        let mut line = self.stopped_reason.clone().unwrap_or_else(|| "no reason given".to_owned());
        for container in self.containers.iter().filter(|c| c.exit_code.is_some_and(|code| code != 0) || c.reason.is_some()) {
            let code = container.exit_code.map(|code| format!(" exit code {code}{}", meaning(code))).unwrap_or_default();
            let reason = container.reason.as_deref().map(|reason| format!(" {reason}")).unwrap_or_default();
            line.push_str(&format!("; {}{code}{reason}", container.name));
        }
        line
    }
}

/// What an exit code means by convention, if it does.
fn meaning(code: i32) -> &'static str {
    match code {
        126 => " (the command cannot be executed)",
        127 => " (the command was not found)",
        137 => " (killed: out of memory, or it did not stop when asked)",
        139 => " (segmentation fault)",
        143 => " (asked to stop)",
        _ => "",
    }
}

pub(in crate::cloud) fn state(task: &Task) -> TaskState {
    TaskState {
        arn: task.task_arn().unwrap_or_default().to_owned(),
        task_definition: task.task_definition_arn().unwrap_or_default().to_owned(),
        started_by: task.started_by().unwrap_or_default().to_owned(),
        status: task.last_status().unwrap_or_default().to_owned(),
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        health: task.health_status().map_or("UNKNOWN", |health| health.as_str()).to_owned(),
        created_s: task.created_at().map(|at| at.secs()),
        stopped_s: task.stopped_at().map(|at| at.secs()),
        containers: task
            .containers()
            .iter()
            .map(|container| ContainerState {
                name: container.name().unwrap_or_default().to_owned(),
                image: container.image().unwrap_or_default().to_owned(),
                digest: container.image_digest().map(str::to_owned),
                exit_code: container.exit_code(),
                reason: container.reason().map(str::to_owned),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(exit_codes: &[Option<i32>]) -> TaskState {
        let container = |(n, exit_code): (usize, &Option<i32>)| ContainerState {
            name: format!("c{n}"),
            image: "r/app:1".into(),
            digest: None,
            exit_code: *exit_code,
            reason: None,
        };
        TaskState {
            arn: "arn:aws:ecs:us-east-1:123456789012:task/shop/0123".into(),
            task_definition: "app:1".into(),
            started_by: "mw-1".into(),
            status: "STOPPED".into(),
            stop_code: None,
            stopped_reason: Some("Essential container in task exited".into()),
            health: "UNKNOWN".into(),
            created_s: None,
            stopped_s: None,
            containers: exit_codes.iter().enumerate().map(container).collect(),
        }
    }

    #[test]
    fn only_zero_is_success() {
        assert!(task(&[Some(0)]).succeeded());
        assert!(!task(&[Some(0), Some(1)]).succeeded());
        assert!(!task(&[None]).succeeded(), "it never ran");
        assert!(!task(&[]).succeeded());
        assert!(task(&[Some(0), Some(143)]).succeeded_in("c0"));
        assert!(!TaskState { status: "RUNNING".into(), ..task(&[Some(0)]) }.succeeded());
    }

    #[test]
    fn a_stop_says_its_exit_codes_and_what_they_mean() {
        assert_eq!(task(&[Some(127)]).why(), "Essential container in task exited; c0 exit code 127 (the command was not found)");
        assert_eq!(task(&[Some(0)]).id(), "0123");
    }
}
