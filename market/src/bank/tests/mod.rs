//! The bank's law: cases that say what is meant, and a model that is too simple to be wrong.

mod cases;
mod model;
mod properties;

use std::collections::BTreeMap;

use super::*;
use crate::trade::WallTime;

/// The 15th of March 2027.
const NOW: WallTime = WallTime(1_805_068_800_000);

const VISA: &str = "4111111111111111";
const MASTER: &str = "5555555555554444";

/// A bank as its service is one: entries by key, replaced when the law says so.
struct Bank {
    terms: Terms,
    entries: BTreeMap<PaymentKey, Entry>,
    now: WallTime,
}

impl Bank {
    fn with_odds(approved_ppm: u32) -> Bank {
        let terms = Terms { odds: Odds { approved_ppm, seed: 7 }, secret: [9; 32] };
        Bank { terms, entries: BTreeMap::new(), now: NOW }
    }

    /// Every card is good enough for it.
    fn generous() -> Bank {
        Bank::with_odds(1_000_000)
    }

    fn ask(&mut self, at: &str, wish: &Wish) -> Result<Receipt, Refusal> {
        let at = key(at);
        let decision = decide(&at, self.entries.get(&at), wish, &self.terms, self.now);
        if let Some(entry) = decision.remember {
            // Through its bytes, as if the bank were started again after every wish.
            self.entries.insert(at, Entry::decode(&entry.encode()).unwrap());
        }
        decision.answer
    }

    fn standing(&mut self, at: &str) -> Standing {
        self.ask(at, &Wish::Lookup).unwrap().standing
    }
}

fn key(text: &str) -> PaymentKey {
    text.parse().unwrap()
}

fn card(number: &str) -> Card {
    Card::new("Ada", number, "04/27", "123")
}

fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

fn authorize(number: &str, minor: u64) -> Wish {
    Wish::Authorize { card: card(number), amount: amount(minor) }
}

fn process(number: &str, minor: u64) -> Wish {
    Wish::Process { card: card(number), amount: amount(minor) }
}
