//! Settings of the payment service.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::period::Period;

/// The port of the payment service, if nobody says another one.
const PORT: u16 = 8090;

/// What a probability is counted in: parts per million.
const MILLION: f64 = 1_000_000.0;

/// The payment service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PaymentConfig {
    /// Where others reach it.
    pub address: Address,
    /// Where it listens, if that is not its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<Address>,
    /// Folder of its journal, if that is not `payment` in the folder of all data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// How likely a charge of a good card is approved.
    pub approve: Probability,
    /// Says which ones; the same for the same key in every life.
    pub seed: u64,
    /// How much later than they are ready answers leave, for tests of impatient clients.
    pub delay: Period,
}

/// From 0 (never) to 1 (always), in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability {
    ppm: u32,
}

/// Why a number is no probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a probability is a number from 0 to 1, like 0.9")]
pub struct ProbabilityError;

impl PaymentConfig {
    /// Where it listens.
    pub fn listens_on(&self) -> &Address {
        self.listen.as_ref().unwrap_or(&self.address)
    }
}

impl Default for PaymentConfig {
    fn default() -> Self {
        PaymentConfig {
            address: Address::loopback(PORT),
            listen: None,
            data: None,
            approve: Probability { ppm: 900_000 },
            seed: 1,
            delay: Period::millis(0),
        }
    }
}

impl Probability {
    /// In parts per million.
    pub fn ppm(self) -> u32 {
        self.ppm
    }
}

impl TryFrom<f64> for Probability {
    type Error = ProbabilityError;
    fn try_from(number: f64) -> Result<Self, ProbabilityError> {
        if (0.0..=1.0).contains(&number) {
            Ok(Probability { ppm: (number * MILLION).round() as u32 })
        } else {
            Err(ProbabilityError)
        }
    }
}

impl From<Probability> for f64 {
    fn from(probability: Probability) -> f64 {
        f64::from(probability.ppm) / MILLION
    }
}

impl FromStr for Probability {
    type Err = ProbabilityError;
    fn from_str(text: &str) -> Result<Self, ProbabilityError> {
        text.parse::<f64>().map_err(|_| ProbabilityError)?.try_into()
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_read_to_the_millionth() {
        for (text, ppm) in
            [("0.9", 900_000), ("1", 1_000_000), ("0", 0), ("0.000001", 1), ("0.29", 290_000)]
        {
            let probability: Probability = text.parse().unwrap();
            assert_eq!((probability.ppm(), probability.to_string().as_str()), (ppm, text));
        }
        for bad in ["", "-0.1", "1.1", "NaN", "inf", "90%"] {
            assert_eq!(bad.parse::<Probability>(), Err(ProbabilityError), "{bad}");
        }
    }
}
