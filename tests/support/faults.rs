//! A bad line between the wizard and the AWS endpoint emulator: a proxy that refuses, slows, swallows and loses answers, by chance or by name.
//! Simulated: the faults are ours, what is asked and what takes effect is real. Ends with the value.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::chance::Chance;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answered with 503.
    Unavailable,
    /// Answered with "slow down".
    Throttled,
    /// Answered with "you may not".
    Denied,
    /// Taken and never answered; it takes no effect.
    Swallowed,
    /// It takes effect, and the answer is lost.
    Lost,
}

/// One request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub at: Instant,
    /// `DescribeStacks`.
    pub action: String,
    /// The `StackName` of a call to CloudFormation, without region and id.
    #[allow(dead_code)] // read by the bench
    pub stack: String,
    pub fault: Option<Fault>,
}

#[derive(Default)]
struct Rules {
    /// In how many of a thousand requests each happens.
    chances: Vec<(Fault, u64)>,
    /// Always, for this action.
    always: Vec<(String, Fault)>,
    /// Once, the next time this action is asked for.
    once: Vec<(String, Fault)>,
}

/// A running proxy.
pub struct Faults {
    pub port: u16,
    rules: Arc<Mutex<Rules>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
}

impl Faults {
    /// In front of the emulator on `port`.
    pub fn before(port: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let faults =
            Self { port: listener.local_addr().unwrap().port(), rules: Arc::default(), asked: Arc::default(), over: Arc::default() };
        let (rules, asked, over) = (Arc::clone(&faults.rules), Arc::clone(&faults.asked), Arc::clone(&faults.over));
        let chance = Arc::new(Mutex::new(Chance::new(seed)));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                let (rules, asked, over, chance) = (Arc::clone(&rules), Arc::clone(&asked), Arc::clone(&over), Arc::clone(&chance));
                std::thread::spawn(move || drop(serve(client, port, &rules, &asked, &over, &chance)));
            }
        });
        faults
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// In so many of a thousand requests.
    pub fn chance(&self, fault: Fault, in_1000: u64) {
        self.rules.lock().unwrap().chances.push((fault, in_1000));
    }

    pub fn always(&self, action: &str, fault: Fault) {
        self.rules.lock().unwrap().always.push((action.to_owned(), fault));
    }

    pub fn once(&self, action: &str, fault: Fault) {
        self.rules.lock().unwrap().once.push((action.to_owned(), fault));
    }

    /// Every request passes from now on.
    pub fn heal(&self) {
        *self.rules.lock().unwrap() = Rules::default();
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(
    mut client: TcpStream,
    port: u16,
    rules: &Mutex<Rules>,
    asked: &Mutex<Vec<Asked>>,
    over: &AtomicBool,
    chance: &Mutex<Chance>,
) -> std::io::Result<()> {
    let Some((head, body)) = request(&mut client)? else { return Ok(()) };
    let (action, stack, json) = meaning(&head, &body);
    let fault = choose(&action, &mut rules.lock().unwrap(), &mut chance.lock().unwrap());
    asked.lock().unwrap().push(Asked { at: Instant::now(), action: action.clone(), stack, fault });
    match fault {
        None => client.write_all(&forward(port, &head, &body)?)?,
        Some(Fault::Lost) => {
            forward(port, &head, &body)?;
            return client.shutdown(Shutdown::Both);
        }
        Some(Fault::Swallowed) => {
            // held open until the asker gives up or the test is over
            client.set_read_timeout(Some(Duration::from_millis(200)))?;
            let mut byte = [0];
            while !over.load(Ordering::SeqCst) {
                match client.read(&mut byte) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
                    Err(_) => break,
                }
            }
            return Ok(());
        }
        Some(Fault::Unavailable) => client.write_all(&refusal(503, "ServiceUnavailable", "injected: try later", json))?,
        Some(Fault::Throttled) => client.write_all(&refusal(400, "Throttling", "injected: Rate exceeded", json))?,
        Some(Fault::Denied) => {
            let why = format!("injected: User: arn:aws:iam::123456789012:user/test is not authorized to perform: {action}");
            client.write_all(&refusal(403, "AccessDenied", &why, json))?;
        }
    }
    // one request a connection: what the emulator says of keeping it open is not ours to promise
    client.shutdown(Shutdown::Write)
}

fn choose(action: &str, rules: &mut Rules, chance: &mut Chance) -> Option<Fault> {
    if let Some(at) = rules.once.iter().position(|(name, _)| name == action) {
        return Some(rules.once.remove(at).1);
    }
    if let Some((_, fault)) = rules.always.iter().find(|(name, _)| name == action) {
        return Some(*fault);
    }
    let mut drawn = chance.below(1000);
    for (fault, share) in &rules.chances {
        if drawn < *share {
            return Some(*fault);
        }
        drawn -= share;
    }
    None
}

/// Head and body of the next request; `None` at the end.
pub fn request(client: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        let n = client.read(&mut chunk)?;
        if n == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk[..n]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = header(&head, "content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(end);
    while body.len() < length {
        let n = client.read(&mut chunk)?;
        if n == 0 {
            return Ok(None);
        }
        body.extend_from_slice(&chunk[..n]);
    }
    Ok(Some((head, body)))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()))
}

/// Action, stack, and whether the service speaks JSON.
fn meaning(head: &str, body: &[u8]) -> (String, String, bool) {
    if let Some(target) = header(head, "x-amz-target") {
        return (target.rsplit('.').next().unwrap_or(target).to_owned(), String::new(), true);
    }
    let form = form(body);
    let of = |key: &str| form.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()).unwrap_or_default();
    let stack = of("StackName");
    let name = if stack.starts_with("arn:") { stack.split('/').nth(1).unwrap_or_default().to_owned() } else { stack };
    (of("Action"), name, false)
}

/// A form's pairs, decoded.
pub fn form(body: &[u8]) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let hex: String = rest.by_ref().take(2).map(char::from).collect();
                    bytes.push(u8::from_str_radix(&hex, 16).unwrap_or(b'?'));
                }
                other => bytes.push(other),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let text = String::from_utf8_lossy(body).into_owned();
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (decode(key), decode(value))).collect()
}

fn forward(port: u16, head: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    let lines = head.trim_end().lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head: String = lines.map(|line| format!("{line}\r\n")).collect();
    server.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
    server.write_all(body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}

fn refusal(status: u16, code: &str, message: &str, json: bool) -> Vec<u8> {
    let (kind, body) = if json {
        ("application/x-amz-json-1.1", format!("{{\"__type\":\"{code}Exception\",\"message\":\"{message}\"}}"))
    } else {
        let side = if status < 500 { "Sender" } else { "Receiver" };
        let body = format!(
            "<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        );
        ("text/xml", body)
    };
    answer(status, kind, &body)
}

/// A whole HTTP answer.
pub fn answer(status: u16, kind: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}
