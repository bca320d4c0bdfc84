//! Barriers by read index (thesis, 6.4): the leader notes its commit, a majority confirms that it still leads, and
//! the barrier is passed once that commit is delivered here. All barriers of a burst share one round.
//!
//! The library sends the newest round again with every heartbeat, and a confirmed round confirms all before it; so
//! nothing needs to be repeated here.

use std::collections::VecDeque;

use super::Raft;
use crate::contract::{Barrier, Effect, Position};

#[derive(Default)]
pub(super) struct Barriers {
    last: Barrier,
    /// Asked for since the last flush.
    asked: bool,
    /// Not passed, ascending, with the position that must be delivered once it is known.
    open: VecDeque<(Barrier, Option<Position>)>,
}

impl Barriers {
    pub(super) fn ask(&mut self) -> Barrier {
        self.last += 1;
        self.asked = true;
        self.open.push_back((self.last, None));
        self.last
    }

    /// The reign is over: nobody waits any more.
    pub(super) fn void(&mut self) {
        self.asked = false;
        self.open.clear();
    }

    /// Names a round by the newest barrier in it, if there are new ones.
    fn next_round(&mut self) -> Option<Barrier> {
        std::mem::take(&mut self.asked).then_some(self.last)
    }

    fn confirmed(&mut self, round: Barrier, commit: Position) {
        for (_, known) in self.open.iter_mut().filter(|(barrier, _)| *barrier <= round) {
            known.get_or_insert(commit);
        }
    }

    fn pass(&mut self, delivered: Position) -> Option<Barrier> {
        let (barrier, commit) = *self.open.front()?;
        commit.filter(|commit| *commit <= delivered)?;
        self.open.pop_front();
        Some(barrier)
    }
}

impl Raft {
    /// Begins one round for everything asked since the last flush.
    pub(super) fn begin_round(&mut self) {
        if let Some(round) = self.barriers.next_round() {
            self.raw.read_index(round.to_be_bytes().to_vec());
        }
    }

    /// What the library confirmed, and what is passed by it or by deliveries.
    pub(super) fn pass_barriers(&mut self, confirmed: Vec<raft::ReadState>) {
        for state in confirmed {
            if let Ok(round) = state.request_ctx.try_into() {
                self.barriers.confirmed(Barrier::from_be_bytes(round), state.index);
            }
        }
        while let Some(barrier) = self.barriers.pass(self.delivered) {
            self.out.push(Effect::Passed(barrier));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_confirms_what_came_before_it_and_passes_once_delivered() {
        let mut barriers = Barriers::default();
        let (first, second) = (barriers.ask(), barriers.ask());
        assert_eq!(barriers.next_round(), Some(second));
        assert_eq!(barriers.next_round(), None);
        let third = barriers.ask();
        barriers.confirmed(second, 7);
        assert_eq!(barriers.pass(6), None);
        assert_eq!((barriers.pass(7), barriers.pass(7)), (Some(first), Some(second)));
        assert_eq!(barriers.pass(9), None, "{third} is not confirmed");
        barriers.void();
        barriers.confirmed(third, 7);
        assert_eq!(barriers.pass(9), None);
    }
}
