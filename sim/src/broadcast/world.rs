//! A world: one thread, virtual time, an event queue; a function of its seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use bytes::Bytes;
use replication::contract::{ReplicaId, SnapshotName};
use replication::rotating_sequencer::{Ballot, Message};

use super::ambush::Ambush;
use super::build::Build;
use super::check::{Judges, Standing, no_acknowledged_command_lost, progress_after_healing};
use super::faults::Action;
use super::member::{Input, Member};
use super::scenario::Scenario;
use crate::invariants::{Broken, Violation};
use crate::marks::Marks;
use crate::rng::Rng;
use crate::trace::{Keep, Trace};
use crate::world::Outcome;
use crate::world::network::{NetKnobs, Network};
use crate::world::queue::Queue;

/// Something that happens at a moment.
pub(super) enum Event {
    /// A member takes its inbox in one burst.
    Wake { member: usize, run: u32 },
    /// Time passes for a member.
    Tick { member: usize, run: u32 },
    /// A message arrives.
    Arrive { from: usize, to: usize, message: Rc<Message> },
    /// The oldest log write of a disk is durable.
    LogDone { member: usize, run: u32 },
    /// A store commits.
    StoreDone { member: usize, run: u32 },
    /// Rows of a snapshot arrive.
    Rows { from: usize, to: usize, run: u32, name: SnapshotName },
    /// The word that they did.
    Staged { from: usize, to: ReplicaId, run: u32, name: SnapshotName },
    /// A store was replaced.
    Replaced { member: usize, run: u32 },
    /// A client proposes something.
    Propose { member: usize },
    /// Somebody asks for a barrier.
    Barrier,
    /// A random fault.
    Fault,
    /// Something is done to the group.
    Act(Action),
    /// A member starts again.
    Start { member: usize, run: u32 },
    /// A pause ends.
    Resume { member: usize, run: u32 },
    /// Blocks end.
    Unblock { pairs: Vec<(usize, usize)> },
    /// A disk is as fast as before.
    DiskNormal { member: usize },
    /// A member is as fast as before.
    MemberNormal { member: usize },
    /// All troubles end.
    Heal,
    /// Is everything done?
    Check,
}

/// Everything there is.
pub(super) struct World<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) build: &'a Build,
    pub(super) rng: Rng,
    pub(super) now: u64,
    pub(super) queue: Queue<Event>,
    pub(super) members: Vec<Member>,
    pub(super) net: Network,
    pub(super) ambushes: Vec<Ambush>,
    /// The engines' mark beside each position of the sequence.
    pub(super) marks_of: Vec<Bytes>,
    /// The last attempt at a view, and when.
    pub(super) gathered: (Ballot, u64),
    pub(super) judges: Judges,
    pub(super) marks: Marks,
    pub(super) trace: Trace,
    /// What a judge found in the middle of a burst.
    pub(super) broken: Option<Broken>,
    pub(super) healed: bool,
    events: u64,
    over: bool,
}

impl<'a> World<'a> {
    /// A world at its beginning.
    pub(super) fn new(scenario: &'a Scenario, build: &'a Build, keep: Keep) -> Self {
        let mut rng = Rng::new(scenario.seed, 12);
        let members: Vec<Member> = (1..=scenario.members)
            .map(|id| Member::new(id, &mut rng, scenario.disk.clone(), scenario.drift_ppm))
            .collect();
        World {
            scenario,
            build,
            rng,
            now: 0,
            queue: Queue::default(),
            net: Network::new(members.len(), scenario.net.clone()),
            ambushes: Vec::new(),
            marks_of: Vec::new(),
            gathered: (Ballot::NONE, 0),
            judges: Judges::new(members.len()),
            members,
            marks: Marks::default(),
            trace: Trace::new(keep),
            broken: None,
            healed: false,
            events: 0,
            over: false,
        }
    }

    /// Runs to the end and judges. A panic in an engine is a failure of this world, not of the whole run.
    pub(super) fn run(mut self) -> Outcome {
        let lived = catch_unwind(AssertUnwindSafe(|| self.play()));
        let result = lived.unwrap_or_else(|payload| {
            let text = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without words");
            Err(("never_panics", text.to_owned()))
        });
        let at = self.now;
        let violation = result.err().map(|(invariant, detail)| Violation { invariant, at, detail });
        if let Some(violation) = &violation {
            self.trace.line(at, || format!("VIOLATION {violation}"));
        }
        Outcome {
            violation,
            events: self.events,
            ended_at: self.now,
            marks: self.marks,
            hash: self.trace.hash(),
            story: self.trace.into_lines(),
        }
    }

