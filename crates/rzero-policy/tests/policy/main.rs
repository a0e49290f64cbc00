//! What a `[policy]` table says, as operators write it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod changes;
mod documentation;
mod messages;
mod origins;
mod precedence;
mod store;
