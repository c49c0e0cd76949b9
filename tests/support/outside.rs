//! The world outside of a move: name servers over the emulator's hosted zones, the old host, a load balancer that follows the emulator's
//! listener rules, and an ECS that starts real processes; all of them real sockets on loopback. Simulated: the container (its process runs here,
//! with the variables and secrets of its task definition), the way between the hosts (one HTTP proxy), and the old host's address.
//!
//! ```text
//!  wizard, people ─► proxy ─► name server (UDP) ─► 127.0.0.2 old host ─────► app ─► source
//!                      └ TLS ends here            └ 127.0.0.3 load balancer ► app ─► target
//! ```

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde_json::{Value, json};

use super::emulator::Emulator;
use super::fargate::{asked, passed_on};
use super::site::Certificate;

const OLD_HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const LOAD_BALANCER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// Where the name leads before the switch.
pub const OLD_NAME: &str = "portal.replit.app";

/// One app process, started again when it falls over, as both hosts do it.
struct Service {
    build: PathBuf,
    child: Option<Child>,
    port: u16,
    /// Asked at each start: a database may have moved to another port.
    variables: Box<dyn Fn() -> Option<Vec<(String, String)>> + Send>,
    log: PathBuf,
}

impl Service {
    fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    fn start(&mut self) {
        if self.runs() {
            return;
        }
        let Some(variables) = (self.variables)() else { return };
        self.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new("node");
        command.arg(self.build.join("dist/index.cjs")).current_dir(&self.build).env_clear();
        command
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(variables)
            .env("PORT", self.port.to_string())
            .env("NODE_ENV", "production");
        self.child = Some(command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    }

    /// As ECS does it.
    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            Command::new("kill").args(["-TERM", &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
            let end = Instant::now() + Duration::from_secs(3);
            while child.try_wait().unwrap().is_none() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _heard = child.kill();
            let _waited = child.wait();
        }
    }
}

#[derive(Default)]
struct State {
    old: Option<Service>,
    new: Option<Service>,
    /// Answers of the name server that are still good, as any resolver keeps them.
    cached: BTreeMap<String, (Ipv4Addr, Instant)>,
    /// Rules of the load balancer's listeners, read again after a while.
    rules: Option<(Vec<Rule>, Instant)>,
}

/// A listener rule as far as the load balancer here understands it.
#[derive(Debug, Clone)]
struct Rule {
    priority: String,
    /// Empty: every path. A star at its end stands for the rest.
    path: String,
    /// An HTTP header that must have this value.
    header: Option<(String, String)>,
    /// The status of a fixed answer; `None` forwards.
    fixed: Option<u16>,
}

/// What somebody outside got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub on_aws: bool,
}

pub struct Outside {
    pub emulator: Arc<Emulator>,
    /// The app's name in the public zone.
    pub name: String,
    proxy: u16,
    pub resolver: u16,
    /// Where the load balancer can be reached without the name: HTTPS.
    pub balancer: u16,
    front: u16,
    state: Arc<Mutex<State>>,
    certificate: Certificate,
    logs: tempfile::TempDir,
}

/// What the threads of one outside share.
#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    emulator: u16,
    name: String,
    resolver: u16,
    tls: Arc<rustls::ServerConfig>,
    build: PathBuf,
    logs: PathBuf,
}

