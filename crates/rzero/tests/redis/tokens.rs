//! Tokens of applications in Redis, where go-zero keeps them.

use rzero::config::Secret;
use rzero::{AuthHooks, Class};
use rzero_harness::RedisServer;

use crate::support::World;

const AUTH: &str = "[server.auth]\nrequire = [\"app\"]\napp.redis = \"main\"\n\
                    app.key = \"rpc:auth\"\napp.timeout = \"10s\"\napp.cache_refused = \"0s\"\n";

fn shown<'a>(app: &'a str, token: &'a str) -> [(&'a str, &'a str); 2] {
    [("app", app), ("token", token)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis"]
async fn applications_are_let_in_by_the_hash_of_go_zero() {
    let mut redis = RedisServer::start().unwrap();
    redis.cli(&["HSET", "rpc:auth", "stock", "s3cret"]).unwrap();
    let world = World::new(&redis, AUTH);
    let node = world.start().await;
    node.say(&shown("stock", "s3cret")).await.unwrap();
    for refused in [shown("stock", "guess"), shown("nobody", "s3cret")] {
        let error = node.say(&refused).await.unwrap_err();
        assert_eq!(error.class(), Class::Unauthenticated, "{error}");
    }
    let error = node.say(&[]).await.unwrap_err();
    assert_eq!(error.class(), Class::Unauthenticated, "{error}");
    // A new application is known at once, and a changed token too.
    redis.cli(&["HSET", "rpc:auth", "web", "one"]).unwrap();
    node.say(&shown("web", "one")).await.unwrap();
    redis.cli(&["HSET", "rpc:auth", "web", "two"]).unwrap();
    node.say(&shown("web", "two")).await.unwrap();
    redis.kill().unwrap();
    node.say(&shown("stock", "s3cret")).await.unwrap();
    let error = node.say(&shown("other", "x")).await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable, "{error}");
    node.leave().await;
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_token_store_of_the_program_beside_it_is_refused() {
    let redis = RedisServer::start().unwrap();
    let world = World::new(&redis, AUTH);
    let own = AuthHooks::new().token_store(|_: String| async { Ok(None::<Secret>) });
    let error = world.app().auth(own).run().await.unwrap_err();
    assert!(error.message().contains("server.auth.app.redis"), "{error}");
    assert!(error.message().contains("remove one of both"), "{error}");
}
