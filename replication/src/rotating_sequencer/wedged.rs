//! Wedged: stopped in a view, because of a promise, a restart, or because the others went on. A wedged member sequences,
//! acknowledges and delivers nothing of its view; it learns what others delivered, and gathers when nobody else does.

use super::durability::Held;
use super::joining::Joining;
use super::learning::Learner;
use super::message::{Ballot, Body, Phase, State};
use super::notes::{Note, covered};
use super::{RotatingSequencer, Standing, cause};
use crate::contract::Role;
use crate::time::{Span, Time};

/// Waiting for a view.
pub(super) struct Wedged {
    /// When to try oneself.
    retry: Time,
}

impl RotatingSequencer {
    /// Stops, for any reason but a promise.
    pub(super) fn wedge(&mut self, cause: &'static str) {
        let wait = self.config.timing.rejoin + self.patience();
        self.stand_still(self.now + wait, cause);
    }

    fn stand_still(&mut self, retry: Time, cause: &'static str) {
        self.leave();
        self.barriers.void();
        self.learner = Learner::new(self.done.number);
        self.standing = match self.kept.view {
            Some(_) => Standing::Wedged(Wedged { retry }),
            None => Standing::Joining(Joining::default()),
        };
        self.change(Role::Joining, cause);
    }

    /// A view that lasted shows that this member belongs into one.
    pub(super) fn leave(&mut self) {
        let timing = &self.config.timing;
        if let Standing::Normal(normal) = &self.standing
            && self.now.since(normal.since) >= timing.steady
        {
            self.rejoin = timing.rejoin;
        }
    }

    /// Gathers, if this member is level, is heard by a majority, and nobody else was quicker.
    pub(super) fn tend_wedged(&mut self) {
        let Standing::Wedged(wedged) = &self.standing else { return };
        let patient = self.rejoined.is_none_or(|last| self.now.since(last) >= self.rejoin);
        if self.now >= wedged.retry && patient && self.hears_majority() && self.is_level() {
            self.rejoined = Some(self.now);
            self.rejoin = Span(self.rejoin.0 * 2).min(self.config.timing.rejoin_most);
            self.gather(cause::REJOIN);
        }
    }

    /// Somebody gathers: promises a greater ballot, repeats an old promise, or says that there is a greater one.
    pub(super) fn promise(&mut self, from: usize, phase: Phase, ballot: Ballot) {
        // Whoever was never in a view may found a group with others like it, and disturbs nobody who was.
        let founder = phase == Phase::Blank;
        if self.ids[from] != ballot.proposer || (founder && self.kept.view.is_some()) {
            return;
        }
        if ballot > self.kept.ballot {
            self.kept.ballot = ballot;
            self.note(&Note::Ballot(ballot));
            self.stop_for(ballot);
            self.held.push(Held::State(from, ballot));
        } else if ballot == self.kept.ballot {
            self.held.push(Held::State(from, ballot));
        } else {
            self.send(from, Body::Status);
        }
    }

    fn stop_for(&mut self, _ballot: Ballot) {
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::NoWedge) {
            return;
        }
        let wait = self.config.timing.attempt + self.patience();
        match &self.standing {
            // It promised, and goes on asking.
            Standing::Joining(_) => {}
            _ => self.stand_still(self.now + wait, cause::PROMISED),
        }
    }

    /// The promise is on disk: it may be said, with everything that is here.
    pub(super) fn send_state(&mut self, to: usize, ballot: Ballot) {
        let stopped = matches!(self.standing, Standing::Wedged(_) | Standing::Joining(_));
        #[cfg(feature = "mutants")]
        let stopped = stopped || self.config.errs(crate::mutants::Mutant::NoWedge);
        if stopped && self.kept.ballot == ballot && self.kept.view_ballot() < ballot {
            let state = self.state(ballot);
            self.send(to, Body::State(Box::new(state)));
        }
    }

    /// What this member holds in the view that it last installed.
    pub(super) fn state(&self, ballot: Ballot) -> State {
        let (log, durable) = (&self.kept.log, self.durable);
        let frontier = log.frontier_at(durable);
        let tail = (durable + 1..=log.end()).take(self.config.limits.state_tail);
        let has = |member: usize| {
            let life = self.kept.view.as_ref().and_then(|view| view.life(member));
            life.map_or(0, |life| log.contiguous(member, life, covered(&frontier, member, life)))
        };
        State {
            ballot,
            disks: self.kept.disks.clone(),
            founders: self.kept.view.as_ref().map_or(Vec::new(), |view| view.founders.clone()),
            durable,
            position: self.position_of(durable),
            has: (0..self.size()).map(has).collect(),
            frontier,
            tail: tail.filter_map(|number| log.runs(number).map(<[_]>::to_vec)).collect(),
        }
    }
}
