//! Finds the service and the method of a call.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{
    Call, Class, Dispatch, Duplex, Error, Fixed, Handling, Method, Reply, ServiceDesc, Trailers,
};

use crate::mounted::{Entrance, Mount};

static NOT_HERE: Fixed = Fixed::new(Class::Unimplemented, "no such service here");

/// The services of a server, by name and method path.
#[derive(Default)]
pub(crate) struct Router {
    methods: HashMap<&'static [u8], Method>,
    /// Few, so that going through them beats hashing a name.
    services: Vec<Routed>,
}

/// A service and what stands before it.
struct Routed {
    name: &'static str,
    mount: Arc<dyn Mount>,
    entrance: Entrance,
}

impl Router {
    /// Adds a service.
    pub(crate) fn add(
        &mut self,
        desc: &'static ServiceDesc,
        mount: Arc<dyn Mount>,
        entrance: Entrance,
    ) -> Result<(), Error> {
        let name = desc.name;
        if self.services.iter().any(|known| known.name == name) {
            let text = format!("service {name} is served twice: remove one `serve`");
            return Err(Error::invalid_input(text));
        }
        self.services.push(Routed {
            name,
            mount,
            entrance,
        });
        let methods = desc
            .methods
            .iter()
            .map(|m| (m.path.as_bytes(), Method::new(m)));
        self.methods.extend(methods);
        Ok(())
    }

    fn service(&self, method: Method) -> Option<&Routed> {
        let name = method.service();
        // The same text is mostly the same constant.
        let mut services = self.services.iter();
        services
            .find(|known| std::ptr::eq(known.name, name))
            .or_else(|| self.services.iter().find(|known| known.name == name))
    }
}

impl Dispatch for Router {
    fn resolve(&self, path: &[u8]) -> Option<Method> {
        self.methods.get(path).copied()
    }

    fn unary(&self, call: Call<Bytes>) -> Handling<Reply<Bytes>> {
        match self.service(call.info.method()) {
            Some(service) => service.mount.unary(call, &service.entrance),
            None => Box::pin(std::future::ready(Err(Error::fixed(&NOT_HERE)))),
        }
    }

    fn stream(&self, call: Call<Duplex>) -> Handling<Trailers> {
        match self.service(call.info.method()) {
            Some(service) => service.mount.stream(call, &service.entrance),
            None => Box::pin(std::future::ready(Err(Error::fixed(&NOT_HERE)))),
        }
    }
}
