use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const CONFIG: KeeperConfig = KeeperConfig {
    empty_protect: Duration::from_secs(60),
    settle: Duration::from_secs(13),
};

fn instance(name: &str) -> Arc<Instance> {
    at(name, &format!("{name}-host"))
}

fn at(name: &str, host: &str) -> Arc<Instance> {
    let address = Address::tcp(host, 1);
    Arc::new(Instance::new(
        "s".parse().unwrap(),
        name.parse().unwrap(),
        "grpc",
        address,
    ))
}

fn list(names: &str) -> Vec<Arc<Instance>> {
    names.split_whitespace().map(instance).collect()
}

fn ids(keeper: &Keeper) -> String {
    let snapshot = keeper.snapshot();
    let ids: Vec<_> = snapshot.instances.iter().map(|i| i.id.as_str()).collect();
    ids.join(" ")
}

fn id(name: &str) -> InstanceId {
    name.parse().unwrap()
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A keeper whose source is well and lists these.
fn knowing(names: &str, now: Instant) -> Keeper {
    let mut keeper = Keeper::new(CONFIG);
    keeper.observe(list(names), now);
    keeper
}

#[test]
fn nothing_is_known_at_first() {
    let mut keeper = Keeper::new(CONFIG);
    assert_eq!(keeper.snapshot(), Snapshot::pending());
    keeper.down("refused");
    assert_eq!(keeper.snapshot().status, Status::Pending);
    assert_eq!(keeper.trouble(), Some("refused"));
}

#[test]
fn empty_first_list_is_believed() {
    let keeper = knowing("", Instant::now());
    assert_eq!(keeper.snapshot(), Snapshot::live(Vec::new()));
}

#[test]
fn source_that_is_down_changes_nothing() {
    let now = Instant::now();
    let mut keeper = knowing("a b", now);
    keeper.down("gone");
    keeper.tick(now + seconds(100_000));
    assert_eq!(ids(&keeper), "a b");
    assert_eq!(keeper.snapshot().status, Status::Stale("gone".into()));
}

#[test]
fn lost_lease_leaves_at_once() {
    let now = Instant::now();
    let mut keeper = knowing("a b", now);
    keeper.observe(list("b"), now);
    assert_eq!(ids(&keeper), "b");
    assert_eq!(keeper.snapshot().status, Status::Live);
}

#[test]
fn all_that_stop_gracefully_leave_at_once() {
    let now = Instant::now();
    let mut keeper = knowing("a b c", now);
    for left in ["a", "b", "c"] {
        keeper.deregistered(&id(left));
    }
    keeper.observe(list(""), now);
    assert_eq!(keeper.snapshot(), Snapshot::live(Vec::new()));
}

#[test]
fn empty_list_keeps_those_that_said_nothing() {
    let now = Instant::now();
    let mut keeper = knowing("a b c", now);
    keeper.deregistered(&id("a"));
    keeper.observe(list(""), now);
    assert_eq!(ids(&keeper), "b c");
    assert!(matches!(keeper.snapshot().status, Status::Stale(_)));
    assert_eq!(keeper.deadline(), Some(now + seconds(60)));
    keeper.tick(now + seconds(59));
    assert_eq!(ids(&keeper), "b c");
    keeper.tick(now + seconds(60));
    assert_eq!(keeper.snapshot(), Snapshot::live(Vec::new()));
}

#[test]
fn repeated_empty_list_does_not_keep_the_dead() {
    let now = Instant::now();
    let mut keeper = knowing("a", now);
    keeper.observe(list(""), now);
    keeper.observe(list(""), now + seconds(50));
    assert_eq!(keeper.deadline(), Some(now + seconds(60)));
}

#[test]
fn late_deregistration_is_believed() {
    let now = Instant::now();
    let mut keeper = knowing("a", now);
    keeper.observe(list(""), now);
    keeper.deregistered(&id("a"));
    keeper.observe(list(""), now + seconds(1));
    assert_eq!(ids(&keeper), "");
}

#[test]
fn wiped_store_that_fills_slowly_keeps_the_others() {
    let now = Instant::now();
    let mut keeper = knowing("a b c", now);
    keeper.down("restarting");
    keeper.observe(list(""), now);
    keeper.observe(list("b"), now + seconds(1));
    assert_eq!(ids(&keeper), "a b c");
    keeper.observe(list("a b c"), now + seconds(2));
    assert_eq!(keeper.snapshot().status, Status::Live);
    assert_eq!(keeper.deadline(), None);
}

#[test]
fn expiry_after_an_outage_waits_for_the_owner() {
    let now = Instant::now();
    let mut keeper = knowing("a b", now);
    keeper.down("frozen");
    keeper.observe(list("a b"), now);
    keeper.observe(list("a"), now + seconds(1));
    assert_eq!(
        ids(&keeper),
        "a b",
        "the lease ran out because the source was frozen"
    );
    keeper.tick(now + seconds(13));
    assert_eq!(ids(&keeper), "a");
    assert_eq!(keeper.snapshot().status, Status::Live);
}

#[test]
fn settled_source_is_believed_again() {
    let now = Instant::now();
    let mut keeper = knowing("a b", now);
    keeper.down("frozen");
    keeper.observe(list("a b"), now);
    keeper.observe(list("a"), now + seconds(14));
    assert_eq!(ids(&keeper), "a");
}

#[test]
fn second_outage_begins_the_time_anew() {
    let now = Instant::now();
    let mut keeper = knowing("a", now);
    keeper.observe(list(""), now);
    keeper.down("away again");
    keeper.tick(now + seconds(300));
    assert_eq!(ids(&keeper), "a");
    keeper.observe(list(""), now + seconds(301));
    assert_eq!(ids(&keeper), "a");
    keeper.tick(now + seconds(361));
    assert_eq!(ids(&keeper), "");
}

#[test]
fn address_taken_over_replaces_what_was_kept() {
    let now = Instant::now();
    let mut keeper = knowing("a b", now);
    keeper.down("wiped");
    keeper.observe([at("new", "a-host")], now);
    assert_eq!(ids(&keeper), "b new");
}

#[test]
fn instance_that_returns_may_vanish_again() {
    let now = Instant::now();
    let mut keeper = knowing("a b", now);
    keeper.deregistered(&id("a"));
    keeper.observe(list("a b"), now);
    keeper.observe(list(""), now);
    assert_eq!(ids(&keeper), "a b", "the old deregistration is void");
}

#[test]
fn one_that_joins_takes_over_the_address_of_one_that_is_kept() {
    let now = Instant::now();
    let mut keeper = knowing("a b", now);
    keeper.observe([], now);
    keeper.joined(at("new", "a-host"), now);
    assert_eq!(ids(&keeper), "b new");
    let later = now + CONFIG.empty_protect;
    keeper.joined(instance("c"), later);
    assert_eq!(ids(&keeper), "c new", "the time of the other is over");
}

proptest! {
    #[test]
    fn joins_and_leaves_come_to_what_whole_lists_do(
        steps in prop::collection::vec((any::<bool>(), 0u8..5), 0..40),
    ) {
        let now = Instant::now();
        let mut whole = Keeper::new(CONFIG);
        let mut single = Keeper::new(CONFIG);
        let mut listed = BTreeSet::new();
        whole.observe([], now);
        single.observe([], now);
        for (joins, n) in steps {
            let name = format!("i{n}");
            if joins {
                single.joined(instance(&name), now);
                listed.insert(name);
            } else {
                single.left(&id(&name), now);
                whole.deregistered(&id(&name));
                listed.remove(&name);
            }
            whole.observe(listed.iter().map(|name| instance(name)), now);
            prop_assert_eq!(single.snapshot(), whole.snapshot());
        }
    }
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    List(BTreeSet<u8>),
    Down,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::btree_set(0u8..4, 0..4).prop_map(Step::List),
        1 => Just(Step::Down),
        2 => (0u64..40).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn clients_go_empty_only_after_the_protection(steps in steps()) {
        let mut now = Instant::now();
        let mut keeper = Keeper::new(CONFIG);
        let mut listed_last: Option<Instant> = None;
        for step in steps {
            match step {
                Step::List(names) => {
                    let names: Vec<_> = names.iter().map(|n| format!("i{n}")).collect();
                    let names = names.join(" ");
                    keeper.observe(list(&names), now);
                    // What the source lists is always published.
                    for name in names.split_whitespace() {
                        prop_assert!(keeper.snapshot().get(&id(name)).is_some());
                    }
                    if !names.is_empty() {
                        listed_last = Some(now);
                    }
                }
                Step::Down => keeper.down("down"),
                Step::Wait(n) => {
                    now += seconds(n);
                    keeper.tick(now);
                }
            }
            let empty = keeper.snapshot().instances.is_empty();
            let protected = listed_last.is_some_and(|at| now < at + CONFIG.empty_protect);
            prop_assert!(!(empty && protected));
        }
    }
}
