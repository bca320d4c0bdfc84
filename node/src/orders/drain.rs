//! An orderly stop: what this replica leads is handed over first.

use replication::time::Time;

use super::{OrdersProcess, Standing};
use crate::limits::DRAIN_PATIENCE;
use crate::process::{Effect, Now};

/// How far an orderly stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    No,
    /// Waits for a successor, but not longer than this.
    Until(Time),
    Done,
}

impl OrdersProcess {
    pub(super) fn is_draining(&self) -> bool {
        self.drain != Drain::No
    }

    pub(super) fn begin_drain(&mut self, now: Now) {
        if self.drain == Drain::No {
            self.drain = Drain::Until(now.time + DRAIN_PATIENCE);
            self.engine.hand_over(now.time);
        }
    }

    /// Again and again: it may have begun to lead only now, or have given up finding a successor.
    pub(super) fn continue_drain(&mut self, now: Now) {
        if self.is_draining() {
            self.engine.hand_over(now.time);
        }
    }

    /// Says so once everything is handed over, or nobody was found to take it: everything is on disk either way.
    pub(super) fn end_drain(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Drain::Until(deadline) = self.drain else { return };
        let named = self.configuration.leader == Some(self.id());
        if (self.standing == Standing::Following && !named) || now.time >= deadline {
            self.drain = Drain::Done;
            effects.push(Effect::Drained);
        }
    }
}
