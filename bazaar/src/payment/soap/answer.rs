//! Answers: written by the service, read by the client.

use market::bank::{Amount, DeclineReason, PaymentKey, Receipt, Standing};
use market::trade::WallTime;

use super::PAYMENTS;
use super::fields::Fields;
use super::operation::Operation;
use super::request::{cursor, read_cursor};
use super::write::Message;
use crate::payment::journal::Behind;
use crate::payment::limits::OPEN_PAGE;
use crate::payment::xml::Element;

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What stands under a key.
    Receipt {
        /// The key.
        key: PaymentKey,
        /// What stands there.
        receipt: Receipt,
    },
    /// Open authorisations.
    Open(OpenPage),
}

/// Some open authorisations, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenPage {
    /// They.
    pub(crate) charges: Vec<OpenCharge>,
    /// The last one of them, if there may be more behind it.
    pub(crate) next: Option<Behind>,
}

/// An open authorisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCharge {
    /// Its key.
    pub key: PaymentKey,
    /// How much is held.
    pub amount: Amount,
    /// Since when, by the bank's clock.
    pub asked_at: WallTime,
}

const RECEIPT: [&str; 5] = ["idempotency_key", "result", "reason", "state", "amount"];
const CHARGE: [&str; 3] = ["idempotency_key", "amount", "authorized_at_ms"];

impl Answer {
    /// The whole message.
    pub(crate) fn write(&self, operation: Operation) -> String {
        let mut message = Message::new();
        message.open(&format!("p:{}", operation.answer_name()));
        match self {
            Answer::Receipt { key, receipt } => {
                write_receipt(&mut message, operation, key, receipt)
            }
            Answer::Open(page) => write_page(&mut message, page),
        }
        message.finish()
    }

    /// Reads the element in a body; `None` if it is no answer to this operation.
    pub(crate) fn read(element: &Element, operation: Operation) -> Option<Answer> {
        if !element.is(PAYMENTS, &operation.answer_name()) {
            return None;
        }
        match operation {
            Operation::ListOpen => read_page(element).map(Answer::Open),
            _ => read_receipt(element),
        }
    }
}

fn write_receipt(message: &mut Message, operation: Operation, key: &PaymentKey, receipt: &Receipt) {
    message.field("p:idempotency_key", key.as_str());
    if matches!(operation, Operation::ProcessTransaction | Operation::Authorize) {
        let approved = matches!(receipt.standing, Standing::Authorized | Standing::Captured);
        message.field("p:result", if approved { "approved" } else { "declined" });
    }
    if let Standing::Declined(reason) = receipt.standing {
        message.field("p:reason", reason.word());
    }
    message.field("p:state", receipt.standing.word());
    if let Some(amount) = receipt.amount {
        message.field("p:amount", &amount.to_string());
    }
}

fn read_receipt(element: &Element) -> Option<Answer> {
    let fields = Fields::of(element, &RECEIPT).ok()?;
    let key = fields.get("idempotency_key")?.parse().ok()?;
    let amount = fields.get("amount").map(str::parse).transpose().ok()?;
    let standing = match (fields.get("state")?, fields.get("reason")) {
        ("unknown", None) => Standing::Unknown,
        ("authorized", None) => Standing::Authorized,
        ("captured", None) => Standing::Captured,
        ("voided", None) => Standing::Voided,
        ("declined", Some(reason)) => Standing::Declined(DeclineReason::of_word(reason)?),
        _ => return None,
    };
    Some(Answer::Receipt { key, receipt: Receipt { standing, amount } })
}

fn write_page(message: &mut Message, page: &OpenPage) {
    for charge in &page.charges {
        message.open("p:authorization");
        message.field("p:idempotency_key", charge.key.as_str());
        message.field("p:amount", &charge.amount.to_string());
        message.field("p:authorized_at_ms", &charge.asked_at.0.to_string());
        message.close();
    }
    if let Some(next) = &page.next {
        message.field("p:next", &cursor(next));
    }
}

fn read_page(element: &Element) -> Option<OpenPage> {
    let mut page = OpenPage::default();
    for child in &element.children {
        if child.is(PAYMENTS, "authorization") && page.charges.len() < OPEN_PAGE {
            page.charges.push(read_charge(child)?);
        } else if child.is(PAYMENTS, "next") && page.next.is_none() {
            page.next = Some(read_cursor(&child.text)?);
        } else {
            return None;
        }
    }
    Some(page)
}

fn read_charge(element: &Element) -> Option<OpenCharge> {
    let fields = Fields::of(element, &CHARGE).ok()?;
    Some(OpenCharge {
        key: fields.get("idempotency_key")?.parse().ok()?,
        amount: fields.get("amount")?.parse().ok()?,
        asked_at: WallTime(fields.get("authorized_at_ms")?.parse().ok()?),
    })
}
