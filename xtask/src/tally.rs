//! Counting tests from what the test runners print.

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Passed.
    pub(crate) passed: u64,
    /// Failed.
    pub(crate) failed: u64,
}

impl Tally {
    /// One test.
    pub(crate) fn single(passed: bool) -> Self {
        Tally { passed: passed.into(), failed: (!passed).into() }
    }

    /// Adds another count.
    pub(crate) fn add(&mut self, other: &Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// A run that failed without naming a failed test is one failure.
    pub(crate) fn settle(&mut self, passed: bool) {
        if !passed && self.failed == 0 {
            self.failed = 1;
        }
    }

    /// Reads one line of output: `test result: ok. 12 passed; 0 failed; …` of the standard harness, or
    /// `Summary [ 1.2s] 12 tests run: 11 passed, 1 failed, …` of nextest.
    pub(crate) fn read(&mut self, line: &str) {
        let line = without_colours(line);
        let line = line.trim();
        let counts = if let Some(rest) = line.strip_prefix("test result: ") {
            rest.split_once(". ").map(|(_, counts)| counts)
        } else if line.starts_with("Summary [") {
            line.split_once("run: ").map(|(_, counts)| counts)
        } else {
            None
        };
        if let Some(counts) = counts {
            self.passed += count_before(counts, "passed");
            self.failed += count_before(counts, "failed") + count_before(counts, "timed out");
        }
    }
}

/// The number in front of a word, `3` in `3 failed`; 0 if the word is missing.
fn count_before(counts: &str, word: &str) -> u64 {
    counts
        .split([';', ','])
        .filter_map(|part| part.trim().split_once(' '))
        .find(|(_, rest)| rest.starts_with(word))
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or(0)
}

/// Drops terminal colours (`ESC [ … m`).
fn without_colours(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(|c| *c == 'm');
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn counts_the_standard_harness_and_nextest() {
        let counted = tally(&[
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s",
            "     Summary [   1.213s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 3 skipped",
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] 2 tests run: \u{1b}[1m2\u{1b}[0m passed, 0 skipped",
        ]);
        assert_eq!(counted, Tally { passed: 18, failed: 5 });
    }

    #[test]
    fn a_run_that_did_not_build_is_a_failure() {
        let mut tally = tally(&["error: could not compile"]);
        tally.settle(false);
        assert_eq!(tally, Tally { passed: 0, failed: 1 });
    }
}
