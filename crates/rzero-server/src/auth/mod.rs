//! Who may call what: the authentication of a server, off unless `[server.auth]` asks for it.
//!
//! A method may require one or several of three kinds, all of them or any one:
//!
//! - `app`: the metadata `app` and `token`, as go-zero's clients send them, compared with what a
//!   [`TokenStore`] knows;
//! - `bearer`: the metadata `authorization: Bearer …`, judged by a function of the user;
//! - `mtls`: the verified certificate of the peer, whose name must be in a list.
//!
//! It stands inside of what catches panics, because it runs user code, and outside of the user's
//! layers. Whatever cannot be checked is refused. What was learned is remembered for a while, in
//! bounded memory; callers with the same credential wait for one check; the number of checks at a
//! time and their time are bounded. Streams are checked when they begin. Health and reflection are
//! exempt but for rules that name them.
//!
//! ```toml
//! [server.auth]
//! require = ["app"]                           # every method
//! app.tokens.stock = "${STOCK_TOKEN}"
//!
//! [[server.auth.rule]]                        # the last rule that fits a method is its own
//! match.method = "shop.v1.Orders/Delete*"
//! require = ["mtls", "bearer"]
//! combine = "all"
//! certificates = ["spiffe://prod/admin/*"]
//!
//! [[server.auth.rule]]
//! match.method = "shop.v1.Catalog/*"
//! require = []                                # open to everybody
//! ```
//!
//! Handlers see who calls in [`Cx::identity`](rzero_core::Cx::identity).

mod app;
mod bearer;
mod cache;
mod checks;
mod config;
mod gate;
mod hooks;
mod mtls;
mod valid;
mod verdict;

#[cfg(test)]
mod tests;

pub use config::{
    AppAuthConfig, AuthConfig, AuthKind, AuthMatch, AuthRule, BearerConfig, Combine, OnError,
};
pub(crate) use gate::{Auth, Gate};
pub use hooks::{AuthHooks, TokenStore};
