//! One question to the name servers, with a deadline, and how its answer is to be understood.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, Record, RecordType};
use hickory_resolver::{Resolver, TokioResolver};
use rzero_core::Error;
use tokio::time::timeout;

use crate::config::{Settings, wrong};

/// How often a question is repeated within its time when it fails; lost packets are sent again
/// besides.
const REPEATS: usize = 1;

/// Asks name servers.
pub(crate) struct Asker {
    resolver: TokioResolver,
    within: Duration,
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
        let provider = TokioRuntimeProvider::default();
        let mut builder = if settings.servers.is_empty() {
            TokioResolver::builder_tokio().map_err(|error| {
                let why = format!("is empty, and /etc/resolv.conf cannot be used: {error}");
                wrong("servers", &why)
            })?
        } else {
            let servers = settings.servers.iter().map(name_server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            Resolver::builder_with_config(config, provider)
        };
        adjust(builder.options_mut(), settings.timeout);
        let resolver = builder
            .build()
            .map_err(|error| Error::internal(format!("cannot make a resolver: {error}")))?;
        Ok(Self {
            resolver,
            within: settings.timeout,
        })
    }

    /// Asks for the records of one kind. An answer of none is an answer.
    pub(crate) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Answer, Trouble> {
        let question = self.resolver.lookup(name.clone(), kind);
        let Ok(outcome) = timeout(self.within, question).await else {
            let within = self.within;
            return Err(Trouble(format!("no answer to {kind} {name} in {within:?}")));
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
            Err(error) => Err(Trouble(format!("{kind} {name}: {error}"))),
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
