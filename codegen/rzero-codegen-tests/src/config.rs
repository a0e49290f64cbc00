//! The service's own settings.

use serde::Deserialize;

/// What stands in `etc/torture.toml` beside the sections of rzero.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {}
