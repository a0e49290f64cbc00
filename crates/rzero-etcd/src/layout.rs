//! What the keys are called and what is in them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rzero_core::{Address, Lane};
use rzero_registry::{Instance, InstanceId, ServiceName, Weight};
use serde::{Deserialize, Serialize};

/// Where metadata stands: out of the sight of go-zero, which takes every value under
/// `<service>/` for an address.
const META: &str = "/rzero/meta/";
/// Version of the metadata's form.
const VERSION: u32 = 1;
/// The protocol of the addresses that go-zero clients dial.
const GRPC: &str = "grpc";

/// The keys of one service.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Begins the keys with addresses, go-zero's.
    addresses: String,
    /// Begins the keys with metadata, ours.
    metadata: String,
}

/// The two sets of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Address,
    Metadata,
}

/// What a metadata key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meta {
    /// An instance that serves.
    Live(Arc<Instance>),
    /// An instance that deregistered. The key stays until its lease ends, so that a watcher that
    /// was away sees it too. All ids under which it may be known.
    Left(Vec<InstanceId>),
    /// Something else; the address beside it is not to be trusted either.
    Unreadable(String),
}

impl Keys {
    pub(crate) fn of(prefix: &str, service: &ServiceName) -> Self {
        Self {
            addresses: format!("{prefix}{service}/"),
            metadata: format!("{META}{prefix}{service}/"),
        }
    }

    /// What the keys of one side begin with.
    pub(crate) fn begin(&self, side: Side) -> &str {
        match side {
            Side::Address => &self.addresses,
            Side::Metadata => &self.metadata,
        }
    }

    /// Where all metadata under `prefix` stands.
    pub(crate) fn all_metadata(prefix: &str) -> String {
        format!("{META}{prefix}")
    }

    pub(crate) fn address(&self, lease: i64) -> String {
        format!("{}{lease}", self.addresses)
    }

    pub(crate) fn metadata(&self, lease: i64) -> String {
        format!("{}{lease}", self.metadata)
    }

    /// The lease in a key that begins with `begin`; `None` for a key of another service whose
    /// name begins with this one's.
    pub(crate) fn slot<'a>(begin: &str, key: &'a [u8]) -> Option<&'a str> {
        let rest = key.strip_prefix(begin.as_bytes())?;
        let rest = std::str::from_utf8(rest).ok()?;
        (!rest.is_empty() && !rest.contains('/')).then_some(rest)
    }
}

/// The address that goes to go-zero clients, if the instance has one that they can dial.
pub(crate) fn public_address(instance: &Instance, expose_lanes: bool) -> Option<String> {
    let address = instance.address(GRPC)?;
    let visible = instance.lane.is_base() || expose_lanes;
    (visible && matches!(address, Address::Tcp { .. })).then(|| address.to_string())
}

/// The instance that an address without metadata stands for. Its id comes from the address, so
/// that it is the same one after it registered anew.
pub(crate) fn foreign(service: &ServiceName, slot: &str, value: &[u8]) -> Option<Instance> {
    let address: Address = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
    let named = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' || c == '-' {
            c
        } else {
            '_'
        }
    };
    let id: String = address.to_string().chars().map(named).collect();
    let id = format!("addr.{id}")
        .parse()
        .or_else(|_| slot.parse())
        .ok()?;
    Some(Instance::new(service.clone(), id, GRPC, address))
}

impl Meta {
    pub(crate) fn to_json(instance: &Instance, left: bool) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Wire::of(instance, left))
    }

    pub(crate) fn from_json(service: &ServiceName, json: &[u8]) -> Self {
        let read = || -> Result<Self, String> {
            let wire: Wire = serde_json::from_slice(json).map_err(|e| e.to_string())?;
            if wire.left {
                // Whoever saw the address alone took it for go-zero's.
                let foreign = foreign(service, "", wire.addr.as_bytes()).map(|i| i.id);
                return Ok(Self::Left([wire.id].into_iter().chain(foreign).collect()));
            }
            let instance = wire.into_instance(service.clone())?;
            instance.check().map_err(|e| e.to_string())?;
            Ok(Self::Live(Arc::new(instance)))
        };
        read().unwrap_or_else(Self::Unreadable)
    }
}

/// The form in which metadata is written.
#[derive(Serialize, Deserialize)]
struct Wire {
    v: u32,
    /// Where the first of the protocols is spoken; the same text as in the address key.
    addr: String,
    weight: Weight,
    #[serde(default)]
    version: String,
    #[serde(default)]
    lane: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    protocols: Vec<String>,
    /// Protocols that are spoken elsewhere than at `addr`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    addresses: BTreeMap<String, String>,
    id: InstanceId,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registered_at: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    left: bool,
}

impl Wire {
    fn of(instance: &Instance, left: bool) -> Self {
        let first = instance.addresses.get_key_value(GRPC);
        let first = first.or_else(|| instance.addresses.iter().next());
        let addr = first
            .map(|(_, address)| address.to_string())
            .unwrap_or_default();
        let texts = instance
            .addresses
            .iter()
            .map(|(p, a)| (p.clone(), a.to_string()));
        Self {
            v: VERSION,
            weight: instance.weight,
            version: instance.version.clone(),
            lane: instance.lane.as_str().to_owned(),
            zone: instance.zone.clone(),
            tags: instance.tags.clone(),
            protocols: instance.addresses.keys().cloned().collect(),
            addresses: texts.filter(|(_, text)| *text != addr).collect(),
            addr,
            id: instance.id.clone(),
            registered_at: instance.registered_at.map(to_millis),
            left,
        }
    }

