//! A member of the customers' group: accounts, sessions, carts, purchases told, feedback.
//!
//! # Guarantees
//! - A wish that was answered [`Done`](CustomerReply::Done) survives every failure that the group's protocol tolerates; it was
//!   done once, however often it was asked under its key, and whichever members were asked.
//! - A fresh question's answer reflects everything acknowledged before it was asked. Any other question's answer is what this
//!   member has: while it takes part, milliseconds behind the others; while it does not, it answers no question at all.
//! - A session is judged by the later one of this member's clock and the law's time, so it ends though nobody asks for anything.
//! - What is not known here is said so: [`Unknown`](CustomerReply::Unknown) after a proposal whose fate this member may not learn,
//!   [`NotHere`](CustomerReply::NotHere) where nothing was done.
//!
//! # A walk through one wish
//! 1. A gateway's [`AskCustomers`](Message::AskCustomers) comes in at any member. Each wish gets this member's time and an envelope
//!    with this member's name, start, and a number (`command.rs`).
//! 2. At the end of the burst everything gathered is proposed at once (`wishes.rs`). Where it will stand is decided later, and by
//!    whomever the protocol says.
//! 3. The engine delivers what the group has agreed on, here and at every other member; the law decides (`deliver.rs`). The member
//!    that proposed it knows it by its envelope, and answers.
//! 4. A member that loses sight of the group and does not find it again soon, or does not hear of a wish for too long, answers
//!    "unknown"; the gateway asks another
//!    one under the same key, and the law does it once.
//!
//! # Reading
//! `questions.rs`. Every question with a session counts as a use of it; when that is worth writing down, the session is touched
//! with others of the burst in one command (`upkeep.rs`).
//!
//! # Whichever protocol
//! With the rotating sequencer every member takes requests; with Raft the leader does, and others name it; alone, the one there is.
//! A member that misses more than the others still hold takes a store from one of them (`transfer.rs`).

mod answers;
mod command;
mod config;
mod deliver;
mod drain;
mod engine;
mod questions;
mod standing;
#[cfg(test)]
mod tests;
mod transfer;
mod upkeep;
mod wishes;

use bytes::Bytes;
use market::customers::{Command as Law, Customers};
use market::rows::Row;
use replication::contract::{
    ChainHash, Engine, Incarnation, MemberChange, MemberError, Position, Recovered, Role, Status,
};
use replication::time::Time;

pub use command::{Command, Origin, UnreadableCommand};
pub use config::{CustomersConfig, Protocol};

use crate::catalog::StartError;
use crate::law_clock::LawClock;
use crate::message::{CustomerRequest, Message};
use crate::process::{Effect, HistoryPurpose, Input, Now, Process};
use crate::replica::{stored_hash, stored_mark};
use crate::service::{ServiceId, ServiceKind};
use crate::snapshot::Transfers;
use answers::{Answers, Asker};
use drain::Drain;
use questions::Questions;
use upkeep::Touches;
use wishes::Wishes;

#[cfg(doc)]
use crate::message::CustomerReply;

/// One member of the customers' group.
pub struct CustomersProcess {
    config: CustomersConfig,
    boot: u64,
    engine: Box<dyn Engine>,
    role: Role,
    /// Since when it takes no requests.
    lost: Option<Time>,
    law: Customers,
    applied: Position,
    applied_hash: ChainHash,
    /// The engine's mark, until the next position is stored.
    mark: Option<Bytes>,
    clock: LawClock,
    wishes: Wishes,
    questions: Questions,
    touches: Touches,
    next_sweep: Time,
    answers: Answers,
    /// Snapshots on their way from here and to here.
    transfers: Transfers,
    /// What the start itself brought about, for the first flush.
    backlog: Vec<Effect>,
    drain: Drain,
}

impl CustomersProcess {
    /// A member from what its disk holds. `boot` is greater at every start of this disk; `incarnation` names the disk to the group;
    /// `rows` are all rows of the store.
    pub fn start(
        config: CustomersConfig,
        now: Now,
        boot: u64,
        incarnation: Incarnation,
        mut recovered: Recovered,
        rows: Vec<Row>,
    ) -> Result<Self, StartError> {
        if let Some(hash) = stored_hash(&rows)? {
            recovered.applied_hash = hash;
        }
        recovered.mark = stored_mark(&rows).unwrap_or_default();
        let at = (recovered.applied, recovered.applied_hash);
        let law = Customers::load(rows).map_err(StartError::Customers)?;
        let engine = engine::start(&config, now, boot, incarnation, recovered)?;
        Ok(CustomersProcess::with_engine(config, now, boot, engine, law, at))
    }

