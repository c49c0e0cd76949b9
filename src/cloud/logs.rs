//! What containers said, from CloudWatch Logs: a stream followed line by line from where it was last read, or its last lines.
//! Never writes to a log, and no line leaves this file with a password in it.

use aws_sdk_cloudwatchlogs::error::SdkError;
use aws_sdk_cloudwatchlogs::operation::get_log_events::{GetLogEventsError, GetLogEventsOutput};

use super::fault::{code, fault};
use super::session::Aws;
use crate::error::Result;
use crate::text;

/// Pages of one look: a stream that has said more is read on with the next one.
const PAGES: usize = 10;
/// Looks in a row that AWS may refuse because there were too many of them, beyond what the SDK tries again by itself.
const THROTTLED: u32 = 20;

/// Lines that an error shows of a container that did not do what it should.
pub const SHOWN: u16 = 15;

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// Without its line break, secrets taken out.
    pub text: String,
}

/// A stream, read from its beginning, each line once.
#[derive(Debug, Clone)]
pub struct Follower {
    group: String,
    stream: String,
    token: Option<String>,
    throttled: u32,
}

impl Follower {
    /// `stream` need not be there yet: ECS makes it when the container first says something.
    pub fn new(group: impl Into<String>, stream: impl Into<String>) -> Self {
        Self { group: group.into(), stream: stream.into(), token: None, throttled: 0 }
    }

    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// What was said since the last look, oldest first; nothing when the stream is not there yet or AWS asks for patience.
    ///
    /// # Errors
    /// `Denied` or `Unreachable` as of any call; also when AWS refuses twenty looks in a row for being too many.
    pub async fn next(&mut self, aws: &Aws) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for _ in 0..PAGES {
            let call = aws.cloudwatchlogs().get_log_events().log_group_name(&self.group).log_stream_name(&self.stream);
            let page = call.start_from_head(true).set_next_token(self.token.clone()).send().await;
            let Some(page) = self.patient(page)? else { break };
            lines.extend(page.events().iter().map(|event| line(event.timestamp(), event.message())));
            // The same token again is how CloudWatch says that this is the end for now.
            let end = page.next_forward_token == self.token || page.events().is_empty();
            self.token = page.next_forward_token.or(self.token.take());
            if end {
                break;
            }
        }
        Ok(lines)
    }

    /// The page; `None` when there is none now and it is worth asking again.
    fn patient(&mut self, page: Answer) -> Result<Option<GetLogEventsOutput>> {
        match page {
            Ok(page) => {
                self.throttled = 0;
                Ok(Some(page))
            }
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) if is_throttling(code(&error)) && self.throttled < THROTTLED => {
                self.throttled += 1;
                Ok(None)
            }
            Err(error) => Err(fault("logs:GetLogEvents", error)),
        }
    }
}

type Answer = std::result::Result<GetLogEventsOutput, SdkError<GetLogEventsError>>;

/// The last `lines` lines of a stream, oldest first; none when there is no such stream.
pub async fn tail(aws: &Aws, group: &str, stream: &str, lines: u16) -> Result<Vec<Line>> {
    let call = aws.cloudwatchlogs().get_log_events().log_group_name(group).log_stream_name(stream);
    match call.start_from_head(false).limit(i32::from(lines.max(1))).send().await {
        Ok(page) => Ok(page.events().iter().map(|event| line(event.timestamp(), event.message())).collect()),
        Err(error) if code(&error) == "ResourceNotFoundException" => Ok(Vec::new()),
        Err(error) => Err(fault("logs:GetLogEvents", error)),
    }
}

/// The stream that the `awslogs` driver writes a container of a task to, `task` being the task's id or ARN.
pub fn stream_of(prefix: &str, container: &str, task: &str) -> String {
    format!("{prefix}/{container}/{}", task.rsplit('/').next().unwrap_or(task))
}

fn line(at_ms: Option<i64>, message: Option<&str>) -> Line {
    Line { at_ms: at_ms.unwrap_or_default(), text: text::redact(message.unwrap_or_default().trim_end_matches(['\n', '\r'])) }
}

fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" | "ServiceUnavailableException"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::guard::Access;
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Stands in for CloudWatch Logs: each request gets the next of these answers (status, body); returns its URL and the bodies it was sent.
    async fn scripted(answers: Vec<(u16, &'static str)>) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = asked.clone();
        tokio::spawn(async move {
            let mut answers = VecDeque::from(answers);
            while let Ok((mut socket, _)) = listener.accept().await {
                let Some((status, body)) = answers.pop_front() else { return };
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                loop {
                    let n = socket.read(&mut buffer).await.unwrap();
                    request.extend_from_slice(&buffer[..n]);
                    let text = String::from_utf8_lossy(&request).to_string();
                    let Some((head, sent)) = text.split_once("\r\n\r\n") else { continue };
                    let length =
                        head.to_lowercase().lines().find_map(|l| l.strip_prefix("content-length: ").map(|v| v.parse::<usize>().unwrap()));
                    if sent.len() >= length.unwrap_or(0) {
                        heard.lock().unwrap().push(sent.to_owned());
                        break;
                    }
                }
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                socket.write_all(head.as_bytes()).await.unwrap();
                socket.write_all(body.as_bytes()).await.unwrap();
            }
        });
        (url, asked)
    }

    #[tokio::test]
    async fn a_stream_is_followed_by_token_through_absence_and_throttling() {
        let (url, asked) = scripted(vec![
            (400, r#"{"__type":"ResourceNotFoundException","message":"no stream"}"#),
            (200, r#"{"events":[{"timestamp":1,"message":"one\n"}],"nextForwardToken":"f/1"}"#),
            (200, r#"{"events":[],"nextForwardToken":"f/1"}"#),
            (400, r#"{"__type":"ThrottlingException","message":"slow down"}"#),
            (200, r#"{"events":[{"timestamp":2,"message":"postgresql://app:hunter2@db/app"}],"nextForwardToken":"f/2"}"#),
            (200, r#"{"events":[],"nextForwardToken":"f/2"}"#),
        ])
        .await;
        let aws = Aws::for_test(&url, Access::ReadOnly).await;
        let mut follower = Follower::new("g", stream_of("worker", "worker", "arn:aws:ecs:us-east-1:1:task/c/abc"));
        assert_eq!(follower.stream(), "worker/worker/abc");
        assert!(follower.next(&aws).await.unwrap().is_empty(), "the stream is not there yet");
        assert_eq!(follower.next(&aws).await.unwrap(), [Line { at_ms: 1, text: "one".into() }]);
        assert!(follower.next(&aws).await.unwrap().is_empty(), "throttled");
        let said = follower.next(&aws).await.unwrap();
        assert_eq!(said.len(), 1);
        assert!(!said[0].text.contains("hunter2"), "{}", said[0].text);
        let asked = asked.lock().unwrap();
        assert!(!asked[1].contains("nextToken"), "{}", asked[1]);
        assert!(asked[4].contains(r#""nextToken":"f/1""#), "{}", asked[4]);
    }

    #[tokio::test]
    async fn a_refusal_is_an_error_with_the_action() {
        let (url, _) = scripted(vec![(400, r#"{"__type":"AccessDeniedException","message":"no"}"#)]).await;
        let aws = Aws::for_test(&url, Access::ReadOnly).await;
        let error = tail(&aws, "g", "s", 5).await.unwrap_err();
        assert_eq!(error.what, "AWS does not allow logs:GetLogEvents");
    }
}
