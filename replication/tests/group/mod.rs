//! A group of replicas in a box: simulated disks, a network that is a list of packets, an ideal register, and a checker.
//!
//! Nothing happens by itself: the test says which packet arrives, which write completes, who crashes. Whatever
//! happens, the checker compares it with the promises (`checker`).
#![allow(dead_code, reason = "each test program uses its own part of the box")]

pub(crate) mod checker;
pub(crate) mod disk;
mod engines;
pub(crate) mod show;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use replication::contract::*;
use replication::register::{Configuration, Refusal, RegisterCommand};
use replication::time::{Span, Time};

pub(crate) use engines::*;

use checker::Checker;
use disk::Disk;

/// A snapshot on its way.
#[derive(Clone, Debug)]
pub(crate) enum Transfer {
    /// Rows are wanted.
    Rows { from: ReplicaId, to: ReplicaId },
    /// They are staged; the word to their sender.
    Staged { from: ReplicaId, to: ReplicaId, name: SnapshotName },
}

pub(crate) struct Replica {
    pub(crate) incarnation: Incarnation,
    /// Grows with every start: a restarted replica is somebody else to the checker.
    pub(crate) life: u32,
    pub(crate) engine: Option<Box<dyn Subject>>,
    pub(crate) disk: Disk,
    /// How far the disk held the log that was lost: it was durable when it was acknowledged.
    pub(crate) lost: Position,
    /// Delivered in this life.
    pub(crate) delivered: Vec<Entry>,
    /// The engine's mark as of the last delivery, and the deliveries at which it changed.
    pub(crate) mark: Bytes,
    pub(crate) marks: BTreeMap<Position, Bytes>,
    /// Rows received and not taken.
    pub(crate) rows: Option<SnapshotName>,
    /// They are replacing the store.
    pub(crate) replacing: Option<SnapshotName>,
    /// As it last said.
    pub(crate) role: Role,
    /// Open barriers, each with what was acknowledged anywhere when it was asked for.
    pub(crate) barriers: BTreeMap<Barrier, Position>,
}

impl Replica {
    fn new() -> Self {
        Replica {
            incarnation: 1,
            life: 0,
            engine: None,
            disk: Disk::default(),
            lost: 0,
            delivered: Vec::new(),
            mark: Bytes::new(),
            marks: BTreeMap::new(),
            rows: None,
            replacing: None,
            role: Role::Joining,
            barriers: BTreeMap::new(),
        }
    }

    /// Hash of the prefix that ends at a position that was delivered or stored.
    fn hash_at(&self, position: Position) -> Option<ChainHash> {
        if position == self.disk.stored {
            return Some(self.disk.stored_hash);
        }
        let first = self.delivered.first()?.position;
        let index = position.checked_sub(first)? as usize;
        self.delivered.get(index).map(|entry| entry.hash)
    }

    /// Forgets what only memory held.
    fn forget(&mut self) {
        self.engine = None;
        self.delivered.clear();
        self.marks.clear();
        self.barriers.clear();
        (self.rows, self.replacing) = (None, None);
        self.role = Role::Joining;
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) from: ReplicaId,
    pub(crate) to: ReplicaId,
    pub(crate) message: Message,
}

pub(crate) struct Group {
    pub(crate) now: Time,
    pub(crate) replicas: BTreeMap<ReplicaId, Replica>,
    pub(crate) net: Vec<Packet>,
    /// Links that are cut, each in one direction.
    pub(crate) cut: BTreeSet<(ReplicaId, ReplicaId)>,
    /// Questions on their way to the register.
    pub(crate) asks: Vec<(ReplicaId, RegisterCommand)>,
    /// Configurations on their way to replicas.
    pub(crate) pushes: Vec<(ReplicaId, Configuration)>,
    pub(crate) reads: Vec<(ReplicaId, Position, usize)>,
    pub(crate) transfers: Vec<Transfer>,
    /// Snapshots wait for the test, even where everything else settles.
    pub(crate) snapshots_wait: bool,
    pub(crate) register: Configuration,
    pub(crate) checker: Checker,
    /// A log that ends here or later can be completed from outside the group.
    pub(crate) source: Option<Position>,
    pub(crate) elect_any: bool,
    /// What happened, if anybody wants to read it.
    pub(crate) trace: Option<Vec<String>>,
    /// Replicas that were asked for a restore and have nothing staged.
    refusals: Vec<ReplicaId>,
    factory: Factory,
}

