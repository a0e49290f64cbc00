//! Finds the service and the method of a call.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{
    Call, Class, Dispatch, Duplex, Error, Fixed, Handling, Method, Reply, ServiceDesc, Trailers,
};

use crate::mounted::{Mount, Rules};

static NOT_HERE: Fixed = Fixed::new(Class::Unimplemented, "no such service here");

/// The services of a server, by name and method path.
pub(crate) struct Router {
    methods: HashMap<&'static [u8], Method>,
    services: HashMap<&'static str, Arc<dyn Mount>>,
    rules: Rules,
}

impl Router {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            methods: HashMap::new(),
            services: HashMap::new(),
            rules,
        }
    }

    /// Adds a service.
    pub(crate) fn add(
        &mut self,
        desc: &'static ServiceDesc,
        service: Arc<dyn Mount>,
    ) -> Result<(), Error> {
        if self.services.insert(desc.name, service).is_some() {
            let text = format!("service {} is served twice: remove one `serve`", desc.name);
            return Err(Error::invalid_input(text));
        }
        let methods = desc
            .methods
            .iter()
            .map(|m| (m.path.as_bytes(), Method::new(m)));
        self.methods.extend(methods);
        Ok(())
    }

    fn service(&self, method: Method) -> Option<&dyn Mount> {
        self.services
            .get(method.service())
            .map(|service| &**service)
    }
}

impl Dispatch for Router {
    fn resolve(&self, path: &[u8]) -> Option<Method> {
        self.methods.get(path).copied()
    }

    fn unary(&self, call: Call<Bytes>) -> Handling<Reply<Bytes>> {
        match self.service(call.info.method()) {
            Some(service) => service.unary(call, &self.rules),
            None => Box::pin(std::future::ready(Err(Error::fixed(&NOT_HERE)))),
        }
    }

    fn stream(&self, call: Call<Duplex>) -> Handling<Trailers> {
        match self.service(call.info.method()) {
            Some(service) => service.stream(call, &self.rules),
            None => Box::pin(std::future::ready(Err(Error::fixed(&NOT_HERE)))),
        }
    }
}
