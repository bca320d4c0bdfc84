//! The wall clock as the law gets to see it: it may drift towards the truth, but never jump ahead.
//!
//! Why: the law's time only goes forward. One jump of a leader's wall clock into the future would stay for ever, and with it
//! every idempotency key that carries its birth would look expired until real time has caught up.

use market::trade::WallTime;

use crate::process::Now;

/// Hands out times for commands.
#[derive(Debug)]
pub(super) struct LawClock {
    /// The highest time handed out, gone on at the pace of the monotonic clock. Not the last one: after a jump back and the
    /// correction that follows it, the law's time must not stand still until a sixteenth of the way has added up.
    line: Now,
}

impl LawClock {
    /// A process trusts its wall clock once, at its start.
    pub(super) fn new(start: Now) -> Self {
        LawClock { line: start }
    }

    /// The time for a command proposed now: the wall clock, but at most a sixteenth faster than the monotonic clock.
    pub(super) fn at(&mut self, now: Now) -> WallTime {
        let elapsed = now.time.since(self.line.time).0 / 1_000;
        let steady = self.line.wall.0.saturating_add(elapsed);
        let wall = now.wall.0.min(steady.saturating_add(elapsed / 16));
        if elapsed >= 16 {
            // Not at every command: whole milliseconds would be lost to rounding.
            self.line = Now { time: now.time, wall: WallTime(wall.max(steady)) };
        }
        WallTime(wall)
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
        let mut clock = LawClock::new(now(0, 1_000_000));
        assert_eq!(clock.at(now(0, 1_000_000)).0, 1_000_000);
        assert_eq!(clock.at(now(160, 4_600_000)).0, 1_000_170, "an hour ahead: a sixteenth faster");
        assert_eq!(clock.at(now(320, 1_000_320)).0, 1_000_320, "the clock was set right again");
        assert_eq!(
            clock.at(now(480, 500_000)).0,
            500_000,
            "the law itself keeps time from going back"
        );
    }

    #[test]
    fn a_jump_back_that_is_corrected_does_not_hold_the_law_up() {
        let mut clock = LawClock::new(now(0, 10_000_000));
        assert_eq!(clock.at(now(100, 6_400_100)).0, 6_400_100, "an hour back");
        assert_eq!(clock.at(now(200, 10_000_200)).0, 10_000_200, "and right again, at once");
    }

    #[test]
    fn a_burst_of_commands_loses_no_milliseconds() {
        let mut clock = LawClock::new(now(0, 1_000));
        for ms in 1..=1_000 {
            assert_eq!(clock.at(now(ms, 1_000 + ms)).0, 1_000 + ms);
        }
    }
}
