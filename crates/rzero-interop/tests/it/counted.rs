//! Compressed messages really are fewer bytes.

use rzero_interop::client::{self, Case, Target};

use crate::cases::Running;
use crate::relay::Relay;

/// More than a few zeros in gzip, less than any payload of the cases.
const FEW: u64 = 4_000;

/// Bytes of a case, to the server and to the client.
async fn bytes_of(case: Case) -> (u64, u64) {
    let server = Running::start(None).await;
    let relay = Relay::start(server.addr.clone()).await;
    let addr = relay.addr.clone();
    let options = client::Options { addr, tls: None };
    let target = Target::connect(&options).await.unwrap();
    relay.bytes();
    case.run(&target).await.unwrap();
    let bytes = relay.bytes();
    drop(target);
    server.leave().await;
    bytes
}

#[tokio::test]
async fn uncompressed_payload_passes_as_it_is() {
    let (to_server, to_client) = bytes_of(Case::LargeUnary).await;
    assert!(to_server > 271_828 && to_client > 314_159);
}

#[tokio::test]
async fn compressed_unary_calls_are_short_both_ways() {
    for case in [Case::ClientCompressedUnary, Case::ServerCompressedUnary] {
        let (to_server, to_client) = bytes_of(case).await;
        assert!(
            to_server < FEW && to_client < FEW,
            "{to_server} {to_client}"
        );
    }
}

#[tokio::test]
async fn compressed_streams_are_short() {
    let (to_server, _) = bytes_of(Case::ClientCompressedStreaming).await;
    assert!(to_server < FEW, "{to_server}");
    let (_, to_client) = bytes_of(Case::ServerCompressedStreaming).await;
    assert!(to_client < FEW, "{to_client}");
}
