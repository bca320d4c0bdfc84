//! What the library wants done, done: writes, messages, deliveries, in the order that keeps promises.
//!
//! The library's messages of a follower or candidate vouch for its disk and wait for the write they were made with;
//! a leader's go at once, beside its own write (thesis, 10.2.1). The answer to a heartbeat vouches for nothing on disk
//! (a vote that was given away is heard of only after its write, and by then the answer's term is higher), so it goes at
//! once, too: a slow disk delays no barrier.

use bytes::Bytes;
use raft::eraftpb::{self, MessageType, Snapshot};
use raft::{Ready, StateRole};

use super::envelope::EntryKind;
use super::facts::Facts;
use super::founding::FOUNDS;
use super::{Raft, convert};
use crate::contract::{self, Effect, HardState, LogWrite, ReplicaId, Ticket};

/// A write on its way to the disk.
pub(super) struct Write {
    ticket: Ticket,
    /// The library's name for it.
    number: u64,
    /// What may be said once it is durable.
    held: Vec<eraftpb::Message>,
}

impl Raft {
    /// Nothing of the log is on its way to the disk, or yet to be sent there.
    pub(super) fn settled(&self) -> bool {
        let log = &self.raw.raft.raft_log;
        self.in_flight.is_empty() && log.persisted == log.last_index()
    }

    /// Does everything the library wants done by now.
    pub(super) fn drain(&mut self) {
        loop {
            self.announce();
            if self.restoring.is_some() || !self.raw.has_ready() {
                return;
            }
            let ready = self.raw.ready();
            self.handle(ready);
        }
    }

    fn handle(&mut self, mut ready: Ready) {
        if !ready.snapshot().is_empty() {
            self.begin_after(ready.snapshot().clone());
        }
        let must_write = ready.must_sync();
        let entries = ready.take_entries();
        let mut writes = std::mem::take(&mut self.reset);
        writes.extend(self.raw.mut_store().take(entries));
        let confirmed = ready.take_read_states();
        let at_once = ready.take_messages();
        let held = ready.take_persisted_messages();
        let committed = ready.take_committed_entries().len();
        let number = ready.number();
        self.raw.advance_append_async(ready);
        if must_write || !writes.is_empty() {
            self.write(writes, number);
        }
        self.send(at_once);
        self.hold_back(held, number);
        self.deliver(committed);
        self.pass_barriers(confirmed);
    }

    /// One write, named by a ticket and by the library's number.
    fn write(&mut self, mut writes: Vec<LogWrite>, number: u64) {
        let state = self.hard_state();
        if state != self.written {
            // Last: a write torn in the middle then never knows a commit beyond its entries.
            writes.push(LogWrite::State(state));
            self.written = state;
        }
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.out.push(Effect::Persist { ticket, writes });
        self.in_flight.push_back(Write { ticket, number, held: Vec::new() });
    }

    fn hard_state(&self) -> HardState {
        let state = self.raw.raft.hard_state();
        let vote = ReplicaId::try_from(state.vote).unwrap_or(0);
        #[cfg(feature = "mutants")]
        let vote = if self.config.errs(crate::mutants::Mutant::VoteForgotten) { 0 } else { vote };
        HardState { epoch: state.term, vote, commit: state.commit }
    }

