//! Rates that several servers share, over a real wire and a real Redis.

use rzero::Class;
use rzero::redis::redis::cmd;
use rzero_harness::RedisServer;

use crate::support::{Node, World, until};

/// Ten calls a day for each user, to all servers together.
fn ten(on_error: &str) -> String {
    format!(
        "[[policy.rate]]\nname = \"users\"\nkey = \"header:x-user\"\nrate = 1\nburst = 10\n\
         period = \"1d\"\nscope = \"distributed\"\non_error = \"{on_error}\"\n"
    )
}

/// Calls in turn until one is refused or enough were allowed; how many were.
async fn allowed(nodes: &[&Node], user: &str) -> usize {
    for n in 0..12 {
        if let Err(error) = nodes[n % nodes.len()].say(&[("x-user", user)]).await {
            assert_eq!(error.class(), Class::RateLimited, "{error}");
            return n;
        }
    }
    12
}

/// Waits until a user who has used nothing yet may call so often.
async fn until_allowed(nodes: &[&Node], group: &str, count: usize) {
    let mut user = 0;
    until(&format!("{group}: {count} calls"), async || {
        user += 1;
        allowed(nodes, &format!("{group}-{user}")).await == count
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis"]
async fn servers_share_one_limit_and_follow_its_changes() {
    let redis = RedisServer::start().unwrap();
    let world = World::new(&redis, &ten("share"));
    let (one, two) = (world.start().await, world.start().await);
    assert_eq!(allowed(&[&one, &two], "ann").await, 10);
    assert_eq!(allowed(&[&two], "ann").await, 0);
    assert_eq!(allowed(&[&two], "bob").await, 10);
    let key = cmd("EXISTS").arg("rz:lim:users:{ann}").to_owned();
    assert_eq!(one.redis.query::<i64>(&key).await.unwrap(), 1);
    world.write(&ten("share").replace("burst = 10", "burst = 4"));
    until_allowed(&[&one, &two], "later", 4).await;
    world.write("");
    until_allowed(&[&one, &two], "free", 12).await;
    one.leave().await;
    two.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis"]
async fn without_redis_each_server_has_its_share_until_it_is_back() {
    let mut redis = RedisServer::start().unwrap();
    let world = World::new(&redis, &ten("share"));
    let (one, two) = (world.start().await, world.start().await);
    assert_eq!(allowed(&[&one, &two], "ann").await, 10);
    redis.kill().unwrap();
    until_allowed(&[&one], "one", 5).await;
    until_allowed(&[&two], "two", 5).await;
    redis.restart().unwrap();
    until_allowed(&[&one], "back", 10).await;
    until_allowed(&[&two], "again", 10).await;
    assert_eq!(
        allowed(&[&one, &two], "ann").await,
        10,
        "it lost its memory"
    );
    one.leave().await;
    two.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis"]
async fn a_server_starts_without_redis_and_does_what_the_rule_says() {
    let mut redis = RedisServer::start().unwrap();
    redis.kill().unwrap();
    for (on_error, count) in [("full", 10), ("allow", 12), ("deny", 0)] {
        let world = World::new(&redis, &ten(on_error));
        let node = world.start().await;
        assert_eq!(allowed(&[&node], "ann").await, count, "{on_error}");
        node.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis"]
async fn a_rule_may_come_while_the_server_runs() {
    let redis = RedisServer::start().unwrap();
    let world = World::new(&redis, "");
    let node = world.start().await;
    assert_eq!(allowed(&[&node], "ann").await, 12);
    world.write(&ten("deny"));
    until_allowed(&[&node], "later", 10).await;
    node.leave().await;
}
