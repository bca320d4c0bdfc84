//! Bursts: a member takes its inbox, and what its engine wants done is done.

use std::rc::Rc;

use replication::contract::{
    Changed, Effect, Entry, LogWrite, Message, Position, ReplicaId, Role, SnapshotName,
};
use replication::rotating_sequencer as rsv;

use super::ambush::Kind;
use super::check::{Standing, delivered_is_on_a_majority, vouches_for_its_disk};
use super::member::{Input, Member};
use super::world::{Event, World};

/// Longest time between two ticks of a running member, in µs: the contract's own.
const TICK: u64 = 10_000;

/// One of so many messages is read back from its bytes.
const READ_BACK_EVERY: u64 = 64;

impl World<'_> {
    /// A member takes everything that waits.
    pub(super) fn wake(&mut self, member: usize) {
        if self.members[member].paused {
            return;
        }
        self.members[member].waking = false;
        let inbox = std::mem::take(&mut self.members[member].inbox);
        for input in inbox {
            self.take(member, input);
        }
        self.finish(member);
    }

    fn take(&mut self, member: usize, input: Input) {
        let target = &mut self.members[member];
        let time = target.time(self.now);
        let Some(engine) = target.engine.as_mut() else { return };
        match input {
            Input::Message(from, message) => {
                let message = Rc::unwrap_or_clone(message);
                engine.receive(time, from as ReplicaId + 1, Message::RotatingSequencer(message));
            }
            Input::Persisted(ticket) => engine.persisted(time, ticket),
            Input::Stored(position) => engine.stored(time, position),
            Input::Staged(peer, name) => engine.staged(time, peer, name),
            Input::Restored => engine.restored(time),
            Input::RestoreRefused => engine.restore_refused(time),
            Input::Tick => engine.tick(time),
        }
    }

    pub(super) fn tick(&mut self, member: usize) {
        // A member that is slow, or asleep, is not asked twice.
        let target = &self.members[member];
        if !target.inbox.iter().any(|input| matches!(input, Input::Tick)) {
            self.give(member, Input::Tick);
        }
        let run = self.members[member].run;
        let at = self.now + TICK / 2 + self.rng.below(TICK / 2);
        self.queue.push(at, Event::Tick { member, run });
    }

    pub(super) fn arrive(&mut self, from: usize, to: usize, message: Rc<rsv::Message>) {
        self.notice_arrival(to, &message);
        self.give(to, Input::Message(from, message));
    }

    /// The end of a burst: a flush, and what the engine wants done.
    pub(super) fn finish(&mut self, member: usize) {
        let target = &mut self.members[member];
        let time = target.time(self.now);
        let Some(engine) = target.engine.as_mut() else { return };
        engine.flush(time);
        for effect in engine.effects() {
            if self.broken.is_none() {
                self.perform(member, effect);
            }
        }
    }

    fn perform(&mut self, member: usize, effect: Effect) {
        let id = self.members[member].id;
        self.trace.line(self.now, || format!("{id} {}", super::show::effect(&effect)));
        match effect {
            Effect::Persist { ticket, writes } => self.persist(member, ticket, writes),
            Effect::Send { to, message } => {
                if let Some(message) = self.says(member, message) {
                    self.send(member, usize::from(to) - 1, &message);
                }
            }
            Effect::Broadcast(message) => {
                if let Some(message) = self.says(member, message) {
                    let others = (0..self.members.len()).filter(|to| *to != member);
                    others.for_each(|to| self.send(member, to, &message));
                }
            }
            Effect::Deliver(entry) => self.deliver(member, entry),
            Effect::Mark(mark) => self.members[member].mark = mark,
            Effect::Passed(barrier) => {
                let target = &mut self.members[member];
                let judged = target.barriers.passed(target.id, barrier, target.cursor);
                self.marks.hit("barriers passed");
                self.note(judged);
            }
            Effect::SendSnapshot { to } => self.send_snapshot(member, usize::from(to) - 1),
            Effect::Restore(name) => self.restore(member, name),
            Effect::Changed(changed) => self.changed(member, changed),
            Effect::ReadHistory { .. } | Effect::Configure(_) => {
                self.broken = Some((
                    "contract",
                    format!("member {id} asks for what this group does not have"),
                ));
            }
        }
    }

    fn persist(&mut self, member: usize, ticket: u64, writes: Vec<LogWrite>) {
        if writes.iter().any(|write| matches!(write, LogWrite::Digest(_))) {
            self.marks.hit("digests written");
        }
        if !writes.iter().all(|write| matches!(write, LogWrite::Note(_) | LogWrite::Digest(_))) {
            self.broken = Some(("contract", "an engine of notes writes entries".to_owned()));
        }
        self.trace.fold(writes.len() as u64);
        let target = &mut self.members[member];
        let at = target.disk.persist(&mut self.rng, self.now, ticket, writes);
        self.queue.push(at, Event::LogDone { member, run: target.run });
    }

    pub(super) fn log_done(&mut self, member: usize) {
        if let Some(ticket) = self.members[member].disk.log_done() {
            self.give(member, Input::Persisted(ticket));
        }
    }

    pub(super) fn store_done(&mut self, member: usize) {
        let target = &mut self.members[member];
        let (position, next) = target.disk.store_done(&mut self.rng, self.now);
        if let Some(at) = next {
            self.queue.push(at, Event::StoreDone { member, run: target.run });
        }
        if target.replacing.is_none() {
            self.give(member, Input::Stored(position));
        }
    }

    /// A message is judged as it leaves.
    fn says(&mut self, member: usize, message: Message) -> Option<Rc<rsv::Message>> {
        let Message::RotatingSequencer(message) = message else {
            self.broken = Some(("contract", "a message of another engine".to_owned()));
            return None;
        };
        let target = &mut self.members[member];
        let target_id = target.id;
        let judged = self.judges.says(target_id, target.life(), &message);
        target.holds.clone_from(&message.holds);
        let vouched = target
            .on_disk(|disk, stored| vouches_for_its_disk::says(target_id, &message, disk, stored));
        self.note(judged);
        self.note(vouched);
        if self.rng.below(READ_BACK_EVERY) == 0 {
            let again = rsv::Message::decode(&message.encode());
            if again.as_ref() != Ok(&message) {
                self.broken = Some(("codec", format!("{message:?} is read back as {again:?}")));
            }
        }
        self.notice_word(member, &message);
        self.spring(Kind::of(&message), member);
        Some(Rc::new(message))
    }

    fn send(&mut self, from: usize, to: usize, message: &Rc<rsv::Message>) {
        for at in self.net.send(&mut self.rng, self.now, from, to).into_iter().flatten() {
            self.queue.push(at, Event::Arrive { from, to, message: message.clone() });
        }
    }

    fn deliver(&mut self, member: usize, entry: Entry) {
        let target = &mut self.members[member];
        self.trace.fold(entry.position << 8 | u64::from(target.id));
        if target.replacing.is_some() {
            self.broken = Some((
                "contract",
                format!("member {} delivers while its store is replaced", target.id),
            ));
            return;
        }
        let judged = self.judges.delivered(target.id, target.cursor, &entry);
        let new = matches!(judged, Ok(true));
        self.note(judged);
        let target = &mut self.members[member];
        target.cursor = entry.position;
        let reflects =
            SnapshotName { position: entry.position, hash: entry.hash, mark: target.mark.clone() };
        if new {
            self.judge_majority(entry.position);
            self.notice_delivery(member, &entry);
        }
        let target = &mut self.members[member];
        if let Some(at) = target.disk.deliver(&mut self.rng, self.now, reflects) {
            self.queue.push(at, Event::StoreDone { member, run: target.run });
        }
    }

    fn judge_majority(&mut self, position: Position) {
        let mut disks = Vec::with_capacity(self.members.len());
        for member in &mut self.members {
            match member.on_disk(|disk, stored| Ok(disk.position().max(stored))) {
                Ok(has) => disks.push(has.max(member.lost)),
                Err(broken) => return self.note::<()>(Err(broken)),
            }
        }
        self.note(delivered_is_on_a_majority::delivered(position, &disks));
    }

    fn changed(&mut self, member: usize, changed: Changed) {
        self.notice_change(member, &changed);
        let target = &mut self.members[member];
        target.role = changed.role;
        match changed.role {
            Role::Member => target.recovering = false,
            _ => target.barriers.forget(),
        }
    }

    /// A judge has spoken; the first word counts.
    pub(super) fn note<T>(&mut self, judged: Result<T, crate::invariants::Broken>) {
        if let Err(broken) = judged
            && self.broken.is_none()
        {
            self.broken = Some(broken);
        }
    }

    /// How a member stands.
    pub(super) fn standing(&self, member: &Member) -> Standing {
        Standing {
            id: member.id,
            life: member.life(),
            installed: member.is_well() && member.role == Role::Member,
            view: self.judges.view(member.id),
            cursor: member.cursor,
        }
    }
}
