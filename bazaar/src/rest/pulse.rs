//! What a connection is doing, and since when: the connection's timer asks, hyper's two ends tell.
//!
//! hyper has one timer for heads that also runs between two requests, allocates for each of them and closes without a
//! word. Ours tells silence from a slow head, costs one clock reading per step, and leaves time for a 408.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use super::limits::Limits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// A head is awaited: some bytes came, or the connection is new.
    Head = 0,
    /// A request is being served (its body may still be coming).
    Serving = 1,
    /// The answer is handed to hyper and not known to be written.
    Answered = 2,
    /// Between two requests.
    Idle = 3,
}

/// The pulse of one connection. All parts run in one task: the atomics only make it `Sync`.
#[derive(Debug)]
pub(super) struct Pulse {
    born: Instant,
    phase: AtomicU8,
    since: AtomicU64,
    refused: AtomicU16,
    unread: AtomicBool,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Pulse {
            born: Instant::now(),
            phase: AtomicU8::new(Phase::Head as u8),
            since: AtomicU64::new(0),
            refused: AtomicU16::new(0),
            unread: AtomicBool::new(false),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Head,
            1 => Phase::Serving,
            2 => Phase::Answered,
            _ => Phase::Idle,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.enter_at(phase, Instant::now());
    }

    /// As [`Pulse::enter`], when the time is already known.
    pub(super) fn enter_at(&self, phase: Phase, now: Instant) {
        let since = now.saturating_duration_since(self.born);
        self.since.store(u64::try_from(since.as_micros()).unwrap_or(u64::MAX), Relaxed);
        self.phase.store(phase as u8, Relaxed);
    }

    /// When the present phase is over at the latest.
    pub(super) fn deadline(&self, limits: &Limits) -> Instant {
        let allowed = match self.phase() {
            Phase::Head => limits.header_timeout,
            Phase::Idle => limits.idle_timeout,
            // The service watches its own time and answers; this is the net below it.
            Phase::Serving => limits.request_timeout + limits.header_timeout,
            Phase::Answered => limits.request_timeout,
        };
        self.born + Duration::from_micros(self.since.load(Relaxed)) + allowed
    }

    /// hyper itself refused what came in, with this status; the words are still to be written.
    pub(super) fn refuse(&self, status: u16) {
        self.refused.store(status, Relaxed);
    }

    /// The status with which hyper refused, if it did.
    pub(super) fn refused(&self) -> Option<u16> {
        Some(self.refused.load(Relaxed)).filter(|status| *status != 0)
    }

    /// The answer was given before the request was read to its end.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }

    /// There may be bytes that nobody read.
    pub(super) fn unread(&self) -> bool {
        self.unread.load(Relaxed)
    }
}
