//! What a run of the load client came to.

use std::time::Duration;

use serde_json::{Value, json};

use super::check::Standing;
use super::client::Seen;

/// Most faults that are named; the rest is counted.
const NAMED: usize = 10;

/// What came of a run.
pub struct Report {
    /// How long it took.
    pub took: Duration,
    /// Accounts whose opening was acknowledged.
    pub acknowledged: u64,
    /// Accounts of which nobody said what became of them, when time was up.
    pub unknown: u64,
    /// Requests sent once more.
    pub again: u64,
    /// Latencies of what was acknowledged, ascending, in microseconds.
    pub latencies: Vec<u64>,
    /// Whatever must not be: refusals, accounts given twice, accounts missing.
    pub faults: Vec<String>,
    /// All members hold the same.
    pub level: bool,
    /// Where they stand.
    pub(super) standing: Standing,
}

impl Report {
    pub(super) fn new(took: Duration, seen: &[Seen]) -> Report {
        let opened = || seen.iter().flat_map(|seen| &seen.opened);
        let mut latencies: Vec<u64> =
            opened().map(|opened| opened.took.as_micros() as u64).collect();
        latencies.sort_unstable();
        let mut faults: Vec<String> =
            seen.iter().flat_map(|seen| seen.refused.iter().cloned()).collect();
        let mut accounts: Vec<u64> = opened().map(|opened| opened.account).collect();
        accounts.sort_unstable();
        let twice = accounts.windows(2).filter(|two| two[0] == two[1]);
        faults.extend(twice.map(|two| format!("account {} was given twice", two[0])));
        Report {
            took,
            acknowledged: accounts.len() as u64,
            unknown: seen.iter().map(|seen| seen.unknown).sum(),
            again: seen.iter().map(|seen| seen.again).sum(),
            latencies,
            faults,
            level: false,
            standing: Standing::new(),
        }
    }

    /// Everything is as it must be.
    pub fn passed(&self) -> bool {
        self.level && self.faults.is_empty() && self.acknowledged > 0
    }

    /// The latency below which a share of the requests stayed, in microseconds; 0 if there were none.
    pub fn percentile(&self, share: f64) -> u64 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share).round() as usize).copied().unwrap_or(0)
    }

    fn per_second(&self) -> f64 {
        self.acknowledged as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// For a person.
    pub fn text(&self) -> String {
        let ms = |share| self.percentile(share) as f64 / 1_000.0;
        let mut text = format!(
            "{} accounts acknowledged in {:.1} s ({:.0}/s), {} unknown, {} requests repeated\n\
             latency: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms\n",
            self.acknowledged,
            self.took.as_secs_f64(),
            self.per_second(),
            self.unknown,
            self.again,
            ms(0.5),
            ms(0.99),
            ms(1.0),
        );
        for (member, stand) in &self.standing {
            match stand {
                Some((position, hash)) => {
                    text.push_str(&format!("{member}: position {position}, {hash:?}\n"));
                }
                None => text.push_str(&format!("{member}: does not answer, or goes on\n")),
            }
        }
        for fault in self.faults.iter().take(NAMED) {
            text.push_str(&format!("wrong: {fault}\n"));
        }
        let verdict = match (self.level, self.faults.len()) {
            (true, 0) => "all members hold the same, and everything that was acknowledged".into(),
            (false, 0) => "the members do not hold the same".to_owned(),
            (_, count) => format!("{count} things are wrong"),
        };
        text + &verdict
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let members = self.standing.iter().map(|(member, stand)| {
            let position = stand.map(|(position, _)| position);
            let hash = stand.map(|(_, hash)| format!("{hash:?}"));
            json!({ "member": member.to_string(), "position": position, "hash": hash })
        });
        json!({
            "passed": self.passed(),
            "seconds": self.took.as_secs_f64(),
            "acknowledged": self.acknowledged,
            "per_second": self.per_second(),
            "unknown": self.unknown,
            "again": self.again,
            "p50_us": self.percentile(0.5),
            "p99_us": self.percentile(0.99),
            "max_us": self.percentile(1.0),
            "level": self.level,
            "faults": self.faults.iter().take(NAMED).collect::<Vec<_>>(),
            "fault_count": self.faults.len(),
            "members": members.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use market::name::Name;

    use super::super::client::Opened;
    use super::*;

    fn opened(account: u64, ms: u64) -> Opened {
        let login = Name::new(&format!("load-{account}")).unwrap();
        Opened { login, account, took: Duration::from_millis(ms) }
    }

    #[test]
    fn a_number_given_twice_is_a_fault_and_nothing_acknowledged_is_no_success() {
        let first = Seen { opened: vec![opened(1, 5), opened(2, 1)], ..Seen::default() };
        let second = Seen { opened: vec![opened(3, 9)], unknown: 1, ..Seen::default() };
        let mut report = Report::new(Duration::from_secs(1), &[first, second]);
        assert_eq!((report.acknowledged, report.unknown, report.faults.len()), (3, 1, 0));
        assert_eq!((report.percentile(0.5), report.percentile(1.0)), (5_000, 9_000));
        assert!(!report.passed(), "nobody looked yet whether the members are level");
        report.level = true;
        assert!(report.passed());
        let twice = Seen { opened: vec![opened(7, 1), opened(7, 1)], ..Seen::default() };
        let report = Report { level: true, ..Report::new(Duration::from_secs(1), &[twice]) };
        assert!(!report.passed() && report.text().contains("account 7 was given twice"));
        let none = Report { level: true, ..Report::new(Duration::from_secs(1), &[]) };
        assert!(!none.passed() && none.percentile(0.5) == 0);
    }
}
