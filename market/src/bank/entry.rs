//! What the bank remembers under a key, and its bytes.

use serde::{Deserialize, Serialize};

use super::amount::Amount;
use super::card::CardDigest;
use super::chance::DeclineReason;
use crate::codec::{CodecError, decode, encode};
use crate::limits::MAX_PAYMENT_ENTRY_BYTES;
use crate::trade::WallTime;

/// What is remembered under a key, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// It was voided before it was asked for: nothing will ever be authorised under it.
    Barred {
        /// When.
        at: WallTime,
    },
    /// A charge.
    Asked(Authorisation),
}

/// A charge that was asked for, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorisation {
    /// How much.
    pub amount: Amount,
    /// Of which card.
    pub card: CardDigest,
    /// When it was asked for.
    pub asked_at: WallTime,
    /// What became of it.
    pub state: State,
}

/// What became of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The bank holds the amount; it waits for its capture or its end.
    Authorised,
    /// The bank does not want to.
    Declined(DeclineReason),
    /// The money has moved.
    Captured {
        /// When.
        at: WallTime,
    },
    /// It was given up; no money moves.
    Voided {
        /// When.
        at: WallTime,
    },
}

impl Entry {
    /// Since when an authorisation is open: neither captured nor voided.
    pub fn open_since(&self) -> Option<WallTime> {
        match self {
            Entry::Asked(Authorisation { state: State::Authorised, asked_at, .. }) => {
                Some(*asked_at)
            }
            _ => None,
        }
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self, MAX_PAYMENT_ENTRY_BYTES)
    }

    /// Reads it back.
    pub fn decode(bytes: &[u8]) -> Result<Entry, CodecError> {
        decode(bytes, MAX_PAYMENT_ENTRY_BYTES)
    }
}
