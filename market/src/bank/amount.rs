//! What is charged: whole minor units (cents), never a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_TOTAL_MINOR;

/// An amount in minor units (cents), 0 to [`MAX_TOTAL_MINOR`]. Nothing may be charged as well: what is given away has its order, too.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Amount(u64);

/// Why a text or number is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// No decimal number, or one with parts of a cent.
    #[error("an amount is written like 12.50, with two decimals at the most")]
    Form,
    /// Negative, or over the limit.
    #[error("an amount is 0 to {MAX_TOTAL_MINOR} in minor units")]
    Range,
}

impl Amount {
    /// An amount of whole minor units.
    pub fn from_minor(minor: u64) -> Result<Self, AmountError> {
        if minor > MAX_TOTAL_MINOR { Err(AmountError::Range) } else { Ok(Amount(minor)) }
    }

    /// Whole minor units.
    pub fn minor(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Amount {
    type Error = AmountError;
    fn try_from(minor: u64) -> Result<Self, AmountError> {
        Amount::from_minor(minor)
    }
}

impl From<Amount> for u64 {
    fn from(amount: Amount) -> u64 {
        amount.0
    }
}

/// Reads whatever XML Schema takes for a decimal with two fraction digits: `12`, `12.5`, `+12.50`, `012.500`.
impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        if let Some(negative) = text.strip_prefix('-') {
            // Minus nothing is nothing, and everything below it is out of range.
            let value = unsigned(negative)?;
            return if value == 0 { Ok(Amount(0)) } else { Err(AmountError::Range) };
        }
        unsigned(text.strip_prefix('+').unwrap_or(text)).and_then(Amount::from_minor)
    }
}

fn unsigned(text: &str) -> Result<u64, AmountError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Err(AmountError::Form);
    }
    let cents = fraction.trim_end_matches('0').as_bytes();
    let digit = |at: usize| cents.get(at).map_or(0, |digit| u64::from(digit - b'0'));
    if cents.len() > 2 {
        return Err(AmountError::Form);
    }
    let whole = whole.trim_start_matches('0');
    let whole: u64 =
        if whole.is_empty() { 0 } else { whole.parse().map_err(|_| AmountError::Range)? };
    let minor =
        whole.checked_mul(100).and_then(|minor| minor.checked_add(10 * digit(0) + digit(1)));
    minor.ok_or(AmountError::Range)
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text, minor) in [
            ("12.50", 1_250),
            ("12.5", 1_250),
            ("12.500", 1_250),
            ("12", 1_200),
            ("12.", 1_200),
            (".07", 7),
            ("+0012.34", 1_234),
            ("-0.00", 0),
            ("0.29", 29),
            ("90071992547409.91", MAX_TOTAL_MINOR),
        ] {
            assert_eq!(text.parse(), Ok(Amount(minor)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_amount() {
        for text in
            ["", ".", "+", "-", "1.234", "1e3", "1,5", " 1", "१", "NaN", "INF", "--1", "+-1"]
        {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::Form), "{text:?}");
        }
        for text in ["-0.01", "-5", "90071992547409.92", "99999999999999999999999"] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::Range), "{text}");
        }
    }

    #[test]
    fn an_amount_is_written_with_two_decimals() {
        assert_eq!(Amount(1_250).to_string(), "12.50");
        assert_eq!(Amount(5).to_string(), "0.05");
    }
}
