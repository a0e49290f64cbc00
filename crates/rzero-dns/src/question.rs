//! One question to the name servers, with a deadline, and how its answer is to be understood.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, Record, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Resolver, TokioResolver};
use rzero_core::Error;
use tokio::time::timeout;

use crate::config::{Settings, wrong};

/// How often a question is repeated within its time when it fails; lost packets are sent again
/// besides.
const REPEATS: usize = 1;

/// Asks name servers, one at a time: the one that answered last, and the others when it fails.
pub(crate) struct Asker {
    /// One for each server, in the order that was configured; at least one.
    servers: Vec<TokioResolver>,
    /// The place of the server that is asked first.
    first: AtomicUsize,
    /// What each server gets of the time for a question.
    share: Duration,
}

/// What was answered: records, or that there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The answer itself, aliases on the way included.
    pub(crate) records: Vec<Record>,
    /// What the server thought useful besides.
    pub(crate) additional: Vec<Record>,
    /// How long it is true; `None` when the server does not say.
    pub(crate) ttl: Option<Duration>,
}

/// Why there is no answer. For people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble(pub(crate) String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Asker {
    /// Opens no socket yet.
    ///
    /// # Errors
    ///
    /// Class `InvalidInput`: no server is configured and the system names none.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let servers = if settings.servers.is_empty() {
            let (system, _) = read_system_conf().map_err(|error| {
                let why = format!("is empty, and /etc/resolv.conf cannot be used: {error}");
                wrong("servers", &why)
            })?;
            system.name_servers().to_vec()
        } else {
            settings.servers.iter().map(name_server).collect()
        };
        let count = u32::try_from(servers.len()).unwrap_or(u32::MAX).max(1);
        let share = settings.timeout / count;
        let resolver = |server| {
            let config = ResolverConfig::from_name_servers(vec![server]);
            let provider = TokioRuntimeProvider::default();
            let mut builder = Resolver::builder_with_config(config, provider);
            adjust(builder.options_mut(), share);
            builder
                .build()
                .map_err(|error| Error::internal(format!("cannot make a resolver: {error}")))
        };
        Ok(Self {
            servers: servers
                .into_iter()
                .map(resolver)
                .collect::<Result<_, _>>()?,
            first: AtomicUsize::new(0),
            share,
        })
    }

    /// Asks for the records of one kind. An answer of none is an answer.
    pub(crate) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Answer, Trouble> {
        let (first, count) = (self.first.load(Ordering::Relaxed), self.servers.len());
        let mut troubles: Vec<String> = Vec::new();
        for index in (0..count).map(|place| (first + place) % count) {
            match self.ask_one(&self.servers[index], name, kind).await {
                Ok(answer) => {
                    self.first.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(Trouble(why)) if troubles.contains(&why) => {}
                Err(Trouble(why)) => troubles.push(why),
            }
        }
        Err(Trouble(format!("{kind} {name}: {}", troubles.join("; "))))
    }

    async fn ask_one(
        &self,
        server: &TokioResolver,
        name: &Name,
        kind: RecordType,
    ) -> Result<Answer, Trouble> {
        let Ok(outcome) = timeout(self.share, server.lookup(name.clone(), kind)).await else {
            return Err(Trouble(format!("no answer in {:?}", self.share)));
        };
        match outcome {
            Ok(lookup) => {
                let records = lookup.answers().to_vec();
                let shortest = records.iter().map(|record| record.ttl).min();
                Ok(Answer {
                    additional: lookup.additionals().to_vec(),
                    ttl: shortest.map(seconds),
                    records,
                })
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none)))
                if matches!(
                    none.response_code,
                    ResponseCode::NXDomain | ResponseCode::NoError
                ) =>
            {
                Ok(Answer {
                    ttl: none.negative_ttl.map(seconds),
                    ..Answer::default()
                })
            }
            Err(error) => Err(Trouble(error.to_string())),
        }
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").finish_non_exhaustive()
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    let with_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    NameServerConfig::new(
        address.ip(),
        true,
        connections.into_iter().map(with_port).collect(),
    )
}

/// What is ours to decide, and not the system's.
fn adjust(options: &mut ResolverOpts, within: Duration) {
    options.timeout = within;
    options.attempts = REPEATS;
    // Each answer is asked for when the last one has run out: a cache could only be wrong.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.edns0 = true;
    // A name server that answers over TCP alone is a name server.
    options.try_tcp_on_error = true;
}

fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(u64::from(ttl))
}
