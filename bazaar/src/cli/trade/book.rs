//! What all clients of a run saw. Kept once for the run, not once per client: a histogram has tens of kilobytes, and a
//! thousand of them would fall out of every cache of the machine under load.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// Most problems kept word for word.
const MAX_PROBLEMS: usize = 20;

/// Longest latency told apart, in microseconds: an hour, far over any patience.
const LONGEST: u64 = 3_600_000_000;

/// The kinds of request that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Lookup,
    Order,
    Check,
}

impl Request {
    pub(super) const ALL: [Request; 3] = [Request::Lookup, Request::Order, Request::Check];

    pub(super) fn label(self) -> &'static str {
        match self {
            Request::Lookup => "lookup",
            Request::Order => "order",
            Request::Check => "check",
        }
    }
}

/// The book of a run.
pub(super) struct Book {
    pub(super) started: Instant,
    /// Rounds of all clients, if known.
    pub(super) expected: Option<u64>,
    /// No further rounds.
    pub(super) stop: AtomicBool,
    pub(super) rounds: AtomicU64,
    pub(super) traded: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) mismatches: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) connects: AtomicU64,
    pub(super) pauses: AtomicU64,
    pub(super) longest_pause_us: AtomicU64,
    /// When the first and last request of each kind ended, and how long each took, in microseconds.
    pub(super) latencies: [Mutex<Timing>; 3],
    pub(super) problems: Mutex<Vec<String>>,
    /// Numbers of all orders given to anybody: none may be given twice.
    numbers: Mutex<Vec<u64>>,
}

/// Latencies of one kind of request.
pub(super) struct Timing {
    pub(super) histogram: Histogram<u64>,
    pub(super) first: Option<Instant>,
    pub(super) last: Option<Instant>,
}

impl Default for Timing {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST, 3).expect("good bounds");
        Timing { histogram, first: None, last: None }
    }
}

impl Book {
    pub(super) fn new(expected: Option<u64>) -> Self {
        Book {
            started: Instant::now(),
            expected,
            stop: AtomicBool::new(false),
            rounds: AtomicU64::new(0),
            traded: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            mismatches: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            connects: AtomicU64::new(0),
            pauses: AtomicU64::new(0),
            longest_pause_us: AtomicU64::new(0),
            latencies: Default::default(),
            problems: Mutex::default(),
            numbers: Mutex::default(),
        }
    }

    /// An answered request, pauses included.
    pub(super) fn record(&self, kind: Request, begun: Instant, ended: Instant) {
        let mut timing = self.latencies[kind as usize].lock();
        timing.histogram.saturating_record(micros(ended - begun).max(1));
        timing.first.get_or_insert(begun);
        timing.last = Some(ended);
    }

    /// A request that had to be repeated took this long in all.
    pub(super) fn pause(&self, took: Duration) {
        self.pauses.fetch_add(1, Relaxed);
        self.longest_pause_us.fetch_max(micros(took), Relaxed);
    }

    /// An answer that should not have been.
    pub(super) fn error(&self, what: impl FnOnce() -> String) {
        self.errors.fetch_add(1, Relaxed);
        self.problem(what);
    }

    /// An answer that contradicts another.
    pub(super) fn mismatch(&self, what: impl FnOnce() -> String) {
        self.mismatches.fetch_add(1, Relaxed);
        self.problem(what);
    }

    /// The numbers one client was given.
    pub(super) fn given(&self, numbers: impl Iterator<Item = u64>) {
        self.numbers.lock().extend(numbers);
    }

    /// Numbers that were given more than once count as mismatches.
    pub(super) fn compare_numbers(&self) {
        let mut numbers = std::mem::take(&mut *self.numbers.lock());
        numbers.sort_unstable();
        for pair in numbers.windows(2).filter(|pair| pair[0] == pair[1]) {
            self.mismatch(|| format!("order number {} was given twice", pair[0]));
        }
    }

    fn problem(&self, what: impl FnOnce() -> String) {
        let mut problems = self.problems.lock();
        if problems.len() < MAX_PROBLEMS {
            let text = what();
            problems.push(text);
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_latencies_are_kept() {
        let book = Book::new(None);
        let begun = Instant::now();
        for seconds in [1, 1, 20, 100_000] {
            book.record(Request::Order, begun, begun + Duration::from_secs(seconds));
        }
        let args = crate::cli::trade::TradeArgs::against("x");
        let report = book.report(&args);
        let order = &report.latencies[0];
        assert!((999.0..1001.0).contains(&order.p50_ms), "{order:?}");
        assert!(order.max_ms >= 3_600_000.0, "{order:?}");
    }

    #[test]
    fn a_number_given_twice_is_a_mismatch() {
        let book = Book::new(None);
        book.given([3, 1, 2].into_iter());
        book.given([4, 1].into_iter());
        book.compare_numbers();
        assert_eq!(book.mismatches.load(Relaxed), 1);
    }
}
