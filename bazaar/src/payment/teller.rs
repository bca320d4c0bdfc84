//! The thread that decides and writes: whatever came in while the last commit ran shares the next one.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use market::bank::{Entry, Receipt, Refusal, Terms, decide};
use market::trade::WallTime;
use metrics::{gauge, histogram};
use tokio::sync::{mpsc, oneshot, watch};

use super::journal::Behind;
use super::journal::{Journal, Rows};
use super::limits::{MAX_BATCH, MAX_WAITING, OPEN_PAGE};
use super::soap::{Answer, OpenCharge, OpenPage, Request};
use crate::storage::store::StoreError;

/// What the teller says to a request.
pub(crate) type Said = Result<Answer, Refusal>;

/// Why the teller says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silent {
    /// Too many wait; nothing was done.
    Busy,
    /// It is gone; what was asked may have been done or not.
    Gone,
}

struct Errand {
    request: Request,
    answer: oneshot::Sender<Said>,
}

/// Where requests go in. The thread ends when the last of these is dropped, after answering what waits.
#[derive(Clone)]
pub(crate) struct Teller {
    errands: mpsc::Sender<Errand>,
    failed: watch::Receiver<Option<String>>,
}

impl Teller {
    /// Starts the thread. `now` is the wall clock.
    pub(crate) fn spawn(
        journal: Journal,
        terms: Terms,
        now: impl Fn() -> WallTime + Send + 'static,
    ) -> io::Result<Teller> {
        let (errands, waiting) = mpsc::channel(MAX_WAITING);
        let (fail, failed) = watch::channel(None);
        let run = move || {
            let desk = Desk { journal, terms };
            let ended = catch_unwind(AssertUnwindSafe(|| desk.run(waiting, &now)));
            let why = match ended {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "deciding panicked".to_owned(),
            };
            fail.send_replace(Some(why));
        };
        std::thread::Builder::new().name("teller".to_owned()).spawn(run)?;
        Ok(Teller { errands, failed })
    }

    /// Asks. What is answered is durable.
    pub(crate) async fn ask(&self, request: Request) -> Result<Said, Silent> {
        let (answer, answered) = oneshot::channel();
        self.errands.try_send(Errand { request, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Silent::Busy,
            mpsc::error::TrySendError::Closed(_) => Silent::Gone,
        })?;
        answered.await.map_err(|_| Silent::Gone)
    }

    /// Does the thread still run?
    pub(crate) fn is_open(&self) -> bool {
        !self.errands.is_closed()
    }

    /// Gives this entrance up and waits until the thread has answered everybody and closed the journal, which it does when nobody else has
    /// one.
    pub(crate) async fn close(self) {
        let Teller { errands, mut failed } = self;
        drop(errands);
        while failed.changed().await.is_ok() {}
    }

    /// Waits until the thread stopped rather than guess; says why. Never ends if it stops in good order.
    pub(crate) async fn failure(&self) -> String {
        let mut failed = self.failed.clone();
        let why = failed.wait_for(Option::is_some).await.ok().and_then(|why| (*why).clone());
        match why {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }
}

struct Desk {
    journal: Journal,
    terms: Terms,
}

impl Desk {
    fn run(
        &self,
        mut waiting: mpsc::Receiver<Errand>,
        now: &impl Fn() -> WallTime,
    ) -> Result<(), StoreError> {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while waiting.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
            histogram!("bazaar_payment_commit_records").record(batch.len() as f64);
            gauge!("bazaar_payment_waiting").set(waiting.len() as f64);
            let now = now();
            let said = self.journal.work(|rows| {
                let one = |errand: &Errand| self.say(rows, &errand.request, now);
                batch.iter().map(one).collect::<Result<Vec<Said>, _>>()
            })?;
            for (errand, said) in batch.drain(..).zip(said) {
                // Whoever went away asks again under the same key, or does not care.
                let _ = errand.answer.send(said);
            }
        }
        Ok(())
    }

    fn say(
        &self,
        rows: &mut Rows<'_>,
        request: &Request,
        now: WallTime,
    ) -> Result<Said, StoreError> {
        match request {
            Request::Wish { key, wish } => {
                let entry = rows.get(key)?;
                let decision = decide(key, entry.as_ref(), wish, &self.terms, now);
                if let Some(remember) = &decision.remember {
                    rows.put(key, entry.as_ref(), remember)?;
                }
                let answered = |receipt: Receipt| Answer::Receipt { key: key.clone(), receipt };
                Ok(decision.answer.map(answered))
            }
            Request::ListOpen { older_than_seconds, behind } => {
                let age = u64::from(*older_than_seconds) * 1_000;
                let Some(until) = now.0.checked_sub(age) else {
                    return Ok(Ok(Answer::Open(OpenPage::default())));
                };
                page(rows, WallTime(until), behind.as_ref()).map(|page| Ok(Answer::Open(page)))
            }
        }
    }
}

fn page(rows: &Rows<'_>, until: WallTime, behind: Option<&Behind>) -> Result<OpenPage, StoreError> {
    let found = rows.open_until(until, behind, OPEN_PAGE)?;
    let mut page = OpenPage::default();
    for open in &found {
        let Entry::Asked(asked) = &open.entry else {
            return Err(StoreError::Damaged("an open authorisation that is none".into()));
        };
        let (key, amount, asked_at) = (open.key.clone(), asked.amount, asked.asked_at);
        page.charges.push(OpenCharge { key, amount, asked_at });
    }
    let last = page.charges.last().filter(|_| page.charges.len() == OPEN_PAGE);
    page.next = last.map(|last| Behind { asked_at: last.asked_at, key: last.key.clone() });
    Ok(page)
}
