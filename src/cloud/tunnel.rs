//! A port of this machine that leads to a private database: through a task of ECS Exec inside the VPC and a session of Systems Manager.
//! Never opens a port of the VPC, listens on loopback alone, and ends its task when it is dropped.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use aws_sdk_ecs::types::{AssignPublicIp, AwsVpcConfiguration, ContainerOverride, LaunchType, NetworkConfiguration, TaskOverride};
use tokio::process::{Child, Command};

use super::apart;
use super::fault::fault;
use super::ground::Ground;
use super::session::Aws;
use super::stopped::explained;
use super::tasks;
use crate::error::{Context, Error, Kind, Result};
use crate::progress::{Reporter, aside};

/// AWS's own document for it.
const DOCUMENT: &str = "AWS-StartPortForwardingSessionToRemoteHost";
/// How long a task may take to run with its agent.
const RUNS_WITHIN: Duration = Duration::from_secs(300);
/// How long the port may take to answer; a session whose agent is not ready is begun anew.
const LISTENS_WITHIN: Duration = Duration::from_secs(60);

/// An open tunnel. Dropping it closes the port and stops the task.
pub struct Tunnel {
    pub port: u16,
    session: Child,
    _task: Task,
}

/// The programs that speak the session's protocol.
///
/// # Errors
/// With how to install the one that is missing.
pub fn programs() -> Result<PathBuf> {
    let find = |name: &str| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).map(|dir| dir.join(name)).find(|path| path.is_file())
    };
    let aws = find("aws").ok_or_else(|| {
        Error::new(Kind::Conflict, "the AWS CLI (`aws`) is not on PATH: a tunnel begins its session with it")
            .hint("install it as docs.aws.amazon.com/cli says; without it `migrate-wizard inside -- data verify` reaches the database from inside")
    })?;
    find("session-manager-plugin").map(|_| aws).ok_or_else(|| {
        Error::new(Kind::Conflict, "session-manager-plugin is not on PATH: it carries the session of a tunnel")
            .hint("macOS: brew install --cask session-manager-plugin; Debian: curl -O https://s3.amazonaws.com/session-manager-downloads/plugin/latest/ubuntu_64bit/session-manager-plugin.deb && sudo dpkg -i session-manager-plugin.deb")
    })
}

