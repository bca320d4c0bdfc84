//! Writes, and what may be said only once they are durable.

use super::message::Ballot;
use super::notes::Note;
use super::view::Life;
use super::{RotatingSequencer, Standing};
use crate::contract::{Effect, LogWrite, Ticket};
use crate::time::Time;

/// A write on its way to the disk.
pub(super) struct Write {
    ticket: Ticket,
    /// What is complete on disk once it is durable.
    pub(super) complete: u64,
    held: Vec<Held>,
}

/// What is noted, and not on its way to the disk.
#[derive(Default)]
pub(super) struct Unwritten {
    /// Since when.
    since: Option<Time>,
    /// Something else than Requests is among it.
    pressing: bool,
    /// What was complete as of the last write: more than that rests on what is among it.
    complete: u64,
}

/// What waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// The own ballot: Gather may go out.
    Gather(Ballot),
    /// A promise to this member.
    State(usize, Ballot),
    /// This member's disk was noted.
    RecoverOk(usize, Life),
    /// The ballots that a majority named.
    Recovered,
    /// The view and everything it begins with.
    Normal(Ballot),
}

impl RotatingSequencer {
    pub(super) fn note(&mut self, note: &Note) {
        self.unwritten.since.get_or_insert(self.now);
        self.unwritten.pressing |= !matches!(note, Note::Requests(_));
        let bytes = note.encode();
        self.notes_bytes += bytes.len();
        self.writes.push(LogWrite::Note(bytes));
    }

    /// A digest instead of everything noted so far.
    pub(super) fn digest(&mut self, floor: u64) {
        let bytes = Note::Digest(Box::new(self.kept.digest(floor))).encode();
        (self.notes_bytes, self.digest_bytes) = (bytes.len(), bytes.len());
        self.unwritten.pressing = true;
        self.writes.push(LogWrite::Digest(bytes));
    }

    /// One write for everything noted since the last; what waits for it waits for the last write under way.
    pub(super) fn write_out(&mut self) {
        if self.may_gather() {
            return;
        }
        self.write_once();
        // What waited for nothing may have more to write.
        while !self.writes.is_empty() || !self.held.is_empty() {
            self.write_once();
        }
    }

    /// Is everything noted since the last write Requests that no Sequence covers? Nobody vouches for those, so they wait for
    /// what will: a write of their own would only make it wait for two.
    fn may_gather(&self) -> bool {
        let unwritten = &self.unwritten;
        let patience = self.config.timing.gather_writes;
        let young = unwritten.since.is_some_and(|since| self.now.since(since) < patience);
        let vouches = self.complete > unwritten.complete || !self.held.is_empty();
        !self.writes.is_empty() && young && !unwritten.pressing && !vouches
    }

    fn write_once(&mut self) {
        self.unwritten = Unwritten { complete: self.complete, ..Unwritten::default() };
        if !self.writes.is_empty() {
            self.last_ticket += 1;
            let (ticket, complete) = (self.last_ticket, self.complete);
            let writes = std::mem::take(&mut self.writes);
            self.out.push(Effect::Persist { ticket, writes });
            self.in_flight.push_back(Write { ticket, complete, held: Vec::new() });
        }
        let held = std::mem::take(&mut self.held);
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::AckBeforeDurable) {
            self.durable = self.complete;
        }
        match self.in_flight.back_mut() {
            Some(write) => {
                write.complete = self.complete;
                write.held.extend(held);
            }
            None => {
                self.durable = self.complete;
                self.say_held(held);
            }
        }
    }

    /// Everything up to this ticket is durable.
    pub(super) fn written(&mut self, ticket: Ticket) {
        while self.in_flight.front().is_some_and(|write| write.ticket <= ticket) {
            if let Some(write) = self.in_flight.pop_front() {
                self.durable = self.durable.max(write.complete.min(self.complete));
                self.say_held(write.held);
            }
        }
    }

    fn say_held(&mut self, held: Vec<Held>) {
        for held in held {
            match held {
                Held::Gather(ballot) => self.ballot_is_durable(ballot),
                Held::State(to, ballot) => self.send_state(to, ballot),
                Held::RecoverOk(to, life) => self.send_recover_ok(to, life),
                Held::Recovered => self.recovered(),
                Held::Normal(ballot) => self.begin_normal(ballot),
            }
        }
    }

    /// Nothing of the list after this number counts any more.
    pub(super) fn cut_list(&mut self, keep: u64) {
        self.kept.log.truncate(keep);
        self.complete = self.complete.min(keep);
        self.durable = self.durable.min(keep);
        self.unwritten.complete = self.unwritten.complete.min(keep);
        self.in_flight.iter_mut().for_each(|write| write.complete = write.complete.min(keep));
    }

    /// Counts on, over everything whose Requests are here.
    pub(super) fn count_complete(&mut self) {
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::AckWithoutRequest) {
            self.complete = self.kept.log.end();
        }
        while self.is_whole(self.complete + 1) {
            self.complete += 1;
        }
    }

    fn is_whole(&self, number: u64) -> bool {
        let Some(runs) = self.kept.log.runs(number) else { return false };
        let have = match (&self.standing, &self.kept.view) {
            (Standing::Normal(normal), Some(view)) => Some((normal, view)),
            _ => None,
        };
        runs.iter().all(|run| {
            let member = usize::from(run.member);
            match have {
                Some((normal, view)) if view.life(member) == Some(run.life) => {
                    normal.have[member] >= run.upto
                }
                _ => self.kept.log.holds(*run),
            }
        })
    }
}
