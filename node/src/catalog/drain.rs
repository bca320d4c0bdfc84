//! An orderly stop. A catalog that is alone answers what is under way, then stops. One of a group hands over what it leads:
//! first it takes nothing new and lets go what is nearly done, then the engine gives the lead to another replica.
//!
//! It stays until that one leads. A leader resigns as soon as somebody campaigns; if it went then, its own voice would be missing, and
//! its disk for the first entry of the next reign. While another replica is away, or just back and not linked with all of them,
//! there is no majority without it.

use replication::contract::{Epoch, Position};
use replication::time::Time;

use super::CatalogProcess;
use crate::limits::{DRAIN_PATIENCE, HAND_OVER_SETTLE, SUCCESSION};
use crate::process::{Effect, Now};

/// How far an orderly stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    No,
    /// Wanted since then.
    Since(Time, Reign),
    Done,
}

/// What a replica that stops has led since it was told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reign {
    /// Nothing: nobody waits for it.
    None,
    /// In this term it led last at this time, and the log ended here. What follows is of the next leader.
    Last { term: Epoch, at: Time, end: Position },
}

impl CatalogProcess {
    pub(super) fn begin_drain(&mut self, now: Now) {
        if self.drain == Drain::No {
            self.drain = Drain::Since(now.time, Reign::None);
        }
    }

    /// Lets another replica lead once nothing is left to answer here, or it takes too long: whoever waits asks the next leader, and
    /// every question may be asked twice. Again and again: the engine gives up when it finds nobody.
    pub(super) fn continue_drain(&mut self, now: Now) {
        let Drain::Since(since, _) = self.drain else { return };
        let Some(own) = self.leading.as_ref().filter(|_| !self.is_alone()) else { return };
        let (term, end) = (own.term, self.engine.end());
        self.drain = Drain::Since(since, Reign::Last { term, at: now.time, end });
        if self.is_settled() || now.time.since(since) >= HAND_OVER_SETTLE {
            self.engine.hand_over(now.time);
        }
    }

    /// Says so once nothing depends on this replica any more.
    pub(super) fn end_drain(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Drain::Since(since, reign) = self.drain else { return };
        // Nobody was found to take it: everything is on disk, and the others elect without being asked.
        let late = now.time.since(since) >= DRAIN_PATIENCE;
        let done = match (&self.leading, reign) {
            (Some(_), _) if self.is_alone() => self.is_settled(),
            (None, Reign::None) => true,
            (None, Reign::Last { term, at, end }) => {
                now.time.since(at) >= SUCCESSION || self.is_over(term, end)
            }
            (Some(_), _) => late,
        };
        if done {
            self.drain = Drain::Done;
            effects.push(Effect::Drained);
        }
    }

    /// Another replica leads, and what its reign began with is agreed on. Or nobody campaigns: the majority was lost.
    fn is_over(&self, term: Epoch, end: Position) -> bool {
        let status = self.engine.status();
        let led = status.leader.is_some_and(|leader| leader != self.config.id);
        status.epoch == term || (led && self.applied > end)
    }

    /// Nothing is gathered, agreed on or held.
    fn is_settled(&self) -> bool {
        let settled = |own: &super::Leading| own.proposals.idle() && own.gate.held() == 0;
        self.leading.as_ref().is_none_or(settled)
    }

    /// Nobody else could lead.
    fn is_alone(&self) -> bool {
        self.engine.status().members.voters.len() <= 1
    }
}
