//! Calls to be limited.

use std::sync::Arc;
use std::time::Duration;

use rzero_core::{Address, CallInfo, Idempotency, Kind, Method, MethodDesc, Peer, ServiceDesc};
use tokio::time::Instant;

const fn method(path: &'static str, name: &'static str, kind: Kind, index: u16) -> MethodDesc {
    MethodDesc {
        path,
        service: "shop.Orders",
        name,
        kind,
        idempotency: Idempotency::Unknown,
        index,
    }
}

static METHODS: [MethodDesc; 3] = [
    method("/shop.Orders/Get", "Get", Kind::Unary, 0),
    method("/shop.Orders/Put", "Put", Kind::Unary, 1),
    method("/shop.Orders/Watch", "Watch", Kind::ServerStream, 2),
];

pub(crate) static ORDERS: ServiceDesc = ServiceDesc {
    name: "shop.Orders",
    methods: &METHODS,
    files: &[],
};

/// A call of the method at `index`.
pub(crate) fn call(index: usize, now: Instant) -> CallInfo {
    CallInfo::new(Method::new(&METHODS[index]), now)
}

/// The same from somebody who says so.
pub(crate) fn call_with(index: usize, now: Instant, key: &'static str, value: &str) -> CallInfo {
    let mut call = call(index, now);
    call.metadata_mut().insert(key, value.to_owned()).unwrap();
    call
}

pub(crate) fn set_peer(call: &mut CallInfo, host: &str, identity: Option<&str>) {
    call.set_peer(Arc::new(Peer {
        address: Address::tcp(host, 1),
        identity: identity.map(str::to_owned),
    }));
}

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
