//! Making connections, to whatever the servers are.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    Pipeline, RedisConnectionInfo, RedisFuture, TlsMode, Value,
};
use rzero_core::Address;
use tokio::time::timeout;

use crate::config::{Settings, Topology};
use crate::failure::Failure;

/// How many commands may wait to be written on one connection; the rest waits for its place.
const QUEUE: usize = 512;
/// How often a cluster is asked again by itself, when slots move or a node fails.
const CLUSTER_RETRIES: u32 = 3;
/// The longest pause before that, in milliseconds.
const CLUSTER_RETRY_WAIT_MS: u64 = 100;

/// A connection that many commands share; cheap to clone.
#[derive(Clone)]
pub(crate) enum Conn {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// Connects to the servers that `settings` describe.
pub(crate) async fn open(settings: &Settings) -> Result<Conn, Failure> {
    let config = &settings.config;
    // Where several servers are asked in turn, each has the time of one.
    let asked = match config.topology {
        Topology::Single => 1,
        _ => u32::try_from(settings.addresses.len()).unwrap_or(u32::MAX),
    };
    let within = config
        .connect_timeout
        .saturating_mul(asked.saturating_add(1));
    let opened = async {
        match config.topology {
            Topology::Single => single(settings).await,
            Topology::Cluster => cluster(settings).await,
            Topology::Sentinel => sentinel(settings).await,
        }
    };
    match timeout(within, opened).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::Silent(within)),
    }
}

async fn single(settings: &Settings) -> Result<Conn, Failure> {
    let certificates = settings.certificates()?;
    let info = info(settings, &settings.addresses[0])?;
    let client = match &certificates {
        None => Client::open(info)?,
        Some(certificates) => Client::build_with_tls(info, certificates.clone())?,
    };
    let config = connection(settings.config.connect_timeout);
    let opened = client.get_multiplexed_async_connection_with_config(&config);
    Ok(Conn::One(opened.await?))
}

async fn sentinel(settings: &Settings) -> Result<Conn, Failure> {
    let config = &settings.config;
    let addresses = settings.addresses.iter().map(|a| address(settings, a));
    let master = config.master.as_deref().unwrap_or_default();
    let mut builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?
        .set_client_to_redis_tcp_settings(tcp())
        .set_client_to_redis_db(config.database.into());
    if let Some(user) = &config.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = &config.password {
        builder = builder.set_client_to_redis_password(password.expose());
    }
    if let Some(user) = &config.sentinel_user {
        builder = builder.set_client_to_sentinel_username(user);
    }
    if let Some(password) = &config.sentinel_password {
        builder = builder.set_client_to_sentinel_password(password.expose());
    }
    if let Some(certificates) = settings.certificates()? {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    let mut client = builder.build()?;
    let config = connection(config.connect_timeout);
    Ok(Conn::One(
        client.get_async_connection_with_config(&config).await?,
    ))
}

async fn cluster(settings: &Settings) -> Result<Conn, Failure> {
    let config = &settings.config;
    let nodes = settings.addresses.iter().map(|a| info(settings, a));
    let nodes: Vec<ConnectionInfo> = nodes.collect::<Result<_, _>>()?;
    let mut builder = ClusterClient::builder(nodes)
        .connection_timeout(config.connect_timeout)
        .response_timeout(config.response_timeout)
        .retries(CLUSTER_RETRIES)
        .max_retry_wait(CLUSTER_RETRY_WAIT_MS)
        .min_retry_wait(1)
        .tcp_settings(tcp());
    if let Some(user) = &config.user {
        builder = builder.username(user);
    }
    if let Some(password) = &config.password {
        builder = builder.password(password.expose());
    }
    if let Some(certificates) = settings.certificates()? {
        builder = builder.tls(TlsMode::Secure).certs(certificates);
    }
    Ok(Conn::Cluster(
        builder.build()?.get_async_connection().await?,
    ))
}

fn connection(connect_timeout: Duration) -> AsyncConnectionConfig {
    // Answers are waited for outside, where the time of the call is known.
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(connect_timeout))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE)
}

fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn info(settings: &Settings, at: &Address) -> Result<ConnectionInfo, Failure> {
    let config = &settings.config;
    let mut login = RedisConnectionInfo::default().set_db(config.database.into());
    if let Some(user) = &config.user {
        login = login.set_username(user);
    }
    if let Some(password) = &config.password {
        login = login.set_password(password.expose());
    }
    let info = address(settings, at).into_connection_info()?;
    Ok(info.set_redis_settings(login).set_tcp_settings(tcp()))
}

fn address(settings: &Settings, at: &Address) -> ConnectionAddr {
    match at {
        Address::Tcp { host, port } if settings.config.tls.is_some() => ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: false,
            tls_params: None,
        },
        Address::Tcp { host, port } => ConnectionAddr::Tcp(host.clone(), *port),
        Address::Unix(path) => ConnectionAddr::Unix(path.clone()),
        // Refused by the check of the settings, and nowhere to be found.
        other => ConnectionAddr::Tcp(other.to_string(), 0),
    }
}

impl ConnectionLike for Conn {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(conn) => conn.req_packed_command(cmd),
            Self::Cluster(conn) => conn.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(conn) => conn.req_packed_commands(pipeline, offset, count),
            Self::Cluster(conn) => conn.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(conn) => conn.get_db(),
            Self::Cluster(conn) => conn.get_db(),
        }
    }
}
