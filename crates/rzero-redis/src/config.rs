//! The `redis.<name>` section of a configuration, and its checked form.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::{ClientTlsConfig, TlsCertificates};
use rzero_config::Secret;
use rzero_core::{Address, Error};
use serde::Deserialize;

/// Shortest time in which a server can be reached or can answer.
const TIMEOUT_MIN: Duration = Duration::from_millis(5);
/// Longest time that a server may take.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Most connections to one server: one carries many commands at once.
const CONNECTIONS_MAX: u16 = 64;

/// A `redis.<name>` section: which servers, and how.
///
/// ```
/// let config: rzero_redis::RedisConfig = toml::from_str(r#"
///     addresses = ["10.0.0.1:6379", "10.0.0.2:6379"]
///     topology = "cluster"
///     password = "hunter2"
///     response_timeout = "200ms"
/// "#).unwrap();
/// assert_eq!(format!("{:?}", config.password), "Some(***)");
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisConfig {
    /// Where servers are: `host:port` or `unix:/path`, also with `redis://` (`rediss://` with
    /// `tls`) in front. Of a cluster some nodes are enough; with a sentinel they are the sentinels'
    /// addresses. Default `127.0.0.1:6379`.
    pub addresses: Vec<String>,
    /// How the servers work together: `single` (default), `cluster` or `sentinel`.
    pub topology: Topology,
    /// The name by which the sentinels know the server. No default; with `sentinel` only.
    pub master: Option<String>,
    /// User name. Default none: the server's `default` user.
    pub user: Option<String>,
    /// The user's password. Default none.
    pub password: Option<Secret>,
    /// User name at the sentinels. Default none.
    pub sentinel_user: Option<String>,
    /// The password at the sentinels. Default none.
    pub sentinel_password: Option<Secret>,
    /// Certificates; `None` speaks plaintext. Default `None`.
    pub tls: Option<RedisTls>,
    /// The number of the database; a cluster has only 0. Default 0.
    pub database: u16,
    /// How long a connection may take to be made, log-in included, 5 ms to 1 min. Default 1 s.
    #[serde(with = "rzero_config::duration")]
    pub connect_timeout: Duration,
    /// How long a command may take, within the time that its call has left, 5 ms to 1 min. A
    /// connection that answered nothing for that long is replaced. Default 1 s.
    #[serde(with = "rzero_config::duration")]
    pub response_timeout: Duration,
    /// The longest pause between two attempts to connect, 5 ms to 1 min; the first is 50 ms.
    /// Commands fail at once meanwhile. Default 1 s.
    #[serde(with = "rzero_config::duration")]
    pub reconnect_max: Duration,
    /// How many connections share the commands, 1 to 64. One carries many at once; more help when
    /// answers are large. A cluster has one per node. Default 1.
    pub connections: u16,
}

/// How servers work together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// One server.
    #[default]
    Single,
    /// A cluster: each server keeps a part of the keys. What concerns several keys at once needs
    /// them in one slot, by the same `{tag}` in each.
    Cluster,
    /// Sentinels tell which server is the master at the moment.
    Sentinel,
}

/// Certificates for servers that speak TLS. Names are always checked. The files are read anew for
/// each connection, so that they can be renewed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisTls {
    /// File with the authorities that the servers' certificates come from, PEM. Default: those of
    /// the system.
    pub ca: Option<PathBuf>,
    /// File with the certificate of this client, PEM. Default none.
    pub cert: Option<PathBuf>,
    /// File with its private key, PEM.
    pub key: Option<PathBuf>,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            addresses: vec!["127.0.0.1:6379".to_owned()],
            topology: Topology::Single,
            master: None,
            user: None,
            password: None,
            sentinel_user: None,
            sentinel_password: None,
            tls: None,
            database: 0,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            reconnect_max: Duration::from_secs(1),
            connections: 1,
        }
    }
}

