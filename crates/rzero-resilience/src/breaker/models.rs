//! Every interleaving of a few threads, as a model checker finds them.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use super::ramp::Ramp;
use super::ring::Shape;
use super::tally::Tally;

const SHAPE: Shape = Shape {
    buckets: 2,
    width_ns: 10,
};

fn tally() -> Arc<Tally> {
    Arc::new(Tally::new(SHAPE, f64::INFINITY, 0))
}

/// At most three switches between threads that were not forced: enough for every known kind of
/// race between two or three short pieces, and a matter of seconds.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn answers_that_race_with_a_change_of_buckets_are_counted_once() {
    check(|| {
        let tally = tally();
        let other = Arc::clone(&tally);
        let thread = thread::spawn(move || {
            other.turn(10);
            other.add_bad();
        });
        tally.add_bad();
        // A reading never runs ahead of its counter: `Counts::since` asserts it.
        assert!((1..=2).contains(&tally.window().bad));
        thread.join().expect("it does not panic");
        assert_eq!(tally.window().bad, 2);
        // They came in the first bucket or in the second, so they leave with the second at the
        // latest, and wholly.
        tally.turn(30);
        assert!(tally.is_clean());
    });
}

#[test]
fn threads_that_see_the_same_change_make_it_once() {
    check(|| {
        let tally = tally();
        tally.add_bad();
        let other = Arc::clone(&tally);
        let thread = thread::spawn(move || {
            other.turn(10);
            other.add_bad();
        });
        tally.turn(10);
        thread.join().expect("it does not panic");
        // What was there before the change is in the first bucket, which the next change drops;
        // what raced may be in either.
        assert_eq!(tally.window().bad, 2);
        tally.turn(20);
        assert!(tally.window().bad <= 1);
        tally.turn(30);
        assert_eq!(tally.window().bad, 0);
    });
}

#[test]
fn a_window_that_is_forgotten_takes_no_later_answer_along() {
    check(|| {
        let tally = tally();
        tally.add_bad();
        let other = Arc::clone(&tally);
        let thread = thread::spawn(move || {
            other.turn(10);
            other.window()
        });
        let forgot = tally.restart(10);
        tally.add_bad();
        assert!(thread.join().expect("it does not panic").bad <= 2);
        // Refused while the other changes buckets, it changes nothing; else one answer is left.
        assert_eq!(tally.window().bad, if forgot { 1 } else { 2 });
    });
}

#[test]
fn runs_never_see_a_bucket_that_ends_before_it_begins() {
    check(|| {
        let tally = tally();
        let other = Arc::clone(&tally);
        let thread = thread::spawn(move || {
            other.add_bad();
            other.turn(10);
        });
        assert!(tally.runs(false).failing <= 2);
        thread.join().expect("it does not panic");
        assert_eq!(tally.runs(false).failing, 1);
    });
}

#[test]
fn a_forced_pass_that_is_due_is_taken_by_one() {
    check(|| {
        let ramp = Arc::new(Ramp::default());
        let taken = Arc::new(AtomicU32::new(0));
        let threads = [0, 1].map(|late| {
            let (ramp, taken) = (Arc::clone(&ramp), Arc::clone(&taken));
            thread::spawn(move || {
                if ramp.takes(100 + late, 100) {
                    taken.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        for thread in threads {
            thread.join().expect("it does not panic");
        }
        assert_eq!(taken.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_window_never_begins_behind_its_end() {
    check(|| {
        let tally = tally();
        let other = Arc::clone(&tally);
        let thread = thread::spawn(move || {
            other.add_bad();
            assert!(other.restart(10));
        });
        // `Counts::since` asserts it.
        assert!(tally.window().bad <= 1);
        thread.join().expect("it does not panic");
        assert!(tally.is_clean());
    });
}
