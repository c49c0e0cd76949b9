//! Why a task of ours stopped, with what helps.
//! Never asks AWS: it reads what ECS and the container said.

use super::tasks::TaskState;
use crate::error::{Error, Kind};

/// What ECS says (any of these words), what it means, what to do. From "Amazon ECS stopped tasks error messages", AWS documentation, 2026-11.
const CAUSES: [(&[&str], &str, &str); 9] = [
    (
        &["does not contain descriptor matching platform", "exec format error"],
        "the image was built for another processor than the task definition asks for",
        "build the image for the architecture of the task (linux/amd64 for X86_64, linux/arm64 for ARM64), then run the same command",
    ),
    (
        &["CannotPullContainer", "CannotPullECRContainerError", "pull image manifest"],
        "the image cannot be pulled",
        "check that it was pushed (aws ecr describe-images), that the execution role may pull it, and that the subnets reach ECR: through NAT, a public address, or endpoints for ecr.api, ecr.dkr and S3",
    ),
    (
        &["unable to pull secrets", "secretsmanager", "asm"],
        "the database URLs could not be read from Secrets Manager",
        "check that the execution role may call secretsmanager:GetSecretValue on them and that the subnets reach Secrets Manager: through NAT, a public address or an endpoint",
    ),
    (
        &["failed to validate logger args", "log group does not exist", "CreateLogStream"],
        "the task cannot write to its log group",
        "deploy the worker's stack again: it makes the log group and the right to write to it",
    ),
    (
        &["OutOfMemory"],
        "it took more memory than the task has",
        "give the task more memory (the parameter Memory of the worker's stack), or fewer --jobs, then run the same command: what was copied stays",
    ),
    (
        &["network interface", "ResourceInitializationError"],
        "the task got no network",
        "check that the subnets have free addresses and the security group exists, then run the same command",
    ),
    (
        &["SpotInterruption"],
        "Fargate Spot took the machine back",
        "run the same command: what was copied stays; on-demand Fargate is not interrupted",
    ),
    (
        &["Capacity is unavailable"],
        "Fargate has no machine of this size there now",
        "run the same command in some minutes, or name subnets of more zones",
    ),
    (&["UserInitiated", "Task stopped by user"], "somebody stopped it", "run the same command: what was copied stays"),
];

/// An error that says what a stopped task means. `said` are its last words.
pub fn explained(task: &TaskState, said: &[String]) -> Error {
    let why = format!("{} {}", task.stop_code.as_deref().unwrap_or_default(), task.why());
    let known = CAUSES.iter().find(|(words, _, _)| words.iter().any(|word| why.contains(word)));
    let (what, hint) = known.map_or(
        ("it ended before its work was done", "read its last lines above; run the same command: what was copied stays"),
        |(_, what, hint)| (*what, *hint),
    );
    let error = Error::new(Kind::Failed, format!("the task {} stopped: {what}", task.id())).cause(task.why());
    said.iter().fold(error, |error, line| error.cause(line)).hint(hint)
}

/// Whether another start of the same task would end the same way.
pub fn for_good(task: &TaskState) -> bool {
    let why = task.why();
    let started = task.stop_code.as_deref() != Some("TaskFailedToStart");
    let usage = task.containers.iter().any(|container| container.exit_code == Some(2));
    !started && !why.contains("Capacity is unavailable")
        || usage
        || why.contains("OutOfMemory")
        || task.stop_code.as_deref() == Some("UserInitiated")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::tasks::ContainerState;

    fn stopped(code: &str, reason: &str, exit_code: Option<i32>, container: &str) -> TaskState {
        TaskState {
            arn: "arn:aws:ecs:us-east-1:1:task/shop/abc".into(),
            task_definition: "worker:1".into(),
            started_by: "mw".into(),
            status: "STOPPED".into(),
            stop_code: Some(code.into()),
            stopped_reason: Some(reason.into()),
            health: "UNKNOWN".into(),
            created_s: None,
            stopped_s: None,
            containers: vec![ContainerState {
                name: "worker".into(),
                image: "i".into(),
                digest: None,
                exit_code,
                reason: Some(container.to_owned()).filter(|reason| !reason.is_empty()),
            }],
        }
    }

    #[test]
    fn each_end_is_explained_with_what_helps_and_tried_again_where_that_helps() {
        for (task, what, again) in [
            (
                stopped("TaskFailedToStart", "CannotPullContainerError: pull image manifest has been retried", None, ""),
                "cannot be pulled",
                false,
            ),
            (
                stopped(
                    "TaskFailedToStart",
                    "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'",
                    None,
                    "",
                ),
                "another processor",
                false,
            ),
            (
                stopped("TaskFailedToStart", "ResourceInitializationError: unable to pull secrets or registry auth", None, ""),
                "Secrets Manager",
                false,
            ),
            (stopped("TaskFailedToStart", "Capacity is unavailable at this time", None, ""), "no machine", true),
            (
                stopped(
                    "EssentialContainerExited",
                    "Essential container in task exited",
                    Some(137),
                    "OutOfMemoryError: Container killed due to memory usage",
                ),
                "more memory",
                false,
            ),
            (stopped("EssentialContainerExited", "Essential container in task exited", Some(137), ""), "before its work was done", true),
            (stopped("SpotInterruption", "Your Spot Task was interrupted.", Some(143), ""), "Spot", true),
            (stopped("UserInitiated", "Task stopped by user", Some(143), ""), "somebody stopped it", false),
            (stopped("EssentialContainerExited", "Essential container in task exited", Some(2), ""), "before its work was done", false),
        ] {
            let error = explained(&task, &["last words".into()]);
            assert!(error.what.contains(what), "{error}");
            assert!(error.causes.iter().any(|cause| cause == "last words") && !error.hint.is_empty(), "{error}");
            assert_eq!(!for_good(&task), again, "{error}");
        }
    }
}
