//! The log subscriber.

use std::io::IsTerminal;

use rzero_core::names;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Installs a subscriber that writes to standard error, unless the program has one. The filter is
/// `RZ_LOG` (such as `info,rzero_client=debug`), default `info`.
pub(super) fn install() {
    let text = std::env::var(names::ENV_LOG).unwrap_or_default();
    let parsed = text.parse::<Targets>();
    let bad = parsed.is_err();
    let filter = match parsed {
        Ok(filter) if !text.is_empty() => filter,
        _ => Targets::new().with_default(tracing::Level::INFO),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // An error means that the program has installed its own.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .try_init();
    if bad {
        tracing::warn!(
            filter = text,
            "RZ_LOG is not a filter; write e.g. info,rzero_client=debug"
        );
    }
}
