//! One machine's clocks: a monotonic one with its own start and rate, a wall clock that also jumps.

use market::trade::WallTime;
use node::process::Now;
use replication::time::Time;

use crate::rng::Rng;

/// The largest drift that the cache's leases are promised to survive, in parts per million (1 %).
pub const MAX_DRIFT_PPM: i64 = 10_000;

/// Virtual time 0 on the wall: a date in 2025, in milliseconds since 1970.
const WALL_START_MS: i64 = 1_750_000_000_000;

/// What a right wall clock shows.
pub fn honest_wall(virtual_time: u64) -> WallTime {
    WallTime(WALL_START_MS as u64 + virtual_time / 1_000)
}

/// A machine's clocks as functions of virtual time.
#[derive(Clone, Debug)]
pub struct Clock {
    offset: u64,
    drift_ppm: i64,
    wall_shift_ms: i64,
}

impl Clock {
    /// A clock with any start, a drift of up to `drift_ppm` either way, and a wall off by up to 2 s.
    pub fn draw(rng: &mut Rng, drift_ppm: i64) -> Self {
        // Half of all clocks sit at one end of the allowed range, where leases are tightest.
        let drift_ppm = match rng.below(4) {
            0 => -drift_ppm,
            1 => drift_ppm,
            _ => rng.below(2 * drift_ppm.unsigned_abs() + 1) as i64 - drift_ppm,
        };
        Clock {
            offset: rng.below(1_000_000_000_000),
            drift_ppm,
            wall_shift_ms: rng.below(4_001) as i64 - 2_000,
        }
    }

    /// What the machine's clocks show at a moment of virtual time.
    pub fn now(&self, virtual_time: u64) -> Now {
        let elapsed = self.elapsed(virtual_time);
        let wall = WALL_START_MS + (elapsed / 1_000) as i64 + self.wall_shift_ms;
        Now { time: Time(self.offset + elapsed), wall: WallTime(wall.max(0) as u64) }
    }

    /// Moves the wall clock.
    pub fn jump_wall(&mut self, by_ms: i64) {
        self.wall_shift_ms += by_ms;
    }

    fn elapsed(&self, virtual_time: u64) -> u64 {
        let skew = virtual_time as i128 * i128::from(self.drift_ppm) / 1_000_000;
        (virtual_time as i128 + skew) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, MAX_DRIFT_PPM};
    use crate::rng::Rng;

    #[test]
    fn never_back_and_within_the_drift() {
        for seed in 0..50 {
            let clock = Clock::draw(&mut Rng::new(seed, 0), MAX_DRIFT_PPM);
            let mut last = clock.now(0);
            for step in 1..200u64 {
                let now = clock.now(step * 7_919);
                let passed = now.time.since(last.time).0;
                assert!((7_839..=7_999).contains(&passed), "{passed}");
                last = now;
            }
        }
    }

    #[test]
    fn only_the_wall_jumps() {
        let mut clock = Clock::draw(&mut Rng::new(3, 0), 0);
        let before = clock.now(1_000);
        clock.jump_wall(-3_600_000);
        let after = clock.now(1_000);
        assert_eq!(before.time, after.time);
        assert_eq!(before.wall.0 - after.wall.0, 3_600_000);
    }
}
