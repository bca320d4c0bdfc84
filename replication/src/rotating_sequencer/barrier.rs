//! Barriers: a majority of the universe, in this view, says which Sequences it holds; the barrier is passed once the greatest of
//! them is delivered here. Whatever anybody delivered before was on the disks of a majority in this view or before it, so one of
//! those asked has it. All barriers of a burst share one round of questions.

use std::collections::{BTreeMap, VecDeque};

use super::message::{Ballot, Body, Holds, Phase};
use super::view::majority;
use super::{RotatingSequencer, Standing};
use crate::contract::{Barrier, Effect};
use crate::time::Time;

/// Barriers that are not passed.
#[derive(Default)]
pub(super) struct Barriers {
    last: Barrier,
    /// The newest that is part of a round.
    named: Barrier,
    /// Asked for since the last flush.
    asked: bool,
    rounds: VecDeque<Round>,
    said: Option<Time>,
}

/// Some barriers that share a question.
struct Round {
    /// Its newest barrier names it.
    name: Barrier,
    first: Barrier,
    answers: BTreeMap<usize, u64>,
    /// What must be delivered.
    need: Option<u64>,
}

impl Barriers {
    pub(super) fn ask(&mut self) -> Barrier {
        self.last += 1;
        self.asked = true;
        self.last
    }

    /// Nobody waits any more.
    pub(super) fn void(&mut self) {
        (self.asked, self.named) = (false, self.last);
        self.rounds.clear();
    }

    fn begin(&mut self, me: usize, here: u64) -> bool {
        let new = std::mem::take(&mut self.asked);
        if new {
            let (name, first) = (self.last, self.named + 1);
            self.named = name;
            let answers = [(me, here)].into();
            self.rounds.push_back(Round { name, first, answers, need: None });
        }
        new
    }

    /// An answer to a question counts for all that were asked before it.
    fn answered(&mut self, name: Barrier, from: usize, here: u64, enough: usize) {
        for round in self.rounds.iter_mut().filter(|round| round.name <= name) {
            round.answers.insert(from, here);
            if round.answers.len() >= enough {
                let greatest = round.answers.values().max().copied();
                round.need = round.need.or(greatest);
            }
        }
    }
}

impl RotatingSequencer {
    /// One question for everything asked since the last flush; and again, while answers are missing.
    pub(super) fn ask_barriers(&mut self) {
        let Standing::Normal(_) = self.standing else { return };
        let (me, here, now) = (self.me, self.kept.log.end(), self.now);
        let new = self.barriers.begin(me, here);
        let open = self.barriers.rounds.iter().rfind(|round| round.need.is_none());
        let Some(round) = open.map(|round| round.name) else { return };
        let again = self.config.timing.gap_again;
        if new || self.barriers.said.is_none_or(|said| now.since(said) >= again) {
            self.barriers.said = Some(now);
            self.broadcast(Body::Ask { round });
            self.barriers.answered(round, me, here, majority(self.size()));
            self.barriers_pass();
        }
    }

    /// Only members of the same view answer: the head of the message says what they hold there.
    pub(super) fn answer(&mut self, from: usize, view: Ballot, round: u64) {
        if self.is_normal() && view == self.kept.view_ballot() {
            self.send(from, Body::Answer { round });
        }
    }

    pub(super) fn take_barrier_answer(
        &mut self,
        from: usize,
        view: Ballot,
        phase: Phase,
        round: u64,
        holds: &Holds,
    ) {
        let same = phase == Phase::Member && view == self.kept.view_ballot();
        if same && self.is_normal() {
            self.barriers.answered(round, from, holds.sequences, majority(self.ids.len()));
            self.barriers_pass();
        }
    }

    /// What is passed by now, in the sequence of asking.
    pub(super) fn barriers_pass(&mut self) {
        let delivered = self.done.number;
        let passed = |round: &Round| round.need.is_some_and(|need| need <= delivered);
        while self.barriers.rounds.front().is_some_and(passed) {
            let Some(round) = self.barriers.rounds.pop_front() else { return };
            let barriers = round.first..=round.name;
            self.out.extend(barriers.map(Effect::Passed));
        }
    }
}
