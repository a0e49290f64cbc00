//! The `config.etcd` section of a configuration, and its checked form.

use std::time::Duration;

use rzero_config::Secret;
use rzero_core::Error;
use serde::Deserialize;

use crate::config::{EtcdConfig, EtcdTls, Settings};

/// Before the name of the service in the key, unless the key is configured.
const KEY_BEGIN: &str = "/rzero/config/";
/// Longest key that is taken, in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// The `config.etcd` section: which cluster holds the configuration, and where in it.
///
/// What is not written is that of the registry's cluster; with `endpoints` of its own it is another
/// cluster, and nothing is taken from there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CentreConfig {
    /// The members' client addresses, `host:port`, also with `http://` or `https://` in front. One
    /// is used at a time; the others take over when it fails.
    pub endpoints: Option<Vec<String>>,
    /// User name.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// Certificates; without them plaintext is spoken.
    pub tls: Option<EtcdTls>,
    /// How long one request may take before another member is asked, 50 ms to 1 min.
    #[serde(with = "rzero_config::duration::option")]
    pub request_timeout: Option<Duration>,
    /// The key of the document. Default `/rzero/config/<service>`.
    pub key: Option<String>,
}

impl CentreConfig {
    /// How to connect, and the key.
    pub(super) fn check(
        &self,
        registry: &EtcdConfig,
        service: &str,
    ) -> Result<(Settings, String), Error> {
        let others = match &self.endpoints {
            Some(_) => &EtcdConfig::default(),
            None => registry,
        };
        let connection = EtcdConfig {
            endpoints: self.endpoints.as_ref().unwrap_or(&others.endpoints).clone(),
            user: self.user.as_ref().or(others.user.as_ref()).cloned(),
            password: self.password.as_ref().or(others.password.as_ref()).cloned(),
            tls: self.tls.as_ref().or(others.tls.as_ref()).cloned(),
            request_timeout: self.request_timeout.unwrap_or(others.request_timeout),
            ..EtcdConfig::default()
        };
        let settings = Settings::check_in(&connection, "config.etcd")?;
        let default = || format!("{KEY_BEGIN}{service}");
        let key = self.key.clone().unwrap_or_else(default);
        let wrong = |why: &str| Error::invalid_input(format!("config.etcd.key {why}"));
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(wrong("must be 1 to 1024 bytes long"));
        }
        if key.chars().any(char::is_control) {
            return Err(wrong("must not contain control characters"));
        }
        Ok((settings, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let config: CentreConfig = toml::from_str(text).map_err(|e| e.to_string())?;
        let checked = config.check(&EtcdConfig::default(), "greeter");
        checked
            .map(|(_, key)| key)
            .map_err(|e| e.message().to_owned())
    }

    #[test]
    fn key_is_that_of_the_service_unless_it_is_given() {
        assert_eq!(parse("").unwrap(), "/rzero/config/greeter");
        assert_eq!(parse("key = 'shop/all'").unwrap(), "shop/all");
    }

    #[test]
    fn cluster_is_that_of_the_registry_unless_it_has_endpoints() {
        let registry: EtcdConfig =
            toml::from_str("endpoints = ['r:1']\nrequest_timeout = '7s'").unwrap();
        let of = |text: &str| {
            let config: CentreConfig = toml::from_str(text).unwrap();
            let (settings, _) = config.check(&registry, "greeter").unwrap();
            (settings.endpoints[0].clone(), settings.request_timeout)
        };
        let seconds = Duration::from_secs;
        assert_eq!(of("key = 'k'"), ("http://r:1".to_owned(), seconds(7)));
        assert_eq!(of("request_timeout = '2s'").1, seconds(2));
        let other = of("endpoints = ['c:1']");
        assert_eq!(other, ("http://c:1".to_owned(), seconds(1)));
    }

    #[test]
    fn impossible_settings_name_the_key() {
        for (text, part) in [
            ("endpoints = []", "config.etcd.endpoints is empty"),
            ("user = 'u'", "config.etcd.password is missing"),
            ("request_timeout = '1ms'", "config.etcd.request_timeout"),
            (
                "tls = { ca = '/nowhere/ca.pem' }",
                "config.etcd.tls.ca cannot read",
            ),
            ("key = ''", "config.etcd.key must be"),
            ("key = \"a\\nb\"", "config.etcd.key must not"),
            ("lease = '10s'", "unknown field `lease`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
