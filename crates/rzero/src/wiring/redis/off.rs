//! Without the feature: a section is an error, and nothing is kept anywhere.

use std::sync::Arc;

use rzero_core::{Error, Result, ServiceDesc};
use rzero_policy::Policies;
use rzero_registry::{Registry, ServiceName};
use rzero_resilience::limit::SharedRates;
use rzero_server::{AuthHooks, ServerConfig};
use serde::de::{self, Deserialize, Deserializer};

use super::Sections;

/// Stands for `[redis.<name>]` in programs that were built without Redis.
#[derive(Clone, Copy, Debug)]
pub enum NoRedis {}

impl<'de> Deserialize<'de> for NoRedis {
    fn deserialize<D: Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        Err(de::Error::custom(
            "needs the feature `redis` of rzero: run `cargo add rzero --features redis`",
        ))
    }
}

/// None.
pub(in crate::wiring) struct Stores;

impl Stores {
    /// None.
    ///
    /// # Errors
    /// When the configuration needs one.
    pub(in crate::wiring) fn open(
        policies: &Policies,
        server: &ServerConfig,
        sections: &Sections,
    ) -> Result<Self> {
        super::store(policies, sections).map_err(|e| Error::invalid_input(e.to_string()))?;
        super::check_tokens(&server.auth, sections)
            .map_err(|text| Error::invalid_input(format!("{}: {text}", super::TOKENS)))?;
        Ok(Self)
    }

    pub(in crate::wiring) const fn counts(&self) -> bool {
        false
    }

    pub(in crate::wiring) fn hooks(&self, program: &AuthHooks) -> Result<AuthHooks> {
        Ok(program.clone())
    }

    pub(in crate::wiring) async fn rates(
        &self,
        _: &Arc<dyn Registry>,
        _: &ServiceName,
        _: &[&'static ServiceDesc],
        _: &Policies,
    ) -> Result<Option<Arc<dyn SharedRates>>> {
        Ok(None)
    }
}
