//! Adding up the summary lines of test runners.

use std::fmt;

/// The sum of all `test result:` lines of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Test programs and doc test runs that reported.
    pub(crate) programs: u32,
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) ignored: u32,
}

impl Summary {
    /// Adds a line, if it is a summary line. Colour codes in it do no harm.
    pub(crate) fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ") else {
            return;
        };
        self.programs += 1;
        let words: Vec<&str> = counts.split_whitespace().collect();
        for pair in words.windows(2) {
            let count = pair[0].parse().unwrap_or(0);
            match pair[1] {
                "passed;" => self.passed += count,
                "failed;" => self.failed += count,
                "ignored;" => self.ignored += count,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            programs,
            passed,
            failed,
            ignored,
        } = self;
        write!(
            f,
            "{passed} passed, {failed} failed, {ignored} ignored in {programs} test runs"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn summary_lines_are_added_up() {
        let mut sum = Summary::default();
        sum.add("test result: ok. 24 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out");
        sum.add("test result: \u{1b}[31mFAILED\u{1b}[m. 2 passed; 5 failed; 0 ignored; 0 measured");
        sum.add("test a_test ... ok");
        assert_eq!(
            sum,
            Summary {
                programs: 2,
                passed: 26,
                failed: 5,
                ignored: 1
            }
        );
    }
}
