//! Every interleaving of two threads at the table of keys, as a model checker finds them.

use loom::sync::Arc;
use loom::thread;

use super::keyed::{Keyed, Update};

/// Uses a key at `now`: its state is then past it.
fn touch(table: &Keyed, name: u64, now: u64) {
    table.update(name, now, |state| Update {
        next: Some(state.max(now) + 1),
        result: (),
    });
}

fn count(table: &Keyed, name: u64) {
    table.update(name, 0, |state| Update {
        next: Some(state + 1),
        result: (),
    });
}

fn in_parallel(table: &Arc<Keyed>, one: fn(&Keyed), other: fn(&Keyed)) {
    let shared = Arc::clone(table);
    let thread = thread::spawn(move || one(&shared));
    other(table);
    thread.join().expect("it does not panic");
}

#[test]
fn a_key_that_comes_back_as_its_place_is_taken_is_not_mixed_up() {
    loom::model(|| {
        let table = Arc::new(Keyed::new(1));
        touch(&table, 1, 10);
        touch(&table, 2, 20);
        in_parallel(&table, |t| touch(t, 1, 40), |t| touch(t, 3, 30));
        assert_eq!((table.state(1), table.state(3)), (41, 31));
    });
}

#[test]
fn a_key_that_two_bring_is_there_once() {
    loom::model(|| {
        let table = Arc::new(Keyed::new(1));
        in_parallel(&table, |t| count(t, 7), |t| count(t, 7));
        assert_eq!(table.state(7), 2);
    });
}

#[test]
fn two_new_keys_take_two_places() {
    loom::model(|| {
        let table = Arc::new(Keyed::new(1));
        in_parallel(&table, |t| count(t, 7), |t| count(t, 8));
        assert_eq!((table.state(7), table.state(8)), (1, 1));
        assert_eq!(table.forgotten(), 0);
    });
}

#[test]
fn a_rewrite_loses_no_update() {
    loom::model(|| {
        let table = Arc::new(Keyed::new(1));
        count(&table, 7);
        in_parallel(&table, |t| count(t, 7), |t| t.rewrite(|state| state + 10));
        assert_eq!(table.state(7), 12);
    });
}
