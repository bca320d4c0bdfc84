//! A group of several on the bench: an engine that does what the script says, when it says so.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use replication::contract::{
    Barrier, ChainHash, Changed, Command as Payload, Effect, Engine, Entry, Epoch, Members,
    Message, Position, ProposeError, ReplicaId, Role, SnapshotName, Status, Ticket,
};
use replication::register::Configuration;
use replication::time::Time;

use super::harness::*;
use crate::catalog::{CatalogConfig, CatalogProcess, Command, Protocol, State};
use crate::message::Message as Word;
use crate::process::Input;
use crate::service::ServiceId;

/// What the engine knows, and what was asked of it.
#[derive(Default)]
pub(super) struct Script {
    /// It takes proposals and barriers, in this term.
    pub(super) leads: Option<Epoch>,
    term: Epoch,
    end: Position,
    hash: ChainHash,
    /// Taken, and delivered nowhere yet.
    pub(super) proposed: Vec<Payload>,
    last_barrier: Barrier,
    pub(super) open: Vec<Barrier>,
    pub(super) hand_overs: usize,
    pub(super) staged: Vec<(ReplicaId, SnapshotName)>,
    pub(super) restored: usize,
    pub(super) refused: usize,
    voters: Vec<ReplicaId>,
    out: Vec<Effect>,
}

/// The engine, shared with the test.
#[derive(Clone, Default)]
pub(super) struct Scripted(Arc<Mutex<Script>>);

impl Scripted {
    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

impl Script {
    pub(super) fn say(&mut self, effect: Effect) {
        self.out.push(effect);
    }

    fn change(&mut self, role: Role, epoch: Epoch) {
        self.leads = (role == Role::Leader).then_some(epoch);
        self.term = epoch;
        self.open.clear();
        self.proposed.clear();
        self.say(Effect::Changed(Changed { role, epoch, cause: "the script says so" }));
    }

    /// It is elected, and has delivered the first entry of its term.
    pub(super) fn lead(&mut self, term: Epoch) {
        self.deliver(Bytes::new());
        self.change(Role::Leader, term);
    }

    pub(super) fn follow(&mut self, term: Epoch) {
        self.change(Role::Follower, term);
    }

    /// The group has agreed on this, whoever proposed it.
    pub(super) fn deliver(&mut self, command: Payload) {
        self.end += 1;
        self.hash = self.hash.extend(&command);
        let entry = Entry { position: self.end, hash: self.hash, command };
        self.say(Effect::Deliver(entry));
    }

    /// The group has agreed on everything proposed here.
    pub(super) fn agree(&mut self) {
        for command in std::mem::take(&mut self.proposed) {
            self.deliver(command);
        }
    }

    /// A majority has confirmed this leader.
    pub(super) fn pass(&mut self) {
        for barrier in std::mem::take(&mut self.open) {
            self.say(Effect::Passed(barrier));
        }
    }

    /// The next delivery has the position after this one.
    pub(super) fn begin_after(&mut self, position: Position, hash: ChainHash) {
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
        let first = script.end + script.proposed.len() as u64 + 1;
        let last = first + commands.len() as u64;
        script.proposed.extend(commands);
        Ok(Some(first..last))
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
        Status { leads, epoch, members, ..Status::default() }
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

/// One replica of a group of three, and the engine's script.
pub(super) struct Group {
    pub(super) bench: Bench,
    pub(super) engine: Scripted,
}

/// Three catalogs, two gateways, all known.
pub(super) fn group_config() -> CatalogConfig {
    CatalogConfig {
        catalogs: vec![1, 2, 3],
        gateways: vec![1, 2],
        protocol: Protocol::Raft,
        ..config()
    }
}

impl Group {
    /// Nothing has happened yet.
    pub(super) fn fresh(config: CatalogConfig) -> Self {
        let engine = Scripted::default();
        engine.script().voters = vec![1, 2, 3];
        let state = State::load(Vec::new()).unwrap();
        let time = Time(1_000_000);
        let catalog = CatalogProcess::with_engine(
            config,
            now(time),
            1,
            Box::new(engine.clone()),
            (0, state),
            listings(),
        );
        Group { bench: Bench::around(catalog, time), engine }
    }

    /// A follower that has everything an earlier leader of the group did: listings loaded, three order replicas enrolled, replica
    /// 3 leads epoch 1 at version 4.
    pub(super) fn following() -> Self {
        Group::following_with(group_config())
    }

    pub(super) fn following_with(config: CatalogConfig) -> Self {
        let mut group = Group::fresh(config);
        let load = market::catalog::Command::Load { listings: listings() };
        group.agreed(&Command::Law(load));
        for replica in 1..=3 {
            group.agreed(&Command::Register(enrol(replica)));
        }
        group.agreed(&Command::Register(elect(3, 3)));
        group.bench.others.clear();
        group
    }

    /// A leader in term 1, whose gate is open, and which is linked with its gateways and order replicas.
    pub(super) fn leading() -> Self {
        Group::leading_with(group_config())
    }

    pub(super) fn leading_with(config: CatalogConfig) -> Self {
        let mut group = Group::following_with(config);
        group.link();
        group.lead(1);
        group.bench.run(400);
        group.bench.sent.clear();
        group.bench.leads.clear();
        group.bench.others.clear();
        group
    }

    pub(super) fn link(&mut self) {
        for id in 1..=3 {
            self.bench.input(Input::LinkUp(ServiceId::orders(id)));
            self.bench.input(Input::LinkUp(ServiceId::gateway(id)));
            self.bench.input(Input::LinkUp(ServiceId::catalog(id)));
        }
    }

    /// The script does something, and the replica hears of it.
    pub(super) fn then(&mut self, act: impl FnOnce(&mut Script)) {
        act(&mut self.engine.script());
        self.bench.step();
    }

    pub(super) fn lead(&mut self, term: Epoch) {
        self.then(|script| script.lead(term));
    }

    pub(super) fn follow(&mut self, term: Epoch) {
        self.then(|script| script.follow(term));
    }

    pub(super) fn agree(&mut self) {
        self.then(Script::agree);
    }

    pub(super) fn pass(&mut self) {
        self.then(Script::pass);
    }

    /// The group agreed on a command of somebody else's.
    pub(super) fn agreed(&mut self, command: &Command) {
        self.then(|script| script.deliver(command.encode()));
    }

    pub(super) fn open_barriers(&self) -> usize {
        self.engine.script().open.len()
    }

    pub(super) fn proposed(&self) -> usize {
        self.engine.script().proposed.len()
    }

    /// Renews, with a majority behind this replica; the session that came back.
    pub(super) fn renew(&mut self, gateway: u8, session: u64) -> Option<u64> {
        self.bench.renew(gateway, session);
        let before = self.bench.sent.len();
        self.pass();
        self.bench.sent[before..].iter().find_map(|(to, message)| match message {
            Word::Lease(lease) if *to == ServiceId::gateway(gateway) => Some(lease.session),
            _ => None,
        })
    }
}
