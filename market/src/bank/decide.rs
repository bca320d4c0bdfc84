//! The law itself.

use super::amount::Amount;
use super::card::{Card, CardError};
use super::chance::{DeclineReason, Odds};
use super::entry::{Authorisation, Entry, State};
use super::key::PaymentKey;
use crate::trade::WallTime;

/// What somebody wants done under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To have the amount held.
    Authorize {
        /// The card.
        card: Card,
        /// How much.
        amount: Amount,
    },
    /// The same, and to have the money moved at once.
    Process {
        /// The card.
        card: Card,
        /// How much.
        amount: Amount,
    },
    /// To have the money moved that is held.
    Capture,
    /// To give up.
    Void,
    /// To know.
    Lookup,
}

/// What a bank goes by; the same in all its lives.
#[derive(Clone, PartialEq, Eq)]
pub struct Terms {
    /// How likely it approves.
    pub odds: Odds,
    /// What digests of cards are made with. Whoever has it and the bank's memory can try card numbers out.
    pub secret: [u8; 32],
}

/// What stands under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: nobody asked.
    Unknown,
    /// The amount is held.
    Authorized,
    /// The bank does not want to.
    Declined(DeclineReason),
    /// The money has moved.
    Captured,
    /// It was given up, before or after it was asked for.
    Voided,
}

/// The bank's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What stands under the key now.
    pub standing: Standing,
    /// How much it is about, if a charge was ever asked for.
    pub amount: Option<Amount>,
}

/// Why the bank does not do it; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The card is none. Nothing is remembered: the key may be used again.
    #[error("invalid card: {0}")]
    InvalidCard(CardError),
    /// The key was used with another card or amount.
    #[error("this key was used with another card or another amount")]
    KeyReused,
    /// There is nothing to capture.
    #[error("nothing was authorised under this key")]
    UnknownKey,
    /// It was declined, so there is nothing to capture.
    #[error("the charge under this key was declined")]
    Declined,
    /// It was voided, so nothing is authorised or captured any more.
    #[error("this key was voided")]
    Voided,
    /// It was captured, so it cannot be voided any more.
    #[error("the charge under this key was captured already")]
    Captured,
}

/// What follows from a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// To be remembered, durably, before the answer leaves; nothing if nothing changed.
    pub remember: Option<Entry>,
    /// The answer.
    pub answer: Result<Receipt, Refusal>,
}

impl Decision {
    fn refused(refusal: Refusal) -> Decision {
        Decision { remember: None, answer: Err(refusal) }
    }

    fn changed(entry: Entry) -> Decision {
        Decision { answer: Ok(Receipt::of(Some(&entry))), remember: Some(entry) }
    }

    fn unchanged(entry: Option<&Entry>) -> Decision {
        Decision { answer: Ok(Receipt::of(entry)), remember: None }
    }
}

impl Receipt {
    /// What an entry says.
    pub fn of(entry: Option<&Entry>) -> Receipt {
        let (standing, amount) = match entry {
            None => (Standing::Unknown, None),
            Some(Entry::Barred { .. }) => (Standing::Voided, None),
            Some(Entry::Asked(asked)) => (Standing::of(asked.state), Some(asked.amount)),
        };
        Receipt { standing, amount }
    }
}

impl Standing {
    fn of(state: State) -> Standing {
        match state {
            State::Authorised => Standing::Authorized,
            State::Declined(reason) => Standing::Declined(reason),
            State::Captured { .. } => Standing::Captured,
            State::Voided { .. } => Standing::Voided,
        }
    }

    /// The stable word that goes over the wire.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Unknown => "unknown",
            Standing::Authorized => "authorized",
            Standing::Declined(_) => "declined",
            Standing::Captured => "captured",
            Standing::Voided => "voided",
        }
    }
}

/// Decides one wish under a key. `entry` is what is remembered under it; `now` is the wall clock, which only says whether a card is
/// still good and since when something stands.
pub fn decide(
    key: &PaymentKey,
    entry: Option<&Entry>,
    wish: &Wish,
    terms: &Terms,
    now: WallTime,
) -> Decision {
    match wish {
        Wish::Authorize { card, amount } => authorize(key, entry, card, *amount, terms, now),
        Wish::Process { card, amount } => {
            let authorized = authorize(key, entry, card, *amount, terms, now);
            match authorized.answer {
                Ok(Receipt { standing: Standing::Authorized, .. }) => {
                    capture(authorized.remember.as_ref().or(entry), now)
                }
                _ => authorized,
            }
        }
        Wish::Capture => capture(entry, now),
        Wish::Void => void(entry, now),
        Wish::Lookup => Decision::unchanged(entry),
    }
}

fn authorize(
    key: &PaymentKey,
    entry: Option<&Entry>,
    card: &Card,
    amount: Amount,
    terms: &Terms,
    now: WallTime,
) -> Decision {
    let digest = card.digest(&terms.secret, key);
    match entry {
        // The card is not looked at again: it may have expired since, and a retry must not learn anything new.
        Some(Entry::Asked(asked)) if asked.amount != amount || asked.card != digest => {
            Decision::refused(Refusal::KeyReused)
        }
        Some(
            Entry::Barred { .. } | Entry::Asked(Authorisation { state: State::Voided { .. }, .. }),
        ) => Decision::refused(Refusal::Voided),
        Some(entry) => Decision::unchanged(Some(entry)),
        None => match card.check(now) {
            Err(error) => Decision::refused(Refusal::InvalidCard(error)),
            Ok(()) => {
                let state = match terms.odds.draw(key) {
                    Ok(()) => State::Authorised,
                    Err(reason) => State::Declined(reason),
                };
                let asked = Authorisation { amount, card: digest, asked_at: now, state };
                Decision::changed(Entry::Asked(asked))
            }
        },
    }
}

fn capture(entry: Option<&Entry>, now: WallTime) -> Decision {
    match entry {
        None => Decision::refused(Refusal::UnknownKey),
        Some(Entry::Barred { .. }) => Decision::refused(Refusal::Voided),
        Some(Entry::Asked(asked)) => match asked.state {
            State::Authorised => {
                let state = State::Captured { at: now };
                Decision::changed(Entry::Asked(Authorisation { state, ..asked.clone() }))
            }
            State::Captured { .. } => Decision::unchanged(entry),
            State::Declined(_) => Decision::refused(Refusal::Declined),
            State::Voided { .. } => Decision::refused(Refusal::Voided),
        },
    }
}

fn void(entry: Option<&Entry>, now: WallTime) -> Decision {
    match entry {
        None => Decision::changed(Entry::Barred { at: now }),
        Some(Entry::Barred { .. }) => Decision::unchanged(entry),
        Some(Entry::Asked(asked)) => match asked.state {
            State::Authorised => {
                let state = State::Voided { at: now };
                Decision::changed(Entry::Asked(Authorisation { state, ..asked.clone() }))
            }
            // Nothing is held, which is what was wanted.
            State::Voided { .. } | State::Declined(_) => Decision::unchanged(entry),
            State::Captured { .. } => Decision::refused(Refusal::Captured),
        },
    }
}
