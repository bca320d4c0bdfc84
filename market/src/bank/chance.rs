//! Whether a charge is approved: chance, but the same for the same key in every life of the bank.

use serde::{Deserialize, Serialize};

use super::key::PaymentKey;

/// What the draw is out of.
const MILLION: u64 = 1_000_000;

/// How likely the bank approves, and the seed that says whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds {
    /// Of a million charges, how many are approved; 1,000,000 and more: all.
    pub approved_ppm: u32,
    /// Other seeds approve others.
    pub seed: u64,
}

/// Why a good card is declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeclineReason {
    /// There is not enough on it.
    InsufficientFunds,
    /// The bank that gave it out does not want to, and does not say why.
    DoNotHonour,
    /// It was charged too often.
    LimitExceeded,
}

impl DeclineReason {
    /// All of them.
    pub const ALL: [DeclineReason; 3] = [
        DeclineReason::InsufficientFunds,
        DeclineReason::DoNotHonour,
        DeclineReason::LimitExceeded,
    ];

    /// The stable word that goes over the wire.
    pub fn word(self) -> &'static str {
        match self {
            DeclineReason::InsufficientFunds => "insufficient_funds",
            DeclineReason::DoNotHonour => "do_not_honour",
            DeclineReason::LimitExceeded => "limit_exceeded",
        }
    }

    /// The reason that a word means.
    pub fn of_word(word: &str) -> Option<DeclineReason> {
        DeclineReason::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

impl Odds {
    /// Approves a key, or says why not.
    pub(super) fn draw(&self, key: &PaymentKey) -> Result<(), DeclineReason> {
        let mut hasher = blake3::Hasher::new_derive_key("bazaar bank, draw v1");
        hasher.update(&self.seed.to_le_bytes()).update(key.as_str().as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        let drawn = u128::from_le_bytes(bytes);
        // 2^128 is so much more than a million that no remainder is noticeably more likely than another.
        if drawn % u128::from(MILLION) < u128::from(self.approved_ppm) {
            return Ok(());
        }
        let reasons = DeclineReason::ALL;
        let which = (drawn / u128::from(MILLION)) % reasons.len() as u128;
        Err(reasons[which as usize])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn drawn(approved_ppm: u32, seed: u64) -> Vec<Result<(), DeclineReason>> {
        let odds = Odds { approved_ppm, seed };
        (0..10_000).map(|n| odds.draw(&format!("key-{n}").parse().unwrap())).collect()
    }

    #[test]
    fn nine_of_ten_are_approved_and_a_seed_says_which() {
        let one = drawn(900_000, 7);
        let approved = one.iter().filter(|draw| draw.is_ok()).count();
        assert!((8_800..9_200).contains(&approved), "{approved}");
        assert_eq!(one, drawn(900_000, 7));
        assert_ne!(one, drawn(900_000, 8));
        let reasons: BTreeSet<_> = one.iter().filter_map(|draw| draw.err()).collect();
        assert_eq!(reasons.len(), DeclineReason::ALL.len());
    }

    #[test]
    fn the_ends_are_certain() {
        assert!(drawn(1_000_000, 1).iter().all(Result::is_ok));
        assert!(drawn(0, 1).iter().all(Result::is_err));
    }

    #[test]
    fn words_mean_their_reasons() {
        for reason in DeclineReason::ALL {
            assert_eq!(DeclineReason::of_word(reason.word()), Some(reason));
        }
        assert_eq!(DeclineReason::of_word("whim"), None);
    }
}
