//! Requests: read by the service, written by the client.

use market::bank::{Amount, Card, PaymentKey, Wish};
use market::trade::WallTime;

use super::PAYMENTS;
use super::envelope::{EnvelopeError, unwrap};
use super::fault::{Fault, Reason};
use super::fields::{FieldError, Fields};
use super::operation::Operation;
use super::write::Message;
use crate::payment::journal::Behind;
use crate::payment::xml::Element;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Something under a key.
    Wish {
        /// The key.
        key: PaymentKey,
        /// What.
        wish: Wish,
    },
    /// Open authorisations.
    ListOpen {
        /// Asked for at least so long ago, in seconds.
        older_than_seconds: u32,
        /// Those behind this one.
        behind: Option<Behind>,
    },
}

const CHARGE: [&str; 6] = [
    "card_holder_name",
    "card_number",
    "expiration_date",
    "security_code",
    "amount",
    "idempotency_key",
];
const KEY: [&str; 1] = ["idempotency_key"];
const LIST: [&str; 2] = ["older_than_seconds", "after"];

impl Request {
    /// Reads a message.
    pub(crate) fn read(bytes: &[u8]) -> Result<Request, Fault> {
        let element = unwrap(bytes)?;
        if !element.of(PAYMENTS) {
            return Err(EnvelopeError::Body.into());
        }
        let operation = Operation::of_name(&element.name).ok_or_else(|| {
            Fault::new(Reason::UnknownOperation, "there is no such operation; see the WSDL")
        })?;
        match operation {
            Operation::ProcessTransaction => {
                charge(&element, |card, amount| Wish::Process { card, amount })
            }
            Operation::Authorize => {
                charge(&element, |card, amount| Wish::Authorize { card, amount })
            }
            Operation::Capture => of_key(&element, Wish::Capture),
            Operation::Void => of_key(&element, Wish::Void),
            Operation::Lookup => of_key(&element, Wish::Lookup),
            Operation::ListOpen => list(&element),
        }
    }

    /// What is asked for.
    pub(crate) fn operation(&self) -> Operation {
        match self {
            Request::ListOpen { .. } => Operation::ListOpen,
            Request::Wish { wish, .. } => match wish {
                Wish::Process { .. } => Operation::ProcessTransaction,
                Wish::Authorize { .. } => Operation::Authorize,
                Wish::Capture => Operation::Capture,
                Wish::Void => Operation::Void,
                Wish::Lookup => Operation::Lookup,
            },
        }
    }

    /// The whole message.
    pub(crate) fn write(&self) -> String {
        let mut message = Message::new();
        message.open(&format!("p:{}", self.operation().name()));
        match self {
            Request::Wish { key, wish } => {
                if let Wish::Process { card, amount } | Wish::Authorize { card, amount } = wish {
                    let [holder, number, expiry, code] = card.fields();
                    message.field("p:card_holder_name", holder);
                    message.field("p:card_number", number);
                    message.field("p:expiration_date", expiry);
                    message.field("p:security_code", code);
                    message.field("p:amount", &amount.to_string());
                }
                message.field("p:idempotency_key", key.as_str());
            }
            Request::ListOpen { older_than_seconds, behind } => {
                message.field("p:older_than_seconds", &older_than_seconds.to_string());
                if let Some(behind) = behind {
                    message.field("p:after", &cursor(behind));
                }
            }
        }
        message.finish()
    }
}

/// Where a page begins, as one word: the time and the key of the last one of the page before.
pub(super) fn cursor(behind: &Behind) -> String {
    format!("{}:{}", behind.asked_at.0, behind.key)
}

/// Reads it back.
pub(super) fn read_cursor(text: &str) -> Option<Behind> {
    let (at, key) = text.split_once(':')?;
    Some(Behind { asked_at: WallTime(at.parse().ok()?), key: key.parse().ok()? })
}

fn charge(element: &Element, wish: impl FnOnce(Card, Amount) -> Wish) -> Result<Request, Fault> {
    let fields = Fields::of(element, &CHARGE)?;
    let [holder, number, expiry, code, amount, key] = CHARGE.map(|name| fields.need(name));
    let card = Card::new(holder?, number?, expiry?, code?);
    let (amount, key) = (amount?, self::key(key?)?);
    let amount =
        amount.parse().map_err(|error| Fault::new(Reason::InvalidValue("amount"), error))?;
    Ok(Request::Wish { key, wish: wish(card, amount) })
}

fn of_key(element: &Element, wish: Wish) -> Result<Request, Fault> {
    let fields = Fields::of(element, &KEY)?;
    Ok(Request::Wish { key: key(fields.need(KEY[0])?)?, wish })
}

fn list(element: &Element) -> Result<Request, Fault> {
    let fields = Fields::of(element, &LIST)?;
    let bad = |field, message| Fault::new(Reason::InvalidValue(field), message);
    let older_than_seconds = fields.need(LIST[0])?.parse();
    let older_than_seconds = older_than_seconds
        .map_err(|_| bad(LIST[0], "it is a whole number of seconds, from 0 to 4294967295"))?;
    let behind = fields.get(LIST[1]).map(|text| {
        read_cursor(text).ok_or_else(|| bad(LIST[1], "it is not what a page before gave as `next`"))
    });
    Ok(Request::ListOpen { older_than_seconds, behind: behind.transpose()? })
}

fn key(text: &str) -> Result<PaymentKey, Fault> {
    text.parse().map_err(|error| Fault::new(Reason::InvalidValue("idempotency_key"), error))
}

impl From<EnvelopeError> for Fault {
    fn from(error: EnvelopeError) -> Fault {
        let reason = match error {
            EnvelopeError::Version => Reason::Version,
            EnvelopeError::MustUnderstand => Reason::MustUnderstand,
            EnvelopeError::Xml(_) | EnvelopeError::Form | EnvelopeError::Body => Reason::BadMessage,
        };
        Fault::new(reason, error)
    }
}

impl From<FieldError> for Fault {
    fn from(error: FieldError) -> Fault {
        Fault::new(Reason::BadMessage, error)
    }
}
