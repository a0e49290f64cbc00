//! A name server: a zone that can be changed while it serves, over UDP and TCP on one port.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::PATIENCE;

/// Longest answer over UDP of a client that says nothing else.
const UDP_MAX: usize = 512;

#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    /// `None` while it is dead.
    tasks: Option<JoinSet<()>>,
}

/// What is known, and what was asked.
#[derive(Debug, Default)]
struct Zone {
    records: HashMap<(Name, RecordType), Vec<Record>>,
    additional: HashMap<Name, Vec<Record>>,
    failing: HashMap<(Name, RecordType), ResponseCode>,
    silent: bool,
    negative_ttl: Option<u32>,
    asked: Vec<Asked>,
}

/// A question, and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) name: Name,
    pub(crate) kind: RecordType,
    pub(crate) over_tcp: bool,
}

pub(crate) fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

impl Server {
    pub(crate) async fn start() -> Self {
        // A port that is free for UDP may be taken for TCP: another one then.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let mut server = Self {
            address: udp.local_addr().unwrap(),
            zone: Arc::default(),
            tasks: None,
        };
        server.serve(udp, tcp);
        server
    }

    fn serve(&mut self, udp: UdpSocket, tcp: TcpListener) {
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&self.zone)));
        tasks.spawn(serve_tcp(tcp, Arc::clone(&self.zone)));
        self.tasks = Some(tasks);
    }

    /// Both ports are closed then.
    pub(crate) async fn die(&mut self) {
        if let Some(mut tasks) = self.tasks.take() {
            tasks.shutdown().await;
        }
    }

    /// Waits for its port, which somebody else may have taken meanwhile and will give back.
    pub(crate) async fn revive(&mut self) {
        let bind = async {
            loop {
                let udp = UdpSocket::bind(self.address).await;
                if let (Ok(udp), Ok(tcp)) = (udp, TcpListener::bind(self.address).await) {
                    return (udp, tcp);
                }
                tokio::task::yield_now().await;
            }
        };
        let (udp, tcp) = timeout(PATIENCE, bind).await.unwrap();
        self.serve(udp, tcp);
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    fn zone<T>(&self, deed: impl FnOnce(&mut Zone) -> T) -> T {
        deed(&mut self.zone.lock().unwrap())
    }

    fn put(&self, owner: &str, kind: RecordType, ttl: u32, data: Vec<RData>) {
        let owner = name(owner);
        let record = |data| Record::from_rdata(owner.clone(), ttl, data);
        let records = data.into_iter().map(record).collect();
        self.zone(|zone| zone.records.insert((owner.clone(), kind), records));
    }

    pub(crate) fn a(&self, owner: &str, ttl: u32, addresses: &[&str]) {
        let data = |ip: &&str| RData::A(A(ip.parse::<Ipv4Addr>().unwrap()));
        self.put(
            owner,
            RecordType::A,
            ttl,
            addresses.iter().map(data).collect(),
        );
    }

    pub(crate) fn aaaa(&self, owner: &str, ttl: u32, addresses: &[&str]) {
        let data = |ip: &&str| RData::AAAA(AAAA(ip.parse::<Ipv6Addr>().unwrap()));
        let data = addresses.iter().map(data).collect();
        self.put(owner, RecordType::AAAA, ttl, data);
    }

    pub(crate) fn cname(&self, owner: &str, ttl: u32, target: &str) {
        let data = vec![RData::CNAME(CNAME(name(target)))];
        self.put(owner, RecordType::CNAME, ttl, data);
    }

    /// Priority, weight, port, target.
    pub(crate) fn srv(&self, owner: &str, ttl: u32, targets: &[(u16, u16, u16, &str)]) {
        let data = targets.iter().map(|(priority, weight, port, target)| {
            RData::SRV(SRV::new(*priority, *weight, *port, name(target)))
        });
        self.put(owner, RecordType::SRV, ttl, data.collect());
    }

    /// Sends the A records of `target` along with every answer about `owner`.
    pub(crate) fn send_along(&self, owner: &str, target: &str) {
        self.zone(|zone| {
            let records = zone.records.get(&(name(target), RecordType::A));
            let records = records.cloned().unwrap_or_default();
            zone.additional
                .entry(name(owner))
                .or_default()
                .extend(records);
        });
    }

    pub(crate) fn remove(&self, owner: &str) {
        let owner = name(owner);
        self.zone(|zone| zone.records.retain(|(name, _), _| *name != owner));
    }

    pub(crate) fn fail(&self, owner: &str, kind: RecordType, code: ResponseCode) {
        self.zone(|zone| zone.failing.insert((name(owner), kind), code));
    }

    pub(crate) fn heal(&self) {
        self.zone(|zone| {
            zone.failing.clear();
            zone.silent = false;
        });
    }

    /// Questions are taken and not answered.
    pub(crate) fn fall_silent(&self) {
        self.zone(|zone| zone.silent = true);
    }

    /// How long "there is none" is true; not told at all by default.
    pub(crate) fn negative_ttl(&self, ttl: u32) {
        self.zone(|zone| zone.negative_ttl = Some(ttl));
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.zone(|zone| zone.asked.clone())
    }

    /// How many questions of a kind have come.
    pub(crate) fn count(&self, kind: RecordType) -> usize {
        let asked = self.asked();
        asked.iter().filter(|asked| asked.kind == kind).count()
    }
}

