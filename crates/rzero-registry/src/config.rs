//! The `registry` section of a configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use rzero_core::{Address, Lane};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::{Instance, InstanceId, ServiceName, Weight};

/// The `registry` section: where instances register and are looked up.
///
/// `E` and `D` are the sections of the etcd and the DNS back end, which other crates define; the
/// defaults refuse them and say what to build.
///
/// ```
/// # use rzero_registry::RegistryConfig;
/// let config: RegistryConfig = toml::from_str(
///     r#"
///     kind = "static"
///     [services]
///     "user.rpc" = ["10.0.0.1:8080", { address = "10.0.0.2:8080", weight = 50 }]
///     "#,
/// )?;
/// assert_eq!(config.services["user.rpc"].len(), 2);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(
    default,
    bound(deserialize = "E: Deserialize<'de>, D: Deserialize<'de>")
)]
pub struct RegistryConfig<E = NoEtcd, D = NoDns> {
    /// The back end. Default `local`.
    pub kind: RegistryKind,
    /// Folder of the `local` back end. Without one: `$XDG_RUNTIME_DIR/rzero/registry`, else
    /// `/tmp/rzero-<uid>`.
    pub dir: Option<PathBuf>,
    /// Lists of the `static` back end, by service.
    pub services: StaticServices,
    /// The `etcd` back end.
    pub etcd: Option<E>,
    /// The `dns` back end.
    pub dns: Option<D>,
}

/// The lists of the `static` back end, by service.
pub type StaticServices = BTreeMap<ServiceName, Vec<StaticInstance>>;

/// The back ends that a configuration can choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegistryKind {
    /// A folder that the processes of one user on this host share.
    #[default]
    Local,
    /// Lists in the configuration.
    Static,
    /// Within this process.
    Memory,
    /// An etcd cluster.
    Etcd,
    /// Records of the domain name system; read only.
    Dns,
}

/// Stands for the etcd section in programs that were built without etcd.
#[derive(Clone, Debug)]
pub enum NoEtcd {}

/// Stands for the DNS section in programs that were built without DNS.
#[derive(Clone, Debug)]
pub enum NoDns {}

/// One instance of a static list: `"host:port"`, or a table with more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StaticInstance {
    /// Where it listens.
    pub address: Address,
    /// What it speaks there. Default `grpc`.
    pub protocol: String,
    /// Its id. Without one: called after its place in the list.
    pub id: Option<InstanceId>,
    /// Its weight. Default 100.
    pub weight: Weight,
    /// Version of the program. Default unknown.
    pub version: String,
    /// The lane it serves. Default the default lane.
    pub lane: Lane,
    /// Where it runs. Default unknown.
    pub zone: Option<String>,
    /// Free pairs.
    pub tags: BTreeMap<String, String>,
}

impl<E, D> Default for RegistryConfig<E, D> {
    fn default() -> Self {
        Self {
            kind: RegistryKind::default(),
            dir: None,
            services: BTreeMap::new(),
            etcd: None,
            dns: None,
        }
    }
}

impl RegistryKind {
    /// As written in a configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Static => "static",
            Self::Memory => "memory",
            Self::Etcd => "etcd",
            Self::Dns => "dns",
        }
    }
}

impl fmt::Display for RegistryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for NoEtcd {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom(
            "this program was built without etcd; build it with `--features etcd`",
        ))
    }
}

impl<'de> Deserialize<'de> for NoDns {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom(
            "this program was built without dns; build it with `--features dns`",
        ))
    }
}

impl StaticInstance {
    /// An instance that speaks gRPC at `address`.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            protocol: grpc(),
            id: None,
            weight: Weight::default(),
            version: String::new(),
            lane: Lane::base(),
            zone: None,
            tags: BTreeMap::new(),
        }
    }

    /// The instance of `service` it stands for, with the id `fallback` unless it has one.
    #[must_use]
    pub fn to_instance(&self, service: &ServiceName, fallback: InstanceId) -> Instance {
        Instance {
            id: self.id.clone().unwrap_or(fallback),
            service: service.clone(),
            addresses: BTreeMap::from([(self.protocol.clone(), self.address.clone())]),
            weight: self.weight,
            version: self.version.clone(),
            lane: self.lane.clone(),
            zone: self.zone.clone(),
            tags: self.tags.clone(),
            registered_at: None,
        }
    }
}

fn grpc() -> String {
    "grpc".to_owned()
}

/// The table form.
#[derive(Deserialize)]
struct Table {
    address: Text<Address>,
    #[serde(default = "grpc")]
    protocol: String,
    #[serde(default)]
    id: Option<InstanceId>,
    #[serde(default)]
    weight: Weight,
    #[serde(default)]
    version: String,
    #[serde(default = "Text::base")]
    lane: Text<Lane>,
    #[serde(default)]
    zone: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// A value that is written as text.
struct Text<T>(T);

impl Text<Lane> {
    fn base() -> Self {
        Self(Lane::base())
    }
}

impl<'de, T: std::str::FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct FromText<T>(PhantomData<T>);
        impl<T: std::str::FromStr<Err: fmt::Display>> Visitor<'_> for FromText<T> {
            type Value = Text<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<Er: de::Error>(self, text: &str) -> Result<Text<T>, Er> {
                text.parse().map(Text).map_err(Er::custom)
            }
        }
        from.deserialize_str(FromText(PhantomData))
    }
}

impl<'de> Deserialize<'de> for StaticInstance {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct AddressOrTable;
        impl<'de> Visitor<'de> for AddressOrTable {
            type Value = StaticInstance;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as \"10.0.0.1:8080\", or a table with `address`")
            }

            fn visit_str<Er: de::Error>(self, text: &str) -> Result<StaticInstance, Er> {
                text.parse().map(StaticInstance::new).map_err(Er::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StaticInstance, A::Error> {
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(StaticInstance {
                    address: table.address.0,
                    protocol: table.protocol,
                    id: table.id,
                    weight: table.weight,
                    version: table.version,
                    lane: table.lane.0,
                    zone: table.zone,
                    tags: table.tags,
                })
            }
        }
        from.deserialize_any(AddressOrTable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RegistryConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn empty_section_is_the_local_back_end() {
        let config = parse("").unwrap();
        assert_eq!(config.kind, RegistryKind::Local);
        assert!(config.dir.is_none() && config.services.is_empty());
    }

    #[test]
    fn both_forms_of_an_instance_are_read() {
        let config = parse(
            r#"
            kind = "static"
            [services]
            "a.rpc" = ["h:1", { address = "h:2", weight = 0, lane = "gray", tags = { k = "v" } }]
            "#,
        )
        .unwrap();
        let list = &config.services[&"a.rpc".parse::<ServiceName>().unwrap()];
        assert_eq!(list[0], StaticInstance::new("h:1".parse().unwrap()));
        assert_eq!(list[1].weight, Weight::ZERO);
        assert_eq!(list[1].lane.as_str(), "gray");
        assert_eq!(list[1].protocol, "grpc");
    }

    #[test]
    fn wrong_values_are_named() {
        for (text, part) in [
            (
                "[services]\n's' = ['nowhere']",
                "`nowhere` is not an address",
            ),
            (
                "[services]\n's' = [{ address = 'h:1', weight = 20000 }]",
                "weight 20000",
            ),
            ("[services]\n's' = [1]", "an address such as"),
            (
                "[services]\n'a b' = []",
                "`a b` is not the name of a service",
            ),
            ("kind = 'zoo'", "unknown variant `zoo`"),
            ("[etcd]\nendpoints = []", "--features etcd"),
            ("[dns]\nname = ''", "--features dns"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