impl Outside {
    /// `app` keeps several on one emulator apart; `build` is the prepared app as its image would hold it.
    pub fn start(emulator: Arc<Emulator>, app: &str, build: &Path) -> Self {
        let name = format!("{app}.example.test");
        let (certificate, logs) = (Certificate::of(&name), tempfile::tempdir().unwrap());
        let zone = zone(&emulator);
        let record = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet><Name>{name}.</Name><Type>CNAME</Type><TTL>1</TTL><ResourceRecords><ResourceRecord><Value>{OLD_NAME}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        let made = signed(emulator.port, "route53", "POST", &format!("/2013-04-01/hostedzone/{zone}/rrset"), "application/xml", &record);
        assert!(made.contains("ChangeInfo"), "{made}");

        let state = Arc::new(Mutex::new(State::default()));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let resolver = socket.local_addr().unwrap().port();
        let shared = Shared {
            state: state.clone(),
            emulator: emulator.port,
            name: name.clone(),
            resolver,
            tls: certificate.config(),
            build: build.to_owned(),
            logs: logs.path().to_owned(),
        };
        let behind = emulator.port;
        std::thread::spawn(move || name_server(&socket, behind));
        let (proxy, balancer) = (listen(shared.clone(), proxied), listen(shared.clone(), balanced));
        let front = listen(shared, fronted);
        Self { emulator, name, proxy, resolver, balancer, front, state, certificate, logs }
    }

    /// What the wizard needs to meet this outside.
    pub fn env(&self) -> Vec<(String, String)> {
        let own = |(name, value): (String, String)| {
            if name == "AWS_ENDPOINT_URL" { (name, format!("http://127.0.0.1:{}", self.front)) } else { (name, value) }
        };
        let proxy = format!("http://127.0.0.1:{}", self.proxy);
        let more = [
            ("HTTP_PROXY", proxy.clone()),
            ("HTTPS_PROXY", proxy),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
            ("SSL_CERT_FILE", self.certificate.authority().display().to_string()),
        ];
        self.emulator.env().into_iter().map(own).chain(more.map(|(k, v)| (k.to_owned(), v))).collect()
    }

    /// Starts the app on the old host, where it is started again whenever it falls over.
    pub fn old_host(&self, build: &Path, variables: impl Fn() -> Option<Vec<(String, String)>> + Send + 'static) {
        let before = self.state.lock().unwrap().old.take();
        if let Some(mut before) = before {
            before.stop();
        }
        let log = self.logs.path().join("old.log");
        let mut service = Service { build: build.to_owned(), child: None, port: 0, variables: Box::new(variables), log };
        service.start();
        self.state.lock().unwrap().old = Some(service);
    }

    /// One request as a browser sends it, by the app's name.
    pub fn ask(&self, method: &str, path: &str, cookie: &str, body: &str) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.proxy))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let name = &self.name;
        write!(
            stream,
            "{method} http://{name}{path} HTTP/1.1\r\nHost: {name}\r\nCookie: {cookie}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other("no answer"))?;
        Ok(Answer { status, on_aws: answer.contains("\r\nX-Host: 127.0.0.3\r\n") })
    }

    /// What the public zone says of the name now.
    pub fn record(&self) -> String {
        cname(self.emulator.port, &self.name).map(|(to, _)| to).unwrap_or_default()
    }

    /// Does the app run on AWS?
    pub fn serves(&self) -> bool {
        self.state.lock().unwrap().new.as_mut().is_some_and(Service::runs)
    }

    /// The last lines of both apps, for a failure's message.
    pub fn logs(&self) -> String {
        let tail = |name: &str| {
            let text = std::fs::read_to_string(self.logs.path().join(name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(15)..].iter();
            last.map(|line| line.chars().take(200).collect::<String>()).collect::<Vec<_>>().join("\n")
        };
        format!("old host:\n{}\nAWS:\n{}", tail("old.log"), tail("new.log"))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap();
        let (old, new) = (state.old.take(), state.new.take());
        for mut service in [old, new].into_iter().flatten() {
            service.stop();
        }
    }
}

// --- the emulator ------------------------------------------------------------------------------------------------------------------

fn signed(port: u16, service: &str, method: &str, path: &str, kind: &str, body: &str) -> String {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    String::from_utf8_lossy(&passed_on(port, request.as_bytes())).into_owned()
}

