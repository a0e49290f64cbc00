//! The service's own settings.

use serde::Deserialize;

/// What stands in `etc/greeter.toml` beside the sections of rzero.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// What a greeting starts with.
    pub greeting: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            greeting: "Hello".into(),
        }
    }
}
