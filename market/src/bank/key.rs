//! The key of a charge.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_PAYMENT_KEY_BYTES;

/// Names one charge for ever: 1 to [`MAX_PAYMENT_KEY_BYTES`] visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PaymentKey(String);

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to {MAX_PAYMENT_KEY_BYTES} visible ASCII characters")]
pub struct PaymentKeyError;

impl PaymentKey {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PaymentKey {
    type Error = PaymentKeyError;
    fn try_from(text: String) -> Result<Self, PaymentKeyError> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = visible && (1..=MAX_PAYMENT_KEY_BYTES).contains(&text.len());
        if fits { Ok(PaymentKey(text)) } else { Err(PaymentKeyError) }
    }
}

impl FromStr for PaymentKey {
    type Err = PaymentKeyError;
    fn from_str(text: &str) -> Result<Self, PaymentKeyError> {
        text.to_owned().try_into()
    }
}

impl From<PaymentKey> for String {
    fn from(key: PaymentKey) -> String {
        key.0
    }
}

impl fmt::Display for PaymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_visible() {
        assert!("a".parse::<PaymentKey>().is_ok());
        assert!("~".repeat(MAX_PAYMENT_KEY_BYTES).parse::<PaymentKey>().is_ok());
        for bad in ["", "a b", "a\n", "é", &"k".repeat(MAX_PAYMENT_KEY_BYTES + 1)] {
            assert_eq!(bad.parse::<PaymentKey>(), Err(PaymentKeyError), "{bad:?}");
        }
    }
}
