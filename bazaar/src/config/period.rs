//! Lengths of time as people write them: `250us`, `500ms`, `10s`, `2m`, `1h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use replication::time::Span;
use serde::{Deserialize, Serialize};

/// A length of time, in whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    micros: u64,
}

/// Units, the largest first.
const UNITS: [(&str, u64); 5] =
    [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

/// Why a text is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a length of time is a whole number and a unit, like 500ms, 10s, 2m or 1h")]
pub struct PeriodError;

impl Period {
    /// Whole milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Period { micros: millis * 1_000 }
    }

    /// Whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Period { micros: seconds * 1_000_000 }
    }

    /// As the standard library has it.
    pub const fn duration(self) -> Duration {
        Duration::from_micros(self.micros)
    }

    /// As the engines have it.
    pub const fn span(self) -> Span {
        Span::micros(self.micros)
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(PeriodError)?;
        let (number, unit) = text.split_at(digits);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(PeriodError)?;
        let number: u64 = number.parse().map_err(|_| PeriodError)?;
        let micros = number.checked_mul(*scale).ok_or(PeriodError)?;
        Ok(Period { micros })
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;
    fn try_from(text: String) -> Result<Self, PeriodError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> String {
        period.to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = UNITS.iter().find(|(_, scale)| self.micros.is_multiple_of(*scale));
        match fitting {
            Some((name, scale)) if self.micros > 0 => write!(f, "{}{name}", self.micros / scale),
            _ => f.write_str("0s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_every_unit() {
        for text in ["250us", "500ms", "10s", "2m", "1h", "0s", "1500ms"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        assert_eq!("1000ms".parse::<Period>().unwrap(), Period::seconds(1));
        assert_eq!(Period::millis(500).span(), Span::millis(500));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "5", "ms", "-1s", "1.5s", "1 s", "1d", "99999999999999999999s"] {
            assert_eq!(text.parse::<Period>(), Err(PeriodError), "{text}");
        }
    }
}