    fn play(&mut self) -> Result<(), Broken> {
        self.begin()?;
        while !self.over {
            let Some((at, event)) = self.queue.pop() else { break };
            self.now = at;
            self.events += 1;
            self.trace.fold(at);
            self.happen(event)?;
            if let Some(broken) = self.broken.take() {
                return Err(broken);
            }
        }
        self.marks.add("commands delivered", self.judges.sequence.end());
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Broken> {
        for member in 0..self.members.len() {
            self.start(member)?;
        }
        for member in 0..usize::from(self.scenario.work.proposers) {
            let at = 1_000 + self.rng.below(100_000);
            self.queue.push(at, Event::Propose { member });
        }
        for (at, action) in self.scenario.steps.iter().cloned() {
            self.queue.push(at, Event::Act(action));
        }
        if self.scenario.faults.classes() > 0 {
            self.queue.push(self.scenario.faults.from, Event::Fault);
        }
        self.queue.push(self.scenario.work.barriers, Event::Barrier);
        self.queue.push(self.scenario.heal_at, Event::Heal);
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Wake { member, run } if self.lives(member, run) => self.wake(member),
            Event::Tick { member, run } if self.lives(member, run) => self.tick(member),
            Event::Arrive { from, to, message } => self.arrive(from, to, message),
            Event::LogDone { member, run } if self.lives(member, run) => self.log_done(member),
            Event::StoreDone { member, run } if self.lives(member, run) => self.store_done(member),
            Event::Rows { from, to, run, name } if self.lives(to, run) => self.rows(from, to, name),
            Event::Staged { from, to, run, name } if self.lives(from, run) => {
                self.give(from, Input::Staged(to, name));
            }
            Event::Replaced { member, run } if self.lives(member, run) => {
                return self.replaced(member);
            }
            Event::Propose { member } => self.propose(member),
            Event::Barrier => self.ask_barrier(),
            Event::Fault => self.fault(),
            Event::Act(action) => self.act(action),
            Event::Start { member, run } if self.members[member].run == run => {
                return self.start(member);
            }
            Event::Resume { member, run } if self.lives(member, run) => self.resume(member),
            Event::Unblock { pairs } => {
                pairs.into_iter().for_each(|(from, to)| self.net.unblock(from, to))
            }
            Event::DiskNormal { member } => self.members[member].disk.slow_down(1),
            Event::MemberNormal { member } => self.members[member].slow = 0,
            Event::Heal => self.heal(),
            Event::Check => return self.check(),
            // Meant for a process that is gone.
            _ => {}
        }
        Ok(())
    }

    fn lives(&self, member: usize, run: u32) -> bool {
        self.members[member].run == run && self.members[member].engine.is_some()
    }

    /// Puts an input into a member's inbox, and sees to it that it is taken.
    pub(super) fn give(&mut self, member: usize, input: Input) {
        self.members[member].push(input);
        self.schedule_wake(member);
    }

    pub(super) fn schedule_wake(&mut self, member: usize) {
        let target = &mut self.members[member];
        if target.waking || !target.is_well() || target.inbox.is_empty() {
            return;
        }
        target.waking = true;
        let mut delay = self.rng.below(self.scenario.burst) + 2;
        if target.slow > 0 {
            delay += self.rng.below(target.slow);
        }
        self.queue.push(self.now + delay, Event::Wake { member, run: target.run });
    }

    fn heal(&mut self) {
        self.healed = true;
        self.ambushes.clear();
        let knobs = NetKnobs { loss: self.scenario.lasting_loss, ..self.scenario.net.healed() };
        self.net = Network::new(self.members.len(), knobs);
        for member in 0..self.members.len() {
            let target = &mut self.members[member];
            target.disk.slow_down(1);
            target.slow = 0;
            let run = target.run;
            let at = self.now + self.rng.below(50_000);
            match &target.engine {
                Some(_) => self.queue.push(at, Event::Resume { member, run }),
                None => self.queue.push(at, Event::Start { member, run }),
            }
            self.queue.push(at + 60_000, Event::Propose { member });
        }
        self.queue.push(self.now + 200_000, Event::Check);
    }

    /// Is everything delivered everywhere? Ends the world, or asks again soon.
    fn check(&mut self) -> Result<(), Broken> {
        let standings: Vec<Standing> =
            self.members.iter().map(|member| self.standing(member)).collect();
        let Some(lack) = self.waiting_clients().or_else(|| {
            progress_after_healing::lacking(
                &standings,
                &self.judges.sequence,
                &self.judges.proposals,
            )
        }) else {
            self.over = true;
            return self.judge_end();
        };
        if self.now > self.scenario.heal_at + progress_after_healing::WITHIN {
            return Err((progress_after_healing::NAME, format!("{lack}; {}", self.describe())));
        }
        self.queue.push(self.now + 20_000, Event::Check);
        Ok(())
    }

    fn judge_end(&mut self) -> Result<(), Broken> {
        for member in &self.members {
            let hash = self.judges.sequence.hash(member.cursor).unwrap_or_default();
            no_acknowledged_command_lost::judge(
                member.id,
                member.cursor,
                hash,
                &self.judges.sequence,
            )?;
        }
        let took = (self.now - self.scenario.heal_at) / 1_000;
        self.marks.add("ms from healing to the end", took);
        for byte in self.judges.sequence.hash(self.judges.sequence.end()).unwrap_or_default().0 {
            self.trace.fold(u64::from(byte));
        }
        Ok(())
    }

    /// Every member in a few words.
    pub(super) fn describe(&self) -> String {
        let mut text = format!("sequence ends at {}", self.judges.sequence.end());
        for member in &self.members {
            let status = member.engine.as_ref().map(|engine| engine.status());
            let view = self.standing(member).view;
            text.push_str(&format!(
                "; {} {:?} at {} in {view:?} holds {:?} {status:?}",
                member.id, member.role, member.cursor, member.holds
            ));
        }
        text
    }
}
