//! Cases of unary calls.

use super::Target;
use super::check::{Checked, equal, is_zeros, zeros};
use crate::api::grpc::testing::{Empty, SimpleRequest};

/// Bytes of payload in the large call, there and back.
const LARGE_REQUEST: usize = 271_828;
const LARGE_RESPONSE: i32 = 314_159;
/// Calls that must reach the same server.
const CALLS: usize = 100;

pub(super) async fn empty(target: &Target) -> Checked {
    let reply = target.test.empty_call(Empty {}).await?;
    equal("answer", &reply, &Empty {})
}

pub(super) async fn large(target: &Target) -> Checked {
    let request = SimpleRequest {
        response_size: LARGE_RESPONSE,
        payload: zeros(LARGE_REQUEST),
        ..Default::default()
    };
    let reply = target.test.unary_call(request).await?;
    is_zeros(reply.payload.as_ref(), 314_159)
}

/// The channel has one address, so that all calls must name one server. A server that names
/// itself not at all, as grpc-go's, is taken for one.
pub(super) async fn pick_first(target: &Target) -> Checked {
    let mut first = None;
    for _ in 0..CALLS {
        let request = SimpleRequest {
            response_size: 1,
            payload: zeros(1),
            fill_server_id: true,
            ..Default::default()
        };
        let reply = target.test.unary_call(request).await?;
        is_zeros(reply.payload.as_ref(), 1)?;
        let first = first.get_or_insert_with(|| reply.server_id.clone());
        equal("id of the server", &reply.server_id, first)?;
    }
    equal("servers of the channel", &target.channel.nodes().len(), &1)
}
