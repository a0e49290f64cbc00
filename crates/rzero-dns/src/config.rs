//! The `registry.dns` section of a configuration, and its checked form.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rzero_core::Error;
use rzero_registry::ServiceName;
use serde::Deserialize;

use crate::pattern::{PLACEHOLDER, Pattern};

/// Shortest time in which a question can be answered.
const TIMEOUT_MIN: Duration = Duration::from_millis(50);
/// Longest time to wait for an answer.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Bounds of the waits between questions.
const REFRESH_MIN: Duration = Duration::from_millis(100);
const REFRESH_MAX: Duration = Duration::from_secs(86_400);
/// Longest time that a vanished list is kept.
const PROTECT_MAX: Duration = Duration::from_secs(30 * 86_400);
/// Port of name servers.
const DNS_PORT: u16 = 53;

/// The `registry.dns` section: under which names services are found, and who is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DnsConfig {
    /// The name of every service that has none of its own in [`names`](Self::names), with
    /// `{service}` for its name. With a port it is a name with addresses, such as
    /// `{service}.default.svc.cluster.local:8080`; beginning with `_` it is a name with SRV
    /// records, which have ports, such as `_grpc._tcp.{service}.default.svc.cluster.local`. Always
    /// absolute. Default none.
    pub name: Option<String>,
    /// Names of single services, in the same two forms. Default none.
    pub names: BTreeMap<ServiceName, String>,
    /// The name servers, `ip` or `ip:port` (port 53); one is asked at a time, and the next when it
    /// fails. Default those of `/etc/resolv.conf`.
    pub servers: Vec<String>,
    /// Which addresses are asked for. Default both kinds; a service whose instances have one of
    /// each shows twice then.
    pub family: Family,
    /// What the instances speak. Default `grpc`.
    pub protocol: String,
    /// How long a question may take, all tries and name servers together (each has its share), 50 ms
    /// to 1 min. Default 2 s.
    #[serde(with = "rzero_config::duration")]
    pub timeout: Duration,
    /// Shortest wait before a service is asked for again, whatever its records say, 100 ms to 1 d.
    /// Default 1 s.
    #[serde(with = "rzero_config::duration")]
    pub refresh_min: Duration,
    /// Longest wait, apart from the random tenth on top of every wait; at least `refresh_min`, at
    /// most 1 d. Default 30 s.
    #[serde(with = "rzero_config::duration")]
    pub refresh_max: Duration,
    /// How long the last instances of a service are kept when its name is empty or gone, at most
    /// 30 d. Default 60 s.
    #[serde(with = "rzero_config::duration")]
    pub empty_protect: Duration,
}

/// Kinds of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A and AAAA records.
    #[default]
    Any,
    /// A records.
    Ipv4,
    /// AAAA records.
    Ipv6,
}

impl Default for DnsConfig {
    fn default() -> Self {
        Self {
            name: None,
            names: BTreeMap::new(),
            servers: Vec::new(),
            family: Family::Any,
            protocol: "grpc".to_owned(),
            timeout: Duration::from_secs(2),
            refresh_min: Duration::from_secs(1),
            refresh_max: Duration::from_secs(30),
            empty_protect: Duration::from_secs(60),
        }
    }
}

/// A configuration that can work.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) pattern: Option<Pattern>,
    pub(crate) names: BTreeMap<ServiceName, Pattern>,
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) family: Family,
    pub(crate) protocol: String,
    pub(crate) timeout: Duration,
    pub(crate) refresh_min: Duration,
    pub(crate) refresh_max: Duration,
    pub(crate) empty_protect: Duration,
}

impl Settings {
    /// Checks a configuration; errors name the key.
    pub(crate) fn check(config: &DnsConfig) -> Result<Self, Error> {
        if config.name.is_none() && config.names.is_empty() {
            let why = "is missing; write e.g. \"{service}.default.svc.cluster.local:8080\"";
            return Err(wrong("name", why));
        }
        if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&config.timeout) {
            return Err(wrong("timeout", "must be 50ms to 1m"));
        }
        if !(REFRESH_MIN..=REFRESH_MAX).contains(&config.refresh_min) {
            return Err(wrong("refresh_min", "must be 100ms to 1d"));
        }
        if !(config.refresh_min..=REFRESH_MAX).contains(&config.refresh_max) {
            return Err(wrong("refresh_max", "must be refresh_min to 1d"));
        }
        if config.empty_protect > PROTECT_MAX {
            return Err(wrong("empty_protect", "must be at most 30d"));
        }
        if config.protocol.is_empty() {
            return Err(wrong("protocol", "is empty; write e.g. \"grpc\""));
        }
        Ok(Self {
            pattern: config.name.as_deref().map(check_name).transpose()?,
            names: check_names(&config.names)?,
            servers: check_servers(&config.servers)?,
            family: config.family,
            protocol: config.protocol.clone(),
            timeout: config.timeout,
            refresh_min: config.refresh_min,
            refresh_max: config.refresh_max,
            empty_protect: config.empty_protect,
        })
    }

    /// The pattern for a service, if it has one.
    pub(crate) fn pattern(&self, service: &ServiceName) -> Option<&Pattern> {
        self.names.get(service).or(self.pattern.as_ref())
    }
}