    /// A member with this engine, whose store reflects these customers at a position.
    fn with_engine(
        config: CustomersConfig,
        now: Now,
        boot: u64,
        engine: Box<dyn Engine>,
        law: Customers,
        (applied, applied_hash): (Position, ChainHash),
    ) -> Self {
        let mut process = CustomersProcess {
            law: law.limited(config.law),
            config,
            boot,
            engine,
            role: Role::Joining,
            lost: Some(now.time),
            applied,
            applied_hash,
            mark: None,
            clock: LawClock::new(now),
            wishes: Wishes::default(),
            questions: Questions::default(),
            touches: Touches::default(),
            next_sweep: now.time,
            answers: Answers::default(),
            transfers: Transfers::new(ServiceKind::Customers),
            backlog: Vec::new(),
            drain: Drain::No,
        };
        // What the log holds above the store is applied before anything is answered.
        let mut effects = Vec::new();
        process.perform(now, &mut effects);
        process.backlog = effects;
        process
    }

    /// The customers, as applied here.
    pub fn law(&self) -> &Customers {
        &self.law
    }

    /// Last position applied, and the hash of everything up to it.
    pub fn applied(&self) -> (Position, ChainHash) {
        (self.applied, self.applied_hash)
    }

    /// What this member is within its group.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The engine's state.
    pub fn status(&self) -> Status {
        self.engine.status()
    }

    /// Wishes that were taken here and not answered yet, and questions.
    pub fn in_hand(&self) -> (usize, usize) {
        (self.wishes.len(), self.questions.len())
    }

    /// Changes the members of the group, where its protocol lets them change.
    pub fn change_members(&mut self, now: Now, change: MemberChange) -> Result<(), MemberError> {
        self.engine.change_members(now.time, change)
    }

    fn receive(&mut self, now: Now, from: ServiceId, message: Message, effects: &mut Vec<Effect>) {
        match (from.kind, message) {
            (ServiceKind::Customers, Message::Replication(message)) => {
                self.engine.receive(now.time, from.id, message);
            }
            (ServiceKind::Customers, Message::SnapshotPart(part)) => {
                self.transfers.part(now.time, from.id, part, effects);
            }
            (ServiceKind::Customers, Message::SnapshotTaken(taken)) => {
                self.snapshot_taken(now, from.id, taken, effects);
            }
            (ServiceKind::Gateway, Message::AskCustomers(requests)) => {
                for (id, request) in requests {
                    self.take(now, Asker { gateway: from, id }, request);
                }
            }
            // Anything else is a message for another kind of service: a bug of the sender, harmless here.
            _ => {}
        }
    }

    fn take(&mut self, now: Now, asker: Asker, request: CustomerRequest) {
        if !self.serves() {
            let not_here = self.not_here();
            return self.answers.put(asker, not_here);
        }
        match request {
            CustomerRequest::Do { key, born, action } => {
                let at = self.clock.at(now);
                self.wish(now, asker, Law::Do { key, born, at, action });
            }
            CustomerRequest::Record { purchase, told_below } => {
                let at = self.clock.at(now);
                self.wish(now, asker, Law::Record { at, purchase, told_below });
            }
            CustomerRequest::Read { question, fresh } => self.ask(now, asker, question, fresh),
        }
    }

    fn link(&mut self, now: Now, peer: ServiceId, up: bool, effects: &mut Vec<Effect>) {
        match peer.kind {
            ServiceKind::Customers => {
                self.engine.link(now.time, peer.id, up);
                self.transfers.link(peer.id, up, effects);
            }
            ServiceKind::Gateway if !up => {
                self.wishes.forget(peer);
                self.questions.forget(peer);
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.engine.tick(now.time);
        self.clock.tick(now);
        self.transfers.tick(now.time, effects);
        self.lose_patience(now);
        self.keep_up(now);
    }
}

impl Process for CustomersProcess {
    fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Received { from, message } => self.receive(now, from, message, effects),
            Input::LinkUp(peer) => self.link(now, peer, true, effects),
            Input::LinkDown(peer) => self.link(now, peer, false, effects),
            Input::Persisted(ticket) => self.engine.persisted(now.time, ticket),
            Input::Stored(position) => self.engine.stored(now.time, position),
            Input::History { purpose: HistoryPurpose::CatchUp, entries } => {
                self.engine.history(now.time, entries);
            }
            Input::SnapshotRows { transfer, position, rows, end } => {
                self.transfers.rows(now.time, transfer, position, rows, end, effects);
            }
            Input::Replaced(position) => self.replaced(now, position),
            Input::Tick => self.tick(now, effects),
            Input::Drain => self.begin_drain(now),
            // Orders are read elsewhere, and clients talk to gateways.
            Input::History { .. } | Input::Client { .. } | Input::ClientGone(_) => {}
        }
    }

    fn flush(&mut self, now: Now, effects: &mut Vec<Effect>) {
        effects.append(&mut self.backlog);
        // First what the engine says already: a member that takes part no more proposes nothing.
        self.perform(now, effects);
        self.touch(now);
        self.propose(now);
        self.ask_barrier(now);
        self.continue_drain(now);
        self.engine.flush(now.time);
        self.perform(now, effects);
        self.answers.leave(effects);
        self.end_drain(now, effects);
    }
}
