//! The `registry.etcd` section of a configuration, and its checked form.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcd_client::{Certificate, ConnectOptions, Identity, TlsOptions};
use rzero_config::Secret;
use rzero_core::Error;
use serde::Deserialize;

/// Shortest lease: etcd grants no shorter one with its default election timeout.
const LEASE_MIN: Duration = Duration::from_secs(2);
/// Longest lease; a crashed instance stays that long.
const LEASE_MAX: Duration = Duration::from_secs(3600);
/// Shortest time in which a request can be answered.
const TIMEOUT_MIN: Duration = Duration::from_millis(50);
/// Longest time that a member may take: what waits for it notices nothing else meanwhile.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Longest time that a vanished list is kept.
const PROTECT_MAX: Duration = Duration::from_secs(30 * 86_400);
/// In which time registrations return once etcd is back, beside the lease.
const RETURN_SLACK: Duration = Duration::from_secs(3);

/// The `registry.etcd` section: which cluster, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct EtcdConfig {
    /// The members' client addresses, `host:port`, also with `http://` or `https://` in front.
    /// Default `127.0.0.1:2379`. One is used at a time; the others take over when it fails.
    pub endpoints: Vec<String>,
    /// User name. Default none.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// Certificates; `None` speaks plaintext. Default `None`.
    pub tls: Option<EtcdTls>,
    /// How long a crashed instance stays registered, in whole seconds, 2 s to 1 h. Default 10 s.
    #[serde(with = "rzero_config::duration")]
    pub lease: Duration,
    /// How long one request may take before another member is asked, 50 ms to 1 min. Default 1 s.
    #[serde(with = "rzero_config::duration")]
    pub request_timeout: Duration,
    /// Stands before the name of every service in every key, e.g. `prod/`. Default empty.
    pub key_prefix: String,
    /// Lets instances of all lanes be seen by go-zero clients, which know no lanes. Default no.
    pub expose_lanes: bool,
    /// How long the last instances of a service are kept when they vanish without deregistering,
    /// at most 30 d. Default 60 s.
    #[serde(with = "rzero_config::duration")]
    pub empty_protect: Duration,
}

/// Certificates for a cluster that speaks TLS. The files are read anew for each connection, so
/// that they can be renewed.
#[derive(Clone, Debug, Deserialize)]
pub struct EtcdTls {
    /// File with the authorities that the members' certificates come from, PEM.
    pub ca: PathBuf,
    /// File with the certificate of this client, PEM. Default none.
    #[serde(default)]
    pub cert: Option<PathBuf>,
    /// File with its private key, PEM.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// The name that the members' certificates must have. Default: the host of the endpoint.
    #[serde(default)]
    pub server_name: Option<String>,
}

impl Default for EtcdConfig {
    fn default() -> Self {
        Self {
            endpoints: vec!["127.0.0.1:2379".to_owned()],
            user: None,
            password: None,
            tls: None,
            lease: Duration::from_secs(10),
            request_timeout: Duration::from_secs(1),
            key_prefix: String::new(),
            expose_lanes: false,
            empty_protect: Duration::from_secs(60),
        }
    }
}

/// A configuration that can work.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) endpoints: Vec<String>,
    pub(crate) request_timeout: Duration,
    pub(crate) lease: Duration,
    pub(crate) lease_seconds: i64,
    pub(crate) key_prefix: String,
    pub(crate) expose_lanes: bool,
    pub(crate) empty_protect: Duration,
    user: Option<(String, Secret)>,
    tls: Option<EtcdTls>,
    /// The section it was read from, for messages.
    section: &'static str,
}

/// What is wrong with a section, before it is known which one it is.
#[derive(Debug)]
struct Wrong {
    key: &'static str,
    why: String,
}

impl Settings {
    /// Checks the section of a registry; errors name the key.
    pub(crate) fn check(config: &EtcdConfig) -> Result<Self, Error> {
        Self::check_in(config, "registry.etcd")
    }