/// A configuration that can work.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) addresses: Vec<Address>,
    pub(crate) config: RedisConfig,
}

impl Settings {
    /// Checks a configuration; errors name the key.
    pub(crate) fn check(name: &str, config: &RedisConfig) -> Result<Self, Error> {
        let wrong = |key: &str, why: &str| wrong(name, key, why);
        let addresses = addresses(config).map_err(|why| wrong("addresses", &why))?;
        check_topology(config, &addresses).map_err(|(key, why)| wrong(key, why))?;
        if config.user.is_some() && config.password.is_none() {
            return Err(wrong("password", "is missing: `user` is set"));
        }
        for (key, time) in [
            ("connect_timeout", config.connect_timeout),
            ("response_timeout", config.response_timeout),
            ("reconnect_max", config.reconnect_max),
        ] {
            if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&time) {
                return Err(wrong(key, "must be 5ms to 1m"));
            }
        }
        if !(1..=CONNECTIONS_MAX).contains(&config.connections) {
            return Err(wrong("connections", "must be 1 to 64"));
        }
        let settings = Self {
            name: name.to_owned(),
            addresses,
            config: config.clone(),
        };
        settings.certificates()?; // can be read
        Ok(settings)
    }

    /// The certificates as they are in their files now.
    pub(crate) fn certificates(&self) -> Result<Option<TlsCertificates>, Error> {
        let Some(tls) = &self.config.tls else {
            return Ok(None);
        };
        let read = |key: &str, path: &Path| {
            let failed = |error| format!("cannot read {}: {error}", path.display());
            fs::read(path).map_err(|error| wrong(&self.name, key, &failed(error)))
        };
        let client_tls = match (&tls.cert, &tls.key) {
            (Some(cert), Some(key)) => Some(ClientTlsConfig {
                client_cert: read("tls.cert", cert)?,
                client_key: read("tls.key", key)?,
            }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(wrong(
                    &self.name,
                    "tls.key",
                    "is missing: `tls.cert` is set",
                ));
            }
            (None, Some(_)) => {
                return Err(wrong(
                    &self.name,
                    "tls.cert",
                    "is missing: `tls.key` is set",
                ));
            }
        };
        let root_cert = tls.ca.as_deref().map(|ca| read("tls.ca", ca)).transpose()?;
        Ok(Some(TlsCertificates {
            client_tls,
            root_cert,
        }))
    }
}

fn addresses(config: &RedisConfig) -> Result<Vec<Address>, String> {
    if config.addresses.is_empty() {
        return Err("is empty; name at least one `host:port`".to_owned());
    }
    let scheme = match config.tls {
        Some(_) => "rediss",
        None => "redis",
    };
    let parse = |text: &String| {
        let bare = match text.split_once("://") {
            None => text.as_str(),
            Some((given, rest)) if given == scheme => rest.trim_end_matches('/'),
            Some(_) => return Err(format!("has `{text}`: write {scheme}://, `tls` decides")),
        };
        match bare.parse() {
            Ok(Address::Memory(_)) => Err(format!("has `{text}`: write `host:port`")),
            Ok(address) => Ok(address),
            Err(error) => Err(format!("has `{text}`: {error}")),
        }
    };
    config.addresses.iter().map(parse).collect()
}

fn check_topology(
    config: &RedisConfig,
    addresses: &[Address],
) -> Result<(), (&'static str, &'static str)> {
    let sentinel = config.topology == Topology::Sentinel;
    let unix = |a: &Address| matches!(a, Address::Unix(_));
    if config.topology == Topology::Single && addresses.len() > 1 {
        let why =
            "has several, but the topology is single; write topology = \"cluster\" or name one";
        return Err(("addresses", why));
    }
    if addresses.iter().any(unix) && (config.topology != Topology::Single || config.tls.is_some()) {
        return Err((
            "addresses",
            "has a Unix socket: only plaintext to a single server goes there",
        ));
    }
    if sentinel && config.master.is_none() {
        return Err(("master", "is missing: the topology is sentinel"));
    }
    let sentinels_own = [
        ("master", config.master.is_some()),
        ("sentinel_user", config.sentinel_user.is_some()),
        ("sentinel_password", config.sentinel_password.is_some()),
    ];
    if let Some((key, _)) = sentinels_own.iter().find(|(_, set)| *set && !sentinel) {
        return Err((key, "is for the topology sentinel only; remove it"));
    }
    if config.topology == Topology::Cluster && config.database != 0 {
        return Err(("database", "must be 0: a cluster has no other"));
    }
    Ok(())
}

