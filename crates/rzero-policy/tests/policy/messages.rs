//! Mistakes are named with their place, their key and what to write.

use rzero_policy::Policies;

fn fails(text: &str) -> String {
    Policies::from_toml(text).unwrap_err().to_string()
}

/// One line of `[policy]` that is wrong, its key, and what the message has to say.
const OUT_OF_RANGE: &[(&str, &str, &str)] = &[
    ("breaker.k = 0.5", "breaker.k", "write 1 to 100"),
    (
        "breaker.window = '1ms'",
        "breaker.window",
        "10 ms to 1 hour",
    ),
    ("breaker.slow = '1us'", "breaker.slow", "at least 1"),
    ("retry.attempts = 0", "retry.attempts", "1 to 11"),
    ("retry.repicks = 99", "retry.repicks", "0 to 10"),
    ("retry.base = '2s'", "retry.base", "not over `cap`"),
    (
        "retry.on = ['CONECT']",
        "retry.on",
        "no reason \"CONECT\"; one of",
    ),
    (
        "hedge.calls_ratio_max = 2",
        "hedge.calls_ratio_max",
        "0 to 1",
    ),
    ("budget.ratio = 1.5", "budget.ratio", "0 to 1"),
    (
        "concurrency.adaptive.min = 0",
        "concurrency.adaptive.min",
        "within 1",
    ),
    (
        "outlier.consecutive = 300",
        "outlier.consecutive",
        "0 to 254",
    ),
    ("slow_start.floor = 0", "slow_start.floor", "above 0 to 1"),
    ("subset.size = 65", "subset.size", "1 to 64"),
    ("zone.spill_below = 2", "zone.spill_below", "0 to 1"),
    ("timeout = '0s'", "timeout", "\"1ms\" to \"365d\""),
    ("shed.cpu = 1", "shed.cpu", "0.001 to 0.999"),
    (
        "shed.queue_wait_max = '0s'",
        "shed.queue_wait_max",
        "1ms to 60s",
    ),
    (
        "server.concurrency.adaptive.queue = 0",
        "server.concurrency.adaptive.queue",
        "1 or more",
    ),
    (
        "bulkhead.reports.max = 0",
        "bulkhead.reports.max",
        "within 1",
    ),
    (
        "rate = [{ name = 'a', rate = 0 }]",
        "rate[0].rate",
        "how many calls",
    ),
    ("rate = [{ rate = 5 }]", "rate[0].name", "name of its own"),
    (
        "rate = [{ name = 'a', rate = 5, methods = '[' }]",
        "rate[0].methods",
        "no pattern",
    ),
];

#[test]
fn values_out_of_range_are_placed_and_named() {
    for (line, key, text) in OUT_OF_RANGE {
        let error = fails(&format!("[policy]\n{line}\n"));
        assert!(error.starts_with("policy.toml:2:"), "{line}: {error}");
        assert!(
            error.contains(&format!(": policy.{key}: ")),
            "{line}: {error}"
        );
        assert!(error.contains(text), "{line}: {error}");
    }
}

#[test]
fn unknown_keys_have_suggestions() {
    for (line, suggestion) in [
        ("braker.k = 2", "did you mean `breaker`?"),
        ("breaker.windw = '2s'", "did you mean `window`?"),
        ("shde.cpu = 0.5", "did you mean `shed`?"),
        ("rules = []", "did you mean `rule`?"),
        ("retry.max_retries = 3", "known: `attempts`"),
        ("rate = [{ name = 'a', rat = 5 }]", "did you mean `rate`?"),
        ("off = ['sched']", "did you mean `shed`?"),
        ("shed.signals = ['cpus']", "did you mean `cpu`?"),
    ] {
        let error = fails(&format!("[policy]\n{line}\n"));
        assert!(error.starts_with("policy.toml:2:"), "{line}: {error}");
        assert!(error.contains(suggestion), "{line}: {error}");
    }
}

