//! From the name of a service to what is asked for.

use std::str::FromStr;

use hickory_resolver::proto::rr::Name;
use rzero_registry::ServiceName;

/// Stands for the name of the service in a pattern.
pub(crate) const PLACEHOLDER: &str = "{service}";
/// A name that can stand where the placeholder does, to check a pattern with.
const SAMPLE: &str = "s";

/// A name in which the name of a service may be left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// A name with addresses, and the port for all of them.
    Host { name: String, port: u16 },
    /// A name with SRV records.
    Srv { name: String },
}

/// What is asked for a service. The names are absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Host { name: Name, port: u16 },
    Srv { name: Name },
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pattern = match (text.starts_with('_'), text.rsplit_once(':')) {
            (true, None) => Self::Srv { name: text.into() },
            (true, Some(_)) => {
                return Err(format!(
                    "= \"{text}\" has a port: SRV records bring their own; leave it out"
                ));
            }
            (false, Some((name, port))) => Self::Host {
                name: name.into(),
                port: port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
                    format!("= \"{text}\": `{port}` is no port; write 1 to 65535")
                })?,
            },
            (false, None) => {
                return Err(format!(
                    "= \"{text}\" lacks a port: write it after a colon, or a name of SRV records, \
                     which begins with `_`"
                ));
            }
        };
        absolute(&pattern.name().replace(PLACEHOLDER, SAMPLE))?;
        Ok(pattern)
    }
}

impl Pattern {
    /// What is asked for `service`; an error for one whose name cannot stand in a DNS name.
    pub(crate) fn of(&self, service: &ServiceName) -> Result<Target, String> {
        let name = absolute(&self.name().replace(PLACEHOLDER, service.as_str()))?;
        Ok(match self {
            Self::Host { port, .. } => Target::Host { name, port: *port },
            Self::Srv { .. } => Target::Srv { name },
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::Host { name, .. } | Self::Srv { name } => name,
        }
    }
}

/// A checked absolute name, with or without the final dot.
fn absolute(text: &str) -> Result<Name, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let why = if text.is_empty() || !text.chars().all(plain) {
        "use letters, digits, `-`, `_` and dots".to_owned()
    } else {
        match Name::from_ascii(text) {
            Ok(mut name) if !name.is_root() => {
                name.set_fqdn(true);
                return Ok(name);
            }
            Ok(_) => "it is the root".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    Err(format!("`{text}` is no DNS name: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_filled_in() {
        let service: ServiceName = "users".parse().unwrap();
        let host: Pattern = "{service}.default.svc:80".parse().unwrap();
        let Target::Host { name, port } = host.of(&service).unwrap() else {
            panic!("not a host");
        };
        assert_eq!(
            (name.to_string().as_str(), port),
            ("users.default.svc.", 80)
        );
        let srv: Pattern = "_grpc._tcp.{service}.svc.".parse().unwrap();
        let Target::Srv { name } = srv.of(&service).unwrap() else {
            panic!("not a service");
        };
        assert_eq!(name.to_string(), "_grpc._tcp.users.svc.");
        assert!(name.is_fqdn());
    }

    #[test]
    fn impossible_names_are_refused() {
        for text in [
            "users.svc",
            "users.svc:0",
            "users.svc:http",
            "users.svc:65536",
            ":80",
            ".:80",
            "users..svc:80",
            "a b:80",
            "_grpc._tcp.users:80",
            "[::1]:80",
        ] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
        let long = format!("{}.svc:80", "l".repeat(64));
        assert!(long.parse::<Pattern>().is_err());
        let open: Pattern = "{service}.svc:80".parse().unwrap();
        assert!(open.of(&"shop/users".parse().unwrap()).is_err());
        assert!(open.of(&"l".repeat(64).parse().unwrap()).is_err());
    }
}
