use std::future::pending;
use std::sync::Mutex;

use rzero_config::Secret;
use tokio::task::yield_now;

use super::*;

const APP: &str = "require = ['app']\n";
const GOOD: [(&str, &str); 2] = [("app", "stock"), ("token", "s3cret")];
const BAD: [(&str, &str); 2] = [("app", "stock"), ("token", "guess!")];
const UNKNOWN: [(&str, &str); 2] = [("app", "nobody"), ("token", "s3cret")];

/// A store in which `stock` has the token.
fn store(asked: &Asked) -> AuthHooks {
    let asked = asked.clone();
    AuthHooks::new().token_store(move |app: String| {
        asked.more();
        async move {
            yield_now().await;
            Ok((app == "stock").then(|| Secret::new("s3cret")))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn both_app_and_token_are_needed() {
    let gate = gate(
        &format!("{APP}app.tokens.stock = 's3cret'"),
        AuthHooks::new(),
    );
    assert_eq!(ask(&gate, get(&GOOD)).await.unwrap(), "stock");
    for pairs in [
        &GOOD[..1],
        &GOOD[1..],
        &[],
        &BAD,
        &UNKNOWN,
        &[("app", "stock"), ("token", "")],
        &[("app", ""), ("token", "s3cret")],
        &[("app", "stock"), ("token", "s3cret2")],
    ] {
        let answer = ask(&gate, get(pairs)).await;
        assert_eq!(answer, Err(Class::Unauthenticated), "{pairs:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_are_checked_too() {
    let gate = gate(
        &format!("{APP}app.tokens.stock = 's3cret'"),
        AuthHooks::new(),
    );
    assert_eq!(ask(&gate, call(&SHOP, 1, &GOOD)).await.unwrap(), "stock");
    assert!(ask(&gate, call(&SHOP, 1, &[])).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn tokens_are_remembered_for_their_time() {
    let asked = Asked::default();
    let gate = gate(&format!("{APP}app.cache = '5m'"), store(&asked));
    for _ in 0..5 {
        assert_eq!(ask(&gate, get(&GOOD)).await.unwrap(), "stock");
        advance(59 * SECOND).await;
    }
    assert_eq!(asked.times(), 1);
    advance(6 * SECOND).await;
    assert_eq!(ask(&gate, get(&GOOD)).await.unwrap(), "stock");
    assert_eq!(asked.times(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_cache_every_call_asks() {
    let asked = Asked::default();
    let text = format!("{APP}app.cache = '0s'\napp.cache_refused = '0s'");
    let gate = gate(&text, store(&asked));
    for _ in 0..3 {
        assert!(ask(&gate, get(&GOOD)).await.is_ok());
        assert!(ask(&gate, get(&UNKNOWN)).await.is_err());
    }
    assert_eq!(asked.times(), 6);
}

#[tokio::test(start_paused = true)]
async fn unknown_apps_are_remembered_shortly() {
    let asked = Asked::default();
    let gate = gate(APP, store(&asked));
    for _ in 0..3 {
        assert!(ask(&gate, get(&UNKNOWN)).await.is_err());
    }
    assert_eq!(asked.times(), 1);
    advance(5 * SECOND).await;
    assert!(ask(&gate, get(&UNKNOWN)).await.is_err());
    assert_eq!(asked.times(), 2);
}

#[tokio::test(start_paused = true)]
async fn callers_of_one_app_wait_for_one_answer() {
    let asked = Asked::default();
    let gate = gate(APP, store(&asked));
    let calls = (0..20).map(|n| get(if n % 2 == 0 { &GOOD } else { &BAD }));
    let answers = ask_all(&gate, calls).await;
    assert_eq!(asked.times(), 1);
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), n % 2 == 0, "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn changed_token_is_learned_and_guesses_ask_rarely() {
    let token = Arc::new(Mutex::new("s3cret"));
    let (asked, stored) = (Asked::default(), Arc::clone(&token));
    let counted = asked.clone();
    let hooks = AuthHooks::new().token_store(move |_: String| {
        counted.more();
        let token = *stored.lock().unwrap();
        async move { Ok(Some(Secret::new(token))) }
    });
    let gate = gate(APP, hooks);
    assert!(ask(&gate, get(&GOOD)).await.is_ok());
    *token.lock().unwrap() = "guess!";
    // Within five seconds a token that differs is a guess.
    assert!(ask(&gate, get(&BAD)).await.is_err());
    assert_eq!(asked.times(), 1);
    advance(5 * SECOND).await;
    assert!(ask(&gate, get(&BAD)).await.is_ok());
    assert!(ask(&gate, get(&GOOD)).await.is_err());
    assert_eq!(asked.times(), 2);
}

#[tokio::test(start_paused = true)]
async fn failing_store_closes_unless_it_may_open() {
    for (text, answer) in [
        ("", Err(Class::Unavailable)),
        ("app.on_error = 'closed'", Err(Class::Unavailable)),
        ("app.on_error = 'open'", Ok(String::new())),
    ] {
        let hooks = AuthHooks::new().token_store(|_: String| down());
        let gate = gate(&format!("{APP}{text}"), hooks);
        assert_eq!(ask(&gate, get(&GOOD)).await, answer, "{text}");
        // Who shows nothing stays out.
        let nothing = ask(&gate, get(&[])).await;
        assert_eq!(nothing, Err(Class::Unauthenticated), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_not_remembered_and_known_tokens_outlive_them() {
    let (asked, fails) = (Asked::default(), 2..=4);
    let counted = asked.clone();
    let hooks = AuthHooks::new().token_store(move |app: String| {
        let fails = fails.contains(&counted.more());
        async move {
            match fails {
                true => Err(Error::unavailable("away")),
                false => Ok((app == "stock").then(|| Secret::new("s3cret"))),
            }
        }
    });
    let gate = gate(APP, hooks);
    assert!(ask(&gate, get(&GOOD)).await.is_ok());
    for _ in 0..3 {
        assert_eq!(ask(&gate, get(&UNKNOWN)).await, Err(Class::Unavailable));
        assert!(ask(&gate, get(&GOOD)).await.is_ok());
    }
    let unknown = ask(&gate, get(&UNKNOWN)).await;
    assert_eq!((unknown, asked.times()), (Err(Class::Unauthenticated), 5));
}

#[tokio::test(start_paused = true)]
async fn hanging_store_is_not_waited_for() {
    let hooks = AuthHooks::new().token_store(|_: String| pending());
    let gate = gate(&format!("{APP}app.timeout = '300ms'"), hooks);
    let start = Instant::now();
    assert_eq!(ask(&gate, get(&GOOD)).await, Err(Class::Unavailable));
    assert_eq!(start.elapsed(), Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn panicking_store_closes() {
    let hooks = AuthHooks::new().token_store(|app: String| async move { panic!("{app}") });
    let gate = gate(APP, hooks);
    assert_eq!(ask(&gate, get(&GOOD)).await, Err(Class::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn questions_at_a_time_are_bounded() {
    let asked = Asked::default();
    let counted = asked.clone();
    let hooks = AuthHooks::new().token_store(move |_: String| {
        counted.more();
        pending()
    });
    let gate = gate(&format!("{APP}app.max_checks = 4"), hooks);
    let apps: Vec<_> = (0..50).map(|n| format!("app-{n}")).collect();
    let calls = apps.iter().map(|app| get(&[("app", app), ("token", "x")]));
    let answers = ask_all(&gate, calls).await;
    assert!(answers.iter().all(|a| *a == Err(Class::Unavailable)));
    assert_eq!(asked.times(), 4);
}

#[tokio::test(start_paused = true)]
async fn empty_token_in_a_store_opens_nothing() {
    let hooks = AuthHooks::new().token_store(|_: String| async { Ok(Some(Secret::new(""))) });
    let gate = gate(APP, hooks);
    assert_eq!(ask(&gate, get(&GOOD)).await, Err(Class::Unauthenticated));
}