    /// Checks what is written in `section`; errors name the key.
    pub(crate) fn check_in(config: &EtcdConfig, section: &'static str) -> Result<Self, Error> {
        Self::checked(config, section).map_err(|wrong| wrong.of(section))
    }

    fn checked(config: &EtcdConfig, section: &'static str) -> Result<Self, Wrong> {
        let user = match (&config.user, &config.password) {
            (Some(user), Some(password)) => Some((user.clone(), password.clone())),
            (None, None) => None,
            (Some(_), None) => return Err(wrong("password", "is missing: `user` is set")),
            (None, Some(_)) => return Err(wrong("user", "is missing: `password` is set")),
        };
        if !(LEASE_MIN..=LEASE_MAX).contains(&config.lease) {
            return Err(wrong("lease", "must be 2s to 1h"));
        }
        if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&config.request_timeout) {
            return Err(wrong("request_timeout", "must be 50ms to 1m"));
        }
        if config.empty_protect > PROTECT_MAX {
            return Err(wrong("empty_protect", "must be at most 30d"));
        }
        let prefix = &config.key_prefix;
        if prefix.starts_with("/rzero/") || !prefix.bytes().all(|b| b.is_ascii_graphic()) {
            let why = "must be visible ASCII characters and not begin with `/rzero/`";
            return Err(wrong("key_prefix", why));
        }
        let lease_seconds = config.lease.as_millis().div_ceil(1000);
        let settings = Self {
            endpoints: check_endpoints(config)?,
            request_timeout: config.request_timeout,
            lease: config.lease,
            lease_seconds: i64::try_from(lease_seconds).unwrap_or(i64::MAX),
            key_prefix: prefix.clone(),
            expose_lanes: config.expose_lanes,
            empty_protect: config.empty_protect,
            user,
            tls: config.tls.clone(),
            section,
        };
        settings.options(true)?; // certificates can be read
        Ok(settings)
    }

    /// How to connect; without the user for a cluster that knows no users.
    pub(crate) fn connect_options(&self, with_user: bool) -> Result<ConnectOptions, Error> {
        self.options(with_user)
            .map_err(|wrong| wrong.of(self.section))
    }

    fn options(&self, with_user: bool) -> Result<ConnectOptions, Wrong> {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(self.request_timeout)
            .with_require_leader(true)
            .with_auto_token_refresh(true);
        if let Some((user, password)) = self.user.as_ref().filter(|_| with_user) {
            options = options.with_user(user, password.expose());
        }
        if let Some(tls) = &self.tls {
            options = options.with_tls(tls.options()?);
        }
        Ok(options)
    }

    /// How often a lease is renewed: three chances before it ends.
    pub(crate) fn renew_every(&self) -> Duration {
        self.lease / 3
    }

    /// How long a renewal may take: short enough for another member to be asked in time.
    pub(crate) fn renewal_timeout(&self) -> Duration {
        self.request_timeout.min(self.lease / 4)
    }

    /// How often a watch asks whether anybody is there.
    pub(crate) fn heartbeat(&self) -> Duration {
        (self.lease / 4).clamp(Duration::from_millis(250), Duration::from_millis(2500))
    }

    /// How long a watch may be silent before it is taken for dead.
    pub(crate) fn silence_max(&self) -> Duration {
        self.heartbeat() + 2 * self.request_timeout
    }

    /// How long after etcd came back nothing that is missing is believed to be gone.
    pub(crate) fn settle(&self) -> Duration {
        self.lease + RETURN_SLACK
    }
}

impl EtcdTls {
    fn options(&self) -> Result<TlsOptions, Wrong> {
        let ca = Certificate::from_pem(read("tls.ca", &self.ca)?);
        let mut options = TlsOptions::new().ca_certificate(ca);
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let (cert, key) = (read("tls.cert", cert)?, read("tls.key", key)?);
                options = options.identity(Identity::from_pem(cert, key));
            }
            (None, None) => {}
            (Some(_), None) => return Err(wrong("tls.key", "is missing: `tls.cert` is set")),
            (None, Some(_)) => return Err(wrong("tls.cert", "is missing: `tls.key` is set")),
        }
        if let Some(name) = &self.server_name {
            options = options.domain_name(name.clone());
        }
        Ok(options)
    }
}

