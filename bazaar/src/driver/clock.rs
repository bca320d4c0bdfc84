//! The only place that reads clocks.

use std::time::{SystemTime, UNIX_EPOCH};

use market::trade::WallTime;
use node::process::Now;
use replication::time::Time;
use rustix::time::{ClockId, clock_gettime};

/// What both clocks say. The monotonic one also runs while the machine sleeps: a gateway that wakes up must not believe
/// in a lease that ran out meanwhile.
pub fn now() -> Now {
    let boot = clock_gettime(ClockId::Boottime);
    // The kernel gives neither negative times nor more than 10^9 nanoseconds.
    let time = Time(boot.tv_sec as u64 * 1_000_000 + boot.tv_nsec as u64 / 1_000);
    // A wall clock before 1970 is as wrong as any other wrong one.
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { time, wall: WallTime(wall.as_millis() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on() {
        let first = now();
        assert!(first.wall.0 > 1_600_000_000_000, "milliseconds since 1970");
        let later = (0..u64::MAX).map(|_| now()).find(|later| later.time != first.time).unwrap();
        assert!(later.time > first.time);
    }
}
