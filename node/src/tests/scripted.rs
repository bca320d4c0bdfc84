//! An engine for tests, that does what a script says, when it says so.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use replication::contract::{
    Barrier, ChainHash, Changed, Command as Payload, Effect, Engine, Entry, Epoch, Members,
    Message, Position, ProposeError, ReplicaId, Role, SnapshotName, Status, Ticket,
};
use replication::register::Configuration;
use replication::time::Time;

/// What the engine knows, and what was asked of it.
#[derive(Default)]
pub(crate) struct Script {
    /// It takes proposals and barriers, in this term.
    pub(crate) leads: Option<Epoch>,
    /// Who else does.
    pub(crate) leader: Option<ReplicaId>,
    /// It decides together with others: nobody knows the places of what it proposes.
    member: bool,
    /// It takes no more.
    pub(crate) full: bool,
    term: Epoch,
    end: Position,
    hash: ChainHash,
    /// Taken, and delivered nowhere yet.
    pub(crate) proposed: Vec<Payload>,
    last_barrier: Barrier,
    pub(crate) open: Vec<Barrier>,
    pub(crate) hand_overs: usize,
    pub(crate) staged: Vec<(ReplicaId, SnapshotName)>,
    pub(crate) restored: usize,
    pub(crate) refused: usize,
    pub(crate) voters: Vec<ReplicaId>,
    out: Vec<Effect>,
}

/// The engine, shared with the test.
#[derive(Clone, Default)]
pub(crate) struct Scripted(Arc<Mutex<Script>>);

impl Scripted {
    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

impl Script {
    pub(crate) fn say(&mut self, effect: Effect) {
        self.out.push(effect);
    }

    fn change(&mut self, role: Role, epoch: Epoch) {
        self.leads = matches!(role, Role::Leader | Role::Member).then_some(epoch);
        self.member = role == Role::Member;
        self.term = epoch;
        self.open.clear();
        self.proposed.clear();
        self.say(Effect::Changed(Changed { role, epoch, cause: "the script says so" }));
    }

    /// It is elected, and has delivered the first entry of its term.
    pub(crate) fn lead(&mut self, term: Epoch) {
        self.deliver(Bytes::new());
        self.change(Role::Leader, term);
    }

    pub(crate) fn follow(&mut self, term: Epoch) {
        self.change(Role::Follower, term);
    }

    /// It is in a view together with others.
    pub(crate) fn take_part(&mut self, epoch: Epoch) {
        self.change(Role::Member, epoch);
    }

    /// It is in no view any more.
    pub(crate) fn lose_view(&mut self, epoch: Epoch) {
        self.change(Role::Joining, epoch);
    }

    /// The group has agreed on this, whoever proposed it.
    pub(crate) fn deliver(&mut self, command: Payload) {
        self.end += 1;
        self.hash = self.hash.extend(&command);
        let entry = Entry { position: self.end, hash: self.hash, command };
        self.say(Effect::Deliver(entry));
    }

    /// The group has agreed on everything proposed here.
    pub(crate) fn agree(&mut self) {
        for command in std::mem::take(&mut self.proposed) {
            self.deliver(command);
        }
    }

    /// A majority has confirmed this leader.
    pub(crate) fn pass(&mut self) {
        for barrier in std::mem::take(&mut self.open) {
            self.say(Effect::Passed(barrier));
        }
    }

    /// The next delivery has the position after this one.
    pub(crate) fn begin_after(&mut self, position: Position, hash: ChainHash) {
        (self.end, self.hash) = (position, hash);
    }
}

impl Engine for Scripted {
    fn propose(
        &mut self,
        _now: Time,
        commands: Vec<Payload>,
    ) -> Result<Option<std::ops::Range<Position>>, ProposeError> {
        let mut script = self.script();
        let Some(_) = script.leads else {
            return Err(ProposeError::NotLeader { epoch: 0, leader: None });
        };
        if script.full {
            return Err(ProposeError::Full { undelivered: 1, limit: 1 });
        }
        let first = script.end + script.proposed.len() as u64 + 1;
        let last = first + commands.len() as u64;
        script.proposed.extend(commands);
        Ok(Some(first..last).filter(|_| !script.member))
    }

    fn barrier(&mut self, _now: Time) -> Option<Barrier> {
        let mut script = self.script();
        script.leads?;
        script.last_barrier += 1;
        let barrier = script.last_barrier;
        script.open.push(barrier);
        Some(barrier)
    }

    fn staged(&mut self, _now: Time, peer: ReplicaId, snapshot: SnapshotName) {
        self.script().staged.push((peer, snapshot));
    }

    fn restored(&mut self, _now: Time) {
        self.script().restored += 1;
    }

    fn restore_refused(&mut self, _now: Time) {
        self.script().refused += 1;
    }

    fn hand_over(&mut self, _now: Time) {
        self.script().hand_overs += 1;
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.script().out)
    }

    fn end(&self) -> Position {
        self.script().end
    }

    fn status(&self) -> Status {
        let script = self.script();
        let voters = script.voters.iter().copied().collect();
        let members = Members { voters, ..Members::default() };
        let (leads, epoch) = (script.leads.is_some(), script.term);
        let leader = script.leader;
        Status { leads, epoch, leader, members, ..Status::default() }
    }

    fn receive(&mut self, _now: Time, _from: ReplicaId, _message: Message) {}
    fn persisted(&mut self, _now: Time, _ticket: Ticket) {}
    fn stored(&mut self, _now: Time, _position: Position) {}
    fn history(&mut self, _now: Time, _entries: Vec<Entry>) {}
    fn configured(&mut self, _now: Time, _configuration: &Configuration) {}
    fn link(&mut self, _now: Time, _peer: ReplicaId, _up: bool) {}
    fn tick(&mut self, _now: Time) {}
    fn flush(&mut self, _now: Time) {}
}
