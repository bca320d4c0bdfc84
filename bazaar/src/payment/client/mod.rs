//! The client of the payment service: typed calls, tried again under the same key, and "unknown" when nobody can tell.
//!
//! A payment is only ever in doubt, never guessed: whatever is not a well-formed answer about the very key and amount that were asked
//! for is no answer. Doubt is tried away for some seconds; what is left of it is the caller's, who may ask again under the same
//! key as long as it likes, since repeating does nothing twice.

mod exchange;
#[cfg(test)]
mod tests;

use std::time::Duration;

use market::bank::{
    Amount, Card, CardError, DeclineReason, PaymentKey, Receipt, Refusal, Standing, Wish,
};
use tokio::time::{Instant, sleep};

use super::journal::Behind;
use super::limits::{ATTEMPT, FIRST_PAUSE, LONGEST_PAUSE, PATIENCE};
use super::soap::{Answer, OpenCharge, OpenPage, Request};
use exchange::{Doubt, exchange};

/// How long a client tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Longest wait for one answer.
    pub attempt: Duration,
    /// After this time it is unknown.
    pub patience: Duration,
}

/// What came of asking for an authorisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The amount is held (or has moved already, if the key was captured).
    Approved,
    /// The bank does not want to; under this key it never will.
    Declined(DeclineReason),
    /// The card is none. The key is as it was.
    InvalidCard(CardError),
    /// The key cannot be used: for another charge, or voided.
    Refused(Refusal),
    /// Nobody can tell: ask again under the same key, or void it.
    Unknown(String),
}

/// What came of a capture, a voiding or a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// This stands under the key now.
    Done(Receipt),
    /// The bank does not do it, and never will under this key.
    Refused(Refusal),
    /// Nobody can tell: ask again under the same key.
    Unknown(String),
}

/// Some open authorisations, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// They.
    pub charges: Vec<OpenCharge>,
    /// There are more behind the last one.
    pub more: bool,
}

/// The client. Cheap to clone; each call has a connection of its own, so no answer can belong to another call.
#[derive(Clone, Debug)]
pub struct PaymentClient {
    target: String,
    settings: Settings,
}

/// What the bank said, if it said something.
enum Outcome {
    Answer(Answer),
    Refused(Refusal),
    Unknown(String),
}

impl Default for Settings {
    fn default() -> Self {
        Settings { attempt: ATTEMPT, patience: PATIENCE }
    }
}

impl PaymentClient {
    /// A client of the service at `target` (`host:port`).
    pub fn new(target: impl Into<String>, settings: Settings) -> PaymentClient {
        PaymentClient { target: target.into(), settings }
    }

    /// Has the amount held.
    pub async fn authorize(&self, key: &PaymentKey, card: &Card, amount: Amount) -> Approval {
        let wish = Wish::Authorize { card: card.clone(), amount };
        match self.ask(&Request::Wish { key: key.clone(), wish }).await {
            Outcome::Answer(Answer::Receipt { receipt, .. }) => match receipt.standing {
                Standing::Declined(reason) => Approval::Declined(reason),
                _ => Approval::Approved,
            },
            Outcome::Answer(Answer::Open(_)) => unreachable!("answers fit what was asked"),
            Outcome::Refused(Refusal::InvalidCard(error)) => Approval::InvalidCard(error),
            Outcome::Refused(refusal) => Approval::Refused(refusal),
            Outcome::Unknown(why) => Approval::Unknown(why),
        }
    }

    /// Has the money moved that is held under a key.
    pub async fn capture(&self, key: &PaymentKey) -> Settled {
        self.settle(key, Wish::Capture).await
    }

    /// Gives the charge under a key up. A key that was never authorised is barred, for whatever is still on its way.
    pub async fn void(&self, key: &PaymentKey) -> Settled {
        self.settle(key, Wish::Void).await
    }

    /// Asks what stands under a key.
    pub async fn lookup(&self, key: &PaymentKey) -> Settled {
        self.settle(key, Wish::Lookup).await
    }

    /// Authorisations that were asked for at least so long ago and are still open, behind the last one of a page before. `Err`
    /// says why the bank could not be asked.
    pub async fn list_open(
        &self,
        older_than: Duration,
        behind: Option<&OpenCharge>,
    ) -> Result<Listed, String> {
        let older_than_seconds = u32::try_from(older_than.as_secs()).unwrap_or(u32::MAX);
        let behind = behind.map(|last| Behind { asked_at: last.asked_at, key: last.key.clone() });
        match self.ask(&Request::ListOpen { older_than_seconds, behind }).await {
            Outcome::Answer(Answer::Open(OpenPage { charges, next })) => {
                Ok(Listed { charges, more: next.is_some() })
            }
            Outcome::Answer(Answer::Receipt { .. }) => unreachable!("answers fit what was asked"),
            Outcome::Refused(refusal) => Err(refusal.to_string()),
            Outcome::Unknown(why) => Err(why),
        }
    }

    async fn settle(&self, key: &PaymentKey, wish: Wish) -> Settled {
        match self.ask(&Request::Wish { key: key.clone(), wish }).await {
            Outcome::Answer(Answer::Receipt { receipt, .. }) => Settled::Done(receipt),
            Outcome::Answer(Answer::Open(_)) => unreachable!("answers fit what was asked"),
            Outcome::Refused(refusal) => Settled::Refused(refusal),
            Outcome::Unknown(why) => Settled::Unknown(why),
        }
    }

    /// Asks until there is an answer, or patience ends.
    async fn ask(&self, request: &Request) -> Outcome {
        let end = Instant::now() + self.settings.patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let within = self.settings.attempt.min(end.saturating_duration_since(Instant::now()));
            let doubt = match exchange(&self.target, request, within).await {
                Ok(Ok(answer)) if fits(request, &answer) => return Outcome::Answer(answer),
                Ok(Ok(_)) => Doubt::lasting("the bank answered another question"),
                Ok(Err(refusal)) => return Outcome::Refused(refusal),
                Err(doubt) => doubt,
            };
            if doubt.lasting || Instant::now() + pause >= end {
                return Outcome::Unknown(doubt.why);
            }
            sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }
}

/// Is this an answer to what was asked: about the same key and amount, and one that the bank can give?
fn fits(request: &Request, answer: &Answer) -> bool {
    match (request, answer) {
        (Request::ListOpen { .. }, Answer::Open(_)) => true,
        (Request::Wish { key, wish }, Answer::Receipt { key: of, receipt }) => {
            key == of && may_answer(wish, receipt)
        }
        _ => false,
    }
}

fn may_answer(wish: &Wish, receipt: &Receipt) -> bool {
    use Standing::{Authorized, Captured, Declined, Unknown, Voided};
    match wish {
        Wish::Authorize { amount, .. } => {
            let decided = matches!(receipt.standing, Authorized | Captured | Declined(_));
            decided && receipt.amount == Some(*amount)
        }
        Wish::Process { amount, .. } => {
            let decided = matches!(receipt.standing, Captured | Declined(_));
            decided && receipt.amount == Some(*amount)
        }
        Wish::Capture => receipt.standing == Captured && receipt.amount.is_some(),
        Wish::Void => matches!(receipt.standing, Voided | Declined(_)),
        Wish::Lookup => match receipt.standing {
            Unknown => receipt.amount.is_none(),
            Voided => true,
            Authorized | Captured | Declined(_) => receipt.amount.is_some(),
        },
    }
}