/// The id of the zone `example.test`, made once for each emulator.
fn zone(emulator: &Emulator) -> String {
    let id = |text: &str| {
        let zone = text.split("<HostedZone>").find(|zone| zone.contains("<Name>example.test.</Name>"))?;
        Some(zone.split_once("<Id>/hostedzone/")?.1.split_once('<')?.0.to_owned())
    };
    let listed = signed(emulator.port, "route53", "GET", "/2013-04-01/hostedzone", "application/xml", "");
    id(&listed).unwrap_or_else(|| {
        let asked = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>example.test.</Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>";
        let made = signed(emulator.port, "route53", "POST", "/2013-04-01/hostedzone", "application/xml", asked);
        id(&made).unwrap_or_else(|| panic!("{made}"))
    })
}

/// What a name answers, and for how long, by the zone that is nearest to it.
fn cname(emulator: u16, name: &str) -> Option<(String, u32)> {
    let get = |path: &str| signed(emulator, "route53", "GET", &format!("/2013-04-01/hostedzone{path}"), "application/xml", "");
    let zones = get("");
    let named = zones.split("<HostedZone>").skip(1).filter_map(|zone| {
        let between = |open: &str| Some(zone.split_once(open)?.1.split_once('<')?.0.to_owned());
        let zone = between("<Name>")?.trim_end_matches('.').to_owned();
        (name == zone || name.ends_with(&format!(".{zone}"))).then(|| Some((zone.len(), between("<Id>/hostedzone/")?)))?
    });
    let (_, zone) = named.max()?;
    let records = get(&format!("/{zone}/rrset"));
    let own = |set: &&str| set.contains(&format!("<Name>{name}.</Name>")) && !set.contains("<Type>NS<") && !set.contains("<Type>SOA<");
    let set = records.split("<ResourceRecordSet>").find(own)?;
    let between = |open: &str| Some(set.split_once(open)?.1.split_once('<')?.0.trim_end_matches('.').to_owned());
    // an alias is remembered for as long as its target is
    let to = between("<Value>").or_else(|| between("<DNSName>"))?;
    Some((to, between("<TTL>").map_or(1, |ttl| ttl.parse().unwrap())))
}

// --- names -------------------------------------------------------------------------------------------------------------------------

/// Answers questions for addresses: names of the zone as Route 53 holds them now, the old host's and load balancers' by their kind.
fn name_server(socket: &UdpSocket, emulator: u16) {
    let mut packet = [0_u8; 512];
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        let asked = Message::from_vec(&packet[..length]).unwrap();
        let question = asked.queries.first().unwrap().clone();
        let mut answer = Message::new(asked.metadata.id, MessageType::Response, OpCode::Query);
        answer.add_query(question.clone());
        let name = question.name.to_utf8().trim_end_matches('.').to_lowercase();
        let alias = name.ends_with(".example.test").then(|| cname(emulator, &name)).flatten();
        let host = alias.as_ref().map_or(name.as_str(), |(to, _)| to);
        let full = |host: &str| Name::from_utf8(format!("{host}.")).unwrap();
        if let Some((to, ttl)) = &alias {
            answer.add_answer(Record::from_rdata(question.name.clone(), *ttl, RData::CNAME(CNAME(full(to)))));
        }
        let address = if host == OLD_NAME { Some(OLD_HOST) } else { host.ends_with(".elb.amazonaws.com").then_some(LOAD_BALANCER) };
        match address {
            Some(address) => drop(answer.add_answer(Record::from_rdata(full(host), 60, RData::A(A(address))))),
            None if alias.is_none() => answer.metadata.response_code = ResponseCode::NXDomain,
            None => {}
        }
        let _gone = socket.send_to(&answer.to_vec().unwrap(), from);
    }
}

