//! Dependencies point down.
//!
//! A crate that is not in the table fails the test: deciding where it stands is part of adding it.

use crate::workspace::{Package, Purpose, packages};

/// Where a crate stands. Product layers from the bottom up, then what stands around the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Core,
    Protocol,
    Policy,
    Adapter,
    Assembly,
    /// Other frameworks' clients and services, run on whole stacks of ours: they stand on the
    /// client and the server at once, where a user's own code stands.
    Guest,
    Facade,
    /// Reads contracts and writes code; knows no product crate. Lower rank first.
    Codegen(u8),
    /// The command line: on top of the code generator and of the product.
    CommandLine,
    /// Helpers of tests; nobody but tests depends on them.
    TestKit,
    /// Real servers; knows no crate of ours.
    Harness,
    /// Examples: what a user would write.
    Example,
    /// Chores and benchmarks, which may know everything.
    Chore,
}

const TABLE: &[(&str, Layer)] = &[
    ("rzero-core", Layer::Core),
    ("rzero-http2", Layer::Protocol),
    ("rzero-proto", Layer::Protocol),
    ("rzero-balance", Layer::Policy),
    ("rzero-resilience", Layer::Policy),
    ("rzero-config", Layer::Policy),
    ("rzero-policy", Layer::Policy),
    ("rzero-registry", Layer::Policy),
    ("rzero-dns", Layer::Adapter),
    ("rzero-etcd", Layer::Adapter),
    ("rzero-grpc", Layer::Adapter),
    ("rzero-redis", Layer::Adapter),
    ("rzero-tower", Layer::Adapter),
    ("rzero-client", Layer::Assembly),
    ("rzero-server", Layer::Assembly),
    ("rzero-tonic", Layer::Guest),
    ("rzero", Layer::Facade),
    ("rzero-idl", Layer::Codegen(0)),
    ("rzero-codegen", Layer::Codegen(1)),
    ("rzctl", Layer::CommandLine),
    ("rzero-testing", Layer::TestKit),
    ("rzero-harness", Layer::Harness),
    ("xtask", Layer::Chore),
    // Tests of the whole: they may see everything and nothing is built on them.
    ("rzero-attack", Layer::Chore),
    ("rzero-codegen-tests", Layer::Chore),
    ("rzero-conformance", Layer::Chore),
    ("rzero-e2e", Layer::Chore),
    ("rzero-interop", Layer::Chore),
];

/// The layer of a crate: by name, or by folder for examples and benchmarks.
fn layer(package: &Package) -> Option<Layer> {
    let listed = TABLE
        .iter()
        .find(|(name, _)| *name == package.name)
        .map(|(_, layer)| *layer);
    listed.or_else(|| match package.folder.iter().next()?.to_str()? {
        "examples" => Some(Layer::Example),
        "benches" => Some(Layer::Chore),
        _ => None,
    })
}

/// Whether users see the crate's public items: the product, without the tools around it.
pub(crate) fn is_product(package: &Package) -> bool {
    layer(package).is_some_and(|layer| layer <= Layer::Facade)
}

/// Whether a crate of layer `from` may be built on a crate of layer `to`.
fn may_know(from: Layer, to: Layer) -> bool {
    match (from, to) {
        (Layer::Chore, _) => true,
        (_, Layer::Chore | Layer::TestKit | Layer::Harness | Layer::Example) => false,
        // Policies use one another's traits; in no other layer do neighbours meet.
        (Layer::Policy, Layer::Policy) => true,
        (Layer::Harness, _) => false,
        // What a user writes sees the facade and nothing behind it.
        (Layer::Example, to) => to == Layer::Facade,
        (Layer::Codegen(upper), Layer::Codegen(lower)) => lower < upper,
        (Layer::Codegen(_), _) => false,
        (Layer::CommandLine, to) => to < Layer::CommandLine,
        (Layer::TestKit, to) => to <= Layer::Facade,
        (from, to) => to < from && to <= Layer::Facade,
    }
}

/// Whether tests of a crate of layer `from` may use a crate of layer `to`.
fn tests_may_know(from: Layer, to: Layer) -> bool {
    matches!(to, Layer::TestKit | Layer::Harness) || may_know(from, to)
}

#[test]
fn every_crate_has_a_layer() {
    let strangers: Vec<&str> = packages()
        .iter()
        .filter(|package| layer(package).is_none())
        .map(|package| package.name.as_str())
        .collect();
    assert!(
        strangers.is_empty(),
        "add to the table of layers: {}",
        strangers.join(", ")
    );
}

#[test]
fn table_lists_no_absent_crate() {
    let absent: Vec<&str> = TABLE
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !packages().iter().any(|package| package.name == *name))
        .collect();
    assert!(
        absent.is_empty(),
        "remove from the table of layers: {}",
        absent.join(", ")
    );
}

#[test]
fn dependencies_point_down() {
    let mut wrong = Vec::new();
    for package in packages() {
        let Some(from) = layer(package) else { continue };
        for (name, purpose) in &package.dependencies {
            let Some(target) = packages().iter().find(|package| package.name == *name) else {
                continue;
            };
            let Some(to) = layer(target) else { continue };
            let allowed = match purpose {
                Purpose::Build => may_know(from, to),
                Purpose::Dev => tests_may_know(from, to),
            };
            if !allowed {
                wrong.push(format!(
                    "{} ({from:?}) -> {name} ({to:?}), {purpose:?}",
                    package.name
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "upward or sideways dependencies:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn upward_and_sideways_arrows_are_refused() {
    use Layer::{
        Adapter, Assembly, Chore, Codegen, CommandLine, Core, Example, Facade, Guest, Harness,
        Policy, Protocol, TestKit,
    };
    for (from, to) in [
        (Core, Protocol),
        (Core, Core),
        (Protocol, Policy),
        (Policy, Adapter),
        (Adapter, Adapter),
        (Adapter, Assembly),
        (Assembly, Assembly),
        (Assembly, Guest),
        (Assembly, Facade),
        (Guest, Guest),
        (Guest, Facade),
        (Facade, CommandLine),
        (Facade, Codegen(1)),
        (Facade, TestKit),
        (Codegen(0), Codegen(1)),
        (Codegen(1), Core),
        (Example, Core),
        (Harness, Core),
        (CommandLine, Harness),
        (TestKit, Chore),
    ] {
        assert!(!may_know(from, to), "{from:?} -> {to:?}");
    }
}

#[test]
fn downward_arrows_are_allowed() {
    use Layer::{
        Adapter, Assembly, Chore, Codegen, CommandLine, Core, Example, Facade, Guest, Harness,
        Policy, Protocol, TestKit,
    };
    for (from, to) in [
        (Protocol, Core),
        (Policy, Policy),
        (Adapter, Policy),
        (Assembly, Core),
        (Guest, Assembly),
        (Guest, Adapter),
        (Facade, Guest),
        (Facade, Adapter),
        (Codegen(1), Codegen(0)),
        (CommandLine, Codegen(1)),
        (CommandLine, Facade),
        (TestKit, Facade),
        (Example, Facade),
        (Chore, Harness),
    ] {
        assert!(may_know(from, to), "{from:?} -> {to:?}");
    }
    assert!(tests_may_know(Core, TestKit) && tests_may_know(Adapter, Harness));
}
