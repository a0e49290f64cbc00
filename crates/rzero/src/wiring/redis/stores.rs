//! The Redis of a program, and what is kept in which.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rzero_core::{Error, Result, ServiceDesc};
use rzero_policy::Policies;
use rzero_redis::Redis;
use rzero_registry::{Registry, ServiceName};
use rzero_resilience::limit::SharedRates;
use rzero_server::{AuthHooks, ServerConfig};

use super::rates::{self, Fleet};
use super::tokens::RedisTokens;
use super::{Sections, TOKENS, check_tokens, missing, store};

/// Every `[redis.<name>]`, opened, and what the framework itself keeps there.
pub(in crate::wiring) struct Stores {
    all: BTreeMap<String, Redis>,
    sections: Sections,
    /// Where rates are counted, and how long one decision may take.
    rates: Option<(Redis, Duration)>,
    tokens: Option<RedisTokens>,
}

impl Stores {
    /// Opens them; each connects when it is first used.
    ///
    /// # Errors
    /// When a section cannot work, or one is needed that is not there; names the key.
    pub(in crate::wiring) fn open(
        policies: &Policies,
        server: &ServerConfig,
        sections: &Sections,
    ) -> Result<Self> {
        let rates = store(policies, sections).map_err(|e| Error::invalid_input(e.to_string()))?;
        check_tokens(&server.auth, sections)
            .map_err(|text| Error::invalid_input(format!("{TOKENS}: {text}")))?;
        let open = sections.iter().map(|(name, config)| {
            let redis = Redis::new(name, config)?;
            Ok((name.clone(), redis))
        });
        let all: BTreeMap<String, Redis> = open.collect::<Result<_>>()?;
        let rates = rates.and_then(|name| all.get(&name).cloned());
        let app = &server.auth.app;
        let tokens = app.redis.as_ref().zip(app.key.clone());
        let tokens = tokens.and_then(|(name, key)| Some(RedisTokens::new(all.get(name)?, key)));
        Ok(Self {
            rates: rates.map(|redis| (redis, policies.server().store.timeout)),
            sections: sections.clone(),
            tokens,
            all,
        })
    }

    /// The Redis that `[redis.<name>]` describes.
    ///
    /// # Errors
    /// When there is no such section.
    pub(in crate::wiring) fn get(&self, name: &str) -> Result<Redis> {
        let found = self.all.get(name).cloned();
        found.ok_or_else(|| Error::invalid_input(missing(name, &self.sections)))
    }

    /// Whether rates can be counted for all processes together.
    pub(in crate::wiring) const fn counts(&self) -> bool {
        self.rates.is_some()
    }

    /// What authentication needs: what the program gave, and the tokens that are in Redis.
    ///
    /// # Errors
    /// When both know tokens.
    pub(in crate::wiring) fn hooks(&self, program: &AuthHooks) -> Result<AuthHooks> {
        let hooks = program.clone();
        match &self.tokens {
            None => Ok(hooks),
            Some(_) if hooks.has_token_store() => Err(Error::invalid_input(format!(
                "{TOKENS}: the program has a token store of its own; remove one of both"
            ))),
            Some(tokens) => Ok(hooks.token_store(tokens.clone())),
        }
    }

    /// What counts for all processes of `service` together, for the methods of `served`; `None`
    /// without a store.
    ///
    /// # Errors
    /// Never with rules that the policies have checked.
    pub(in crate::wiring) async fn rates(
        &self,
        registry: &Arc<dyn Registry>,
        service: &ServiceName,
        served: &[&'static ServiceDesc],
        policies: &Policies,
    ) -> Result<Option<Arc<dyn SharedRates>>> {
        let Some((redis, within)) = &self.rates else {
            return Ok(None);
        };
        if policies.server().first_distributed().is_some() {
            rates::warm(redis).await;
        }
        let fleet = Fleet::new(Arc::clone(registry), service.clone());
        let rates = rates::Rates::new(redis.clone(), *within, served, fleet)?;
        Ok(Some(Arc::new(rates)))
    }
}
