//! Steps of a chore: announced, timed, and summed up at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::error::{Result, chain};

/// The steps of one chore, run one after the other. A failed step does not hide the later ones
/// unless they need what it would have given.
#[derive(Debug)]
pub(crate) struct Steps {
    chore: &'static str,
    watch: Stopwatch,
    done: Vec<Step>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    failure: Option<String>,
}

impl Steps {
    pub(crate) fn new(chore: &'static str) -> Self {
        Self {
            chore,
            watch: Stopwatch::start(),
            done: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Announces a step, runs it, and says how long it took. `None` when it failed.
    pub(crate) fn run<T>(
        &mut self,
        name: impl Into<String>,
        step: impl FnOnce() -> Result<T>,
    ) -> Option<T> {
        let name = name.into();
        println!("==> {name}");
        let watch = Stopwatch::start();
        let outcome = step();
        let took = watch.elapsed();
        let failure = outcome.as_ref().err().map(|error| chain(error.as_ref()));
        match &failure {
            None => println!("    {name}: done in {}", human(took)),
            Some(failure) => println!("    {name}: FAILED after {}: {failure}", human(took)),
        }
        self.done.push(Step {
            name,
            took,
            failure,
        });
        outcome.ok()
    }

    /// Adds a line to the closing summary.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Prints all steps with their times and the verdict, and turns it into an exit code.
    pub(crate) fn verdict(self) -> ExitCode {
        println!("\n{}", self.summary());
        ExitCode::from(u8::from(self.failures() > 0))
    }

    fn failures(&self) -> usize {
        self.done
            .iter()
            .filter(|step| step.failure.is_some())
            .count()
    }

    fn summary(&self) -> String {
        let width = self
            .done
            .iter()
            .map(|step| step.name.chars().count())
            .max()
            .unwrap_or(0);
        let mut lines: Vec<String> = self
            .done
            .iter()
            .map(|step| {
                let verdict = if step.failure.is_some() {
                    "FAILED"
                } else {
                    "ok"
                };
                format!("  {:width$}  {:>9}  {verdict}", step.name, human(step.took))
            })
            .collect();
        lines.extend(self.notes.iter().map(|note| format!("  {note}")));
        let took = human(self.watch.elapsed());
        lines.push(match self.failures() {
            0 => format!("{}: passed in {took}", self.chore),
            failed => {
                format!(
                    "{}: FAILED, {failed} of {} steps, in {took}",
                    self.chore,
                    self.done.len()
                )
            }
        });
        lines.join("\n")
    }
}

/// Real time from a start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "chores have no runtime and run in real time"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A duration as people say it: `0.3 s`, `41.0 s`, `3 m 07 s`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Steps, human};

    #[test]
    fn durations_read_like_speech() {
        assert_eq!(human(Duration::from_millis(340)), "0.3 s");
        assert_eq!(human(Duration::from_secs(187)), "3 m 07 s");
    }

    #[test]
    fn one_failed_step_fails_the_chore() {
        let mut steps = Steps::new("chore");
        assert_eq!(steps.run("good", || Ok(1)), Some(1));
        assert_eq!(
            steps.run("bad", || -> super::Result<()> { Err("broken".into()) }),
            None
        );
        let summary = steps.summary();
        assert!(summary.contains("chore: FAILED, 1 of 2 steps"), "{summary}");
    }

    #[test]
    fn chore_without_failure_passes() {
        let mut steps = Steps::new("chore");
        steps.run("good", || Ok(()));
        steps.note("note".into());
        let summary = steps.summary();
        assert!(summary.contains("  note\nchore: passed in"), "{summary}");
    }
}
