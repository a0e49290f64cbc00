//! One running instance of a service, as a registry knows it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rzero_core::{Address, Lane};
use serde::{Deserialize, Serialize};

use crate::{InstanceId, ServiceName, Weight};

/// Most addresses of an instance.
const ADDRESSES_MAX: usize = 16;
/// Most tags of an instance.
const TAGS_MAX: usize = 64;
/// Longest key or value of a tag, version, zone or address, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// One running instance of a service.
///
/// ```
/// # use rzero_core::Address;
/// # use rzero_registry::{Instance, InstanceId, Weight};
/// let instance = Instance::new(
///     "user.rpc".parse()?,
///     InstanceId::generate(),
///     "grpc",
///     Address::tcp("127.0.0.1", 8080),
/// )
/// .with_version("1.4.2")
/// .with_weight(Weight::new(50)?);
/// assert_eq!(instance.address("grpc"), Some(&Address::tcp("127.0.0.1", 8080)));
/// # Ok::<(), rzero_core::Error>(())
/// ```
///
/// As JSON it reads the way it is written, except that keys which a newer version may add are
/// skipped, and `registered_at` is in whole milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Instance {
    /// Tells it from its siblings.
    pub id: InstanceId,
    /// The service it belongs to.
    pub service: ServiceName,
    /// Where it listens, by protocol (`grpc`). At least one, at most 16.
    pub addresses: BTreeMap<String, Address>,
    /// How much traffic it takes.
    pub weight: Weight,
    /// Version of the program; empty when unknown.
    pub version: String,
    /// The lane it serves.
    pub lane: Lane,
    /// Where it runs; callers prefer their own zone.
    pub zone: Option<String>,
    /// Free pairs, at most 64, for people and rules.
    pub tags: BTreeMap<String, String>,
    /// When it first registered, as its own clock says.
    pub registered_at: Option<SystemTime>,
}

/// An instance that no registry accepts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInstance {
    /// It listens nowhere.
    #[error("instance `{id}` has no address: it needs at least one")]
    NoAddress {
        /// The instance.
        id: InstanceId,
    },
    /// It has too much of something, or a text of it is too long.
    #[error("instance `{id}`: {what} too large: at most {max}")]
    TooLarge {
        /// The instance.
        id: InstanceId,
        /// What is too large.
        what: &'static str,
        /// The limit, in pieces or bytes.
        max: usize,
    },
    /// A field cannot be read.
    #[error("instance field `{field}`: {why}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl Instance {
    /// An instance that speaks `protocol` at `address`, of default weight, on the default lane.
    #[must_use]
    pub fn new(
        service: ServiceName,
        id: InstanceId,
        protocol: impl Into<String>,
        address: Address,
    ) -> Self {
        Self {
            id,
            service,
            addresses: BTreeMap::from([(protocol.into(), address)]),
            weight: Weight::default(),
            version: String::new(),
            lane: Lane::base(),
            zone: None,
            tags: BTreeMap::new(),
            registered_at: None,
        }
    }

    /// Adds the address of one more protocol.
    #[must_use]
    pub fn with_address(mut self, protocol: impl Into<String>, address: Address) -> Self {
        self.addresses.insert(protocol.into(), address);
        self
    }

    /// Sets the weight.
    #[must_use]
    pub fn with_weight(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// Sets the version of the program.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the lane it serves.
    #[must_use]
    pub fn with_lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// Sets the zone it runs in.
    #[must_use]
    pub fn with_zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Sets when it registered; [`Registry::register`](crate::Registry::register) does it when
    /// nobody has.
    #[must_use]
    pub fn with_registered_at(mut self, at: SystemTime) -> Self {
        self.registered_at = Some(at);
        self
    }

    /// Where it speaks `protocol`, if it does.
    #[must_use]
    pub fn address(&self, protocol: &str) -> Option<&Address> {
        self.addresses.get(protocol)
    }

    /// Checks the limits that every registry holds.
    ///
    /// # Errors
    ///
    /// The first limit that it breaks.
    pub fn check(&self) -> Result<(), InvalidInstance> {
        if self.addresses.is_empty() {
            return Err(InvalidInstance::NoAddress {
                id: self.id.clone(),
            });
        }
        let longest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
        let address_bytes = longest(
            &mut self
                .addresses
                .iter()
                .map(|(protocol, address)| protocol.len().max(address.to_string().len())),
        );
        let tag_bytes = longest(&mut self.tags.iter().map(|(k, v)| k.len().max(v.len())));
        let zone_bytes = self.zone.as_deref().map_or(0, str::len);
        let limits = [
            ("number of addresses", self.addresses.len(), ADDRESSES_MAX),
            ("address", address_bytes, TEXT_BYTES_MAX),
            ("number of tags", self.tags.len(), TAGS_MAX),
            ("tag", tag_bytes, TEXT_BYTES_MAX),
            ("version", self.version.len(), TEXT_BYTES_MAX),
            ("zone", zone_bytes, TEXT_BYTES_MAX),
        ];
        match limits.into_iter().find(|(_, size, max)| size > max) {
            None => Ok(()),
            Some((what, _, max)) => Err(InvalidInstance::TooLarge {
                id: self.id.clone(),
                what,
                max,
            }),
        }
    }

    /// Fills in the time of registration if it is not known, in the precision in which it travels.
    pub(crate) fn stamp(&mut self) {
        let at = self.registered_at.unwrap_or_else(SystemTime::now);
        self.registered_at = from_millis(to_millis(at));
    }
}

