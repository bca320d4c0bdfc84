//! The gate: nothing that depends on a position of the log leaves the catalog before that position is *open*.
//!
//! A position is open when it is applied, when every gateway that had a lease as it was proposed has dropped its copies (or its
//! lease is over), and when everything before it is open. That one rule covers successes, refusals ("out of stock" is an
//! observation too), pages of the outbox and plain reads, so no client can see a write through one gateway and then an
//! older value through another one's cache. (PROTOCOLS.md, part C; `docs/decisions/0005` says why opening is in order.)

use std::collections::{BTreeSet, VecDeque};

use market::name::Name;
use replication::contract::Position;
use replication::time::Time;

use super::lease::SessionId;
use crate::message::Message;
use crate::service::ServiceId;

/// What was proposed in one burst.
#[derive(Debug)]
struct Round {
    last: Position,
    names: BTreeSet<Name>,
    waits: BTreeSet<(SessionId, u64)>,
}

/// An answer that waits for its position.
#[derive(Debug)]
struct Held {
    position: Position,
    to: ServiceId,
    message: Message,
}

/// The gate.
#[derive(Debug)]
pub(super) struct Gate {
    rounds: VecDeque<Round>,
    held: VecDeque<Held>,
    applied: Position,
    open: Position,
    /// Leases granted by an earlier leader, or an earlier life of this one, may stand until here.
    not_before: Time,
}

impl Gate {
    /// A gate behind which everything up to `applied` waits until `not_before`.
    pub(super) fn new(applied: Position, not_before: Time) -> Self {
        Gate { rounds: VecDeque::new(), held: VecDeque::new(), applied, open: 0, not_before }
    }

    /// No lease of an earlier leader counts any more: nothing waits for it from now on.
    pub(super) fn open_from(&mut self, now: Time) {
        self.not_before = self.not_before.min(now);
    }

    /// Writes up to `last` touching `names` were proposed; they wait for these invalidations.
    pub(super) fn proposed(
        &mut self,
        last: Position,
        names: BTreeSet<Name>,
        waits: BTreeSet<(SessionId, u64)>,
    ) {
        self.rounds.push_back(Round { last, names, waits });
    }

    /// The log is applied up to here.
    pub(super) fn applied(&mut self, position: Position) {
        self.applied = position;
    }

    /// A gateway confirmed an invalidation.
    pub(super) fn confirmed(&mut self, session: SessionId, number: u64) {
        for round in &mut self.rounds {
            if round.waits.remove(&(session, number)) {
                return;
            }
        }
    }

    /// A session is over: nothing waits for it any more.
    pub(super) fn session_over(&mut self, session: SessionId) {
        for round in &mut self.rounds {
            round.waits.retain(|(id, _)| *id != session);
        }
    }

    /// Is a write to this listing proposed and not yet open?
    pub(super) fn pending(&self, name: &Name) -> bool {
        self.rounds.iter().any(|round| round.names.contains(name))
    }

    /// Is this position open?
    pub(super) fn is_open(&self, position: Position) -> bool {
        position <= self.open
    }

    /// Holds an answer that depends on everything applied so far.
    pub(super) fn hold(&mut self, to: ServiceId, message: Message) {
        self.held.push_back(Held { position: self.applied, to, message });
    }

    /// Bursts proposed and not open yet.
    pub(super) fn rounds(&self) -> usize {
        self.rounds.len()
    }

    /// How many answers are held.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Opens what can be opened and returns the answers that may go.
    pub(super) fn advance(&mut self, now: Time) -> Vec<(ServiceId, Message)> {
        if now < self.not_before {
            return Vec::new();
        }
        while let Some(round) = self.rounds.front() {
            if round.last > self.applied || !round.waits.is_empty() {
                break;
            }
            self.open = self.open.max(round.last);
            self.rounds.pop_front();
        }
        if self.rounds.is_empty() {
            self.open = self.applied;
        }
        let ready = self.held.iter().take_while(|held| held.position <= self.open).count();
        self.held.drain(..ready).map(|held| (held.to, held.message)).collect()
    }
}
