//! What a reload logs.

use rzero_policy::Policies;

fn changes(old: &str, new: &str) -> Vec<String> {
    let read = |text| Policies::from_toml(text).unwrap();
    let changes = read(old).changes(&read(new));
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn each_value_is_told_with_old_and_new() {
    let old = "[policy]\nbreaker.k = 2.0\nshed.cpu = 0.8\n";
    let new = "[policy]\nbreaker.k = 3.0\nretry.attempts = 2\n";
    let want = [
        "policy.breaker.k: 2.0 -> 3.0",
        "policy.retry.attempts: 4 (built-in) -> 2",
        "policy.shed.cpu: 0.8 -> 0.9 (built-in)",
    ];
    assert_eq!(changes(old, new), want);
}

#[test]
fn places_and_comments_are_no_change() {
    let old = "[policy]\nbreaker.k = 2.0\n";
    let new = "# more\n\n[policy.breaker]\nk = 2.0\n";
    assert_eq!(changes(old, new), [""; 0]);
}

#[test]
fn rules_are_named_by_what_they_match() {
    let a = "[[policy.rule]]\nmatch.method = 'a.B/*'\ntimeout = '1s'\n";
    let b = "[[policy.rule]]\nmatch.target = 'stock'\nmatch.side = 'client'\ntimeout = '2s'\n";
    let name = "policy.rule{side=\"client\", target=\"stock\"}";
    assert_eq!(
        changes(a, &format!("{b}{a}")),
        [format!("{name}.timeout: not set -> \"2s\"")]
    );
    let slower = b.replace("2s", "3s");
    assert_eq!(
        changes(&format!("{a}{b}"), &format!("{a}{slower}")),
        [format!("{name}.timeout: \"2s\" -> \"3s\"")]
    );
    let twice = format!("{a}{a}");
    assert_eq!(
        changes(a, &twice),
        ["policy.rule{method=\"a.B/*\"}#2.timeout: not set -> \"1s\""]
    );
}

#[test]
fn another_order_of_rules_is_a_change() {
    let a = "[[policy.rule]]\nmatch.method = 'a.B/*'\ntimeout = '1s'\n";
    let b = "[[policy.rule]]\nmatch.method = '*/C'\ntimeout = '2s'\n";
    let changed = changes(&format!("{a}{b}"), &format!("{b}{a}"));
    let want = "policy.rule: policy.rule{method=\"a.B/*\"}, policy.rule{method=\"*/C\"} -> \
                policy.rule{method=\"*/C\"}, policy.rule{method=\"a.B/*\"}";
    assert_eq!(changed, [want]);
}