    fn into_instance(self, service: ServiceName) -> Result<Instance, String> {
        let address = |text: &String| text.parse::<Address>().map_err(|e| e.to_string());
        let located = self.protocols.iter().map(|protocol| {
            let text = self.addresses.get(protocol).unwrap_or(&self.addr);
            Ok((protocol.clone(), address(text)?))
        });
        Ok(Instance {
            addresses: located.collect::<Result<_, String>>()?,
            lane: self.lane.parse::<Lane>().map_err(|e| e.to_string())?,
            id: self.id,
            service,
            weight: self.weight,
            version: self.version,
            zone: self.zone,
            tags: self.tags,
            registered_at: self.registered_at.and_then(from_millis),
        })
    }
}

fn to_millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn from_millis(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> ServiceName {
        "shop/user.rpc".parse().unwrap()
    }

    fn instance() -> Instance {
        let address = Address::tcp("10.0.0.1", 80);
        Instance::new(service(), "i".parse().unwrap(), "grpc", address)
    }

    #[test]
    fn keys_are_those_of_the_contract() {
        let keys = Keys::of("", &service());
        assert_eq!(keys.address(7), "shop/user.rpc/7");
        assert_eq!(keys.metadata(7), "/rzero/meta/shop/user.rpc/7");
        assert_eq!(
            Keys::of("p/", &service()).metadata(7),
            "/rzero/meta/p/shop/user.rpc/7"
        );
    }

    #[test]
    fn keys_of_longer_names_are_not_taken() {
        assert_eq!(Keys::slot("a/", b"a/7"), Some("7"));
        assert_eq!(Keys::slot("a/", b"a/b/7"), None);
        assert_eq!(Keys::slot("a/", b"a/"), None);
        assert_eq!(Keys::slot("a/", b"b/7"), None);
        assert_eq!(Keys::slot("a/", b"a/\xff"), None);
    }

    #[test]
    fn metadata_round_trips() {
        let full = instance()
            .with_address("tars", Address::tcp("10.0.0.1", 81))
            .with_address("http", Address::tcp("10.0.0.1", 80))
            .with_weight(Weight::ZERO)
            .with_version("1")
            .with_lane("gray".parse().unwrap())
            .with_zone("z")
            .with_tag("k", "v")
            .with_registered_at(UNIX_EPOCH + Duration::from_millis(5));
        let other = Instance::new(
            service(),
            "j".parse().unwrap(),
            "tars",
            Address::tcp("h", 1),
        );
        for instance in [instance(), full, other] {
            let json = Meta::to_json(&instance, false).unwrap();
            assert_eq!(
                Meta::from_json(&service(), &json),
                Meta::Live(Arc::new(instance.clone()))
            );
            let json = Meta::to_json(&instance, true).unwrap();
            let Meta::Left(ids) = Meta::from_json(&service(), &json) else {
                panic!("it left");
            };
            assert_eq!(ids[0], instance.id);
        }
    }

    #[test]
    fn metadata_has_the_fields_of_the_contract() {
        let json = Meta::to_json(&instance(), false).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["v"], 1);
        assert_eq!(json["addr"], "10.0.0.1:80");
        assert_eq!(json["weight"], 100);
        assert_eq!(json["lane"], "");
        assert_eq!(json["protocols"], serde_json::json!(["grpc"]));
    }

    #[test]
    fn strange_metadata_is_unreadable() {
        for json in ["", "{", "[]", "7", r#"{"v":1}"#, "\u{0}"] {
            let meta = Meta::from_json(&service(), json.as_bytes());
            assert!(matches!(meta, Meta::Unreadable(_)), "{json}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, text: String) {
            for bytes in [&bytes[..], text.as_bytes()] {
                let _ = Meta::from_json(&service(), bytes);
                let _ = foreign(&service(), &text, bytes);
                let _ = Keys::slot("a/", bytes);
            }
        }

        #[test]
        fn damaged_metadata_is_read_without_a_panic(at: usize, byte: u8) {
            let mut json = Meta::to_json(&instance().with_tag("k", "v"), false).unwrap();
            let at = at % json.len();
            json[at] = byte;
            let _ = Meta::from_json(&service(), &json);
            let _ = Meta::from_json(&service(), &json[..at]);
        }
    }

    #[test]
    fn only_grpc_of_the_default_lane_is_public() {
        let gray = instance().with_lane("gray".parse().unwrap());
        let tars = Instance::new(
            service(),
            "j".parse().unwrap(),
            "tars",
            Address::tcp("h", 1),
        );
        let unix: Address = "unix:/s".parse().unwrap();
        let unix = Instance::new(service(), "j".parse().unwrap(), "grpc", unix);
        assert_eq!(
            public_address(&instance(), false).as_deref(),
            Some("10.0.0.1:80")
        );
        assert_eq!(public_address(&gray, false), None);
        assert_eq!(public_address(&gray, true).as_deref(), Some("10.0.0.1:80"));
        assert_eq!(public_address(&tars, true), None);
        assert_eq!(public_address(&unix, true), None);
    }

    #[test]
    fn foreign_address_is_one_instance_under_any_lease() {
        let one = foreign(&service(), "7", b"10.0.0.1:80").unwrap();
        let other = foreign(&service(), "8", b"10.0.0.1:80").unwrap();
        assert_eq!(one, other);
        assert_eq!(one.weight, Weight::default());
        assert!(one.lane.is_base());
        assert!(foreign(&service(), "7", b"[::1]:80").is_some());
        for nonsense in [&b""[..], b"x", b"\xff", b"h:99999"] {
            assert!(foreign(&service(), "7", nonsense).is_none());
        }
    }
}
