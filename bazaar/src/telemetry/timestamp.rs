//! Wall-clock time as text.

use market::trade::WallTime;

/// `2026-11-21T14:05:09.123Z`: UTC, to the millisecond.
pub fn timestamp(at: WallTime) -> String {
    let (seconds, millis) = (at.0 / 1_000, at.0 % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of a day since 1970-01-01, counted in eras of 400 years that begin in March, so that the leap
/// day is the last day of its year (Howard Hinnant's `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates_around_leap_days() {
        assert_eq!(timestamp(WallTime(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(WallTime(951_782_400_000)), "2000-02-29T00:00:00.000Z");
        assert_eq!(timestamp(WallTime(1_709_251_199_999)), "2024-02-29T23:59:59.999Z");
        assert_eq!(timestamp(WallTime(1_795_269_909_123)), "2026-11-21T14:05:09.123Z");
    }
}