/// The endpoints as URLs.
fn check_endpoints(config: &EtcdConfig) -> Result<Vec<String>, Wrong> {
    if config.endpoints.is_empty() {
        return Err(wrong(
            "endpoints",
            "is empty; name at least one `host:port`",
        ));
    }
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let url = |endpoint: &String| {
        let (given, rest) = match endpoint.split_once("://") {
            Some((given, rest)) => (given, rest),
            None => (scheme, endpoint.as_str()),
        };
        let rest = rest.trim_end_matches('/');
        if given != scheme {
            let why = format!("has `{endpoint}`: write {scheme}://, `tls` decides");
            return Err(wrong("endpoints", &why));
        }
        if let Err(error) = rest.parse::<rzero_core::Address>() {
            return Err(wrong("endpoints", &format!("has `{endpoint}`: {error}")));
        }
        Ok(format!("{scheme}://{rest}"))
    };
    config.endpoints.iter().map(url).collect()
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, Wrong> {
    fs::read(path).map_err(|error| wrong(key, &format!("cannot read {}: {error}", path.display())))
}

fn wrong(key: &'static str, why: &str) -> Wrong {
    let why = why.to_owned();
    Wrong { key, why }
}

impl Wrong {
    fn of(self, section: &str) -> Error {
        let Self { key, why } = self;
        Error::invalid_input(format!("{section}.{key} {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        let config: EtcdConfig = toml::from_str(text).map_err(|e| e.to_string())?;
        Settings::check(&config).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let settings = parse("").unwrap();
        assert_eq!(settings.endpoints, ["http://127.0.0.1:2379"]);
        assert_eq!(settings.lease_seconds, 10);
        assert_eq!(settings.request_timeout, Duration::from_secs(1));
        assert_eq!(settings.empty_protect, Duration::from_secs(60));
        assert!(!settings.expose_lanes);
    }

    #[test]
    fn every_key_is_read() {
        let settings = parse(
            r#"
            endpoints = ["http://a:1/", "[::1]:2"]
            user = "u"
            password = "p"
            lease = "2500ms"
            request_timeout = "300ms"
            key_prefix = "prod/"
            expose_lanes = true
            empty_protect = "2m"
            "#,
        )
        .unwrap();
        assert_eq!(settings.endpoints, ["http://a:1", "http://[::1]:2"]);
        assert_eq!(settings.lease_seconds, 3);
        assert!(settings.expose_lanes);
    }

    #[test]
    fn impossible_settings_name_the_key() {
        for (text, part) in [
            ("endpoints = []", "registry.etcd.endpoints is empty"),
            (
                "endpoints = ['nowhere']",
                "registry.etcd.endpoints has `nowhere`",
            ),
            ("endpoints = ['https://a:1']", "write http://"),
            ("lease = '1s'", "registry.etcd.lease must be"),
            ("request_timeout = '1ms'", "registry.etcd.request_timeout"),
            (
                "request_timeout = '213503982334601d'",
                "registry.etcd.request_timeout must be 50ms to 1m",
            ),
            (
                "empty_protect = '213503982334601d'",
                "registry.etcd.empty_protect must be at most 30d",
            ),
            ("user = 'u'", "registry.etcd.password is missing"),
            ("password = 'p'", "registry.etcd.user is missing"),
            ("key_prefix = '/rzero/x'", "registry.etcd.key_prefix"),
            (
                "tls = { ca = '/nowhere/ca.pem' }",
                "registry.etcd.tls.ca cannot read /nowhere/ca.pem",
            ),
            ("lease = 10", "duration"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn password_is_not_printed() {
        let config: EtcdConfig = toml::from_str("user = 'u'\npassword = 'hunter2'").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!format!("{:?}", Settings::check(&config).unwrap()).contains("hunter2"));
    }
}
