//! Snapshots: a store's rows on their way to another member, lost, slow, and taken in one step.

use replication::contract::SnapshotName;

use super::member::Input;
use super::world::{Event, World};
use crate::invariants::Broken;

impl World<'_> {
    /// A member's rows are wanted by another one. They travel over a stream: whole, or not at all.
    pub(super) fn send_snapshot(&mut self, from: usize, to: usize) {
        self.marks.hit("snapshots asked for");
        let sender = &self.members[from];
        let name = sender.disk.stored().clone();
        let lost = !self.healed && self.rng.chance(self.scenario.snapshot_loss);
        if lost || sender.replacing.is_some() || self.net.is_blocked(from, to) {
            return;
        }
        self.marks.hit("snapshots sent");
        let at = self.now + 50 + self.rng.exponential(self.scenario.snapshot_time);
        let run = self.members[to].run;
        self.queue.push(at, Event::Rows { from, to, run, name });
    }

    /// All rows are there, in memory; their sender is told.
    pub(super) fn rows(&mut self, from: usize, to: usize, name: SnapshotName) {
        if self.members[to].replacing.is_some() || self.net.is_blocked(from, to) {
            return;
        }
        self.members[to].staged = Some(name.clone());
        let (run, peer) = (self.members[from].run, self.members[to].id);
        let at = self.now + 50 + self.rng.below(1_000);
        self.queue.push(at, Event::Staged { from, to: peer, run, name });
    }

    /// The engine wants law and store replaced.
    pub(super) fn restore(&mut self, member: usize, name: SnapshotName) {
        let target = &mut self.members[member];
        if target.staged.as_ref() != Some(&name) || target.replacing.is_some() {
            return self.give(member, Input::RestoreRefused);
        }
        target.staged = None;
        target.disk.forget_waiting();
        target.replacing = Some(name);
        let at = self.now + 100 + self.rng.exponential(self.scenario.disk.store / 4);
        self.queue.push(at, Event::Replaced { member, run: target.run });
    }

    /// The store is replaced, durably.
    pub(super) fn replaced(&mut self, member: usize) -> Result<(), Broken> {
        let target = &mut self.members[member];
        let name = target.replacing.take().expect("it was being replaced in this life");
        self.judges.sequence.reflects(target.id, name.position, name.hash)?;
        if name.position < target.cursor {
            let text = format!(
                "member {} delivered {} and takes a state as of {}",
                target.id, target.cursor, name.position
            );
            return Err(("never_back", text));
        }
        self.marks.hit("snapshots taken");
        (target.cursor, target.mark) = (name.position, name.mark.clone());
        target.disk.replace(name);
        self.give(member, Input::Restored);
        Ok(())
    }
}
