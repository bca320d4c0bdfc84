//! Orderly hand-over (thesis, 3.10): the leader takes no more commands and has the follower that holds most campaign
//! at once, as soon as that one holds everything. Without success in time it leads on.

use super::Raft;
use crate::contract::ReplicaId;
use crate::time::Time;

pub(super) struct HandOver {
    since: Time,
    asked_at: Option<Time>,
}

impl Raft {
    pub(super) fn begin_hand_over(&mut self, now: Time) {
        if self.is_leading() && self.successor().is_some() {
            self.submit();
            self.handing_over.get_or_insert(HandOver { since: now, asked_at: None });
            self.continue_hand_over(now);
        }
    }

    pub(super) fn continue_hand_over(&mut self, now: Time) {
        let Some(hand_over) = &mut self.handing_over else { return };
        let timing = &self.config.timing;
        if now.since(hand_over.since) >= timing.hand_over {
            self.handing_over = None;
            self.raw.raft.abort_leader_transfer();
            return;
        }
        if hand_over.asked_at.is_some_and(|at| now.since(at) < timing.hand_over_again) {
            return;
        }
        hand_over.asked_at = Some(now);
        // The library takes the same successor only once; asking again after a lost word needs a fresh start.
        self.raw.raft.abort_leader_transfer();
        if let Some(successor) = self.successor() {
            self.raw.transfer_leader(u64::from(successor));
        }
    }

    /// The other voter that holds most; of several the one with the greatest id.
    pub(super) fn successor(&self) -> Option<ReplicaId> {
        let others = self.facts.voters.iter().filter(|voter| **voter != self.config.id);
        let held = |voter: &ReplicaId| {
            let progress = self.raw.raft.prs().get(u64::from(*voter))?;
            Some((progress.recent_active, progress.matched, *voter))
        };
        others.filter_map(held).max().map(|(_, _, voter)| voter)
    }
}
