//! Months of the calendar: until when a card is good.

use crate::trade::WallTime;

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A month: years since the beginning of our era, times 12, plus months since January.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month(u64);

impl Month {
    /// The month of a year, from 1 to 12.
    pub(super) fn new(year: u64, month: u64) -> Option<Month> {
        (1..=12).contains(&month).then(|| Month(year * 12 + month - 1))
    }

    /// A number that grows with time.
    pub(super) fn number(self) -> u64 {
        self.0
    }

    /// The month that a time falls into, at Greenwich.
    pub(super) fn of(at: WallTime) -> Month {
        // Days are counted from the 1st of March 0000, so that leap days come last in their year; 400 years have 146,097 days.
        let days = at.0 / DAY_MS + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let of_year = day - (365 * year + year / 4 - year / 100);
        let since_march = (5 * of_year + 2) / 153;
        Month((era * 400 + year) * 12 + since_march + 2)
    }
}

/// Reads `MM/YY` (of this century) or `MM/YYYY`.
pub(super) fn read(text: &str) -> Option<Month> {
    let (month, year) = text.split_once('/')?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if month.len() != 2 || !digits(month) || !digits(year) {
        return None;
    }
    let year = match year.len() {
        2 => 2_000 + year.parse::<u64>().ok()?,
        4 => year.parse().ok()?,
        _ => return None,
    };
    Month::new(year, month.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks the calendar day by day, as it is taught.
    #[test]
    fn every_day_of_three_centuries_falls_into_its_month() {
        let divided = |year: u64, by| year.is_multiple_of(by);
        let leap = |year| divided(year, 4) && (!divided(year, 100) || divided(year, 400));
        let mut day = 0;
        for year in 1_970..2_270 {
            for month in 1..=12 {
                let days = match month {
                    2 if leap(year) => 29,
                    2 => 28,
                    4 | 6 | 9 | 11 => 30,
                    _ => 31,
                };
                let expected = Month::new(year, month).unwrap();
                assert_eq!(Month::of(WallTime(day * DAY_MS)), expected, "{month}/{year}");
                day += days;
                assert_eq!(Month::of(WallTime(day * DAY_MS - 1)), expected, "{month}/{year}");
            }
        }
    }

    #[test]
    fn months_are_read_in_both_forms() {
        assert_eq!(read("07/31"), Month::new(2_031, 7));
        assert_eq!(read("12/2031"), Month::new(2_031, 12));
        for bad in
            ["", "7/31", "00/31", "13/31", "07-31", "07/3", "07/031", "+7/31", "07/31/", "０７/31"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
