//! Reading the catalog's outbox: at take-over, to fill gaps, and as the barrier behind "no such order".

use market::order::OrderNumber;
use replication::contract::Epoch;
use replication::register::RegisterCommand;
use replication::time::Time;

use super::{OrdersProcess, Standing};
use crate::limits::{OUTBOX_PAUSE, QUESTION_RESEND, TRIM_INTERVAL, TRIM_REPEAT};
use crate::message::{Message, Outbox, ReadOutbox, Trim};
use crate::process::{Effect, Now};

/// The one question to the catalog that is under way, and whether another is wanted.
#[derive(Debug, Default)]
pub(super) struct OutboxReader {
    next_question: u64,
    /// Which one, and when it was sent last; not at all, if it is to be sent again.
    asked: Option<(u64, Option<Time>)>,
    wanted: bool,
    /// The engine takes no orders; not before this is it worth reading more.
    later: Option<Time>,
    /// Highest cut told, when it was told last, and when to look again.
    trimmed: u64,
    trimmed_at: Time,
    next_trim: Time,
}

impl OutboxReader {
    /// Another look is wanted; an answer under way may be too old for that, so a new question follows it.
    pub(super) fn ask_again(&mut self) {
        self.wanted = true;
    }

    /// The same, and the question under way may be lost: it is sent again at once.
    pub(super) fn ask_at_once(&mut self) {
        self.wanted = true;
        if let Some((_, sent)) = &mut self.asked {
            *sent = None;
        }
    }

    /// Orders are missing here.
    pub(super) fn ask_missing(&mut self) {
        self.wanted |= self.later.is_none();
    }

    /// The engine takes no more for now.
    pub(super) fn ask_later(&mut self, now: Time) {
        self.later.get_or_insert(now + OUTBOX_PAUSE);
    }

    /// A new epoch: answers to older questions are void.
    pub(super) fn reset(&mut self) {
        self.asked = None;
        self.wanted = false;
        self.later = None;
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
        if self.outbox.later.is_some_and(|at| now.time >= at) {
            self.outbox.later = None;
            self.outbox.wanted = true;
        }
        let question = match self.outbox.asked {
            Some((_, Some(sent))) if now.time.since(sent) < QUESTION_RESEND => return,
            Some((question, _)) => question,
            None if self.outbox.wanted => {
                self.outbox.wanted = false;
                self.outbox.next_question += 1;
                self.outbox.next_question - 1
            }
            None => return,
        };
        self.outbox.asked = Some((question, Some(now.time)));
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
            self.outbox.ask_missing();
        } else {
            self.caught_up(page.epoch);
        }
        if self.outbox.asked.is_some_and(|(question, _)| question == page.question) {
            self.outbox.asked = None;
            self.barrier_passed(page.question, page.next, effects);
        }
    }

    /// Tells the catalog what it need not keep any more: what two or more disks hold that count.
    pub(super) fn trim(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Standing::Open { epoch } = self.standing else { return };
        if now.time < self.outbox.next_trim {
            return;
        }
        if self.elects_itself() && !self.has_the_set_to_itself() {
            return self.narrow_the_set(now, epoch, effects);
        }
        let Some(keep_from) = self.held_twice() else { return };
        self.outbox.next_trim = now.time + TRIM_INTERVAL;
        let repeat = keep_from > 0 && now.time.since(self.outbox.trimmed_at) >= TRIM_REPEAT;
        if keep_from > self.outbox.trimmed || repeat {
            self.outbox.trimmed = keep_from;
            self.outbox.trimmed_at = now.time;
            let trim = Trim { epoch, version: self.configuration.version, keep_from };
            effects.push(Effect::Send { to: self.catalog(), message: Message::Trim(trim) });
        }
    }

    /// Orders below this number are on two disks at least that a next leader is chosen by; none, if only one disk counts.
    fn held_twice(&self) -> Option<OrderNumber> {
        let status = self.engine.status();
        if self.elects_itself() {
            // Delivered to a leader: on the disks of a majority.
            let number = match self.mutants.trim_before_commit() {
                true => self.next_number(),
                false => self.law.count(),
            };
            (status.members.voters.len() >= 2).then_some(number)
        } else {
            // Positions 1..=p hold the orders numbered below p.
            (self.configuration.in_sync.len() >= 2).then_some(status.in_sync_durable)
        }
    }

    fn has_the_set_to_itself(&self) -> bool {
        self.configuration.in_sync.iter().eq([&self.id()])
    }

    /// Before anything is cut, nobody else may be made leader whose log does not reach the outbox (see `registering.rs`).
    fn narrow_the_set(&mut self, now: Now, epoch: Epoch, effects: &mut Vec<Effect>) {
        self.outbox.next_trim = now.time + QUESTION_RESEND;
        let expect = self.configuration.version;
        let in_sync = [self.id()].into();
        let alter = RegisterCommand::AlterInSync { expect, epoch, in_sync, added: None };
        effects.push(Effect::Send { to: self.catalog(), message: Message::Configure(alter) });
    }
}