/// Asks the name server, and keeps the answer as long as its first record says: the alias's, where there is one.
fn resolve(shared: &Shared, name: &str) -> Option<Ipv4Addr> {
    if let Some((address, until)) = shared.state.lock().unwrap().cached.get(name)
        && Instant::now() < *until
    {
        return Some(*address);
    }
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut asked = Message::new(1, MessageType::Query, OpCode::Query);
    asked.add_query(Query::query(Name::from_utf8(format!("{name}.")).unwrap(), RecordType::A));
    socket.send_to(&asked.to_vec().unwrap(), ("127.0.0.1", shared.resolver)).unwrap();
    let mut answer = [0_u8; 512];
    let length = socket.recv(&mut answer).ok()?;
    let answer = Message::from_vec(&answer[..length]).unwrap();
    let ttl = answer.answers.first()?.ttl;
    let address = answer.answers.iter().find_map(|record| if let RData::A(A(address)) = &record.data { Some(*address) } else { None })?;
    let until = Instant::now() + Duration::from_secs(u64::from(ttl));
    shared.state.lock().unwrap().cached.insert(name.to_owned(), (address, until));
    Some(address)
}

// --- HTTP --------------------------------------------------------------------------------------------------------------------------

struct Request {
    head: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: impl Read) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let mut request = Self { head, body: Vec::new() };
        let length = request.header("content-length").map_or(0, |n| n.parse().unwrap());
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).ok()?;
        Some(request)
    }

    fn header(&self, name: &str) -> Option<String> {
        let prefix = format!("{name}:");
        self.head.iter().find(|line| line.to_lowercase().starts_with(&prefix)).map(|line| line[prefix.len()..].trim().to_owned())
    }

    /// As it is sent on: one request for each connection, with what a load balancer adds.
    fn bytes(&self, path: &str) -> Vec<u8> {
        let words: Vec<&str> = self.head[0].split(' ').collect();
        let rest = self.head[1..].iter().filter(|line| !line.to_lowercase().starts_with("connection:"));
        let lines: Vec<String> = rest.cloned().chain(["Connection: close".to_owned(), "X-Forwarded-Proto: https".to_owned()]).collect();
        [format!("{} {path} HTTP/1.1\r\n{}\r\n\r\n", words[0], lines.join("\r\n")).into_bytes(), self.body.clone()].concat()
    }
}

fn listen(shared: Shared, serve: fn(&Shared, TcpStream) -> Option<()>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = shared.clone();
            std::thread::spawn(move || serve(&shared, stream));
        }
    });
    port
}

