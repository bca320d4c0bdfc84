//! The wall clock as the law gets to see it: it drifts towards the truth, but never jumps.
//!
//! Why: the law's time decides which idempotency keys are forgotten and which have expired. One jump of a leader's wall clock
//! into the future would stay for ever, since the law's time only goes forward, and every key that carries its birth would look
//! expired until real time has caught up. One jump back, followed by its correction, would let the law's time stand
//! still and then leap, and with that leap forget keys that are seconds old.

use market::trade::WallTime;

use crate::process::Now;

/// Hands out times for commands.
#[derive(Debug)]
pub(crate) struct LawClock {
    /// A time handed out, and when; the next ones follow from it at about the pace of the monotonic clock.
    line: Now,
}

impl LawClock {
    /// A process trusts its wall clock once, at its start. So this clock goes on running while the replica only follows: what a
    /// wall clock does between the start and an election is no better than what it does afterwards.
    pub(crate) fn new(start: Now) -> Self {
        LawClock { line: start }
    }

    /// This replica begins to lead, and the law's time stands here: it is not set back.
    pub(crate) fn reach(&mut self, law: WallTime) {
        self.line.wall = self.line.wall.max(law);
    }

    /// Time passed: the line goes on, drifting after the wall clock.
    pub(crate) fn tick(&mut self, now: Now) {
        self.at(now);
    }

    /// The time for a command proposed now: the wall clock, but at most a sixteenth faster or slower than the monotonic clock.
    pub(crate) fn at(&mut self, now: Now) -> WallTime {
        let elapsed = now.time.since(self.line.time).0 / 1_000;
        let slack = elapsed / 16;
        let steady = self.line.wall.0.saturating_add(elapsed);
        let wall = WallTime(now.wall.0.clamp(steady - slack, steady.saturating_add(slack)));
        if elapsed >= 16 {
            // Not at every command: whole milliseconds would be lost to rounding.
            self.line = Now { time: now.time, wall };
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
    fn jumps_are_not_followed_but_drifted_after() {
        let mut clock = LawClock::new(now(0, 1_000_000));
        assert_eq!(clock.at(now(0, 1_000_000)).0, 1_000_000);
        assert_eq!(clock.at(now(160, 4_600_000)).0, 1_000_170, "an hour ahead: a sixteenth faster");
        assert_eq!(clock.at(now(320, 1_000_320)).0, 1_000_320, "the clock was set right again");
        assert_eq!(clock.at(now(480, 500_000)).0, 1_000_470, "back: a sixteenth slower");
        assert_eq!(clock.at(now(640, 1_000_640)).0, 1_000_640, "and right again, without a leap");
    }

    #[test]
    fn a_start_with_a_clock_that_is_behind_goes_on_from_the_laws_time() {
        let mut clock = LawClock::new(now(0, 1_000));
        clock.reach(WallTime(5_000_000));
        assert_eq!(clock.at(now(160, 1_160)).0, 5_000_150);
    }

    #[test]
    fn a_burst_of_commands_loses_no_milliseconds() {
        let mut clock = LawClock::new(now(0, 1_000));
        for ms in 1..=1_000 {
            assert_eq!(clock.at(now(ms, 1_000 + ms)).0, 1_000 + ms);
        }
    }
}
