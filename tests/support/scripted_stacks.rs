//! A scripted stand-in for CloudFormation: for each action the answers it gives, one after the other, the last one again and again.
//! Simulated: it knows nothing of stacks. For what the emulator lacks: early validation, roll backs that fail and are continued.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::faults::{answer, form, request};

type Script = BTreeMap<String, Vec<(u16, String)>>;
type Call = BTreeMap<String, String>;

/// A running stand-in. Ends with the value.
pub struct Scripted {
    port: u16,
    script: Arc<Mutex<Script>>,
    calls: Arc<Mutex<Vec<Call>>>,
    over: Arc<AtomicBool>,
}

impl Scripted {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let standin =
            Self { port: listener.local_addr().unwrap().port(), script: Arc::default(), calls: Arc::default(), over: Arc::default() };
        let (script, calls, over) = (Arc::clone(&standin.script), Arc::clone(&standin.calls), Arc::clone(&standin.over));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut client) = client else { continue };
                let Ok(Some((_, body))) = request(&mut client) else { continue };
                let call: Call = form(&body).into_iter().collect();
                let action = call.get("Action").cloned().unwrap_or_default();
                let (status, inner) = {
                    let mut script = script.lock().unwrap();
                    match script.get_mut(&action) {
                        Some(answers) if answers.len() > 1 => answers.remove(0),
                        Some(answers) => answers[0].clone(),
                        None => (400, error("InvalidAction", &format!("the script has no {action}"))),
                    }
                };
                calls.lock().unwrap().push(call);
                let body = if status < 300 {
                    format!(
                        "<{action}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><{action}Result>{inner}</{action}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
                    )
                } else {
                    inner
                };
                drop(client.write_all(&answer(status, "text/xml", &body)));
            }
        });
        standin
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it answers to an action from now on.
    #[must_use]
    pub fn on(self, action: &str, results: &[&str]) -> Self {
        self.script.lock().unwrap().insert(action.to_owned(), results.iter().map(|r| (200, (*r).to_owned())).collect());
        self
    }

    #[must_use]
    pub fn refuses(self, action: &str, code: &str, message: &str) -> Self {
        self.script.lock().unwrap().insert(action.to_owned(), vec![(400, error(code, message))]);
        self
    }

    /// The calls of one action, in order.
    pub fn calls(&self, action: &str) -> Vec<Call> {
        self.calls.lock().unwrap().iter().filter(|call| call.get("Action").is_some_and(|a| a == action)).cloned().collect()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
}

/// `DescribeStacks` of one stack of ours.
pub fn stack(name: &str, status: &str) -> String {
    format!(
        "<Stacks><member><StackName>{name}</StackName><StackId>{}</StackId><StackStatus>{status}</StackStatus><CreationTime>2026-11-01T00:00:00Z</CreationTime>\
         <Tags><member><Key>managed-by</Key><Value>migrate-wizard</Value></member></Tags></member></Stacks>",
        arn(name)
    )
}

pub fn arn(name: &str) -> String {
    format!("arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/1")
}

/// One event of a stack; of the stack itself where `logical` is its name.
pub fn event(n: u32, name: &str, logical: &str, status: &str, reason: &str, token: &str) -> String {
    let (kind, physical) =
        if logical == name { ("AWS::CloudFormation::Stack", arn(name)) } else { ("AWS::RDS::DBInstance", format!("physical-{logical}")) };
    format!(
        "<member><EventId>e{n}</EventId><StackId>{}</StackId><StackName>{name}</StackName><LogicalResourceId>{logical}</LogicalResourceId>\
         <PhysicalResourceId>{physical}</PhysicalResourceId><ResourceType>{kind}</ResourceType><Timestamp>2026-11-01T00:00:{n:02}Z</Timestamp>\
         <ResourceStatus>{status}</ResourceStatus><ResourceStatusReason>{reason}</ResourceStatusReason><ClientRequestToken>{token}</ClientRequestToken></member>",
        arn(name)
    )
}