fn fixed(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

/// The way to any host: a request with the whole address, or a tunnel, in which TLS ends at the host's own certificate.
fn proxied(shared: &Shared, mut stream: TcpStream) -> Option<()> {
    let first = Request::read(&stream)?;
    let target = first.head[0].split(' ').nth(1)?.to_owned();
    if first.head[0].starts_with("CONNECT ") {
        let host = target.split(':').next()?;
        let Some(address) = resolve(shared, host) else { return stream.write_all(&fixed(502)).ok() };
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
        return encrypted(shared, stream, address);
    }
    let rest = target.strip_prefix("http://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some(address) = resolve(shared, host) else { return stream.write_all(&fixed(502)).ok() };
    stream.write_all(&arrived(shared, address, &first, path)).ok()
}

/// Whoever knows the load balancer's address.
fn balanced(shared: &Shared, stream: TcpStream) -> Option<()> {
    encrypted(shared, stream, LOAD_BALANCER)
}

fn encrypted(shared: &Shared, stream: TcpStream, address: Ipv4Addr) -> Option<()> {
    let mut tls = rustls::StreamOwned::new(rustls::ServerConnection::new(shared.tls.clone()).unwrap(), stream);
    let request = Request::read(&mut tls)?;
    let path = request.head[0].split(' ').nth(1)?.to_owned();
    tls.write_all(&arrived(shared, address, &request, &path)).ok()?;
    tls.conn.send_close_notify();
    tls.flush().ok()
}

/// A request that came to one of the two hosts; the answer says to which.
fn arrived(shared: &Shared, address: Ipv4Addr, request: &Request, path: &str) -> Vec<u8> {
    let answer = answered(shared, address, request, path);
    let first = answer.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    [&answer[..first], format!("X-Host: {address}\r\n").as_bytes(), &answer[first..]].concat()
}

fn answered(shared: &Shared, address: Ipv4Addr, request: &Request, path: &str) -> Vec<u8> {
    if address == LOAD_BALANCER
        && let Some(status) = refused_by_a_rule(shared, request, path)
    {
        return fixed(status);
    }
    let port = {
        let mut state = shared.state.lock().unwrap();
        let service = if address == OLD_HOST { state.old.as_mut() } else { state.new.as_mut() };
        let Some(service) = service else { return fixed(503) };
        service.start();
        service.port
    };
    let forward = || {
        let mut app = TcpStream::connect(("127.0.0.1", port))?;
        app.set_read_timeout(Some(Duration::from_secs(8)))?;
        app.write_all(&request.bytes(path))?;
        let mut answer = Vec::new();
        app.read_to_end(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    forward().ok().filter(|answer| !answer.is_empty()).unwrap_or_else(|| fixed(502))
}

/// The status of the fixed answer that the listener's rules have for this request.
fn refused_by_a_rule(shared: &Shared, request: &Request, path: &str) -> Option<u16> {
    let known = shared.state.lock().unwrap().rules.clone();
    let rules = match known {
        Some((rules, read)) if read.elapsed() < Duration::from_millis(200) => rules,
        _ => {
            let rules = rules(shared);
            shared.state.lock().unwrap().rules = Some((rules.clone(), Instant::now()));
            rules
        }
    };
    let leads = |pattern: &str| pattern.strip_suffix('*').map_or(pattern.is_empty() || pattern == path, |begin| path.starts_with(begin));
    let named = |rule: &Rule| rule.header.as_ref().is_none_or(|(name, value)| request.header(name).as_deref() == Some(value));
    let holds = |rule: &&Rule| leads(&rule.path) && named(rule);
    rules.iter().find(holds)?.fixed
}

/// All rules of the load balancer that this app's name leads to, the first that counts first.
fn rules(shared: &Shared) -> Vec<Rule> {
    let app = shared.name.split('.').next().unwrap();
    let ask = |asked: &str| signed(shared.emulator, "elasticloadbalancing", "POST", "/", "application/x-www-form-urlencoded", asked);
    let all = |text: &str, open: &str| -> Vec<String> {
        text.split(open).skip(1).filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect()
    };
    let encoded = |arn: &str| arn.replace(':', "%3A").replace('/', "%2F");
    let balancers = ask("Action=DescribeLoadBalancers&Version=2015-12-01");
    let own = all(&balancers, "<LoadBalancerArn>").into_iter().filter(|arn| arn.contains(&format!("/{app}-production/")));
    let mut rules = Vec::new();
    for balancer in own {
        let listeners = ask(&format!("Action=DescribeListeners&Version=2015-12-01&LoadBalancerArn={}", encoded(&balancer)));
        for listener in all(&listeners, "<ListenerArn>") {
            let text = ask(&format!("Action=DescribeRules&Version=2015-12-01&ListenerArn={}", encoded(&listener)));
            for rule in text.split("<RuleArn>").skip(1) {
                let one = |open: &str| Some(rule.split_once(open)?.1.split_once('<')?.0.to_owned());
                let header = one("<HttpHeaderName>").and_then(|name| {
                    let values = rule.split_once("<HttpHeaderConfig>")?.1.split_once("</HttpHeaderConfig>")?.0;
                    let value = values.split_once("<member>")?.1.split_once('<')?.0;
                    Some((name.to_lowercase(), value.to_owned()))
                });
                let path =
                    rule.split_once("<PathPatternConfig><Values><member>").and_then(|(_, rest)| Some(rest.split_once('<')?.0.to_owned()));
                let fixed = one("<StatusCode>").and_then(|status| status.parse().ok());
                // The way from HTTP to HTTPS is not for those who come by the proxy: TLS has ended there.
                if one("<Type>").as_deref() != Some("redirect") {
                    rules.push(Rule { priority: one("<Priority>").unwrap_or_default(), path: path.unwrap_or_default(), header, fixed });
                }
            }
        }
    }
    rules.sort_by_key(|rule| rule.priority.parse::<u32>().unwrap_or(u32::MAX));
    rules
}

// --- ECS ---------------------------------------------------------------------------------------------------------------------------

/// Everything goes on to the emulator; a change of a service is done for real as well, before it is answered.
fn fronted(shared: &Shared, mut stream: TcpStream) -> Option<()> {
    let request = {
        let mut reader = stream.try_clone().ok()?;
        let mut head = Vec::new();
        let mut byte = [0_u8; 1];
        while !head.ends_with(b"\r\n\r\n") {
            if reader.read(&mut byte).ok()? == 0 {
                return None;
            }
            head.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&head).to_lowercase();
        if text.contains("expect: 100-continue") {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        Request::read(std::io::Cursor::new(head).chain(reader))?
    };
    let path = request.head[0].split(' ').nth(1)?.to_owned();
    let lines: Vec<&str> =
        request.head[1..].iter().map(String::as_str).filter(|line| !line.to_lowercase().starts_with("connection:")).collect();
    let method = request.head[0].split(' ').next()?;
    let head = format!("{method} {path} HTTP/1.1\r\n{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
    let answer = passed_on(shared.emulator, &[head.into_bytes(), request.body.clone()].concat());
    let good = answer.starts_with(b"HTTP/1.1 200");
    if good && request.header("x-amz-target").is_some_and(|target| target.ends_with(".UpdateService")) {
        updated(shared, &serde_json::from_slice(&request.body).unwrap());
    }
    stream.write_all(&answer).ok()
}

/// Brings the app's process to what the service should be.
fn updated(shared: &Shared, body: &Value) {
    let described = asked(
        shared.emulator,
        "AmazonEC2ContainerServiceV20141113.DescribeServices",
        &json!({ "cluster": body["cluster"], "services": [body["service"]] }),
    );
    let service = &described["services"][0];
    let mut state = shared.state.lock().unwrap();
    if service["desiredCount"].as_u64() == Some(0) {
        if let Some(mut running) = state.new.take() {
            drop(state);
            running.stop();
        }
        return;
    }
    if state.new.is_none() {
        let (emulator, definition) = (shared.emulator, service["taskDefinition"].clone());
        let variables = Box::new(move || Some(variables(emulator, &definition)));
        let log = shared.logs.join("new.log");
        let mut started = Service { build: shared.build.clone(), child: None, port: 0, variables, log };
        started.start();
        state.new = Some(started);
    }
    let port = state.new.as_ref().unwrap().port;
    drop(state);
    // Steady is what answers its health check.
    let end = Instant::now() + Duration::from_secs(30);
    while !healthy(port) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn healthy(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = String::new();
    let sent = stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    sent.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

/// Variables and secrets as the task definition has them, the latter read from Secrets Manager as ECS does it.
fn variables(emulator: u16, definition: &Value) -> Vec<(String, String)> {
    let described = asked(emulator, "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition", &json!({ "taskDefinition": definition }));
    let container = &described["taskDefinition"]["containerDefinitions"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let plain = container["environment"].as_array().into_iter().flatten().map(|pair| (text(&pair["name"]), text(&pair["value"])));
    let secret = container["secrets"].as_array().into_iter().flatten().map(|secret| {
        // arn:aws:secretsmanager:region:account:secret:name[:key:stage:version]
        let from = text(&secret["valueFrom"]);
        let parts: Vec<&str> = from.split(':').collect();
        let value = asked(emulator, "secretsmanager.GetSecretValue", &json!({ "SecretId": parts[..7].join(":") }));
        let value = text(&value["SecretString"]);
        let key = parts.get(7).filter(|key| !key.is_empty());
        let value = key.map_or_else(|| value.clone(), |key| text(&serde_json::from_str::<Value>(&value).unwrap()[*key]));
        (text(&secret["name"]), value)
    });
    plain.chain(secret).collect()
}
