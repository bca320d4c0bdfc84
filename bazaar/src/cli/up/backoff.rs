//! How long to wait before a crashed service is started again.

use std::time::Duration;

/// Before the first restart: practically at once.
pub(super) const FIRST: Duration = Duration::from_millis(50);

/// Longest pause: a service that cannot start costs a process every two seconds, and is back soon after the cause is gone.
const LONGEST: Duration = Duration::from_secs(2);

/// A service that ran this long was healthy; what came before does not count any more.
const HEALTHY: Duration = Duration::from_secs(10);

/// Pauses that double while a service keeps crashing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Backoff { next: FIRST }
    }

    /// The pause after a crash. A service that was killed on purpose has not crashed.
    pub(super) fn pause(&mut self, uptime: Duration, on_purpose: bool) -> Duration {
        if on_purpose || uptime >= HEALTHY {
            self.next = FIRST;
        }
        let pause = self.next;
        if !on_purpose {
            self.next = (pause * 2).min(LONGEST);
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_again_after_health() {
        let mut backoff = Backoff::new();
        let soon = Duration::from_millis(1);
        let pauses: Vec<u128> = (0..8).map(|_| backoff.pause(soon, false).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
        assert_eq!(backoff.pause(HEALTHY, false), FIRST);
        assert_eq!(backoff.pause(soon, false), FIRST * 2);
    }

    #[test]
    fn a_kill_on_purpose_is_no_crash() {
        let mut backoff = Backoff::new();
        for _ in 0..5 {
            assert_eq!(backoff.pause(Duration::ZERO, true), FIRST);
        }
    }
}
