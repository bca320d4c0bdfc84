//! Orderly hand-over (thesis, 3.10): the leader takes no more commands and has one of the followers campaign at once, as soon as that
//! one holds everything. If that did not help it asks another one; without success in time it leads on.
//!
//! Of those that are level the leader chooses the one whose link has stood longest. One that was started a moment ago is level soon,
//! but neither its peers nor those who ask have found it again: it would be elected late, and lead unheard of.

use std::cmp::Reverse;

use super::Raft;
use crate::contract::ReplicaId;
use crate::time::Time;

pub(super) struct HandOver {
    since: Time,
    /// Who was asked last, and when.
    asked: Option<(ReplicaId, Time)>,
}

impl Raft {
    pub(super) fn begin_hand_over(&mut self, now: Time) {
        if self.is_leading() && self.successor(None).is_some() {
            self.submit();
            self.handing_over.get_or_insert(HandOver { since: now, asked: None });
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
        let last = hand_over.asked;
        if last.is_some_and(|(_, at)| now.since(at) < timing.hand_over_again) {
            return;
        }
        // The library takes the same successor only once; asking again after a lost word needs a fresh start.
        self.raw.raft.abort_leader_transfer();
        if let Some(successor) = self.successor(last.map(|(id, _)| id)) {
            if let Some(hand_over) = &mut self.handing_over {
                hand_over.asked = Some((successor, now));
            }
            self.raw.transfer_leader(u64::from(successor));
        }
    }

    /// The other voter that should lead; not the one that was asked in vain, if there is a choice.
    pub(super) fn successor(&self, in_vain: Option<ReplicaId>) -> Option<ReplicaId> {
        let others = self.facts.voters.iter().filter(|voter| **voter != self.config.id);
        let nearly_all = self.last_position().saturating_sub(self.config.limits.promotion_gap);
        let merits = |voter: &ReplicaId| {
            let progress = self.raw.raft.prs().get(u64::from(*voter))?;
            let (heard, matched) = (progress.recent_active, progress.matched);
            let fit = (heard, Some(*voter) != in_vain, matched >= nearly_all);
            Some((fit, self.linked_since(*voter).map(Reverse), matched, *voter))
        };
        others.filter_map(merits).max().map(|(_, _, _, voter)| voter)
    }

    /// Since when the link to a peer stands.
    fn linked_since(&self, peer: ReplicaId) -> Option<Time> {
        self.linked.get(&peer).copied()
    }
}
