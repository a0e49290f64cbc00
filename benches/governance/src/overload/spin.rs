//! The handler: it computes for a known time.

use bytes::Bytes;
use rzero_core::{Call, Duplex, Error, Reply, Service, ServiceDesc, Trailers};
use rzero_server::rt::Describe;
use rzero_testing::Echo;
use tokio::time::Instant;

use super::COST;

/// The echo service, whose unary method computes before it answers.
pub(super) struct Spin;

impl Describe for Spin {
    fn describe(&self) -> &'static ServiceDesc {
        Echo.describe()
    }
}

impl Service<Call<Bytes>> for Spin {
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>, Error> {
        let until = Instant::now() + COST;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        Ok(Reply::new(call.body))
    }
}

impl Service<Call<Duplex>> for Spin {
    type Reply = Trailers;

    async fn call(&self, call: Call<Duplex>) -> Result<Trailers, Error> {
        Echo.call(call).await
    }
}