#[test]
fn rules_are_named_by_their_number_and_place() {
    let rule = |text: &str| fails(&format!("[policy]\n[[policy.rule]]\n{text}\n"));
    for (text, want) in [
        (
            "match.methd = 'a'\noff = []",
            "policy.toml:3:7: policy.rule[0].match.methd: unknown key",
        ),
        (
            "match.method = '[a]'\noff = []",
            "policy.toml:3:16: policy.rule[0].match.method: is no pattern",
        ),
        (
            "match.side = 'both'\noff = []",
            "policy.rule[0].match.side: unknown value",
        ),
        (
            "match.target = 'a'\nmatch.side = 'server'\noff = []",
            "only clients have targets",
        ),
        (
            "match.caller = 'a'\nmatch.target = 'b'\noff = []",
            "only servers have callers",
        ),
        ("match.caller = ''\noff = []", "matches nothing"),
        ("match.method = 'a.B/*'", "sets nothing"),
        (
            "timeout = 3",
            "policy.toml:3:11: policy.rule[0].timeout: expected a duration",
        ),
        (
            "breaker.k = 0",
            "policy.toml:3:13: policy.rule[0].breaker.k: is out of range",
        ),
        (
            "match.side = 'server'\nretry.attempts = 2",
            "policy.rule[0].retry: has no effect: this rule is for the server",
        ),
        (
            "match.target = 'a'\nconcurrency.max = 2",
            "this rule is for the client side only",
        ),
        (
            "match.method = 'a.B/*'\noutlier.enabled = false",
            "policy.rule[0].outlier: holds for all calls to a target",
        ),
        (
            "match.method = 'a.B/*'\nhedge.cancels_per_second = 1",
            "policy.rule[0].hedge.cancels_per_second: holds for",
        ),
        (
            "match.method = 'a.B/*'\noff = ['zone']",
            "\"zone\" holds for all calls to a target",
        ),
    ] {
        let error = rule(text);
        assert!(error.contains(want), "{text}: {error}");
        assert!(error.starts_with("policy.toml:"), "{text}: {error}");
    }
}

#[test]
fn a_rule_that_contradicts_the_base_is_refused() {
    let error = fails("[policy]\nbreaker.k_min = 1.4\n[[policy.rule]]\nbreaker.k = 1.2\n");
    assert!(error.contains("policy.breaker.k_min"), "{error}");
    assert!(error.contains("together with policy.rule[0]"), "{error}");
}

#[test]
fn all_mistakes_are_listed_at_once() {
    let text = "[policy]\nbreaker.k = 0\nshed.cpu = 5\n[[policy.rule]]\ntimeout = 1\n\
                [[policy.rate]]\nname = ''\n";
    let error = fails(text);
    for key in ["breaker.k", "shed.cpu", "rule[0].timeout", "rate[0].name"] {
        assert!(error.contains(&format!("policy.{key}: ")), "{key}: {error}");
    }
    assert_eq!(error.lines().count(), 4, "{error}");
}

#[test]
fn rate_limits_have_names_of_their_own() {
    let one = "[[policy.rate]]\nname = 'a'\nrate = 1\n";
    let error = fails(&format!("{one}{one}"));
    assert!(error.starts_with("policy.toml:5:"), "{error}");
    assert!(error.contains("names another rate limit"), "{error}");
}

#[test]
fn numbers_of_rules_are_bounded() {
    let rule = "[[policy.rule]]\ntimeout = '1s'\n";
    assert!(Policies::from_toml(&rule.repeat(256)).is_ok());
    assert!(fails(&rule.repeat(257)).contains("more than 256 rules"));
    let caller = |n| format!("[[policy.rule]]\nmatch.caller = 'c{n}'\ntimeout = '1s'\n");
    let many = |count| (0..count).map(caller).collect::<String>();
    assert!(Policies::from_toml(&many(64)).is_ok());
    assert!(fails(&many(65)).contains("at most 64"));
}

#[test]
fn rules_that_match_nothing_are_warnings() {
    let policies = Policies::from_toml(
        "[[policy.rule]]\nmatch.method = 'shop.Ordrs/*'\nmatch.side = 'server'\ntimeout = '1s'\n\
         [[policy.rule]]\nmatch.target = 'stok'\ntimeout = '1s'\n\
         [[policy.rule]]\nmatch.method = 'shop.Orders/*'\nmatch.caller = 'web'\ntimeout = '1s'\n\
         [[policy.rule]]\nmatch.method = 'other.Service/*'\ntimeout = '1s'\n\
         [[policy.rate]]\nname = 'a'\nrate = 1\nmethods = 'shop.Ordrs/Put'\n",
    )
    .unwrap();
    let warnings = policies.warnings(&["/shop.Orders/Get"], &["stock"]);
    let lines: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].starts_with("policy.toml:1:"), "{}", lines[0]);
    assert!(lines[0].contains("no method that is served matches \"shop.Ordrs/*\""));
    assert!(
        lines[1].contains("no [client.<name>] that \"stok\""),
        "{}",
        lines[1]
    );
    let rate = "policy.toml:18:11: policy.rate[0].methods: no method that is served matches";
    assert!(lines[2].starts_with(rate), "{}", lines[2]);
}
