//! Stands in for ECS and CloudWatch Logs, which the emulator does not run: RunTask, DescribeTasks, ListTasks, StopTask, GetLogEvents.
//! Simulated: placing a task, pulling an image, the network of a VPC, and the roles' rights. Real: each task is a process of our own binary
//! with the command and variables of its overrides, its secrets read from Secrets Manager as its task definition says, against real servers; its
//! lines are its log. Everything else (secrets, task definitions, stacks) goes on to the emulator.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::emulator::Emulator;

pub struct Fargate {
    pub emulator: Emulator,
    pub port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    tasks: Vec<Task>,
    /// The tasks of each client token.
    asked: BTreeMap<String, Vec<String>>,
    /// Stop code and reason of every task that is asked for from now on.
    refuse: Option<(String, String)>,
    /// The bodies of all calls to RunTask.
    bodies: Vec<String>,
}

struct Task {
    arn: String,
    definition: String,
    started_by: String,
    command: Vec<String>,
    child: Option<Child>,
    lines: Arc<Mutex<Vec<String>>>,
    ended: Option<(String, String, Option<i32>)>,
}

impl Task {
    /// Whether it runs still.
    fn runs(&mut self) -> bool {
        if self.ended.is_none()
            && let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap())
        {
            use std::os::unix::process::ExitStatusExt;
            let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
            self.ended = Some(("EssentialContainerExited".into(), "Essential container in task exited".into(), Some(code)));
        }
        self.ended.is_none()
    }

    fn family(&self) -> &str {
        self.definition.rsplit('/').next().unwrap().split(':').next().unwrap()
    }

    fn described(&mut self) -> Value {
        let runs = self.runs();
        let mut container =
            json!({ "name": "worker", "image": "mw:1", "lastStatus": if runs { "RUNNING" } else { "STOPPED" }, "runtimeId": "0123-4567" });
        let mut task = json!({ "taskArn": self.arn, "taskDefinitionArn": self.definition, "startedBy": self.started_by, "lastStatus": if runs { "RUNNING" } else { "STOPPED" } });
        if let Some((code, reason, exit_code)) = &self.ended {
            task["stopCode"] = json!(code);
            task["stoppedReason"] = json!(reason);
            if let Some(exit_code) = exit_code {
                container["exitCode"] = json!(exit_code);
            }
        }
        task["containers"] = json!([container]);
        task
    }
}

