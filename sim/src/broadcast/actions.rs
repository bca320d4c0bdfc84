//! Faults as they happen: kills, pauses, cuts, slow and lost disks; starts and their ends.

use super::ambush::{Ambush, Deed, Kind};
use super::check::one_sequence;
use super::faults::{Action, tolerable};
use super::world::{Event, World};
use crate::invariants::Broken;

impl World<'_> {
    /// A fault by chance, and the time of the next.
    pub(super) fn fault(&mut self) {
        if self.healed {
            return;
        }
        if let Some(action) = self.scenario.faults.next(&mut self.rng, self.members.len()) {
            self.act(action);
        }
        let at = self.now + 1 + self.rng.exponential(self.scenario.faults.gap);
        self.queue.push(at, Event::Fault);
    }

    /// Something is done to the group.
    pub(super) fn act(&mut self, action: Action) {
        if self.healed {
            return;
        }
        self.trace.line(self.now, || format!("--- {action:?}"));
        match action {
            Action::Crash { member, down } => self.crash(member, down),
            Action::PowerCut { down } => self.power_cut(down),
            Action::Pause { member, lasting } => self.pause(member, lasting),
            Action::Block { pairs, lasting } => self.block(pairs, lasting),
            Action::SlowDisk { member, times, lasting } => {
                self.marks.hit("slow disks");
                self.members[member].disk.slow_down(times);
                self.queue.push(self.now + lasting, Event::DiskNormal { member });
            }
            Action::SlowMember { member, delay, lasting } => {
                self.marks.hit("slow members");
                self.members[member].slow = delay;
                self.queue.push(self.now + lasting, Event::MemberNormal { member });
            }
            Action::LoseDisk { member, down } => self.lose_disk(member, down),
            Action::Ambush(ambush) => self.ambushes.push(ambush),
        }
    }

    fn crash(&mut self, member: usize, down: u64) {
        if self.members[member].engine.is_none() {
            return;
        }
        self.marks.hit("crashes");
        let target = &mut self.members[member];
        target.forget();
        self.judges.crashed(target.id);
        if target.disk.crash(&mut self.rng) {
            self.marks.hit("torn tails kept in part");
        }
        let run = target.run;
        self.queue.push(self.now + down, Event::Start { member, run });
    }

    fn power_cut(&mut self, down: u64) {
        self.marks.hit("power cuts");
        for member in 0..self.members.len() {
            let more = self.rng.below(50_000);
            self.crash(member, down + more);
        }
    }

    fn pause(&mut self, member: usize, lasting: u64) {
        let target = &mut self.members[member];
        if !target.is_well() {
            return;
        }
        self.marks.hit("pauses");
        target.paused = true;
        // Whatever it was about to do, it does when it wakes up.
        let run = target.run;
        self.queue.push(self.now + lasting, Event::Resume { member, run });
    }

    /// A pause ends: the clock has run on, and the socket's buffer is full of old news.
    pub(super) fn resume(&mut self, member: usize) {
        let target = &mut self.members[member];
        if std::mem::take(&mut target.paused) {
            target.waking = false;
            self.schedule_wake(member);
        }
    }

    fn block(&mut self, pairs: Vec<(usize, usize)>, lasting: u64) {
        let both = pairs.iter().all(|(from, to)| pairs.contains(&(*to, *from)));
        self.marks.hit(if both { "partitions" } else { "one-way partitions" });
        pairs.iter().for_each(|(from, to)| self.net.block(*from, *to));
        self.queue.push(self.now + lasting, Event::Unblock { pairs });
    }

    fn lose_disk(&mut self, member: usize, down: u64) {
        let recovering = self.members.iter().filter(|member| member.recovering).count();
        let more = usize::from(!self.members[member].recovering);
        if recovering + more > tolerable(self.members.len()) {
            return;
        }
        self.marks.hit("disks lost");
        if self.members[member].recovering {
            self.marks.hit("disks lost again while recovering");
        }
        let more = self.rng.between(1, 1_000);
        let target = &mut self.members[member];
        target.forget();
        self.judges.crashed(target.id);
        let lost = target.lose_disk(target.incarnation + more);
        let run = target.run;
        self.note(lost);
        self.queue.push(self.now + down, Event::Start { member, run });
    }

    /// A member starts, and finds what its disk holds.
    pub(super) fn start(&mut self, member: usize) -> Result<(), Broken> {
        if self.members[member].engine.is_some() {
            return Ok(());
        }
        let target = &mut self.members[member];
        target.boot += 1;
        let recovered = target.disk.recovered();
        self.judges.sequence.reflects(target.id, recovered.applied, recovered.applied_hash)?;
        if self.in_a_batch(recovered.applied) {
            self.marks.hit("restarts in the middle of a batch");
        }
        let target = &mut self.members[member];
        (target.cursor, target.mark) = (recovered.applied, recovered.mark.clone());
        let (id, life) = (target.id, target.life());
        let time = target.time(self.now);
        self.trace.line(self.now, || format!("{id} starts as {life:?} at {}", recovered.applied));
        if life.boot > 1 {
            self.marks.hit("restarts");
        }
        let engine = self.build.engine(self.scenario, id, life, recovered, time);
        let engine = engine.map_err(|why| {
            (one_sequence::NAME, format!("member {id} cannot read its disk: {why}"))
        })?;
        let target = &mut self.members[member];
        target.engine = Some(engine);
        let run = target.run;
        let at = self.now + 1 + self.rng.below(10_000);
        self.queue.push(at, Event::Tick { member, run });
        self.finish(member);
        Ok(())
    }

    /// A message is sent: whoever waited for it strikes, after this burst.
    pub(super) fn spring(&mut self, kind: Kind, sender: usize) {
        if self.ambushes.is_empty() {
            return;
        }
        let mut sprung = Vec::new();
        self.ambushes.retain_mut(|ambush| {
            let now = ambush.on == kind && ambush.skip == 0;
            if now {
                sprung.push(ambush.clone());
            } else if ambush.on == kind {
                ambush.skip -= 1;
            }
            !now
        });
        for ambush in sprung {
            self.strike(&ambush, sender);
        }
    }

    fn strike(&mut self, ambush: &Ambush, sender: usize) {
        self.marks.hit("ambushes");
        self.trace.line(self.now, || format!("--- {ambush:?} springs"));
        let count = self.members.len();
        let receiver = (sender + 1 + self.rng.below(count as u64 - 1) as usize) % count;
        let (down, lasting) = (ambush.lasting, ambush.lasting);
        let action = match ambush.deed {
            Deed::CrashSender => Action::Crash { member: sender, down },
            Deed::CrashReceiver => Action::Crash { member: receiver, down },
            Deed::LoseSendersDisk => Action::LoseDisk { member: sender, down },
            Deed::LoseReceiversDisk => Action::LoseDisk { member: receiver, down },
            Deed::PauseSender => Action::Pause { member: sender, lasting },
            Deed::PowerCut => Action::PowerCut { down: down.min(300_000) },
            Deed::MuteSender => {
                let deaf = self.rng.between(1, (1 << count) - 1);
                let pairs = (0..count).filter(|to| *to != sender && deaf >> to & 1 == 1);
                let pairs = pairs.map(|to| (sender, to)).collect();
                // At once: the message that sprang it is lost as well.
                return self.block(pairs, lasting);
            }
        };
        self.queue.push(self.now, Event::Act(action));
    }
}
