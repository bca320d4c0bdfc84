//! An orderly stop: nothing new is taken, what was proposed is answered, a lead is handed over.

use replication::contract::Role;
use replication::time::Time;

use super::CustomersProcess;
use crate::limits::DRAIN_PATIENCE;
use crate::process::{Effect, Now};

/// How far an orderly stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    No,
    /// Wanted since then.
    Since(Time),
    Done,
}

impl CustomersProcess {
    pub(super) fn is_draining(&self) -> bool {
        self.drain != Drain::No
    }

    pub(super) fn begin_drain(&mut self, now: Now) {
        if self.drain == Drain::No {
            self.drain = Drain::Since(now.time);
        }
    }

    /// Hands over once nobody waits here. Again and again: the engine gives up when it finds nobody.
    pub(super) fn continue_drain(&mut self, now: Now) {
        if matches!(self.drain, Drain::Since(_)) && self.is_settled() && !self.is_alone() {
            self.engine.hand_over(now.time);
        }
    }

    /// Says so once nothing depends on this member any more, or when it takes too long: everything is on disk, and whoever waits
    /// asks elsewhere.
    pub(super) fn end_drain(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Drain::Since(since) = self.drain else { return };
        let leads = self.role == Role::Leader && !self.is_alone();
        if (self.is_settled() && !leads) || now.time.since(since) >= DRAIN_PATIENCE {
            self.drain = Drain::Done;
            effects.push(Effect::Drained);
        }
    }

    fn is_settled(&self) -> bool {
        self.wishes.is_empty() && self.questions.len() == 0
    }

    /// Nobody else could take over.
    fn is_alone(&self) -> bool {
        self.config.protocol == super::Protocol::Solo
    }
}
