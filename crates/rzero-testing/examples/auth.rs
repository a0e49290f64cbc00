//! A server that asks who calls: applications with a token, as go-zero's clients send it, or
//! people with a bearer token, who may do more.
//!
//! `cargo run -p rzero-testing --example auth`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use rzero_client::{CallOptions, Channel};
use rzero_config::Secret;
use rzero_core::{Call, CallInfo, Duplex, Error, Identity, Reply, Result, Service, Trailers};
use rzero_server::rt::Describe;
use rzero_server::{AuthConfig, AuthHooks, ServerConfig};
use rzero_testing::{Echo, TestServer};

const CONFIG: &str = r#"
    require = ["app", "bearer"]
    combine = "any"
    app.tokens.stock = "s3cret"

    [[rule]]
    match.method = "rzero.testing.Echo/Chat"
    require = ["bearer"]
"#;

/// An echo that says who called.
struct Named;

impl Describe for Named {
    fn describe(&self) -> &'static rzero_core::ServiceDesc {
        Echo.describe()
    }
}

impl Service<Call<bytes::Bytes>> for Named {
    type Reply = Reply<bytes::Bytes>;

    async fn call(&self, call: Call<bytes::Bytes>) -> Result<Self::Reply> {
        // A generated handler asks its `cx.identity()`.
        let name = call
            .info
            .identity()
            .map_or("nobody", |caller| caller.name());
        Ok(Reply::new(format!("hello {name}").into()))
    }
}

impl Service<Call<Duplex>> for Named {
    type Reply = Trailers;

    async fn call(&self, call: Call<Duplex>) -> Result<Trailers> {
        Echo.call(call).await
    }
}

async fn judge(_: CallInfo, token: Secret) -> Result<Identity> {
    println!("  (a token is judged)");
    match token.matches("alices token") {
        true => Ok(Identity::new("alice").with_claim("role", "admin")),
        false => Err(Error::unauthenticated("the bearer token is not valid")),
    }
}

async fn say(channel: &Channel, who: &str, pairs: &[(&'static str, &'static str)]) -> Result<()> {
    let mut options = CallOptions::new();
    for (key, value) in pairs {
        options = options.metadata(*key, *value)?;
    }
    match channel.unary(Echo::SAY, "hello".into(), &options).await {
        Ok(reply) => println!("{who}: {:?}", reply.body),
        Err(error) => println!("{who}: {error}"),
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let auth: AuthConfig = toml::from_str(CONFIG)?;
    let config = ServerConfig {
        auth,
        ..ServerConfig::default()
    };
    let hooks = AuthHooks::new().bearer(judge);
    let server = TestServer::start_with(config, |app| app.auth(hooks).serve(Named)).await?;
    let channel = server.channel();

    say(&channel, "nobody", &[]).await?;
    say(&channel, "stock", &[("app", "stock"), ("token", "s3cret")]).await?;
    say(
        &channel,
        "a guess",
        &[("app", "stock"), ("token", "secret")],
    )
    .await?;
    for _ in 0..2 {
        let alice = [("authorization", "Bearer alices token")];
        say(&channel, "alice", &alice).await?;
    }
    Ok(())
}
