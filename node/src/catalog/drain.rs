//! An orderly stop. A catalog that is alone answers what is under way, then stops. One of a group hands over what it leads:
//! first it takes nothing new and lets go what is nearly done, then the engine gives the lead to another replica.

use replication::time::Time;

use super::CatalogProcess;
use crate::limits::{DRAIN_PATIENCE, HAND_OVER_SETTLE};
use crate::process::{Effect, Now};

/// How far an orderly stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    No,
    /// Wanted since then.
    Since(Time),
    Done,
}

impl CatalogProcess {
    pub(super) fn begin_drain(&mut self, now: Now) {
        if self.drain == Drain::No {
            self.drain = Drain::Since(now.time);
        }
    }

    /// Lets another replica lead once nothing is left to answer here, or it takes too long: whoever waits asks the next leader, and
    /// every question may be asked twice. Again and again: the engine gives up when it finds nobody.
    pub(super) fn continue_drain(&mut self, now: Now) {
        let Drain::Since(since) = self.drain else { return };
        let settled = self.is_settled() || now.time.since(since) >= HAND_OVER_SETTLE;
        if self.leading.is_some() && settled && !self.is_alone() {
            self.engine.hand_over(now.time);
        }
    }

    /// Says so once nothing depends on this replica any more.
    pub(super) fn end_drain(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Drain::Since(since) = self.drain else { return };
        let done = match self.leading {
            None => true,
            Some(_) if self.is_alone() => self.is_settled(),
            // Nobody was found to take it: everything is on disk, and the others elect without being asked.
            Some(_) => now.time.since(since) >= DRAIN_PATIENCE,
        };
        if done {
            self.drain = Drain::Done;
            effects.push(Effect::Drained);
        }
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
