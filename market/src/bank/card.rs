//! Cards: looked at once, never kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::key::PaymentKey;
use super::month::{self, Month};
use crate::limits::MAX_CARD_HOLDER_CHARS;
use crate::trade::WallTime;

/// A card as somebody typed it. It has no way to be printed or written down.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    holder: String,
    number: String,
    expiry: String,
    code: String,
}

/// A keyed digest of number and expiry, different under each payment key: tells whether a retry means the same card, and nothing else.
/// The security code is not even in there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardDigest([u8; 16]);

/// What makes a card invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// No name, a long one, or one with control characters.
    #[error("the name on a card has 1 to {MAX_CARD_HOLDER_CHARS} characters")]
    Holder,
    /// Not 13 to 19 digits, or the last one does not fit the others.
    #[error("this is no card number")]
    Number,
    /// Not of the form `MM/YY`.
    #[error("an expiration date is written like 07/31")]
    Expiry,
    /// Over.
    #[error("the card has expired")]
    Expired,
    /// Not 3 or 4 digits.
    #[error("a security code has 3 or 4 digits")]
    Code,
}

impl Card {
    /// A card by what is printed on it: the name, 13 to 19 digits without blanks, `MM/YY` (or `MM/YYYY`), the code. Nothing is
    /// checked yet.
    pub fn new(
        holder: impl Into<String>,
        number: impl Into<String>,
        expiry: impl Into<String>,
        code: impl Into<String>,
    ) -> Card {
        Card {
            holder: holder.into(),
            number: number.into(),
            expiry: expiry.into(),
            code: code.into(),
        }
    }

    /// Name, number, expiry and code, for whoever sends them to the bank.
    pub fn fields(&self) -> [&str; 4] {
        [&self.holder, &self.number, &self.expiry, &self.code]
    }

    /// Is it a card, and good now? It is good to the end of its month, at Greenwich.
    pub fn check(&self, now: WallTime) -> Result<(), CardError> {
        let holder = self.holder.chars().count();
        if !(1..=MAX_CARD_HOLDER_CHARS).contains(&holder)
            || self.holder.trim().is_empty()
            || self.holder.chars().any(char::is_control)
        {
            return Err(CardError::Holder);
        }
        if !digits(&self.number, 13, 19) || !luhn(&self.number) {
            return Err(CardError::Number);
        }
        let expiry = month::read(&self.expiry).ok_or(CardError::Expiry)?;
        if expiry < Month::of(now) {
            return Err(CardError::Expired);
        }
        if !digits(&self.code, 3, 4) {
            return Err(CardError::Code);
        }
        Ok(())
    }

    /// What is remembered of it under a key.
    pub(super) fn digest(&self, secret: &[u8; 32], key: &PaymentKey) -> CardDigest {
        let mut hasher = blake3::Hasher::new_keyed(secret);
        for part in [key.as_str(), &self.number] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        // A month that is written in two ways is one month; what is none never gets here on a first try.
        match month::read(&self.expiry) {
            Some(month) => hasher.update(&[1]).update(&month.number().to_le_bytes()),
            None => hasher.update(&[0]).update(self.expiry.as_bytes()),
        };
        let mut digest = [0; 16];
        digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        CardDigest(digest)
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Card(not shown)")
    }
}

fn digits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Luhn's check: from the right, every second digit counts double (its digits added), and the sum ends with 0.
fn luhn(number: &str) -> bool {
    let worth = |(place, digit): (usize, u8)| {
        let digit = u32::from(digit - b'0');
        match (place % 2 == 1, 2 * digit) {
            (false, _) => digit,
            (true, double) if double > 9 => double - 9,
            (true, double) => double,
        }
    };
    number.bytes().rev().enumerate().map(worth).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 15th of March 2027.
    const NOW: WallTime = WallTime(1_805_068_800_000);

    fn checked(holder: &str, number: &str, expiry: &str, code: &str) -> Result<(), CardError> {
        Card::new(holder, number, expiry, code).check(NOW)
    }

    #[test]
    fn good_cards_pass() {
        for number in [
            "4111111111111111",
            "378282246310005",
            "5555555555554444",
            "6304000000000000000", // 19 digits
            "4222222222222",       // 13 digits
        ] {
            assert_eq!(checked("Ada", number, "04/27", "123"), Ok(()), "{number}");
        }
        assert_eq!(checked("Ada", "4111111111111111", "03/27", "1234"), Ok(()), "to the end");
        assert_eq!(checked("Ada", "4111111111111111", "12/2099", "000"), Ok(()));
    }

    #[test]
    fn bad_cards_do_not() {
        use CardError::*;
        let good = "4111111111111111";
        let long = "a".repeat(MAX_CARD_HOLDER_CHARS + 1);
        for (holder, number, expiry, code, error) in [
            ("", good, "04/27", "123", Holder),
            (" ", good, "04/27", "123", Holder),
            ("A\u{7}", good, "04/27", "123", Holder),
            (&long, good, "04/27", "123", Holder),
            ("Ada", "4111111111111112", "04/27", "123", Number),
            ("Ada", "4111 1111 1111 1111", "04/27", "123", Number),
            ("Ada", "411111111111", "04/27", "123", Number),
            ("Ada", "63040000000000000000", "04/27", "123", Number),
            ("Ada", "٤١١١١١١١١١١١١١١١", "04/27", "123", Number),
            ("Ada", good, "02/27", "123", Expired),
            ("Ada", good, "03/2026", "123", Expired),
            ("Ada", good, "4/27", "123", Expiry),
            ("Ada", good, "04/27", "12", Code),
            ("Ada", good, "04/27", "12345", Code),
            ("Ada", good, "04/27", "12x", Code),
        ] {
            assert_eq!(
                checked(holder, number, expiry, code),
                Err(error),
                "{number} {expiry} {code}"
            );
        }
    }

    #[test]
    fn one_wrong_digit_or_two_swapped_ones_are_found() {
        let good = "5105105105105100";
        for at in 0..good.len() {
            let mut digits: Vec<u8> = good.bytes().collect();
            digits[at] = if digits[at] == b'9' { b'0' } else { digits[at] + 1 };
            assert!(!luhn(std::str::from_utf8(&digits).unwrap()), "digit {at}");
        }
        assert!(!luhn("5015105105105100"));
    }

    #[test]
    fn a_card_is_never_shown() {
        let card = Card::new("Ada", "4111111111111111", "04/27", "987");
        let shown = format!("{card:?}");
        assert!(
            !["Ada", "4111", "04/27", "987"].iter().any(|part| shown.contains(part)),
            "{shown}"
        );
    }

    #[test]
    fn digests_tell_cards_apart_under_one_key_only() {
        let digest = |number: &str, expiry: &str, code: &str, key: &str, secret: u8| {
            let key = key.parse().unwrap();
            Card::new("Ada", number, expiry, code).digest(&[secret; 32], &key)
        };
        let first = digest("4111111111111111", "04/27", "123", "k", 1);
        assert_eq!(first, digest("4111111111111111", "04/2027", "999", "k", 1), "the same card");
        assert_ne!(first, digest("5555555555554444", "04/27", "123", "k", 1));
        assert_ne!(first, digest("4111111111111111", "05/27", "123", "k", 1));
        assert_ne!(first, digest("4111111111111111", "04/27", "123", "l", 1), "another key");
        assert_ne!(first, digest("4111111111111111", "04/27", "123", "k", 2), "another secret");
    }
}