impl Group {
    pub(crate) fn new(size: u8, factory: Factory) -> Self {
        let mut group = Group::unstarted(factory);
        group.grow_to(size);
        group
    }

    pub(crate) fn unstarted(factory: Factory) -> Self {
        Group {
            now: Time(1_000_000),
            replicas: BTreeMap::new(),
            net: Vec::new(),
            cut: BTreeSet::new(),
            asks: Vec::new(),
            pushes: Vec::new(),
            reads: Vec::new(),
            transfers: Vec::new(),
            snapshots_wait: false,
            register: Configuration::default(),
            checker: Checker::default(),
            source: None,
            elect_any: false,
            trace: None,
            refusals: Vec::new(),
            factory,
        }
    }

    pub(crate) fn grow_to(&mut self, size: u8) {
        for id in 1..=size {
            self.add(id);
        }
    }

    /// One more replica, with an empty disk.
    pub(crate) fn add(&mut self, id: ReplicaId) {
        self.replicas.insert(id, Replica::new());
        self.start(id);
    }

    pub(crate) fn say(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(text());
        }
    }

    pub(crate) fn is_up(&self, id: ReplicaId) -> bool {
        self.replicas[&id].engine.is_some()
    }

    pub(crate) fn status(&self, id: ReplicaId) -> Option<Status> {
        self.replicas[&id].engine.as_ref().map(|engine| engine.status())
    }

    /// The live replica that leads the register's epoch.
    pub(crate) fn leader(&self) -> Option<ReplicaId> {
        let leads = |id: &ReplicaId| {
            let status = self.status(*id);
            status.is_some_and(|status| status.leads && status.epoch == self.register.epoch)
        };
        self.replicas.keys().copied().find(leads)
    }

    /// One call of a live engine, then a flush, then its effects.
    pub(crate) fn drive<T>(
        &mut self,
        id: ReplicaId,
        call: impl FnOnce(&mut dyn Subject, Time) -> T,
    ) -> Option<T> {
        let now = self.now;
        let engine = self.replicas.get_mut(&id)?.engine.as_mut()?;
        let answer = call(engine.as_mut(), now);
        self.finish(id);
        while let Some(id) = self.refusals.pop() {
            if let Some(engine) = self.replicas.get_mut(&id).and_then(|r| r.engine.as_mut()) {
                engine.restore_refused(now);
                self.finish(id);
            }
        }
        Some(answer)
    }

    /// The end of a burst: a flush, and what the engine wants done.
    fn finish(&mut self, id: ReplicaId) {
        let now = self.now;
        let engine = self.replicas.get_mut(&id).and_then(|replica| replica.engine.as_mut());
        let Some(engine) = engine else { return };
        engine.flush(now);
        let effects = engine.effects();
        for effect in effects {
            self.say(|| format!("{id}: {}", show::effect(&effect)));
            self.route(id, effect);
        }
        self.check();
    }

    fn route(&mut self, id: ReplicaId, effect: Effect) {
        let others: Vec<ReplicaId> = self.replicas.keys().copied().collect();
        let replica = self.replicas.get_mut(&id).expect("only replicas have effects");
        match effect {
            Effect::Persist { ticket, writes } => replica.disk.pending.push_back((ticket, writes)),
            Effect::Send { to, message } => self.net.push(Packet { from: id, to, message }),
            Effect::Broadcast(message) => {
                let others = others.iter().filter(|to| **to != id);
                let packet =
                    |to: &ReplicaId| Packet { from: id, to: *to, message: message.clone() };
                self.net.extend(others.map(packet));
            }
            Effect::ReadHistory { from, max } => self.reads.push((id, from, max)),
            Effect::Configure(command) => self.asks.push((id, command)),
            Effect::Mark(mark) => replica.mark = mark,
            Effect::Passed(barrier) => self.passed(id, barrier),
            Effect::SendSnapshot { to } => self.transfers.push(Transfer::Rows { from: id, to }),
            Effect::Restore(name) => self.restore(id, name),
            Effect::Changed(changed) => {
                replica.role = changed.role;
                if changed.role == Role::Leader {
                    self.checker.led(changed.epoch, id, replica.life);
                } else {
                    replica.barriers.clear();
                }
            }
            Effect::Deliver(entry) => self.deliver(id, entry),
        }
    }

    fn deliver(&mut self, id: ReplicaId, entry: Entry) {
        let replica = self.replicas.get_mut(&id).expect("only replicas have effects");
        let status = replica.engine.as_ref().map(|engine| engine.status()).unwrap_or_default();
        let next = replica.delivered.last().map_or(replica.disk.stored, |e| e.position) + 1;
        // A member answers the clients whose commands it took.
        let answers = status.leads || replica.role == Role::Member;
        self.checker.delivered(id, answers, next, &entry);
        if replica.replacing.is_some() {
            self.checker.violated(format!("{id} delivers while its store is replaced"));
        }
        if replica.marks.last_key_value().map_or(&replica.disk.mark, |(_, m)| m) != &replica.mark {
            replica.marks.insert(entry.position, replica.mark.clone());
        }
        let (position, hash) = (entry.position, entry.hash);
        replica.delivered.push(entry);
        if !replica.disk.notes.is_empty() {
            // What such a log holds only its engine can read.
            return;
        }
        self.checker.majority(&status.members.voters, &self.replicas, position, hash);
    }

    fn passed(&mut self, id: ReplicaId, barrier: Barrier) {
        let replica = self.replicas.get_mut(&id).expect("only replicas have effects");
        let delivered = replica.delivered.last().map_or(replica.disk.stored, |e| e.position);
        let asked = replica.barriers.remove(&barrier);
        self.checker.passed(id, barrier, asked, delivered);
    }

    /// The rows are taken if they are there. The refusal is the body's next word, not part of this one.
    fn restore(&mut self, id: ReplicaId, name: SnapshotName) {
        let replica = self.replicas.get_mut(&id).expect("only replicas have effects");
        match replica.rows.take() {
            Some(rows) if rows == name => replica.replacing = Some(name),
            other => {
                replica.rows = other;
                self.refusals.push(id);
            }
        }
    }

    /// The store of a replica is replaced, durably.
    pub(crate) fn replace_one(&mut self, id: ReplicaId) -> bool {
        let replica = self.replicas.get_mut(&id).expect("it exists");
        let Some(name) = replica.replacing.take() else { return false };
        replica.mark = name.mark.clone();
        replica.disk.replace(name);
        replica.delivered.clear();
        replica.marks.clear();
        self.drive(id, |engine, now| engine.restored(now));
        true
    }

    /// The next step of the oldest snapshot under way; `lost` leaves it at that.
    pub(crate) fn transfer_one(&mut self, lost: bool) -> bool {
        if self.transfers.is_empty() {
            return false;
        }
        let transfer = self.transfers.remove(0);
        match transfer {
            _ if lost => {}
            Transfer::Rows { from, to } => {
                let disk = &self.replicas[&from].disk;
                let (position, hash) = (disk.stored, disk.stored_hash);
                let name = SnapshotName { position, hash, mark: disk.mark.clone() };
                if self.is_up(from) && self.is_up(to) && !disk.replaced {
                    if let Some(peer) = self.replicas.get_mut(&to) {
                        peer.rows = Some(name.clone());
                    }
                    self.transfers.push(Transfer::Staged { from, to, name });
                }
            }
            Transfer::Staged { from, to, name } => {
                self.say(|| format!("{from}: {to} has staged the rows of {}", name.position));
                self.drive(from, |engine, now| engine.staged(now, to, name));
            }
        }
        true
    }

    /// Asks a replica for a barrier.
    pub(crate) fn barrier(&mut self, id: ReplicaId) -> Option<Barrier> {
        let acknowledged = self.checker.acknowledged;
        let now = self.now;
        let replica = self.replicas.get_mut(&id)?;
        let barrier = replica.engine.as_mut()?.barrier(now)?;
        replica.barriers.insert(barrier, acknowledged);
        self.drive(id, |_, _| ());
        Some(barrier)
    }

    /// The live replica that leads the newest term, where the replicas elect among themselves.
    pub(crate) fn elected(&self) -> Option<ReplicaId> {
        let leads = |id: &ReplicaId| {
            let status = self.status(*id).filter(|status| status.leads)?;
            Some((status.epoch, *id))
        };
        self.replicas.keys().filter_map(leads).max().map(|(_, id)| id)
    }

    /// Only this replica's clock runs until it leads and everybody is on the roll.
    pub(crate) fn elect_first(&mut self, id: ReplicaId) {
        for _ in 0..100 {
            self.now = self.now + Span::millis(10);
            self.drive(id, |engine, now| engine.tick(now));
            self.settle();
        }
        assert_eq!(self.elected(), Some(id));
    }

    /// Time passes until every replica takes commands: a group without a leader.
    pub(crate) fn found(&mut self) {
        for _ in 0..100 {
            self.tick(Span::millis(10));
            self.settle();
        }
        let roles: Vec<_> = self.replicas.values().map(|replica| replica.role).collect();
        assert!(self.leaderless(), "not everybody is a member: {roles:?}");
    }

    /// Does every replica take commands, as in a group without a leader?
    pub(crate) fn leaderless(&self) -> bool {
        self.replicas.values().all(|replica| replica.role == Role::Member)
    }

    /// Compares the whole group with the promises.
    pub(crate) fn check(&mut self) {
        let checker = &mut self.checker;
        // With a source outside the group a leader may lack for a while what it will fetch there.
        if self.source.is_none() {
            checker.completeness(&self.register, &self.replicas);
        }
        for (id, replica) in &mut self.replicas {
            for complaint in replica.disk.complaints.drain(..) {
                checker.violated(format!("disk of {id}: {complaint}"));
            }
            let Some(engine) = &replica.engine else { continue };
            if let Some(maximal) = engine.maximal()
                && engine.status().epoch == self.register.epoch
            {
                checker.superset(*id, maximal, &self.register);
            }
        }
    }

    pub(crate) fn propose(
        &mut self,
        id: ReplicaId,
        commands: Vec<Command>,
    ) -> Option<Result<Option<std::ops::Range<Position>>, ProposeError>> {
        self.checker.proposed.extend(commands.iter().cloned());
        self.drive(id, |engine, now| engine.propose(now, commands))
    }

    pub(crate) fn arrive(&mut self, packet: Packet) {
        let Packet { from, to, message } = packet;
        if self.cut.contains(&(from, to)) {
            return;
        }
        self.drive(to, |engine, now| engine.receive(now, from, message));
    }

    /// Completes the oldest write of a replica.
    pub(crate) fn persist_one(&mut self, id: ReplicaId) -> bool {
        let replica = self.replicas.get_mut(&id).expect("it exists");
        let Some(ticket) = replica.disk.complete_one() else { return false };
        self.drive(id, |engine, now| engine.persisted(now, ticket));
        true
    }

    /// The store takes what was delivered up to a position.
    pub(crate) fn store(&mut self, id: ReplicaId, position: Position) {
        let delivered = self.status(id).map_or(0, |status| status.commit);
        let replica = self.replicas.get_mut(&id).expect("it exists");
        let position = position.min(delivered);
        if position > replica.disk.stored
            && replica.replacing.is_none()
            && let Some(hash) = replica.hash_at(position)
        {
            let mark = replica.marks.range(..=position).next_back().map(|(_, mark)| mark.clone());
            replica.disk.store(position, hash, mark);
            self.drive(id, |engine, now| engine.stored(now, position));
        }
    }

    /// Answers the oldest read of the store.
    pub(crate) fn serve_read(&mut self) -> bool {
        if self.reads.is_empty() {
            return false;
        }
        let (id, from, max) = self.reads.remove(0);
        let entries = self.replicas[&id].disk.history(from, max);
        self.say(|| format!("{id}: store answers {}", show::entries(&entries)));
        self.drive(id, |engine, now| engine.history(now, entries));
        true
    }

    /// The register takes one change.
    pub(crate) fn apply(&mut self, command: &RegisterCommand) -> Result<(), Refusal> {
        let source = self.source;
        let any = self.elect_any;
        let reaches = |end: Position| any || source.is_some_and(|first| end >= first);
        let result = self.register.apply(command, reaches);
        if let Err(invalid) = self.register.validate() {
            self.checker.violated(format!("register: {invalid}"));
        }
        self.check();
        result
    }

    /// The register takes the oldest change asked for and answers it, unless the answer is to be lost.
    pub(crate) fn serve_ask(&mut self, answer: bool) -> bool {
        if self.asks.is_empty() {
            return false;
        }
        let (id, command) = self.asks.remove(0);
        let result = self.apply(&command);
        let register = show::configuration(&self.register);
        self.say(|| match &result {
            Ok(()) => format!("register: {id}'s change: {register}"),
            Err(refusal) => format!("register: {id}'s change refused, {refusal}"),
        });
        if answer {
            self.pushes.push((id, self.register.clone()));
        }
        true
    }

    pub(crate) fn configure(&mut self, id: ReplicaId, configuration: &Configuration) {
        self.drive(id, |engine, now| engine.configured(now, configuration));
    }

    /// The gateway's part: elect a replica, as the register is now.
    pub(crate) fn elect(
        &mut self,
        candidate: ReplicaId,
        drop: Option<ReplicaId>,
    ) -> Result<(), Refusal> {
        let (expect, incarnation) = (self.register.version, self.replicas[&candidate].incarnation);
        let log_end = self.status(candidate).map_or(0, |status| status.durable);
        self.apply(&RegisterCommand::Elect { expect, candidate, incarnation, log_end, drop })
    }

    /// Crashes a replica; of its writes under way the first `kept` single changes reach the disk all the same.
    pub(crate) fn crash(&mut self, id: ReplicaId, kept: usize) {
        let replica = self.replicas.get_mut(&id).expect("it exists");
        replica.forget();
        replica.disk.crash(kept);
        self.reads.retain(|(reader, ..)| *reader != id);
    }

    pub(crate) fn start(&mut self, id: ReplicaId) {
        let now = self.now;
        let replica = self.replicas.get_mut(&id).expect("it exists");
        replica.forget();
        let recovered = replica.disk.recovered();
        replica.mark = recovered.mark.clone();
        replica.life += 1;
        replica.engine = Some((self.factory)(id, replica.incarnation, recovered, now));
        self.drive(id, |_, _| ());
    }

    /// The disk is gone; the replica, if it starts again, speaks for a new one.
    pub(crate) fn lose_disk(&mut self, id: ReplicaId) {
        self.crash(id, 0);
        let replica = self.replicas.get_mut(&id).expect("it exists");
        replica.incarnation += 1;
        replica.lost = replica.disk.end();
        replica.disk = Disk::default();
    }

    pub(crate) fn tick(&mut self, span: Span) {
        self.now = self.now + span;
        for id in self.ids() {
            self.drive(id, |engine, now| engine.tick(now));
        }
    }

    pub(crate) fn ids(&self) -> Vec<ReplicaId> {
        self.replicas.keys().copied().collect()
    }

    /// Lets everything happen that is under way, in order, until nothing is.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut busy = self.serve_ask(true) | self.serve_read();
            busy |= !self.snapshots_wait && self.transfer_one(false);
            for (id, configuration) in std::mem::take(&mut self.pushes) {
                self.configure(id, &configuration);
                busy = true;
            }
            for packet in std::mem::take(&mut self.net) {
                self.arrive(packet);
                busy = true;
            }
            for id in self.ids() {
                busy |= self.persist_one(id);
                busy |= !self.snapshots_wait && self.replace_one(id);
            }
            if !busy {
                return;
            }
        }
        self.checker.violated("the group never comes to rest".to_owned());
    }

    /// Everybody learns the register.
    pub(crate) fn push_all(&mut self) {
        let register = self.register.clone();
        for id in self.ids() {
            self.configure(id, &register);
        }
    }

    /// Enrols everybody, elects a leader, waits until it leads.
    pub(crate) fn lead(&mut self, leader: ReplicaId) {
        self.push_all();
        self.settle();
        self.elect(leader, None).expect("a fresh group elects anybody");
        self.push_all();
        self.settle();
    }
}