/// Opens a tunnel to `host`:`remote` at 127.0.0.1:`port`, and waits until it takes connections.
pub async fn open(
    aws: &Aws,
    ground: &Ground,
    host: &str,
    remote: u16,
    port: u16,
    profile: Option<&str>,
    reporter: &Reporter,
) -> Result<Tunnel> {
    let program = programs()?;
    if taken(port).await {
        return Err(
            Error::new(Kind::Conflict, format!("something listens at 127.0.0.1:{port} already")).hint("name another port with --port")
        );
    }
    let task = Task::start(aws, ground).await?;
    reporter.log(format!("task {} asked for", task.id()));
    let runtime = task.runtime().await?;
    let target = format!("ecs:{}_{}_{runtime}", ground.cluster, task.id());
    let parameters = serde_json::json!({ "host": [host], "portNumber": [remote.to_string()], "localPortNumber": [port.to_string()] });
    let mut command = Command::new(program);
    command
        .args([
            "ssm",
            "start-session",
            "--target",
            &target,
            "--document-name",
            DOCUMENT,
            "--region",
            aws.region(),
            "--parameters",
            &parameters.to_string(),
        ])
        .args(profile.iter().flat_map(|name| ["--profile", name]))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let end = tokio::time::Instant::now() + LISTENS_WITHIN;
    loop {
        let mut session = command.spawn().or_fail(Kind::Failed, "cannot start the AWS CLI", "check that `aws --version` works")?;
        while tokio::time::Instant::now() < end {
            if taken(port).await {
                return Ok(Tunnel { port, session, _task: task });
            }
            if session.try_wait().or_fail(Kind::Failed, "cannot ask how the AWS CLI is", "run the same command")?.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // The agent of a task that has just begun may not be connected yet: a session is asked for again.
        if tokio::time::Instant::now() >= end {
            let _gone = session.kill().await;
            let said = session
                .wait_with_output()
                .await
                .map(|output| String::from_utf8_lossy(&output.stderr).trim().to_owned())
                .unwrap_or_default();
            return Err(Error::new(Kind::Failed, "the session of the tunnel did not come to be").cause(said).hint(
                "the task's role needs ssmmessages:* (parameter EnableExec of the worker's stack), you need ssm:StartSession and ecs:ExecuteCommand, and the subnets must reach ssmmessages",
            ));
        }
        tokio::time::sleep(aws.poll()).await;
    }
}

impl Tunnel {
    /// Waits until the session ends by itself: a network that is gone, twenty minutes without a byte.
    pub async fn ended(&mut self) {
        let _status = self.session.wait().await;
    }
}

async fn taken(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

/// A task that does nothing but be there.
struct Task {
    aws: Aws,
    ground: Ground,
    arn: String,
}

impl Task {
    async fn start(aws: &Aws, ground: &Ground) -> Result<Self> {
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(Some(ground.place.subnets.clone()))
            .set_security_groups(Some(ground.place.security_groups.clone()))
            .assign_public_ip(if ground.place.public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled })
            .build()
            .map_err(|e| Error::bug("a task's network lacks its subnets").because(&e))?;
        let hold = ["worker", "--do", "hold"].map(str::to_owned).to_vec();
        let hold = ContainerOverride::builder().name(&ground.container).set_command(Some(hold)).build();
        let answer = aws
            .ecs()
            .run_task()
            .cluster(&ground.cluster)
            .task_definition(&ground.task_definition)
            .launch_type(LaunchType::Fargate)
            .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
            .overrides(TaskOverride::builder().container_overrides(hold).build())
            .enable_execute_command(true)
            .started_by(tasks::started_by(&["tunnel"]))
            .client_token(uuid::Uuid::new_v4().to_string())
            .send()
            .await
            .map_err(|e| fault("ecs:RunTask", e))?;
        let Some(arn) = answer.tasks().first().and_then(|task| task.task_arn()) else {
            let why = answer.failures().iter().filter_map(|failure| failure.reason()).collect::<Vec<_>>().join("; ");
            return Err(Error::new(Kind::Failed, "ECS started no task for the tunnel")
                .cause(why)
                .hint("check subnets, security groups and the cluster's capacity"));
        };
        Ok(Self { aws: aws.clone(), ground: ground.clone(), arn: arn.to_owned() })
    }

    fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    /// The container's id, which a session is opened to.
    async fn runtime(&self) -> Result<String> {
        let end = tokio::time::Instant::now() + RUNS_WITHIN;
        while tokio::time::Instant::now() < end {
            let answer = self.aws.ecs().describe_tasks().cluster(&self.ground.cluster).tasks(&self.arn).send().await;
            let answer = answer.map_err(|e| fault("ecs:DescribeTasks", e))?;
            if let Some(task) = answer.tasks().first() {
                let state = tasks::state(task);
                if state.ended() {
                    return Err(explained(&state, &[]));
                }
                let own = task.containers().iter().find(|container| container.name() == Some(&self.ground.container));
                if let Some(id) = own.and_then(|container| container.runtime_id()).filter(|_| state.status == "RUNNING") {
                    return Ok(id.to_owned());
                }
            }
            tokio::time::sleep(self.aws.poll()).await;
        }
        Err(Error::new(Kind::Failed, format!("the task {} did not come to run within five minutes", self.id()))
            .hint("look at its reason: aws ecs describe-tasks; then run the same command"))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let (cluster, arn) = (self.ground.cluster.clone(), self.arn.clone());
        apart::now(&self.aws, async move |aws| {
            if let Err(error) = tasks::stop(&aws, &cluster, &arn, "migrate-wizard: the tunnel is closed").await {
                aside(format_args!("{error}"));
            }
        });
    }
}
