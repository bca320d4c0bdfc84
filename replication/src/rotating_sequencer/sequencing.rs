//! Sequences: whose turn it is, what it may cover, and taking the others'.

use super::message::{Ballot, Body};
use super::normal::Normal;
use super::notes::{Note, covered};
use super::view::{Run, View};
use super::{RotatingSequencer, Standing};

/// A Sequence that waits for those before it.
pub(super) enum Early {
    /// As its sequencer said it.
    Upto(Vec<u64>),
    /// As somebody repaired it.
    Runs(Vec<Run>),
}

impl RotatingSequencer {
    /// Sends the next number if it is this member's turn and the three conditions hold: (1) every Sequence below is here, (2)
    /// every Request those cover is here, (3) of every sender it covers all that came before; and it covers only what is here.
    pub(super) fn try_sequence(&mut self) -> bool {
        let Some((number, upto)) = self.next_sequence() else { return false };
        let runs = self.resolve(&upto);
        if runs.is_empty() {
            return false;
        }
        self.follow(number, runs);
        self.broadcast(Body::Sequence { number, upto });
        true
    }

    fn next_sequence(&self) -> Option<(u64, Vec<u64>)> {
        let (Standing::Normal(normal), Some(view)) = (&self.standing, &self.kept.view) else {
            return None;
        };
        let end = self.kept.log.end();
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::SequenceBeyondGap) {
            return self.sequence_beyond_gap(normal, view);
        }
        let mine = view.turn(end + 1) == Some(self.me);
        let complete = self.complete >= end;
        #[cfg(feature = "mutants")]
        let complete = complete || self.config.errs(crate::mutants::Mutant::SequenceIncomplete);
        if !mine || !complete || self.is_too_far_ahead(end + 1, normal, view) {
            return None;
        }
        Some((end + 1, self.cut(end + 1, normal, view)))
    }

    /// How far the rotation's slowest disk is behind.
    fn is_too_far_ahead(&self, number: u64, normal: &Normal, view: &View) -> bool {
        let others = view.rotation.iter().map(|index| usize::from(*index));
        let durable = others.filter(|index| *index != self.me).map(|index| {
            // A member that has said nothing in this view yet has at least what the view begins with.
            normal.acks[index].durable.max(view.base)
        });
        let slowest = durable.min().unwrap_or(self.durable).min(self.durable);
        number > slowest + self.config.limits.sequence_ahead
    }

    /// Per member, what may be covered now.
    fn cut(&self, number: u64, normal: &Normal, view: &View) -> Vec<u64> {
        let most = self.config.limits.sequence_commands;
        let cut = |member: usize| {
            let life = view.life(member)?;
            let from = covered(self.kept.log.frontier(), member, life);
            Some((from, self.coverable(member, normal).max(from).min(from + most)))
        };
        let cuts: Vec<_> = (0..self.size()).map(|member| cut(member).unwrap_or((0, 0))).collect();
        if self.config.assignment_mode {
            return single(&cuts, number);
        }
        cuts.into_iter().map(|(_, upto)| upto).collect()
    }

    /// What is here of a member, without a gap.
    fn coverable(&self, member: usize, normal: &Normal) -> u64 {
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::SequenceUnheard) {
            let heard = normal.acks.iter().map(|holds| holds.requests[member]).max().unwrap_or(0);
            return heard.max(normal.have[member]);
        }
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::SequenceAcrossGap) {
            let mut ids = self.kept.log.requests().map(|(id, _)| id);
            let last = ids.rfind(|id| usize::from(id.member) == member);
            return last.map_or(0, |id| id.number + 1).max(normal.have[member]);
        }
        normal.have[member]
    }

    /// The mistake of whoever takes the highest number heard of for the last one: its own may be the second with that number.
    #[cfg(feature = "mutants")]
    fn sequence_beyond_gap(&self, normal: &Normal, view: &View) -> Option<(u64, Vec<u64>)> {
        let heard = normal.early.keys().last().copied().unwrap_or(0).max(self.kept.log.end());
        let number = heard + 1;
        let mine = view.turn(number) == Some(self.me);
        mine.then(|| (number, self.cut(number, normal, view)))
    }

    /// What a cut covers beyond everything before it.
    fn resolve(&self, upto: &[u64]) -> Vec<Run> {
        let Some(view) = &self.kept.view else { return Vec::new() };
        let run = |(member, upto): (usize, &u64)| {
            let life = view.life(member)?;
            let from = covered(self.kept.log.frontier(), member, life);
            let run = Run { member: member as u8, life, from, upto: *upto };
            (run.from < run.upto).then_some(run)
        };
        upto.iter().enumerate().filter_map(run).collect()
    }

    /// The next of the list.
    pub(super) fn follow(&mut self, number: u64, runs: Vec<Run>) {
        self.note(&Note::Sequence { number, runs: runs.clone() });
        self.kept.log.append(runs);
    }

    /// Only the member whose turn it is may say a number, and only in this view.
    pub(super) fn take_sequence(&mut self, from: usize, said: Ballot, number: u64, upto: &[u64]) {
        let end = self.kept.log.end();
        let (Standing::Normal(normal), Some(view)) = (&mut self.standing, &self.kept.view) else {
            return;
        };
        let near = number > end && number <= end + self.config.limits.early;
        if view.ballot == said && view.turn(number) == Some(from) && near {
            normal.early.entry(number).or_insert_with(|| Early::Upto(upto.to_vec()));
        }
    }

    /// A Sequence that somebody repaired.
    pub(super) fn take_repaired(&mut self, number: u64, runs: Vec<Run>) {
        let (end, early) = (self.kept.log.end(), self.config.limits.early);
        if let Standing::Normal(normal) = &mut self.standing
            && number > end
            && number <= end + early
        {
            normal.early.entry(number).or_insert(Early::Runs(runs));
        }
    }

    /// Takes the next Sequence, if it has come.
    pub(super) fn take_early(&mut self) -> bool {
        let number = self.kept.log.end() + 1;
        let Standing::Normal(normal) = &mut self.standing else { return false };
        let Some(early) = normal.early.remove(&number) else { return false };
        let runs = match early {
            Early::Upto(upto) => self.resolve(&upto),
            Early::Runs(runs) => runs,
        };
        let frontier = self.kept.log.frontier();
        let follows = |run: &Run| {
            run.from < run.upto && frontier.next(usize::from(run.member), run.life) == run.from
        };
        let sound = !runs.is_empty() && runs.iter().all(follows);
        if sound {
            self.follow(number, runs);
        }
        sound
    }

    /// Notices since when a number is due: there is something to cover, and nobody has.
    pub(super) fn watch_turn(&mut self) {
        let (number, now) = (self.kept.log.end() + 1, self.now);
        let due = self.has_uncovered();
        let Standing::Normal(normal) = &mut self.standing else { return };
        match normal.turn {
            Some((known, _)) if due && known == number => {}
            _ => normal.turn = due.then_some((number, now)),
        }
    }

    fn has_uncovered(&self) -> bool {
        let (Standing::Normal(normal), Some(view)) = (&self.standing, &self.kept.view) else {
            return false;
        };
        let frontier = self.kept.log.frontier();
        view.indices().any(|member| {
            let life = view.life(member).unwrap_or_default();
            normal.have[member] > covered(frontier, member, life)
        })
    }
}

/// One Request of one member: of the first that has one, beginning with another member for every number.
fn single(cuts: &[(u64, u64)], number: u64) -> Vec<u64> {
    let size = cuts.len();
    let mut upto: Vec<u64> = cuts.iter().map(|(from, _)| *from).collect();
    let places = (0..size).map(|step| (number as usize + step) % size);
    if let Some(member) = places.into_iter().find(|member| cuts[*member].1 > cuts[*member].0) {
        upto[member] += 1;
    }
    upto
}
