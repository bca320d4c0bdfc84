//! Faults: what went wrong, for a program and for a person.

use std::fmt;

use market::bank::{CardError, Refusal};

use super::write::Message;
use super::{PAYMENTS, SOAP};
use crate::payment::xml::Element;

/// What went wrong, as a stable word in the fault's detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The card is none; the detail names the field.
    InvalidCard(CardError),
    /// A field's text does not fit it.
    InvalidValue(&'static str),
    /// The key was used with another card or amount.
    KeyReused,
    /// Nothing was authorised under the key.
    UnknownKey,
    /// The charge was declined, so it cannot be captured.
    Declined,
    /// The key was voided.
    Voided,
    /// The charge was captured, so it cannot be voided.
    Captured,
    /// The message is no SOAP 1.1 that is read here.
    BadMessage,
    /// It is an envelope of another SOAP.
    Version,
    /// A header must be understood that is not known here.
    MustUnderstand,
    /// There is no such operation.
    UnknownOperation,
    /// Too much to do; nothing was done.
    Busy,
    /// It may have been done or not; ask again under the same key.
    OutcomeUnknown,
}

/// A fault of either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    /// A sentence for a person.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(reason: Reason, message: impl fmt::Display) -> Fault {
        Fault { reason, message: message.to_string() }
    }

    /// The bank does not do it.
    pub(crate) fn refused(refusal: Refusal) -> Fault {
        let reason = match refusal {
            Refusal::InvalidCard(error) => Reason::InvalidCard(error),
            Refusal::KeyReused => Reason::KeyReused,
            Refusal::UnknownKey => Reason::UnknownKey,
            Refusal::Declined => Reason::Declined,
            Refusal::Voided => Reason::Voided,
            Refusal::Captured => Reason::Captured,
        };
        Fault::new(reason, refusal)
    }

    /// The refusal that a fault means, if it is one of the bank's.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self.reason {
            Reason::InvalidCard(error) => Some(Refusal::InvalidCard(error)),
            Reason::KeyReused => Some(Refusal::KeyReused),
            Reason::UnknownKey => Some(Refusal::UnknownKey),
            Reason::Declined => Some(Refusal::Declined),
            Reason::Voided => Some(Refusal::Voided),
            Reason::Captured => Some(Refusal::Captured),
            _ => None,
        }
    }

    /// The whole message.
    pub(crate) fn write(&self) -> String {
        let mut message = Message::new();
        message.open("s:Fault");
        // These two have no namespace.
        message.field("faultcode", self.reason.fault_code());
        message.field("faultstring", &self.message);
        message.open("detail");
        message.open("p:PaymentFault");
        message.field("p:code", self.reason.word());
        if let Some(field) = self.reason.field() {
            message.field("p:field", field);
        }
        message.field("p:message", &self.message);
        message.finish()
    }

    /// Reads the element in a body; `None` if it is no fault of this service.
    pub(crate) fn read(element: &Element) -> Option<Fault> {
        let detail = (element.children.iter()).find(|child| child.name == "detail")?;
        let detail = detail.child(PAYMENTS, "PaymentFault")?;
        let text = |name| detail.child(PAYMENTS, name).map(|child| child.text.as_str());
        let reason = Reason::of_words(text("code")?, text("field"))?;
        let message = text("message")?.to_owned();
        element.is(SOAP, "Fault").then_some(Fault { reason, message })
    }
}

/// Fields of a request whose texts may not fit.
const FIELDS: [&str; 5] =
    ["amount", "idempotency_key", "older_than_seconds", "after", "SOAPAction"];

impl Reason {
    /// The word in the detail.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Reason::InvalidCard(CardError::Expired) => "card_expired",
            Reason::InvalidCard(_) => "invalid_card",
            Reason::InvalidValue(_) => "invalid_value",
            Reason::KeyReused => "key_reused",
            Reason::UnknownKey => "unknown_key",
            Reason::Declined => "declined",
            Reason::Voided => "voided",
            Reason::Captured => "captured",
            Reason::BadMessage => "bad_message",
            Reason::Version => "version_mismatch",
            Reason::MustUnderstand => "must_understand",
            Reason::UnknownOperation => "unknown_operation",
            Reason::Busy => "busy",
            Reason::OutcomeUnknown => "outcome_unknown",
        }
    }

    /// The field that it is about.
    pub(crate) fn field(self) -> Option<&'static str> {
        match self {
            Reason::InvalidCard(CardError::Holder) => Some("card_holder_name"),
            Reason::InvalidCard(CardError::Number) => Some("card_number"),
            Reason::InvalidCard(CardError::Expiry | CardError::Expired) => Some("expiration_date"),
            Reason::InvalidCard(CardError::Code) => Some("security_code"),
            Reason::InvalidValue(field) => Some(field),
            _ => None,
        }
    }

    /// The reason that word and field mean.
    fn of_words(word: &str, field: Option<&str>) -> Option<Reason> {
        use CardError::{Code, Expired, Expiry, Holder, Number};
        let cards = [Holder, Number, Expiry, Expired, Code].map(Reason::InvalidCard);
        let others = [
            Reason::KeyReused,
            Reason::UnknownKey,
            Reason::Declined,
            Reason::Voided,
            Reason::Captured,
            Reason::BadMessage,
            Reason::Version,
            Reason::MustUnderstand,
            Reason::UnknownOperation,
            Reason::Busy,
            Reason::OutcomeUnknown,
        ];
        let values = FIELDS.map(Reason::InvalidValue);
        let mut all = cards.into_iter().chain(others).chain(values);
        all.find(|reason| reason.word() == word && reason.field() == field)
    }

    /// Whose fault it is, as SOAP 1.1 says it.
    fn fault_code(self) -> &'static str {
        match self {
            Reason::Version => "s:VersionMismatch",
            Reason::MustUnderstand => "s:MustUnderstand",
            Reason::Busy | Reason::OutcomeUnknown => "s:Server",
            _ => "s:Client",
        }
    }
}
