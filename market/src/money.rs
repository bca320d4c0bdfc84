//! Exact money: whole minor units (cents), never a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_PRICE_MINOR;

/// A price in minor units (cents), 0 to [`MAX_PRICE_MINOR`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Price(u64);

/// Why a text or number is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Not of the form `12`, `12.3` or `12.34`.
    #[error("a price is written like 12, 12.3 or 12.34")]
    Form,
    /// Over the limit.
    #[error("a price is at most {} in minor units", MAX_PRICE_MINOR)]
    Range,
}

impl Price {
    /// A price from whole minor units.
    pub fn from_minor(minor: u64) -> Result<Self, PriceError> {
        if minor > MAX_PRICE_MINOR { Err(PriceError::Range) } else { Ok(Price(minor)) }
    }

    /// Whole minor units.
    pub fn minor(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Price {
    type Error = PriceError;
    fn try_from(minor: u64) -> Result<Self, PriceError> {
        Price::from_minor(minor)
    }
}

impl From<Price> for u64 {
    fn from(price: Price) -> u64 {
        price.0
    }
}

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        let (whole, cents) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(cents) || cents.len() > 2 {
            return Err(PriceError::Form);
        }
        let scale = if cents.len() == 1 { 10 } else { 1 };
        let whole: u64 = whole.parse().map_err(|_| PriceError::Range)?;
        let cents: u64 = cents.parse().map_err(|_| PriceError::Form)?;
        whole
            .checked_mul(100)
            .and_then(|minor| minor.checked_add(cents * scale))
            .ok_or(PriceError::Range)
            .and_then(Price::from_minor)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_exactly() {
        for (text, minor) in [("15.99", 1_599), ("2.5", 250), ("20", 2_000), ("0.07", 7), ("0", 0)]
        {
            assert_eq!(text.parse(), Ok(Price(minor)), "{text}");
        }
        assert_eq!("10000000000.00".parse(), Price::from_minor(MAX_PRICE_MINOR));
    }

    #[test]
    fn anything_else_is_no_price() {
        for text in ["", ".", ".5", "5.", "1.234", "-1", "+1", "1e3", "1,5", " 1", "١", "NaN"] {
            assert_eq!(text.parse::<Price>(), Err(PriceError::Form), "{text:?}");
        }
        for text in ["10000000000.01", "18446744073709551616", "99999999999999999999999"] {
            assert_eq!(text.parse::<Price>(), Err(PriceError::Range), "{text}");
        }
    }

    #[test]
    fn a_price_is_written_with_two_decimals() {
        assert_eq!(Price(1_599).to_string(), "15.99");
        assert_eq!(Price(5).to_string(), "0.05");
    }

    #[test]
    fn reading_a_price_checks_it() {
        let bytes = postcard::to_allocvec(&(MAX_PRICE_MINOR + 1)).unwrap();
        assert!(postcard::from_bytes::<Price>(&bytes).is_err());
    }
}
