//! Reading the catalog's outbox: at take-over, to fill gaps, and as the barrier behind "no such order".

use replication::time::Time;

use super::{OrdersProcess, Standing};
use crate::limits::{QUESTION_RESEND, TRIM_INTERVAL};
use crate::message::{Message, Outbox, ReadOutbox, Trim};
use crate::process::{Effect, Now};

/// The one question to the catalog that is under way, and whether another is wanted.
#[derive(Debug, Default)]
pub(super) struct OutboxReader {
    next_question: u64,
    asked: Option<(u64, Time)>,
    wanted: bool,
    trimmed: u64,
    next_trim: Time,
}

impl OutboxReader {
    /// Another look is wanted; an answer under way may be too old for that, so a new question follows it.
    pub(super) fn ask_again(&mut self) {
        self.wanted = true;
    }

    /// A new epoch: answers to older questions are void.
    pub(super) fn reset(&mut self) {
        self.asked = None;
        self.wanted = false;
        self.trimmed = 0;
    }

    /// The number the next question will have: reads wait for that one's answer.
    pub(super) fn next_question(&self) -> u64 {
        self.next_question
    }
}

impl OrdersProcess {
    /// Asks the catalog if something wants to know; one question at a time, again when unanswered.
    pub(super) fn ask_outbox(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Some(epoch) = self.standing.epoch() else { return };
        let question = match self.outbox.asked {
            Some((_, asked)) if now.time.since(asked) < QUESTION_RESEND => return,
            Some((question, _)) => question,
            None if self.outbox.wanted => {
                self.outbox.wanted = false;
                self.outbox.next_question += 1;
                self.outbox.next_question - 1
            }
            None => return,
        };
        self.outbox.asked = Some((question, now.time));
        let read = ReadOutbox { epoch, question, from: self.next_number() };
        effects.push(Effect::Send { to: self.catalog(), message: Message::ReadOutbox(read) });
    }

    /// A page came in.
    pub(super) fn outbox_page(&mut self, now: Now, page: Outbox, effects: &mut Vec<Effect>) {
        if self.standing.epoch() != Some(page.epoch) {
            return;
        }
        let next = self.next_number();
        if page.first > next {
            return effects.push(Effect::Halt(format!(
                "the outbox begins at order {} and this log ends before order {next}: it was elected though it misses orders",
                page.first
            )));
        }
        self.append(now, &page.orders, effects);
        if self.next_number() < page.next {
            self.outbox.ask_again();
        } else {
            self.caught_up(page.epoch);
        }
        if self.outbox.asked.is_some_and(|(question, _)| question == page.question) {
            self.outbox.asked = None;
            self.barrier_passed(page.question, page.next, effects);
        }
    }

    /// Tells the catalog what it need not keep any more: what two or more in-sync disks hold.
    pub(super) fn trim(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Standing::Open { epoch } = self.standing else { return };
        if now.time < self.outbox.next_trim || self.configuration.in_sync.len() < 2 {
            return;
        }
        self.outbox.next_trim = now.time + TRIM_INTERVAL;
        // Positions 1..=p hold the orders numbered below p.
        let keep_from = self.engine.status().in_sync_durable;
        if keep_from > self.outbox.trimmed {
            self.outbox.trimmed = keep_from;
            let trim = Trim { epoch, version: self.configuration.version, keep_from };
            effects.push(Effect::Send { to: self.catalog(), message: Message::Trim(trim) });
        }
    }
}
