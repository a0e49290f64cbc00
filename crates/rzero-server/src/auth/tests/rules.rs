use rzero_config::Secret;

use super::*;

const APP: [(&str, &str); 2] = [("app", "stock"), ("token", "s3cret")];

fn hooks() -> AuthHooks {
    AuthHooks::new().bearer(|_: CallInfo, token: Secret| async move {
        match token.expose() {
            "good" => Ok(alice()),
            "down" => Err(Error::unavailable("away")),
            _ => Err(Error::unauthenticated("no")),
        }
    })
}

fn both(combine: &str) -> Arc<Gate> {
    let text =
        format!("require = ['app', 'bearer']\ncombine = '{combine}'\napp.tokens.stock = 's3cret'");
    gate(&text, hooks())
}

fn with(app: bool, bearer: &str) -> CallInfo {
    let mut pairs = Vec::new();
    if app {
        pairs.extend(APP);
    }
    let bearer = format!("Bearer {bearer}");
    if bearer.len() > "Bearer ".len() {
        pairs.push(("authorization", &bearer));
    }
    get(&pairs)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_for_by_default() {
    let auth = auth("", AuthHooks::new()).unwrap();
    assert!(auth.gate(&SHOP).is_none() && auth.gate(&HEALTH).is_none());
}

#[tokio::test(start_paused = true)]
async fn all_kinds_are_needed_or_any_one() {
    let (all, any) = (both("all"), both("any"));
    for (app, bearer, by_all, by_any) in [
        (true, "good", Ok("stock"), Ok("stock")),
        (true, "", Err(Class::Unauthenticated), Ok("stock")),
        (true, "down", Err(Class::Unavailable), Ok("stock")),
        (false, "good", Err(Class::Unauthenticated), Ok("alice")),
        (
            false,
            "",
            Err(Class::Unauthenticated),
            Err(Class::Unauthenticated),
        ),
        (
            false,
            "down",
            Err(Class::Unauthenticated),
            Err(Class::Unavailable),
        ),
    ] {
        let by_all = by_all.map(ToOwned::to_owned);
        let by_any = by_any.map(ToOwned::to_owned);
        assert_eq!(ask(&all, with(app, bearer)).await, by_all, "{app} {bearer}");
        assert_eq!(ask(&any, with(app, bearer)).await, by_any, "{app} {bearer}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_refusal_that_says_most_is_told() {
    let any = both("any");
    let error = any.check(&mut with(false, "bad"), Instant::now()).await;
    assert_eq!(error.unwrap_err().message(), "no");
    let error = any.check(&mut with(false, ""), Instant::now()).await;
    assert!(error.unwrap_err().message().contains("of a kind"));
}

#[tokio::test(start_paused = true)]
async fn the_last_rule_that_fits_decides() {
    let text = "
        require = ['app']
        app.tokens.stock = 's3cret'
        [[rule]]
        match.method = 'shop.Orders/*'
        require = []
        [[rule]]
        match.method = '/shop.Orders/Watch'
        require = ['mtls']
        certificates = ['*']
    ";
    let gate = gate(text, AuthHooks::new());
    assert_eq!(ask(&gate, get(&[])).await.unwrap(), "");
    assert!(ask(&gate, call(&SHOP, 1, &APP)).await.is_err());
    let watch = ask(&gate, from(call(&SHOP, 1, &[]), "admin")).await;
    assert_eq!(watch.unwrap(), "admin");
}

#[tokio::test(start_paused = true)]
async fn health_is_open_but_for_rules_that_name_it() {
    let text = "require = ['app']\napp.tokens.a = 'b'\n[[rule]]\nmatch.method = ";
    for (pattern, guarded) in [("*", false), ("*e*", false), ("grpc.health.*", true)] {
        let text = format!("{text}'{pattern}'\nrequire = ['app']");
        let auth = Auth::new(&config(&text), AuthHooks::new(), &[&SHOP, &HEALTH]);
        assert_eq!(auth.unwrap().gate(&HEALTH).is_some(), guarded, "{pattern}");
    }
}

#[test]
fn wrong_configurations_name_the_key_and_the_fix() {
    for (text, key, fix) in [
        ("require = ['app']", "server.auth", "app.tokens"),
        ("require = ['bearer']", "server.auth", "AuthHooks::bearer"),
        ("require = ['mtls']", "server.auth.certificates", "spiffe"),
        (
            "certificates = ['x']",
            "server.auth.certificates",
            "require",
        ),
        (
            "require = ['mtls']\ncertificates = ['']",
            "certificates",
            "remove",
        ),
        (
            "[[rule]]\nmatch.method = 'shop.Order/*'",
            "server.auth.rule[0].match.method",
            "package.Service/Method",
        ),
        ("app.max_checks = 0", "server.auth.app.max_checks", "65536"),
        ("bearer.timeout = '0s'", "server.auth.bearer.timeout", "1ms"),
        ("bearer.cache = '31d'", "server.auth.bearer.cache", "30d"),
        ("app.tokens.x = ''", "server.auth.app.tokens.x", "remove"),
        ("app.redis = 'main'", "server.auth.app.key", "hash"),
        (
            "app.redis = 'main'\napp.key = ''",
            "server.auth.app.key",
            "hash",
        ),
        (
            "app.key = 'auth'",
            "server.auth.app.redis",
            "[redis.<name>]",
        ),
        (
            "app = { redis = 'main', key = 'auth', tokens = { a = 'b' } }",
            "server.auth.app.redis",
            "remove one",
        ),
        (
            "require = ['app']\napp.redis = 'main'\napp.key = 'auth'",
            "server.auth.app.redis",
            "feature `redis`",
        ),
    ] {
        let error = auth(text, AuthHooks::new()).err().unwrap();
        let told = error.message();
        assert!(told.contains(key) && told.contains(fix), "{text}: {told}");
    }
}

#[test]
fn two_stores_are_one_too_many() {
    let text = "require = ['app']\napp.tokens.stock = 's3cret'";
    let hooks = AuthHooks::new();
    assert!(!hooks.has_token_store());
    let hooks = hooks.token_store(|_: String| async { Ok(None) });
    assert!(hooks.has_token_store());
    let error = auth(text, hooks).err().unwrap();
    assert!(error.message().contains("remove one"), "{error}");
}

#[test]
fn secrets_of_a_configuration_are_not_shown() {
    let config = config("app.tokens.stock = 'hunter2'");
    assert!(!format!("{config:?}").contains("hunter2"));
}
