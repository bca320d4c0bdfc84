//! What a run came to.

use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;

use super::args::{RunType, TradeArgs};
use super::book::{Book, Request};

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Clients at once.
    pub clients: u32,
    /// Probability of a follow-up order.
    pub probability: f64,
    /// Seed of the choices.
    pub seed: u64,
    /// How long the run took, check included.
    pub seconds: f64,
    /// Rounds done (a round is one lookup and, maybe, one order).
    pub rounds: u64,
    /// Orders that succeeded.
    pub orders: u64,
    /// Orders refused for want of quantity: an answer, not an error.
    pub refusals: u64,
    /// Answers that should not have been, and requests given up.
    pub errors: u64,
    /// Answers that contradict others: orders not found again or changed, numbers given twice.
    pub mismatches: u64,
    /// Attempts repeated after a lost connection, a timeout, 429, 503 or 504.
    pub retries: u64,
    /// Requests that had to be repeated.
    pub pauses: u64,
    /// Longest time from a request's first attempt to its answer, among those that had to be repeated, in milliseconds.
    pub longest_pause_ms: f64,
    /// Connections opened.
    pub connections: u64,
    /// Whether every order was looked up and compared.
    pub checked: bool,
    /// Latencies, per kind of request that occurred.
    pub latencies: Vec<Latency>,
    /// The first few errors and mismatches in words.
    pub problems: Vec<String>,
}

/// Latency of one kind of request: from the first attempt to the answer, pauses included.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// `lookup`, `order` or `check`.
    pub kind: &'static str,
    /// Requests answered.
    pub count: u64,
    /// Answers per second, from the first request of the kind to the last.
    pub per_second: f64,
    /// Mean, in milliseconds.
    pub mean_ms: f64,
    /// Median, in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile, in milliseconds.
    pub p95_ms: f64,
    /// 99th percentile, in milliseconds.
    pub p99_ms: f64,
    /// Longest, in milliseconds.
    pub max_ms: f64,
}

impl Report {
    /// No mismatch and no error.
    pub fn passed(&self) -> bool {
        self.errors == 0 && self.mismatches == 0
    }
}

impl Book {
    /// Closes the book.
    pub(super) fn report(&self, args: &TradeArgs) -> Report {
        self.compare_numbers();
        Report {
            clients: args.clients,
            probability: args.probability,
            seed: args.seed,
            seconds: self.started.elapsed().as_secs_f64(),
            rounds: self.rounds.load(Relaxed),
            orders: self.traded.load(Relaxed),
            refusals: self.refused.load(Relaxed),
            errors: self.errors.load(Relaxed),
            mismatches: self.mismatches.load(Relaxed),
            retries: self.retries.load(Relaxed),
            pauses: self.pauses.load(Relaxed),
            longest_pause_ms: millis(self.longest_pause_us.load(Relaxed)),
            connections: self.connects.load(Relaxed),
            checked: args.run_type == RunType::SessionCheck,
            latencies: Request::ALL.into_iter().filter_map(|kind| self.latency(kind)).collect(),
            problems: self.problems.lock().clone(),
        }
    }

    fn latency(&self, kind: Request) -> Option<Latency> {
        let timing = self.latencies[kind as usize].lock();
        let histogram = &timing.histogram;
        let took = timing.last?.duration_since(timing.first?).as_secs_f64();
        let quantile = |q: f64| millis(histogram.value_at_quantile(q));
        Some(Latency {
            kind: kind.label(),
            count: histogram.len(),
            per_second: histogram.len() as f64 / took.max(1e-6),
            mean_ms: histogram.mean() / 1000.0,
            p50_ms: quantile(0.5),
            p95_ms: quantile(0.95),
            p99_ms: quantile(0.99),
            max_ms: millis(histogram.max()),
        })
    }
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}
