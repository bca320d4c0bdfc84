//! A group of one: the smallest engine. Agreement is trivial, durability is the disk.
//!
//! A command is delivered once the one disk holds it. Several writes may be in flight; they complete in order, so
//! the end of the last durable write is the commit. Everything in the log at start counts as committed: there is
//! nobody who could have agreed on something else, and a client that was never answered may still learn that its
//! command happened.

use std::collections::VecDeque;
use std::ops::Range;

use crate::contract::{
    Barrier, ChainHash, Changed, Command, Effect, Engine, Entry, Epoch, HardState, LogWrite,
    Message, Position, ProposeError, Recovered, ReplicaId, Role, Status, Ticket,
};
use crate::register::Configuration;
use crate::time::Time;

/// The one epoch of a group of one.
const EPOCH: Epoch = 1;

/// Why a group of one leads.
pub const CAUSE_ALONE: &str = "a group of one leads itself";

/// Most commands that may wait for delivery: two seconds of the disk at 32,768 commands a second. More would
/// only hide a disk that does not keep up.
pub const MAX_UNDELIVERED: usize = 65_536;

/// The engine of a group of one. Always leads.
pub struct Solo {
    end: Position,
    end_hash: ChainHash,
    delivered: Position,
    /// Everything above `delivered`, in order.
    waiting: VecDeque<Entry>,
    /// Proposed, not yet part of a write.
    staged: Vec<LogWrite>,
    /// Writes under way: ticket and the position the log ends with once it is durable.
    in_flight: VecDeque<(Ticket, Position)>,
    last_ticket: Ticket,
    last_barrier: Barrier,
    out: Vec<Effect>,
}

impl Solo {
    /// Starts from what the disk held; delivers at once what was not applied yet.
    pub fn new(recovered: Recovered) -> Self {
        let mut solo = Solo {
            end: recovered.applied,
            end_hash: recovered.applied_hash,
            delivered: recovered.applied,
            waiting: VecDeque::from(recovered.entries),
            staged: Vec::new(),
            in_flight: VecDeque::new(),
            last_ticket: 0,
            last_barrier: 0,
            out: Vec::new(),
        };
        if let Some(last) = solo.waiting.back() {
            (solo.end, solo.end_hash) = (last.position, last.hash);
        }
        let cause = CAUSE_ALONE;
        solo.out.push(Effect::Changed(Changed { role: Role::Leader, epoch: EPOCH, cause }));
        solo.deliver(solo.end);
        solo
    }

    fn durable(&self) -> Position {
        self.delivered
    }

    fn deliver(&mut self, durable: Position) {
        while self.waiting.front().is_some_and(|entry| entry.position <= durable) {
            let entry = self.waiting.pop_front().expect("the front was just seen");
            self.delivered = entry.position;
            self.out.push(Effect::Deliver(entry));
        }
    }
}

impl Engine for Solo {
    fn propose(
        &mut self,
        _now: Time,
        commands: Vec<Command>,
    ) -> Result<Option<Range<Position>>, ProposeError> {
        let undelivered = self.waiting.len();
        if undelivered + commands.len() > MAX_UNDELIVERED {
            return Err(ProposeError::Full { undelivered, limit: MAX_UNDELIVERED });
        }
        let first = self.end + 1;
        for command in commands {
            self.end += 1;
            self.end_hash = self.end_hash.extend(&command);
            let entry = Entry { position: self.end, hash: self.end_hash, command };
            self.staged.push(LogWrite::Append(entry.clone()));
            self.waiting.push_back(entry);
        }
        Ok(Some(first..self.end + 1))
    }

    fn receive(&mut self, _now: Time, _from: ReplicaId, _message: Message) {}

    fn persisted(&mut self, _now: Time, ticket: Ticket) {
        let mut durable = 0;
        while self.in_flight.front().is_some_and(|(written, _)| *written <= ticket) {
            durable = self.in_flight.pop_front().map_or(durable, |(_, end)| end);
        }
        self.deliver(durable);
    }

    fn stored(&mut self, _now: Time, _position: Position) {}

    fn history(&mut self, _now: Time, _entries: Vec<Entry>) {}

    fn configured(&mut self, _now: Time, _configuration: &Configuration) {}

    fn link(&mut self, _now: Time, _peer: ReplicaId, _up: bool) {}

    fn tick(&mut self, _now: Time) {}

    fn flush(&mut self, _now: Time) {
        if self.staged.is_empty() {
            return;
        }
        let mut writes = std::mem::take(&mut self.staged);
        writes.push(LogWrite::State(HardState { epoch: EPOCH, vote: 0, commit: self.delivered }));
        self.last_ticket += 1;
        self.in_flight.push_back((self.last_ticket, self.end));
        self.out.push(Effect::Persist { ticket: self.last_ticket, writes });
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.out)
    }

    // Nobody else acknowledges anything: what was acknowledged has been delivered here.
    fn barrier(&mut self, _now: Time) -> Option<Barrier> {
        self.last_barrier += 1;
        self.out.push(Effect::Passed(self.last_barrier));
        Some(self.last_barrier)
    }

    // There is nobody to hand over to.
    fn hand_over(&mut self, _now: Time) {}

    fn end(&self) -> Position {
        self.end
    }

    fn status(&self) -> Status {
        Status {
            leads: true,
            epoch: EPOCH,
            end: self.end,
            durable: self.durable(),
            commit: self.delivered,
            in_sync_durable: self.durable(),
            ..Status::default()
        }
    }
}
