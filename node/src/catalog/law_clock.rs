//! The wall clock as the law gets to see it: it may drift towards the truth, but never jump ahead.
//!
//! Why: the law's time only goes forward. One jump of a leader's wall clock into the future would stay for ever, and with it
//! every idempotency key that carries its birth would look expired until real time has caught up.

use market::trade::WallTime;

use crate::process::Now;

/// Hands out times for commands.
#[derive(Debug, Default)]
pub(super) struct LawClock {
    last: Option<Now>,
}

impl LawClock {
    /// The time for a command proposed now: the wall clock, but at most a sixteenth faster than the monotonic clock.
    pub(super) fn at(&mut self, now: Now) -> WallTime {
        let Some(last) = self.last else {
            self.last = Some(now);
            return now.wall;
        };
        let elapsed = now.time.since(last.time).0 / 1_000;
        let most = last.wall.0.saturating_add(elapsed + elapsed / 16);
        let wall = WallTime(now.wall.0.min(most));
        if elapsed >= 16 {
            // Not at every command: whole milliseconds would be lost to rounding.
            self.last = Some(Now { time: now.time, wall });
        }
        wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use replication::time::Time;

    fn now(ms: u64, wall: u64) -> Now {
        Now { time: Time(ms * 1_000), wall: WallTime(wall) }
    }

    #[test]
    fn a_jump_ahead_is_not_followed_and_a_jump_back_is() {
        let mut clock = LawClock::default();
        assert_eq!(clock.at(now(0, 1_000_000)).0, 1_000_000);
        assert_eq!(clock.at(now(160, 4_600_000)).0, 1_000_170, "an hour ahead: a sixteenth faster");
        assert_eq!(clock.at(now(320, 1_000_320)).0, 1_000_320, "the clock was set right again");
        assert_eq!(
            clock.at(now(480, 500_000)).0,
            500_000,
            "the law itself keeps time from going back"
        );
    }
}
