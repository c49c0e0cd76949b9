//! A name server on loopback that says what it is told to say, by UDP and TCP, and can be told something else at any time.
//! Knows one name, `lb.new.example.test`; every other question about an address gets the same answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, NS, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// What it says of every name.
#[derive(Debug, Clone, Copy)]
pub enum Says {
    /// A CNAME to this name with an address behind it, and so many seconds.
    Name(&'static str, u32),
    /// An address, and so many seconds.
    Address([u8; 4], u32),
    /// There is no such name; so long that is remembered.
    Nothing(u32),
    Fault(ResponseCode),
    /// The same as an address, but only by TCP.
    Long([u8; 4], u32),
    /// The names of the zone's servers, for `example.test` alone.
    Zone(&'static str),
    Silent,
}

pub struct NameServer {
    pub at: SocketAddr,
    says: Arc<Mutex<(Says, Instant)>>,
}

impl NameServer {
    pub fn start(says: Says) -> Self {
        // both protocols on one port
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        let at = udp.local_addr().unwrap();
        let says = Arc::new(Mutex::new((says, Instant::now())));
        let known = Arc::clone(&says);
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = udp.recv_from(&mut buffer) {
                if let Some(answer) = answer(&buffer[..length], *known.lock().unwrap(), false) {
                    udp.send_to(&answer, from).unwrap();
                }
            }
        });
        let known = Arc::clone(&says);
        std::thread::spawn(move || {
            for stream in tcp.incoming() {
                let mut stream = stream.unwrap();
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut question = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut question).unwrap();
                if let Some(answer) = answer(&question, *known.lock().unwrap(), true) {
                    stream.write_all(&u16::try_from(answer.len()).unwrap().to_be_bytes()).unwrap();
                    stream.write_all(&answer).unwrap();
                }
            }
        });
        Self { at, says }
    }

    pub fn say(&self, says: Says) {
        *self.says.lock().unwrap() = (says, Instant::now());
    }
}

fn answer(question: &[u8], (says, since): (Says, Instant), by_tcp: bool) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).unwrap();
    let asked = question.queries.first().unwrap().clone();
    let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    answer.add_query(asked.clone());
    // a cache counts down
    let left = |ttl: u32| ttl.saturating_sub(u32::try_from(since.elapsed().as_secs()).unwrap());
    let four = asked.query_type == RecordType::A;
    let address = |name: &Name, ip: [u8; 4], ttl| Record::from_rdata(name.clone(), ttl, RData::A(A(Ipv4Addr::from(ip))));
    match says {
        Says::Silent => return None,
        Says::Fault(code) => answer.metadata.response_code = code,
        Says::Nothing(ttl) => {
            answer.metadata.response_code = ResponseCode::NXDomain;
            let zone = Name::from_utf8("test.").unwrap();
            let soa = SOA::new(zone.clone(), zone.clone(), 1, 1, 1, 1, ttl);
            answer.add_authority(Record::from_rdata(zone, 86_400, RData::SOA(soa)));
        }
        // where the new name itself leads
        Says::Name(..) if asked.name == Name::from_utf8("lb.new.example.test.").unwrap() => {
            if four {
                answer.add_answer(address(&asked.name, [198, 51, 100, 77], 5));
            }
        }
        Says::Name(to, ttl) => {
            let to = Name::from_utf8(format!("{to}.")).unwrap();
            answer.add_answer(Record::from_rdata(asked.name.clone(), left(ttl), RData::CNAME(CNAME(to.clone()))));
            if four {
                answer.add_answer(address(&to, [192, 0, 2, 1], 5));
            }
        }
        Says::Address(ip, ttl) if four => drop(answer.add_answer(address(&asked.name, ip, left(ttl)))),
        Says::Long(_, _) if four && !by_tcp => answer.metadata.truncation = true,
        Says::Long(ip, ttl) if four => drop(answer.add_answer(address(&asked.name, ip, left(ttl)))),
        Says::Zone(server) if asked.query_type == RecordType::NS && asked.name == Name::from_utf8("example.test.").unwrap() => {
            let server = Name::from_utf8(format!("{server}.")).unwrap();
            answer.add_answer(Record::from_rdata(asked.name.clone(), 60, RData::NS(NS(server))));
        }
        Says::Address(..) | Says::Long(..) | Says::Zone(_) => {}
    }
    Some(answer.to_vec().unwrap())
}
