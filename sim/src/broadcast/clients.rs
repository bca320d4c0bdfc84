//! Clients: proposals at every member, alone and at the same moment, and barriers.

use replication::contract::ProposeError;

use super::check::proposals::Proposal;
use super::world::{Event, World};

/// Commands that every member must still take after healing.
const AFTER_HEALING: u64 = 3;

impl World<'_> {
    /// A client of a member proposes something, and comes back later.
    pub(super) fn propose(&mut self, member: usize) {
        if self.healed {
            return self.propose_after_healing(member);
        }
        let work = &self.scenario.work;
        if self.judges.proposals.len() as u64 >= work.most {
            return;
        }
        if self.rng.chance(work.contention) {
            self.marks.hit("proposals at the same moment");
            (0..usize::from(work.proposers)).for_each(|member| {
                self.propose_at(member);
            });
        } else {
            self.propose_at(member);
        }
        let at = self.now + 1 + self.rng.exponential(work.gap);
        self.queue.push(at, Event::Propose { member });
    }

    fn propose_after_healing(&mut self, member: usize) {
        self.propose_at(member);
        if self.still_to_take(member) {
            let at = self.now + 5_000 + self.rng.below(20_000);
            self.queue.push(at, Event::Propose { member });
        }
    }

    fn still_to_take(&self, member: usize) -> bool {
        let id = self.members[member].id;
        let after = |proposal: &&Proposal| proposal.at >= self.scenario.heal_at;
        let taken = self
            .judges
            .proposals
            .iter()
            .filter(after)
            .filter(|proposal| proposal.member == id && proposal.taken);
        (taken.count() as u64) < AFTER_HEALING
    }

    /// Is there a member that has not taken what it must take after healing?
    pub(super) fn waiting_clients(&self) -> Option<String> {
        let waits = (0..self.members.len()).find(|member| self.still_to_take(*member))?;
        Some(format!("member {} takes no commands", self.members[waits].id))
    }

    fn propose_at(&mut self, member: usize) {
        if !self.members[member].is_well() {
            return;
        }
        let count = self.rng.between(1, self.scenario.work.batch) as usize;
        let commands: Vec<_> = (0..count)
            .map(|ahead| {
                let padding = self.rng.below(self.scenario.work.padding + 1) as usize;
                self.judges.proposals.next_command(ahead, padding)
            })
            .collect();
        let target = &mut self.members[member];
        let time = target.time(self.now);
        let Some(engine) = target.engine.as_mut() else { return };
        let answer = engine.propose(time, commands.clone());
        let taken = answer.is_ok();
        match answer {
            Ok(None) => self.marks.hit("proposals taken"),
            Ok(Some(range)) => {
                self.broken = Some(("contract", format!("places {range:?} are known beforehand")))
            }
            Err(ProposeError::Full { .. }) => self.marks.hit("proposals refused: window full"),
            Err(ProposeError::NotLeader { .. }) => self.marks.hit("proposals refused: no view"),
        }
        let target = &mut self.members[member];
        for command in commands {
            self.judges.proposals.push(Proposal {
                command,
                member: target.id,
                life: target.life(),
                count: target.taken,
                taken,
                at: self.now,
                position: None,
            });
            target.taken += u64::from(taken);
        }
        let (id, from) = (target.id, target.taken);
        self.trace.line(self.now, || {
            format!("{id} is offered {count} commands: {taken}, {from} taken in this life")
        });
        self.finish(member);
    }

    /// Somebody asks some member for a barrier.
    pub(super) fn ask_barrier(&mut self) {
        let member = self.rng.below(self.members.len() as u64) as usize;
        let end = self.judges.sequence.end();
        let target = &mut self.members[member];
        let time = target.time(self.now);
        if target.is_well()
            && let Some(engine) = target.engine.as_mut()
            && let Some(barrier) = engine.barrier(time)
        {
            self.marks.hit("barriers asked for");
            target.barriers.asked(barrier, end);
            self.finish(member);
        }
        let at = self.now + 1 + self.rng.exponential(self.scenario.work.barriers);
        self.queue.push(at, Event::Barrier);
    }
}