fn check_name(text: &str) -> Result<Pattern, Error> {
    let pattern = text.parse::<Pattern>().map_err(|why| wrong("name", &why))?;
    if !text.contains(PLACEHOLDER) {
        let why = format!("= \"{text}\" lacks {PLACEHOLDER}: all services would be one");
        return Err(wrong("name", &why));
    }
    Ok(pattern)
}

fn check_names(
    names: &BTreeMap<ServiceName, String>,
) -> Result<BTreeMap<ServiceName, Pattern>, Error> {
    let mut checked = BTreeMap::new();
    for (service, text) in names {
        let key = format!("names.\"{service}\"");
        let pattern: Pattern = text.parse().map_err(|why: String| wrong(&key, &why))?;
        pattern.of(service).map_err(|why| wrong(&key, &why))?;
        checked.insert(service.clone(), pattern);
    }
    Ok(checked)
}

fn check_servers(servers: &[String]) -> Result<Vec<SocketAddr>, Error> {
    let address = |text: &String| {
        let with_port = || text.parse::<SocketAddr>().ok();
        let alone = || text.parse::<IpAddr>().ok().map(|ip| (ip, DNS_PORT).into());
        with_port().or_else(alone).ok_or_else(|| {
            let why = format!("has `{text}`; write an address such as 10.96.0.10 or [::1]:5353");
            wrong("servers", &why)
        })
    };
    servers.iter().map(address).collect()
}

pub(crate) fn wrong(key: &str, why: &str) -> Error {
    Error::invalid_input(format!("registry.dns.{key} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        let config: DnsConfig = toml::from_str(text).map_err(|e| e.to_string())?;
        Settings::check(&config).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn every_key_is_read() {
        let settings = parse(
            r#"
            name = "{service}.svc:80"
            servers = ["10.0.0.1", "[::1]:5353"]
            family = "ipv6"
            protocol = "tars"
            timeout = "1s"
            refresh_min = "2s"
            refresh_max = "3s"
            empty_protect = "4s"
            [names]
            "shop/user" = "_grpc._tcp.user.svc"
            "#,
        )
        .unwrap();
        assert_eq!(settings.servers[0], "10.0.0.1:53".parse().unwrap());
        assert_eq!(settings.servers[1], "[::1]:5353".parse().unwrap());
        assert_eq!(settings.family, Family::Ipv6);
        assert!(settings.pattern(&"shop/user".parse().unwrap()).is_some());
        assert!(settings.pattern(&"other".parse().unwrap()).is_some());
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let settings = parse("name = '{service}.svc:80'").unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(2));
        assert_eq!(settings.refresh_min, Duration::from_secs(1));
        assert_eq!(settings.refresh_max, Duration::from_secs(30));
        assert_eq!(settings.empty_protect, Duration::from_secs(60));
        assert_eq!(
            (settings.family, &*settings.protocol),
            (Family::Any, "grpc")
        );
        assert!(settings.servers.is_empty());
    }

    #[test]
    fn impossible_settings_name_the_key() {
        let named = |text: &str| format!("name = '{{service}}.svc:80'\n{text}");
        for (text, part) in [
            (String::new(), "registry.dns.name is missing"),
            ("name = 'users.svc:80'".into(), "lacks {service}"),
            ("name = '{service}.svc'".into(), "registry.dns.name"),
            ("name = '_x._tcp.{service}:1'".into(), "registry.dns.name"),
            (
                "names = { u = 'users.svc' }".into(),
                "registry.dns.names.\"u\"",
            ),
            (
                "names = { 'a/b' = '{service}.svc:1' }".into(),
                "registry.dns.names.\"a/b\"",
            ),
            (named("servers = ['dns.local']"), "registry.dns.servers"),
            (named("timeout = '1ms'"), "registry.dns.timeout"),
            (named("refresh_min = '1ms'"), "registry.dns.refresh_min"),
            (named("refresh_max = '500ms'"), "registry.dns.refresh_max"),
            (named("empty_protect = '31d'"), "registry.dns.empty_protect"),
            (named("protocol = ''"), "registry.dns.protocol"),
            (named("family = 'ipx'"), "unknown variant `ipx`"),
            (named("ttl = '1s'"), "unknown field `ttl`"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
