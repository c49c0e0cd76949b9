//! A scripted AWS endpoint: the same answer to every call of an operation. It stands in for calls that the emulator lacks, and knows
//! nothing of AWS: what it answers is written in the test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is answered.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
}

impl Answer {
    pub fn xml(body: &str) -> Self {
        Self { status: 200, kind: "text/xml", body: body.to_owned() }
    }

    pub fn json(body: &str) -> Self {
        Self { status: 200, kind: "application/x-amz-json-1.1", body: body.to_owned() }
    }

    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// IAM's simulator allows everything but these: action and decision.
    pub fn simulated(but: &[(&str, &str)]) -> Self {
        let members: String = but
            .iter()
            .map(|(action, decision)| {
                format!("<member><EvalActionName>{action}</EvalActionName><EvalDecision>{decision}</EvalDecision></member>")
            })
            .collect();
        Self::xml(&format!(
            "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
        ))
    }
}

/// What is answered to what, before it listens.
#[derive(Default)]
pub struct Scripted {
    /// `Action=` of a form.
    form: BTreeMap<String, Answer>,
    /// What follows the dot in `X-Amz-Target`.
    json: BTreeMap<String, Answer>,
    /// Beginning of a path.
    path: BTreeMap<String, Answer>,
    /// An action that makes a whole call to the simulator fail.
    unknown: Option<String>,
}

/// It listens until the test program ends.
pub struct Listening {
    at: SocketAddr,
    /// Operation and body.
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Scripted {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn form(mut self, action: &str, answer: Answer) -> Self {
        self.form.insert(action.to_owned(), answer);
        self
    }

    #[must_use]
    pub fn json(mut self, target: &str, answer: Answer) -> Self {
        self.json.insert(target.to_owned(), answer);
        self
    }

    #[must_use]
    pub fn path(mut self, begins: &str, answer: Answer) -> Self {
        self.path.insert(begins.to_owned(), answer);
        self
    }

    #[must_use]
    pub fn simulator_that_does_not_know(mut self, action: &str) -> Self {
        self.unknown = Some(action.replace(':', "%3A"));
        self
    }

    pub fn start(self) -> Listening {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(self), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                std::thread::spawn(move || script.serve(stream, &log));
            }
        });
        Listening { at, seen }
    }

    fn serve(&self, mut stream: TcpStream, log: &Mutex<Vec<(String, String)>>) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let path = line.split(' ').nth(1)?.to_owned();
        let (mut length, mut target) = (0, None);
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok()?,
                "x-amz-target" => target = value.trim().rsplit_once('.').map(|(_, operation)| operation.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
        let (operation, answer) = match (target.as_deref(), action) {
            (Some(target), _) => (target.to_owned(), self.json.get(target)),
            (None, Some(action)) => (action.to_owned(), self.form.get(action)),
            (None, None) => (path.clone(), self.path.iter().find(|(begins, _)| path.starts_with(*begins)).map(|(_, answer)| answer)),
        };
        log.lock().unwrap().push((operation.clone(), body.clone()));
        let spoiled = operation == "SimulatePrincipalPolicy"
            && self.unknown.as_ref().is_some_and(|name| body.contains(&format!("{name}&")) || body.ends_with(name));
        let invalid = Answer::xml(
            "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidInput</Code><Message>no such action</Message></Error></ErrorResponse>",
        )
        .status(400);
        let nothing = Answer::xml(&format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>NotScripted</Code><Message>{operation}</Message></Error></ErrorResponse>"
        ))
        .status(400);
        let answer = if spoiled { &invalid } else { answer.unwrap_or(&nothing) };
        write!(
            stream,
            "HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
            answer.status,
            answer.kind,
            answer.body.len(),
            answer.body
        )
        .ok()
    }
}

impl Listening {
    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Bodies of the calls of that operation.
    pub fn asked(&self, operation: &str) -> Vec<String> {
        self.seen.lock().unwrap().iter().filter(|(name, _)| name == operation).map(|(_, body)| body.clone()).collect()
    }
}