pub(crate) fn wrong(name: &str, key: &str, why: &str) -> Error {
    Error::invalid_input(format!("redis.{name}.{key} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        let config: RedisConfig = toml::from_str(text).map_err(|e| e.to_string())?;
        Settings::check("main", &config).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let settings = parse("").unwrap();
        assert_eq!(settings.addresses, [Address::tcp("127.0.0.1", 6379)]);
        let config = settings.config;
        assert_eq!(config.topology, Topology::Single);
        let second = Duration::from_secs(1);
        assert_eq!(
            (config.connect_timeout, config.response_timeout),
            (second, second)
        );
        assert_eq!((config.reconnect_max, config.connections), (second, 1));
    }

    #[test]
    fn every_key_is_read() {
        let settings = parse(
            r#"
            addresses = ["redis://a:1/", "[::1]:2"]
            topology = "sentinel"
            master = "orders"
            user = "u"
            password = "p"
            sentinel_user = "su"
            sentinel_password = "sp"
            database = 3
            connect_timeout = "100ms"
            response_timeout = "200ms"
            reconnect_max = "300ms"
            connections = 2
            "#,
        )
        .unwrap();
        assert_eq!(
            settings.addresses,
            [Address::tcp("a", 1), Address::tcp("::1", 2)]
        );
        assert_eq!(
            (settings.config.database, settings.config.connections),
            (3, 2)
        );
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("\"p\"") && !shown.contains("\"sp\""),
            "{shown}"
        );
    }

    #[test]
    fn impossible_settings_name_the_key() {
        for (text, part) in [
            ("addresses = []", "redis.main.addresses is empty"),
            (
                "addresses = ['nowhere']",
                "redis.main.addresses has `nowhere`",
            ),
            ("addresses = ['rediss://a:1']", "write redis://"),
            ("addresses = ['redis://a:1']\ntls = {}", "write rediss://"),
            (
                "addresses = ['a:1', 'b:1']",
                "redis.main.addresses has several",
            ),
            (
                "addresses = ['unix:/run/r']\ntopology = 'cluster'",
                "has a Unix socket",
            ),
            ("topology = 'ring'", "unknown variant"),
            ("topology = 'sentinel'", "redis.main.master is missing"),
            (
                "master = 'm'",
                "redis.main.master is for the topology sentinel",
            ),
            (
                "sentinel_password = 'm'",
                "redis.main.sentinel_password is for",
            ),
            (
                "topology = 'cluster'\ndatabase = 1",
                "redis.main.database must be 0",
            ),
            ("user = 'u'", "redis.main.password is missing"),
            (
                "connect_timeout = '1ms'",
                "redis.main.connect_timeout must be",
            ),
            (
                "response_timeout = '2m'",
                "redis.main.response_timeout must be",
            ),
            ("reconnect_max = '0s'", "redis.main.reconnect_max must be"),
            ("connections = 0", "redis.main.connections must be"),
            (
                "tls = { ca = '/nowhere/ca.pem' }",
                "redis.main.tls.ca cannot read /nowhere/ca.pem",
            ),
            ("tls = { cert = 'x' }", "redis.main.tls.key is missing"),
            ("pool = 3", "unknown field `pool`"),
            ("response_timeout = 1", "duration"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