impl Fargate {
    pub fn start() -> Self {
        let emulator = Emulator::start(&[]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let (all, behind) = (state.clone(), emulator.port);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = all.clone();
                std::thread::spawn(move || serve(stream, &all, behind));
            }
        });
        Self { emulator, port, state }
    }

    pub fn env(&self) -> Vec<(String, String)> {
        let own = |(name, value): (String, String)| if name == "AWS_ENDPOINT_URL" { (name, self.url()) } else { (name, value) };
        self.emulator.env().into_iter().map(own).collect()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// One call of the emulator's own, such as `AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition`.
    pub fn call(&self, target: &str, body: &Value) -> Value {
        asked(self.emulator.port, target, body)
    }

    /// A task definition whose image is said to be this program, reading these secrets.
    pub fn define(&self, family: &str, secrets: &[(&str, &str)]) -> String {
        let secrets: Vec<Value> = secrets.iter().map(|(name, arn)| json!({ "name": name, "valueFrom": arn })).collect();
        let body = json!({ "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "1024", "memory": "2048",
            "containerDefinitions": [{ "name": "worker", "image": "mw:1", "essential": true, "secrets": secrets }] });
        let made = self.call("AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", &body);
        made["taskDefinition"]["taskDefinitionArn"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    pub fn secret(&self, name: &str, value: &str) -> String {
        let made = self.call(
            "secretsmanager.CreateSecret",
            &json!({ "Name": name, "SecretString": value, "ClientRequestToken": uuid::Uuid::new_v4().to_string() }),
        );
        made["ARN"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// Names of all secrets that are there.
    pub fn secrets(&self) -> Vec<String> {
        let listed = self.call("secretsmanager.ListSecrets", &json!({}));
        listed["SecretList"].as_array().unwrap().iter().map(|secret| secret["Name"].as_str().unwrap().to_owned()).collect()
    }

    /// Task definitions that are active.
    pub fn definitions(&self) -> Vec<String> {
        let listed = self.call("AmazonEC2ContainerServiceV20141113.ListTaskDefinitions", &json!({ "status": "ACTIVE" }));
        listed["taskDefinitionArns"].as_array().unwrap().iter().map(|arn| arn.as_str().unwrap().to_owned()).collect()
    }

    /// From now on no task comes to run.
    pub fn refuse(&self, code: &str, reason: &str) {
        self.state.lock().unwrap().refuse = Some((code.into(), reason.into()));
    }

    /// Commands of the tasks that run, each as one text.
    pub fn running(&self) -> Vec<String> {
        self.state.lock().unwrap().tasks.iter_mut().filter_map(|task| task.runs().then(|| task.command.join(" "))).collect()
    }

    /// Commands of all tasks that ever were.
    pub fn all(&self) -> Vec<String> {
        self.state.lock().unwrap().tasks.iter().map(|task| task.command.join(" ")).collect()
    }

    /// What RunTask was asked, as it was sent.
    pub fn bodies(&self) -> Vec<String> {
        self.state.lock().unwrap().bodies.clone()
    }

    /// SIGKILL for the first running task whose command begins so.
    #[track_caller]
    pub fn kill(&self, command: &str) {
        let mut state = self.state.lock().unwrap();
        let mut running = state.tasks.iter_mut().filter(|task| task.command.join(" ").starts_with(command));
        let task = running.find_map(|task| task.runs().then_some(task)).expect("such a task runs");
        task.child.as_mut().unwrap().kill().unwrap();
    }
}

impl Drop for Fargate {
    fn drop(&mut self) {
        for task in &mut self.state.lock().unwrap().tasks {
            if let Some(child) = &mut task.child {
                let _gone = child.kill();
                let _waited = child.wait();
            }
        }
    }
}

pub(super) fn asked(port: u16, target: &str, body: &Value) -> Value {
    let service = if target.starts_with("secretsmanager") { "secretsmanager" } else { "ecs" };
    let body = body.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = passed_on(port, request.as_bytes());
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let body = if head.to_lowercase().contains("transfer-encoding: chunked") {
        body.split("\r\n").skip(1).step_by(2).collect()
    } else {
        body.to_owned()
    };
    serde_json::from_str(&body).unwrap_or_else(|_| panic!("{target}: {text}"))
}

/// A request as it is; the answer as it came.
pub(super) fn passed_on(port: u16, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    answer
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, behind: u16) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let header = |name: &str| {
        let prefix = format!("{name}:");
        head.iter().find(|line| line.to_lowercase().starts_with(&prefix)).map(|line| line[prefix.len()..].trim().to_owned())
    };
    if header("expect").is_some() {
        let _gone = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let mut body = vec![0; header("content-length").map_or(0, |n| n.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let target = header("x-amz-target").unwrap_or_default();
    let asked = || serde_json::from_slice::<Value>(&body).unwrap();
    let answer = match target.rsplit('.').next().unwrap() {
        "RunTask" => run(&asked(), state, behind),
        "DescribeTasks" => describe(&asked(), state),
        "ListTasks" => list(&asked(), state),
        "StopTask" => stop(&asked(), state),
        "GetLogEvents" => events(&asked(), state),
        _ => {
            let mut request: Vec<u8> = Vec::new();
            for line in head.iter().filter(|line| !line.to_lowercase().starts_with("connection:")) {
                request.extend(line.as_bytes());
                request.extend(b"\r\n");
            }
            request.extend(b"Connection: close\r\n\r\n");
            request.extend(&body);
            let _gone = stream.write_all(&passed_on(behind, &request));
            return;
        }
    };
    let (status, answer) = match answer {
        Ok(answer) => (200, answer.to_string()),
        Err(code) => (400, json!({ "__type": code, "message": code }).to_string()),
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    let _gone = stream.write_all(&[head.as_bytes(), answer.as_bytes()].concat());
}

type Answer = Result<Value, &'static str>;

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn run(body: &Value, state: &Mutex<State>, behind: u16) -> Answer {
    let definition =
        asked(behind, "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition", &json!({ "taskDefinition": body["taskDefinition"] }));
    let definition = &definition["taskDefinition"];
    let Some(arn) = definition["taskDefinitionArn"].as_str() else { return Err("ClientException") };
    let mut variables = Vec::new();
    for secret in definition["containerDefinitions"][0]["secrets"].as_array().into_iter().flatten() {
        let value = asked(behind, "secretsmanager.GetSecretValue", &json!({ "SecretId": secret["valueFrom"] }));
        variables.push((
            secret["name"].as_str().unwrap().to_owned(),
            value["SecretString"].as_str().unwrap_or_else(|| panic!("{value}")).to_owned(),
        ));
    }
    let mut state = state.lock().unwrap();
    state.bodies.push(body.to_string());
    let token = body["clientToken"].as_str().unwrap().to_owned();
    let known = state.asked.get(&token).cloned();
    let arns = known.unwrap_or_else(|| {
        let over = &body["overrides"]["containerOverrides"][0];
        for pair in over["environment"].as_array().into_iter().flatten() {
            variables.push((pair["name"].as_str().unwrap().to_owned(), pair["value"].as_str().unwrap().to_owned()));
        }
        let one = |_| {
            let id = uuid::Uuid::new_v4().simple().to_string();
            let lines = Arc::new(Mutex::new(Vec::new()));
            let command = texts(&over["command"]);
            let ended = state.refuse.clone().map(|(code, reason)| (code, reason, None));
            let child = ended.is_none().then(|| spawn(&command, &variables, &lines));
            state.tasks.push(Task {
                arn: format!("arn:aws:ecs:us-east-1:123456789012:task/{}/{id}", body["cluster"].as_str().unwrap()),
                definition: arn.to_owned(),
                started_by: body["startedBy"].as_str().unwrap().to_owned(),
                command,
                child,
                lines,
                ended,
            });
            state.tasks.last().unwrap().arn.clone()
        };
        (0..body["count"].as_u64().unwrap_or(1)).map(one).collect()
    });
    state.asked.insert(token, arns.clone());
    let tasks: Vec<Value> = state.tasks.iter_mut().filter(|task| arns.contains(&task.arn)).map(Task::described).collect();
    Ok(json!({ "tasks": tasks, "failures": [] }))
}

/// The container: our own binary, with nothing of this machine's databases and credentials.
fn spawn(command: &[String], variables: &[(String, String)], lines: &Arc<Mutex<Vec<String>>>) -> Child {
    let mut process = Command::new(env!("CARGO_BIN_EXE_migrate-wizard"));
    process.args(command).current_dir(std::env::temp_dir()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") || name.starts_with("PG") || name.ends_with("DATABASE_URL") {
            process.env_remove(name);
        }
    }
    process.env("AWS_REGION", "us-east-1").env("AWS_EC2_METADATA_DISABLED", "true");
    let mut child = process.envs(variables.iter().map(|(k, v)| (k, v))).spawn().unwrap();
    let streams: [Box<dyn Read + Send>; 2] = [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
    for stream in streams {
        let lines = lines.clone();
        std::thread::spawn(move || BufReader::new(stream).lines().map_while(Result::ok).for_each(|line| lines.lock().unwrap().push(line)));
    }
    child
}

fn describe(body: &Value, state: &Mutex<State>) -> Answer {
    let wanted = texts(&body["tasks"]);
    let tasks: Vec<Value> = state.lock().unwrap().tasks.iter_mut().filter(|task| wanted.contains(&task.arn)).map(Task::described).collect();
    Ok(json!({ "tasks": tasks, "failures": [] }))
}

fn list(body: &Value, state: &Mutex<State>) -> Answer {
    let stopped = body["desiredStatus"] == "STOPPED";
    let mut found = Vec::new();
    for task in &mut state.lock().unwrap().tasks {
        let by = body["startedBy"].as_str().is_none_or(|by| by == task.started_by);
        let family = body["family"].as_str().is_none_or(|family| family == task.family());
        if by && family && task.runs() != stopped {
            found.push(task.arn.clone());
        }
    }
    Ok(json!({ "taskArns": found }))
}

/// As ECS does it: SIGTERM, and SIGKILL when that is not heard.
fn stop(body: &Value, state: &Mutex<State>) -> Answer {
    let mut state = state.lock().unwrap();
    let Some(task) = state.tasks.iter_mut().find(|task| body["task"] == task.arn.as_str()) else { return Err("InvalidParameterException") };
    if task.runs() {
        let child = task.child.as_mut().unwrap();
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        let end = Instant::now() + Duration::from_secs(3);
        while child.try_wait().unwrap().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _heard = child.kill();
        let _waited = child.wait();
        task.ended = Some(("UserInitiated".into(), body["reason"].as_str().unwrap_or_default().to_owned(), Some(143)));
    }
    Ok(json!({ "task": task.described() }))
}

/// Tokens are the number of lines that were read.
fn events(body: &Value, state: &Mutex<State>) -> Answer {
    let stream = body["logStreamName"].as_str().unwrap();
    let state = state.lock().unwrap();
    let Some(task) = state.tasks.iter().find(|task| stream == format!("worker/worker/{}", task.arn.rsplit('/').next().unwrap())) else {
        return Err("ResourceNotFoundException");
    };
    let lines = task.lines.lock().unwrap();
    if lines.is_empty() {
        return Err("ResourceNotFoundException");
    }
    let from = body["nextToken"].as_str().and_then(|token| token.strip_prefix("f/")).map_or(0, |n| n.parse().unwrap());
    let events: Vec<Value> = lines.iter().skip(from).map(|line| json!({ "timestamp": 1, "ingestionTime": 1, "message": line })).collect();
    Ok(json!({ "events": events, "nextForwardToken": format!("f/{}", lines.len()), "nextBackwardToken": "b/0" }))
}
