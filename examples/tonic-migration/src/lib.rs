//! The service `inventory` as it was written for tonic, untouched: the code that tonic generated
//! in [`pb`] and the logic in [`Shelves`], on tonic's traits. What moved is around it: `main.rs`
//! serves it with rzero, `bin/stock.rs` calls it through rzero.

use std::pin::Pin;

use tokio_stream::Stream;
use tonic::{Request, Response, Status};

/// Made by tonic's generator; do not edit.
#[allow(
    warnings,
    clippy::all,
    missing_debug_implementations,
    missing_docs,
    reason = "tonic's generator decides how its code looks"
)]
#[rustfmt::skip]
#[path = "gen/inventory.v1.rs"]
pub mod pb;

/// The descriptor set that tonic's generator writes beside the code, as for tonic's reflection.
pub const FILES: &[u8] = include_bytes!("gen/inventory.binpb");

/// The shelves.
#[derive(Debug, Default)]
pub struct Shelves;

impl Shelves {
    fn stock(item: &str) -> Result<pb::StockReply, Status> {
        let pieces = match item {
            "bolt" => 120,
            "nut" => 80,
            other => return Err(Status::not_found(format!("there are no {other}s"))),
        };
        let item = item.to_owned();
        Ok(pb::StockReply { item, pieces })
    }
}

#[tonic::async_trait]
impl pb::inventory_server::Inventory for Shelves {
    async fn stock(
        &self,
        request: Request<pb::StockRequest>,
    ) -> Result<Response<pb::StockReply>, Status> {
        Ok(Response::new(Self::stock(&request.get_ref().item)?))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<pb::StockReply, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<pb::StockRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let now = Self::stock(&request.get_ref().item)?;
        let sold = pb::StockReply {
            pieces: now.pieces - 1,
            ..now.clone()
        };
        let changes = tokio_stream::iter([Ok(now), Ok(sold)]);
        Ok(Response::new(Box::pin(changes)))
    }
}

/// An interceptor as tonic has them: every call carries a token.
///
/// # Errors
/// `UNAUTHENTICATED` without one.
pub fn check_token(request: Request<()>) -> Result<Request<()>, Status> {
    match request.metadata().get("x-token") {
        Some(_) => Ok(request),
        None => Err(Status::unauthenticated("send a token")),
    }
}
