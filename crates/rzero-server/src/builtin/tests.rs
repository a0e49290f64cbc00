//! Contracts, descriptor sets and descriptions agree.

use std::path::{Path, PathBuf};

use protox::prost_reflect::{DescriptorPool, MethodDescriptor};
use rzero_core::{Idempotency, Kind, ServiceDesc};

use super::{health, reflection};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/builtin")
}

/// Every checked-in set with the contract it is made of and the service it describes.
fn sets() -> [(&'static str, &'static str, &'static ServiceDesc); 3] {
    [
        ("health", "grpc/health/v1/health.proto", &health::SERVICE),
        (
            "reflection_v1",
            "grpc/reflection/v1/reflection.proto",
            &reflection::V1,
        ),
        (
            "reflection_v1alpha",
            "grpc/reflection/v1alpha/reflection.proto",
            &reflection::V1ALPHA,
        ),
    ]
}

#[test]
fn checked_in_descriptors_are_fresh() {
    let mut stale = Vec::new();
    for (set, contract, service) in sets() {
        let mut compiler = protox::Compiler::new([folder().join("proto")]).unwrap();
        compiler
            .include_source_info(false)
            .open_file(contract)
            .unwrap();
        let fresh = compiler.encode_file_descriptor_set();
        if fresh != service.files {
            stale.push(set);
            if std::env::var_os("RZERO_UPDATE").is_some() {
                std::fs::write(folder().join(format!("files/{set}.binpb")), fresh).unwrap();
            }
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} differ from proto/: run once with RZERO_UPDATE=1 set"
    );
}

#[test]
fn descriptions_match_their_contract() {
    for (_, _, desc) in sets() {
        let pool = DescriptorPool::decode(desc.files).unwrap();
        let service = pool.get_service_by_name(desc.name).unwrap();
        assert_eq!(service.methods().len(), desc.methods.len());
        for (index, (method, known)) in service.methods().zip(desc.methods).enumerate() {
            assert_eq!(known.name, method.name());
            assert_eq!(known.service, service.full_name());
            assert_eq!(
                known.path,
                format!("/{}/{}", service.full_name(), method.name())
            );
            assert_eq!(known.kind, kind(&method));
            assert_eq!(usize::from(known.index), index);
            assert_eq!(known.idempotency, Idempotency::NoSideEffects);
        }
    }
}

fn kind(method: &MethodDescriptor) -> Kind {
    match (method.is_client_streaming(), method.is_server_streaming()) {
        (false, false) => Kind::Unary,
        (false, true) => Kind::ServerStream,
        (true, false) => Kind::ClientStream,
        (true, true) => Kind::Bidi,
    }
}
