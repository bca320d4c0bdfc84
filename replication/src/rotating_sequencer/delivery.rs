//! Delivery: what a majority of the universe has on disk, in the sequence of the numbers.

use super::notes::Mark;
use super::view::{Frontier, majority};
use super::{RotatingSequencer, Standing};
use crate::contract::{ChainHash, Effect, Entry, Position};

/// What was delivered.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// All of the Sequences up to this one.
    pub(super) number: u64,
    /// And so many commands of the next: a store may have been cut off in the middle of one.
    pub(super) skip: u64,
    pub(super) position: Position,
    pub(super) hash: ChainHash,
    /// How far those Sequences cover everybody's Requests.
    pub(super) frontier: Frontier,
}

impl Done {
    /// What a store has that reflects this position, which the marked Sequence belongs to.
    pub(super) fn at(mark: &Mark, position: Position, hash: ChainHash) -> Self {
        if mark.whole_at(position) {
            let frontier = mark.after();
            return Done { number: mark.number, skip: 0, position, hash, frontier };
        }
        let (skip, frontier) = (position - mark.start, mark.before.clone());
        Done { number: mark.number - 1, skip, position, hash, frontier }
    }
}

impl RotatingSequencer {
    /// The last Sequence that a majority of the universe has on disk, with all Requests, as reported in this view.
    pub(super) fn stable(&self) -> u64 {
        let Standing::Normal(normal) = &self.standing else { return self.done.number };
        let durable = |index: usize| match index {
            _ if index == self.me => self.durable,
            _ => normal.acks[index].durable,
        };
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::DeliverBeforeMajority) {
            return self.complete;
        }
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::MajorityOfTheView)
            && let Some(view) = &self.kept.view
        {
            let held: Vec<u64> = view.indices().map(durable).collect();
            return nth_greatest(held, view.indices().count() / 2 + 1);
        }
        nth_greatest((0..self.size()).map(durable).collect(), majority(self.size()))
    }

    /// Delivers what may be delivered: in a view what is stable, outside of one what others say they delivered. And only what this
    /// disk has, too: a store is then never ahead of the notes beside it.
    pub(super) fn deliver(&mut self) {
        let known = match self.standing {
            Standing::Normal(_) => self.stable().max(self.learner.learned),
            Standing::Wedged(_) | Standing::Joining(_) => self.learner.learned,
            Standing::Gathering(_) | Standing::Installing(_) => return,
        };
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::DeliverBeforeMajority) {
            self.durable = self.complete;
        }
        while self.done.number < known.min(self.durable) && self.deliver_next() {}
        self.barriers_pass();
    }

    fn deliver_next(&mut self) -> bool {
        let number = self.done.number + 1;
        let Some(runs) = self.kept.log.runs(number).map(<[_]>::to_vec) else { return false };
        if !runs.iter().all(|run| self.kept.log.holds(*run)) {
            return false;
        }
        let start = self.done.position - self.done.skip;
        let before = self.done.frontier.clone();
        self.done.frontier.cover(&runs);
        let mark = Mark { number, start, runs, before };
        self.out.push(Effect::Mark(mark.encode()));
        let commands = mark.runs.iter().flat_map(|run| self.kept.log.commands(*run));
        for command in commands.skip(self.done.skip as usize) {
            self.done.position += 1;
            self.done.hash = self.done.hash.extend(command);
            let (position, hash) = (self.done.position, self.done.hash);
            self.out.push(Effect::Deliver(Entry { position, hash, command: command.clone() }));
        }
        (self.done.number, self.done.skip) = (number, 0);
        self.own_delivered();
        true
    }
}

/// The n-th greatest of some numbers; 0 if there are fewer.
fn nth_greatest(mut held: Vec<u64>, nth: usize) -> u64 {
    held.sort_unstable_by(|one, other| other.cmp(one));
    held.get(nth - 1).copied().unwrap_or(0)
}