impl Zone {
    /// `None` when it does not answer.
    fn answer(&mut self, question: &[u8], over_tcp: bool) -> Option<Vec<u8>> {
        let question = Message::from_vec(question).ok()?;
        let query = question.queries.first()?.clone();
        let key = (query.name().to_lowercase(), query.query_type());
        self.asked.push(Asked {
            name: key.0.clone(),
            kind: key.1,
            over_tcp,
        });
        if self.silent {
            return None;
        }
        let udp_max = usize::from(question.max_payload()).max(UDP_MAX);
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.recursion_available = true;
        answer.add_query(query);
        match self.failing.get(&key) {
            Some(code) => answer.metadata.response_code = *code,
            None => self.fill(&mut answer, key),
        }
        let bytes = answer.to_vec().unwrap();
        if over_tcp || bytes.len() <= udp_max {
            return Some(bytes);
        }
        // As many records as fit, and the word that there are more.
        answer.metadata.truncation = true;
        answer.additionals.clear();
        while answer.to_vec().unwrap().len() > udp_max {
            answer.answers.pop();
        }
        Some(answer.to_vec().unwrap())
    }

    fn fill(&self, answer: &mut Message, (mut owner, kind): (Name, RecordType)) {
        if let Some(alias) = self.records.get(&(owner.clone(), RecordType::CNAME)) {
            answer.add_answers(alias.iter().cloned());
            let RData::CNAME(target) = &alias[0].data else {
                return;
            };
            owner = target.0.clone();
        }
        let found = self.records.get(&(owner.clone(), kind));
        answer.add_answers(found.into_iter().flatten().cloned());
        let along = self.additional.get(&owner);
        answer.add_additionals(along.into_iter().flatten().cloned());
        if found.is_none_or(Vec::is_empty) {
            if !self.records.keys().any(|(name, _)| *name == owner) {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            if let Some(ttl) = self.negative_ttl {
                let soa = SOA::new(name("ns"), name("admin"), 1, 1, 1, 1, ttl);
                answer.add_authority(Record::from_rdata(name("."), ttl, RData::SOA(soa)));
            }
        }
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut buffer = vec![0; 4096];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let answer = zone.lock().unwrap().answer(&buffer[..length], false);
        if let Some(answer) = answer {
            // Who is gone needs no answer.
            let _ = socket.send_to(&answer, peer).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Mutex<Zone>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        connections.spawn(serve_connection(stream, Arc::clone(&zone)));
    }
}

async fn serve_connection(mut stream: TcpStream, zone: Arc<Mutex<Zone>>) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await?;
        let answer = zone.lock().unwrap().answer(&question, true);
        if let Some(answer) = answer {
            stream.write_u16(answer.len().try_into().unwrap()).await?;
            stream.write_all(&answer).await?;
        }
    }
}
