use std::future::pending;

use rzero_config::Secret;
use tokio::task::yield_now;

use super::*;

const BEARER: &str = "require = ['bearer']\n";

fn with(token: &str) -> CallInfo {
    get(&[("authorization", &format!("Bearer {token}"))])
}

/// Knows `good`, forbids `poor`, fails for `broken`, panics for `bomb`.
fn judge(asked: &Asked) -> AuthHooks {
    let asked = asked.clone();
    AuthHooks::new().bearer(move |_: CallInfo, token: Secret| {
        asked.more();
        async move {
            yield_now().await;
            match token.expose() {
                "good" => Ok(alice().with_claim("role", "admin")),
                "poor" => Err(Error::permission_denied("not for you")),
                "broken" => Err("x".parse::<u8>().unwrap_err().into()),
                "bomb" => panic!("on purpose"),
                "short" => Ok(alice().valid_until(Instant::now() + 10 * SECOND)),
                "ended" => Ok(alice().valid_until(Instant::now())),
                _ => Err(Error::unauthenticated("the token is not valid")),
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn scheme_and_token_are_needed() {
    let gate = gate(BEARER, judge(&Asked::default()));
    for value in ["Bearer good", "bearer good", "BEARER  good "] {
        let answer = ask(&gate, get(&[("authorization", value)])).await;
        assert_eq!(answer.unwrap(), "alice", "{value}");
    }
    for value in [
        "",
        "good",
        "Bearer",
        "Bearer ",
        "Basic good",
        "Bearergood",
        "Bearer bad",
    ] {
        let answer = ask(&gate, get(&[("authorization", value)])).await;
        assert_eq!(answer, Err(Class::Unauthenticated), "{value}");
    }
    assert_eq!(ask(&gate, get(&[])).await, Err(Class::Unauthenticated));
}

#[tokio::test(start_paused = true)]
async fn handlers_see_claims_and_callers_the_users_text() {
    let gate = gate(BEARER, judge(&Asked::default()));
    let mut call = with("good");
    gate.check(&mut call, Instant::now()).await.unwrap();
    assert_eq!(call.identity().unwrap().claim("role"), Some("admin"));
    for _ in 0..2 {
        let error = gate.check(&mut with("poor"), Instant::now()).await;
        let error = error.unwrap_err();
        assert_eq!(error.class(), Class::PermissionDenied);
        assert_eq!(error.message(), "not for you");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_remembered_and_shared() {
    let asked = Asked::default();
    let gate = gate(BEARER, judge(&asked));
    let answers = ask_all(&gate, (0..10).map(|_| with("good"))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(asked.times(), 1);
    for _ in 0..3 {
        assert!(ask(&gate, with("good")).await.is_ok());
        assert!(ask(&gate, with("bad")).await.is_err());
    }
    assert_eq!(asked.times(), 2);
    advance(5 * SECOND).await;
    assert!(ask(&gate, with("bad")).await.is_err());
    assert_eq!(asked.times(), 3);
    advance(55 * SECOND).await;
    assert!(ask(&gate, with("good")).await.is_ok());
    assert_eq!(asked.times(), 4);
}

#[tokio::test(start_paused = true)]
async fn answers_for_one_method_do_not_count_for_another() {
    let hooks = AuthHooks::new().bearer(|call: CallInfo, _: Secret| async move {
        match call.method().name() {
            "Get" => Ok(alice()),
            _ => Err(Error::permission_denied("only Get")),
        }
    });
    let gate = gate(BEARER, hooks);
    let header = [("authorization", "Bearer good")];
    for _ in 0..2 {
        assert!(ask(&gate, call(&SHOP, 0, &header)).await.is_ok());
        let watch = ask(&gate, call(&SHOP, 1, &header)).await;
        assert_eq!(watch, Err(Class::PermissionDenied));
    }
}

#[tokio::test(start_paused = true)]
async fn failures_close_and_are_not_remembered() {
    let asked = Asked::default();
    let gate = gate(BEARER, judge(&asked));
    for token in ["broken", "bomb"] {
        let before = asked.times();
        for _ in 0..3 {
            assert_eq!(ask(&gate, with(token)).await, Err(Class::Unavailable));
        }
        assert_eq!(asked.times() - before, 3, "{token}");
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_check_is_not_waited_for() {
    let hooks = AuthHooks::new().bearer(|_: CallInfo, _: Secret| pending());
    let gate = gate(BEARER, hooks);
    let start = Instant::now();
    assert_eq!(ask(&gate, with("good")).await, Err(Class::Unavailable));
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn identities_are_not_remembered_past_their_end() {
    let asked = Asked::default();
    let gate = gate(BEARER, judge(&asked));
    assert!(ask(&gate, with("short")).await.is_ok());
    advance(9 * SECOND).await;
    assert!(ask(&gate, with("short")).await.is_ok());
    assert_eq!(asked.times(), 1);
    advance(SECOND).await;
    assert!(ask(&gate, with("short")).await.is_ok());
    assert_eq!(asked.times(), 2);
    let ended = ask(&gate, with("ended")).await;
    assert_eq!(ended, Err(Class::Unauthenticated));
}

#[tokio::test(start_paused = true)]
async fn made_up_tokens_do_not_push_out_real_ones() {
    let asked = Asked::default();
    let gate = gate(
        &format!("{BEARER}bearer.cache_size = '64KiB'"),
        judge(&asked),
    );
    assert!(ask(&gate, with("good")).await.is_ok());
    for n in 0..2_000 {
        assert!(ask(&gate, with(&format!("made-up-{n}"))).await.is_err());
    }
    let before = asked.times();
    assert!(ask(&gate, with("good")).await.is_ok());
    assert_eq!(asked.times(), before);
}

#[tokio::test(start_paused = true)]
async fn no_text_of_ours_holds_the_token() {
    let gate = gate(BEARER, judge(&Asked::default()));
    for token in ["bad", "broken", "bomb"] {
        let token_text = format!("{token}-hunter2");
        let mut call = with(&token_text);
        let error = gate.check(&mut call, Instant::now()).await.unwrap_err();
        for text in [format!("{error:?}"), error.to_string(), format!("{call:?}")] {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
