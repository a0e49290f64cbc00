//! Options of the call that travel with it.

use std::time::Duration;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use clap::Args;
use rzero::CallOptions;
use rzero::parts::core::Kind;

use crate::failure::{Failure, Result};

/// How long a call with one reply may take unless told otherwise: people wait longer than programs.
const DEADLINE: Duration = Duration::from_secs(10);

/// Standard base64, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Debug, Args)]
#[command(next_help_heading = "Call")]
pub(super) struct OptionArgs {
    /// Metadata to send; the value of a key that ends in `-bin` is base64
    #[arg(short = 'H', long = "header", value_name = "KEY: VALUE")]
    headers: Vec<String>,

    /// How long the call may take, such as `500ms` [default: 10s for one reply, none for streams]
    #[arg(long, value_name = "TIME", value_parser = rzero::config::duration::parse)]
    deadline: Option<Duration>,

    /// Say that the call may run twice, so that it is sent again when an instance is lost
    #[arg(long)]
    idempotent: bool,

    /// Key by which consistent hashing chooses the instance
    #[arg(long, value_name = "KEY")]
    hash_key: Option<String>,

    /// Wait for a ready instance until the deadline instead of failing at once
    #[arg(long)]
    wait_for_ready: bool,
}

impl OptionArgs {
    pub(super) fn build(&self, kind: Kind) -> Result<CallOptions> {
        let mut options = CallOptions::new().wait_for_ready(self.wait_for_ready);
        if let Some(deadline) = self.deadline.or((kind == Kind::Unary).then_some(DEADLINE)) {
            options = options.deadline(deadline);
        }
        if self.idempotent {
            options = options.idempotent(true);
        }
        if let Some(key) = &self.hash_key {
            options = options.hash_key(key);
        }
        for header in &self.headers {
            options = add(options, header)?;
        }
        Ok(options)
    }
}

fn add(options: CallOptions, header: &str) -> Result<CallOptions> {
    let Some((key, value)) = header.split_once(':') else {
        return Err(Failure::input(format!("`{header}` is no metadata"))
            .help("write the key, a colon and the value, such as -H 'x-tenant: blue'"));
    };
    let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
    let added = match key.ends_with("-bin") {
        false => options.metadata(key, value),
        true => {
            let bytes = BASE64.decode(value).map_err(|error| {
                Failure::input(format!("the value of `{key}` is not base64")).because(&error)
            })?;
            options.metadata_binary(key, bytes)
        }
    };
    added.map_err(|error| Failure::input(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_headers_are_refused() {
        for wrong in ["x", "grpc-status: 0", "a b: c", "x-bin: ?"] {
            let failure = add(CallOptions::new(), wrong).unwrap_err();
            assert_eq!(failure.exit(), crate::exit::Exit::BadInput, "{wrong}");
        }
        for good in ["X-Tenant: blue", "x-bin: AQI", "x-bin: AQI=", "x:"] {
            assert!(add(CallOptions::new(), good).is_ok(), "{good}");
        }
    }
}