    /// Messages that vouch for everything written so far wait for the last write under way.
    fn hold_back(&mut self, messages: Vec<eraftpb::Message>, number: u64) {
        let (answers, vouching): (Vec<_>, Vec<_>) = messages
            .into_iter()
            .partition(|m| m.get_msg_type() == MessageType::MsgHeartbeatResponse);
        self.send(answers);
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::AckBeforeDurable) {
            self.in_flight.clear();
        }
        match self.in_flight.back_mut() {
            Some(write) => {
                write.number = number;
                write.held.extend(vouching);
            }
            None => {
                self.raw.on_persist_ready(number);
                self.catch_up_applied();
                self.send(vouching);
            }
        }
    }

    /// Everything up to this ticket is durable.
    pub(super) fn written(&mut self, ticket: Ticket) {
        while self.in_flight.front().is_some_and(|write| write.ticket <= ticket) {
            if let Some(write) = self.in_flight.pop_front() {
                self.raw.on_persist_ready(write.number);
                self.send(write.held);
            }
        }
        self.catch_up_applied();
    }

    /// A snapshot counts as applied only once it is durable.
    fn catch_up_applied(&mut self) {
        let log = &self.raw.raft.raft_log;
        if log.applied < self.delivered && self.delivered <= log.persisted {
            self.raw.advance_apply_to(self.delivered);
        }
    }

    /// The library's own iteration is over hashes: sorted by peer, the order is the same everywhere.
    fn send(&mut self, mut messages: Vec<eraftpb::Message>) {
        messages.sort_by_key(|message| message.to);
        for mut message in messages {
            let Ok(to) = ReplicaId::try_from(message.to) else { continue };
            if to == self.config.id || to == 0 {
                continue;
            }
            let campaigns = convert::is_campaign(message.get_msg_type());
            if campaigns && !self.is_founded() {
                message.context = Bytes::from_static(FOUNDS);
            }
            let peer = self.asked_by(to, &message).unwrap_or_else(|| self.disk_of(to, campaigns));
            let disks = (self.config.incarnation, peer);
            let limits = &self.config.limits;
            for message in convert::from_library(message, self.raw.store(), limits, disks) {
                let message = contract::Message::Raft(message);
                self.out.push(Effect::Send { to, message });
            }
        }
    }

    /// Delivers the next `count` entries; the engine's own take effect.
    fn deliver(&mut self, count: usize) {
        for _ in 0..count {
            let Some((entry, opened)) = self.raw.store().get(self.delivered + 1) else { return };
            let (kind, payload) = (opened.kind, opened.payload.clone());
            let news = kind != EntryKind::Command || opened.term != self.facts.term;
            self.facts.term = opened.term;
            self.delivered = entry.position;
            match kind {
                EntryKind::Members => self.apply_change(&payload),
                EntryKind::Roll => self.apply_roll(&payload),
                EntryKind::Command | EntryKind::Empty => {}
            }
            if news {
                self.mark();
            }
            self.out.push(Effect::Deliver(entry));
            if kind == EntryKind::Empty {
                self.announce();
            }
        }
        self.catch_up_applied();
    }

    fn mark(&mut self) {
        let mark = self.facts.encode();
        if mark != self.marked {
            self.marked = mark.clone();
            self.out.push(Effect::Mark(mark));
        }
    }

    /// The library took a snapshot: log and facts begin after it.
    fn begin_after(&mut self, snapshot: Snapshot) {
        let name = convert::name(&snapshot);
        self.raw.mut_store().reset(name.position, name.hash, snapshot.get_metadata().term);
        self.delivered = name.position;
        if let Some(facts) = Facts::decode(&name.mark) {
            self.facts = facts;
        }
        self.marked = name.mark;
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::SnapshotWithoutReset) {
            return;
        }
        self.reset.push(LogWrite::Reset { position: name.position, hash: name.hash });
    }

    /// Gives every follower that keeps up what it lacks, as far as its window allows; the library itself sends one
    /// message at a time.
    pub(super) fn feed(&mut self) {
        let raft = &self.raw.raft;
        let end = raft.raft_log.last_index();
        let behind = |(id, it): (&u64, &raft::Progress)| *id != raft.id && it.next_idx <= end;
        // Most bursts leave nobody behind, and cost nothing here.
        if raft.state != StateRole::Leader || !raft.prs().iter().any(behind) {
            return;
        }
        let members = self.facts.members();
        for id in members.voters.union(&members.learners).map(|id| u64::from(*id)) {
            while id != u64::from(self.config.id) && self.feed_once(id) {}
        }
    }

    fn feed_once(&mut self, id: u64) -> bool {
        let raft = &mut self.raw.raft;
        let end = raft.raft_log.last_index();
        let next = |raft: &raft::Raft<_>| raft.prs().get(id).map(|progress| progress.next_idx);
        let before = next(raft);
        let keeps_up = raft.prs().get(id).is_some_and(|progress| {
            let replicates = progress.state == raft::ProgressState::Replicate;
            replicates && progress.next_idx <= end && !progress.is_paused()
        });
        if keeps_up {
            raft.send_append(id);
        }
        keeps_up && next(raft) != before
    }
}
