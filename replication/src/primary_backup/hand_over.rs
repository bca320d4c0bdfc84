//! Orderly hand-over: a leader that is about to stop lets a follower take over without a gap that anybody notices.
//!
//! It takes no more commands, waits until an in-sync follower holds the whole log, and asks the register to elect it.
//! It leads until a newer configuration says otherwise; without a successor in time it goes on as before.

use super::{core::Core, leader::Leader};
use crate::contract::{Effect, ReplicaId};
use crate::register::RegisterCommand;
use crate::time::Time;

pub(super) struct HandOver {
    since: Time,
    asked_at: Option<Time>,
}

impl Leader {
    pub(super) fn begin_hand_over(&mut self, core: &mut Core, now: Time) {
        self.handing_over.get_or_insert(HandOver { since: now, asked_at: None });
        self.continue_hand_over(core, now);
    }

    pub(super) fn continue_hand_over(&mut self, core: &mut Core, now: Time) {
        let Some(hand_over) = &self.handing_over else { return };
        let timing = &core.config.timing;
        if now.since(hand_over.since) >= timing.hand_over {
            self.handing_over = None;
            return;
        }
        let asked = hand_over.asked_at.is_some_and(|at| now.since(at) < timing.ask_again);
        // A change of the set under way expects the same version; only one of the two could win.
        if asked || !self.in_sync.is_settled() {
            return;
        }
        if let Some(successor) = self.successor(core, now) {
            self.ask_for(core, successor, now);
        }
    }

    /// The highest in-sync follower that holds everything.
    fn successor(&self, core: &Core, now: Time) -> Option<ReplicaId> {
        let followers = core.known.in_sync.iter().rev().filter(|peer| **peer != core.config.id);
        let end = core.log.end();
        let ready = |peer: &&ReplicaId| {
            self.counted(core, **peer) == end && !self.is_late(core, **peer, now)
        };
        followers.copied().collect::<Vec<_>>().iter().find(ready).copied()
    }

    fn ask_for(&mut self, core: &mut Core, candidate: ReplicaId, now: Time) {
        let Some(incarnation) = core.disk_of(candidate) else { return };
        if let Some(hand_over) = &mut self.handing_over {
            hand_over.asked_at = Some(now);
        }
        core.out.push(Effect::Configure(RegisterCommand::Elect {
            expect: core.known.version,
            candidate,
            incarnation,
            log_end: core.log.end(),
            drop: None,
        }));
    }
}