/// The form in which an instance is written.
#[derive(Serialize, Deserialize)]
struct Wire {
    id: InstanceId,
    service: ServiceName,
    addresses: BTreeMap<String, String>,
    #[serde(default)]
    weight: Weight,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    lane: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registered_at: Option<u64>,
}

impl TryFrom<Wire> for Instance {
    type Error = InvalidInstance;

    fn try_from(wire: Wire) -> Result<Self, InvalidInstance> {
        let field = |field, why: &dyn std::fmt::Display| InvalidInstance::Field {
            field,
            why: why.to_string(),
        };
        let addresses = wire.addresses.into_iter().map(|(protocol, text)| {
            let address: Address = text.parse().map_err(|e| field("addresses", &e))?;
            Ok((protocol, address))
        });
        let instance = Self {
            addresses: addresses.collect::<Result<_, InvalidInstance>>()?,
            lane: wire.lane.parse().map_err(|e| field("lane", &e))?,
            id: wire.id,
            service: wire.service,
            weight: wire.weight,
            version: wire.version,
            zone: wire.zone,
            tags: wire.tags,
            registered_at: wire.registered_at.and_then(from_millis),
        };
        instance.check()?;
        Ok(instance)
    }
}

impl From<Instance> for Wire {
    fn from(instance: Instance) -> Self {
        let addresses = instance.addresses.into_iter();
        Self {
            id: instance.id,
            service: instance.service,
            addresses: addresses.map(|(k, a)| (k, a.to_string())).collect(),
            weight: instance.weight,
            version: instance.version,
            lane: instance.lane.as_str().to_owned(),
            zone: instance.zone,
            tags: instance.tags,
            registered_at: instance.registered_at.map(to_millis),
        }
    }
}

fn to_millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `None` for a time that the system's clock cannot hold.
fn from_millis(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> Instance {
        let address = Address::tcp("127.0.0.1", 1);
        Instance::new(
            "a.b".parse().unwrap(),
            "i".parse().unwrap(),
            "grpc",
            address,
        )
    }

    #[test]
    fn json_round_trips() {
        let full = instance()
            .with_address("tars", "unix:/tmp/s".parse().unwrap())
            .with_weight(Weight::ZERO)
            .with_version("1.0")
            .with_lane("gray".parse().unwrap())
            .with_zone("z1")
            .with_tag("k", "v")
            .with_registered_at(UNIX_EPOCH + Duration::from_millis(1_234));
        for instance in [instance(), full] {
            let json = serde_json::to_string(&instance).unwrap();
            assert_eq!(serde_json::from_str::<Instance>(&json).unwrap(), instance);
        }
    }

    #[test]
    fn json_of_a_newer_version_is_read() {
        let json = r#"{"id":"i","service":"a.b","addresses":{"grpc":"127.0.0.1:1"},"colour":1}"#;
        assert_eq!(serde_json::from_str::<Instance>(json).unwrap(), instance());
    }

    #[test]
    fn foreign_json_is_an_error() {
        for json in [
            "{}",
            "[]",
            r#"{"id":"i","service":"a","addresses":{}}"#,
            r#"{"id":"i","service":"a","addresses":{"grpc":"x"}}"#,
            r#"{"id":"i","service":"a","addresses":{"grpc":"h:1"},"weight":10001}"#,
            r#"{"id":"i","service":"a","addresses":{"grpc":"h:1"},"lane":"A B"}"#,
        ] {
            assert!(serde_json::from_str::<Instance>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn limits_are_checked() {
        let mut many = instance();
        many.tags = (0..65).map(|n| (n.to_string(), String::new())).collect();
        let long = instance().with_version("v".repeat(1025));
        let mut bare = instance();
        bare.addresses.clear();
        for wrong in [many, long, bare] {
            assert!(wrong.check().is_err());
        }
        assert_eq!(instance().check(), Ok(()));
    }

    #[test]
    fn stamp_keeps_a_known_time() {
        let at = UNIX_EPOCH + Duration::from_secs(5);
        let mut known = instance().with_registered_at(at);
        known.stamp();
        assert_eq!(known.registered_at, Some(at));
        let mut unknown = instance();
        unknown.stamp();
        assert!(unknown.registered_at.is_some());
    }
}
