//! One question to one name server, as resolvers put it: by UDP, and by TCP when the answer does not fit.
//! Never caches, never asks another server than the one it is given, and takes no answer to another question.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

/// A server that has not answered by then is asked once more, and then it is silent.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const TRIES: usize = 2;
/// The largest answer by UDP that is taken; without EDNS a server sends 512 bytes at most.
const LARGEST: usize = 4096;
/// So many names may stand between a name and its addresses.
const LONGEST_CHAIN: usize = 16;

/// What a server says of a host name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The names that it leads through, in order, without the final dot.
    pub through: Vec<String>,
    pub addresses: BTreeSet<IpAddr>,
    /// Seconds for which the server goes on saying so; `None` where it does not tell.
    pub ttl: Option<u32>,
}

/// What a name leads to, by IPv4 and IPv6. `Err` says why there is no answer.
pub async fn host(server: SocketAddr, name: &str) -> Result<Said, String> {
    let wanted = name_of(name)?;
    let (four, six) = tokio::join!(ask(server, &wanted, RecordType::A), ask(server, &wanted, RecordType::AAAA));
    // a server that has trouble with one kind of address alone has told enough with the other
    let answers: Vec<Message> = match (four, six) {
        (Ok(four), Ok(six)) => vec![four, six],
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => vec![one],
        (Err(why), Err(_)) => return Err(why),
    };
    let mut said = Said::default();
    for answer in &answers {
        take(&mut said, &wanted, answer);
    }
    Ok(said)
}

/// The name servers of the zone that a name is in, by name; empty where none are told.
pub async fn name_servers(server: SocketAddr, name: &str) -> Result<Vec<String>, String> {
    let mut zone = name_of(name)?;
    while zone.num_labels() > 1 {
        let answer = ask(server, &zone, RecordType::NS).await?;
        let found: Vec<String> = answer
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::NS(ns) if same(&record.name, &zone) => Some(plain(&ns.0)),
                _ => None,
            })
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
        zone = zone.base_name();
    }
    Ok(Vec::new())
}

fn name_of(name: &str) -> Result<Name, String> {
    let mut name = Name::from_utf8(name).map_err(|error| format!("{name} is no host name: {error}"))?;
    name.set_fqdn(true);
    Ok(name)
}

fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_lowercase()
}

fn same(a: &Name, b: &Name) -> bool {
    plain(a) == plain(b)
}

/// Follows the chain of names from the one that was asked for; records of other names are not looked at.
fn take(said: &mut Said, asked: &Name, answer: &Message) {
    let mut at = plain(asked);
    let least = |record: &Record, said: &mut Said| {
        // how long the name itself is remembered: what stands behind it may live shorter
        if same(&record.name, asked) {
            said.ttl = Some(said.ttl.map_or(record.ttl, |ttl| ttl.min(record.ttl)));
        }
    };
    for _ in 0..LONGEST_CHAIN {
        let mut next = None;
        for record in answer.answers.iter().filter(|record| plain(&record.name) == at) {
            match &record.data {
                RData::A(address) => drop(said.addresses.insert(IpAddr::V4(address.0))),
                RData::AAAA(address) => drop(said.addresses.insert(IpAddr::V6(address.0))),
                RData::CNAME(to) => next = Some(plain(&to.0)),
                _ => continue,
            }
            least(record, said);
        }
        let Some(to) = next else { break };
        if !said.through.contains(&to) {
            said.through.push(to.clone());
        }
        at = to;
    }
    // "there is no such thing" is remembered as well
    if said.ttl.is_none() {
        said.ttl = answer.authorities.iter().find_map(|record| match &record.data {
            RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
            _ => None,
        });
    }
}

async fn ask(server: SocketAddr, name: &Name, kind: RecordType) -> Result<Message, String> {
    let mut why = String::new();
    for _ in 0..TRIES {
        match tokio::time::timeout(ANSWER_WITHIN, once(server, name, kind)).await {
            Err(_) => why = format!("no answer within {} s", ANSWER_WITHIN.as_secs()),
            Ok(Err(said)) => why = said,
            Ok(Ok(answer)) => match answer.metadata.response_code {
                ResponseCode::NoError | ResponseCode::NXDomain => return Ok(answer),
                other => why = format!("it answers {}", code(other)),
            },
        }
    }
    Err(why)
}

/// As `dig` writes it.
fn code(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("{other:?}").to_uppercase(),
    }
}

async fn once(server: SocketAddr, name: &Name, kind: RecordType) -> Result<Message, String> {
    let id = u16::from_be_bytes({
        let bytes = uuid::Uuid::new_v4().into_bytes();
        [bytes[0], bytes[1]]
    });
    let mut question = Message::new(id, MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name.clone(), kind));
    let bytes = question.to_vec().map_err(|error| error.to_string())?;
    let answers = |bytes: &[u8]| {
        let answer = Message::from_vec(bytes).ok()?;
        let ours = answer.metadata.id == id && answer.metadata.message_type == MessageType::Response;
        let asked = answer.queries.first().is_none_or(|query| same(&query.name, name) && query.query_type == kind);
        (ours && asked).then_some(answer)
    };
    let told = |error: std::io::Error| error.to_string();
    let here: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(here).await.map_err(told)?;
    socket.connect(server).await.map_err(told)?;
    socket.send(&bytes).await.map_err(told)?;
    let mut buffer = [0; LARGEST];
    let answer = loop {
        let length = socket.recv(&mut buffer).await.map_err(told)?;
        if let Some(answer) = buffer.get(..length).and_then(answers) {
            break answer;
        }
    };
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    let mut stream = TcpStream::connect(server).await.map_err(told)?;
    let length = u16::try_from(bytes.len()).map_err(|error| error.to_string())?;
    stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat()).await.map_err(told)?;
    let length = stream.read_u16().await.map_err(told)?;
    let mut whole = vec![0; usize::from(length)];
    stream.read_exact(&mut whole).await.map_err(told)?;
    answers(&whole).ok_or_else(|| "its answer by TCP cannot be read".to_owned())
}
