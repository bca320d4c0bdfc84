//! Faults: what can be done to a group, and how a seed draws what it does.

use super::ambush::{Ambush, Deed, Kind};
use crate::rng::Rng;

/// Something done to a group. Members are named by their index, from 0; times are in µs.
#[derive(Clone, Debug)]
pub enum Action {
    /// Kill a member; its machine loses what was not synced.
    Crash {
        /// Whom.
        member: usize,
        /// For how long.
        down: u64,
    },
    /// Kill everybody at once.
    PowerCut {
        /// Until the first one is back.
        down: u64,
    },
    /// The member gets no input; its clock runs on.
    Pause {
        /// Whom.
        member: usize,
        /// For how long.
        lasting: u64,
    },
    /// Messages from one member to another are lost, for each of these pairs.
    Block {
        /// Senders and receivers.
        pairs: Vec<(usize, usize)>,
        /// For how long.
        lasting: u64,
    },
    /// A disk takes many times as long.
    SlowDisk {
        /// Whose.
        member: usize,
        /// How many times.
        times: u64,
        /// For how long.
        lasting: u64,
    },
    /// A member takes its inputs so much later.
    SlowMember {
        /// Whom.
        member: usize,
        /// By how much, at the most.
        delay: u64,
        /// For how long.
        lasting: u64,
    },
    /// Kill a member and take its disk, if the group tolerates it: see [`tolerable`].
    LoseDisk {
        /// Whose.
        member: usize,
        /// For how long it is down.
        down: u64,
    },
    /// Something happens the moment that a message of a kind is sent.
    Ambush(Ambush),
}

/// How many members may be without a disk that counts at the same time: from the loss of the disk until the new one belongs to a
/// view.
///
/// A view is formed from the word of a majority that never lost its disk since it gave that word, or came back through a view.
/// With a minority of `(n - 1) / 2` recovering, the others are such a majority, and each command that was delivered is on the
/// disk of one of them at least. With one more, no view could ever be formed again (recovering members must not answer), and
/// a command might have been on the lost disks alone.
pub fn tolerable(members: usize) -> usize {
    (members - 1) / 2
}

/// A class of random faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultKind {
    Crash,
    PowerCut,
    Pause,
    Split,
    OneWay,
    Isolate,
    SlowDisk,
    SlowMember,
    LoseDisk,
    Ambush,
}

const KINDS: [(FaultKind, f64); 10] = [
    (FaultKind::Crash, 0.6),
    (FaultKind::PowerCut, 0.15),
    (FaultKind::Pause, 0.4),
    (FaultKind::Split, 0.4),
    (FaultKind::OneWay, 0.4),
    (FaultKind::Isolate, 0.3),
    (FaultKind::SlowDisk, 0.4),
    (FaultKind::SlowMember, 0.3),
    (FaultKind::LoseDisk, 0.4),
    (FaultKind::Ambush, 0.5),
];

/// Which faults come, and how often.
#[derive(Clone, Debug)]
pub struct FaultKnobs {
    weights: Vec<(FaultKind, u64)>,
    /// Mean time between faults.
    pub gap: u64,
    /// When the first may come.
    pub from: u64,
    /// Longest outage.
    longest: u64,
}

impl FaultKnobs {
    /// Draws a swarm: none in one of ten seeds, else any subset of at least two classes.
    pub fn draw(rng: &mut Rng, from: u64) -> Self {
        let mut knobs = FaultKnobs {
            weights: Vec::new(),
            gap: rng.between_log(30_000, 500_000),
            from,
            longest: rng.between_log(50_000, 1_500_000),
        };
        if rng.chance(0.1) {
            return knobs;
        }
        while knobs.weights.len() < 2 {
            knobs.weights.clear();
            for (kind, share) in KINDS {
                if rng.chance(share) {
                    knobs.weights.push((kind, rng.between(1, 4)));
                }
            }
        }
        knobs
    }

    /// How many classes are active.
    pub fn classes(&self) -> usize {
        self.weights.len()
    }

    /// The next fault.
    pub fn next(&self, rng: &mut Rng, members: usize) -> Option<Action> {
        let total: u64 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut ticket = rng.below(total);
        let (kind, _) = self.weights.iter().find(|(_, weight)| {
            let found = ticket < *weight;
            ticket = ticket.saturating_sub(*weight);
            found
        })?;
        let lasting = rng.between_log(3_000, self.longest);
        Some(action(rng, *kind, members, lasting))
    }
}

fn action(rng: &mut Rng, kind: FaultKind, members: usize, lasting: u64) -> Action {
    let member = rng.below(members as u64) as usize;
    match kind {
        FaultKind::Crash => Action::Crash { member, down: lasting },
        FaultKind::PowerCut => Action::PowerCut { down: lasting.min(300_000) },
        FaultKind::Pause => Action::Pause { member, lasting },
        FaultKind::Split => {
            let side = rng.between(1, (1 << members) - 2);
            let apart = |from: usize, to: usize| (side >> from & 1) != (side >> to & 1);
            Action::Block { pairs: pairs(members, apart), lasting }
        }
        FaultKind::OneWay => {
            let share = 0.1 + 0.6 * rng.unit();
            let pairs = pairs(members, |_, _| rng.chance(share));
            Action::Block { pairs, lasting }
        }
        FaultKind::Isolate => {
            let ways = rng.between(1, 3);
            let cut =
                |from, to| (from == member && ways & 1 != 0) || (to == member && ways & 2 != 0);
            Action::Block { pairs: pairs(members, cut), lasting }
        }
        FaultKind::SlowDisk => Action::SlowDisk { member, times: rng.between_log(5, 500), lasting },
        FaultKind::SlowMember => {
            Action::SlowMember { member, delay: rng.between_log(5_000, 200_000), lasting }
        }
        FaultKind::LoseDisk => Action::LoseDisk { member, down: lasting },
        FaultKind::Ambush => Action::Ambush(Ambush::draw(rng, lasting)),
    }
}

/// All pairs of members to which this applies.
fn pairs(members: usize, mut applies: impl FnMut(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let all = (0..members).flat_map(|from| (0..members).map(move |to| (from, to)));
    all.filter(|(from, to)| from != to && applies(*from, *to)).collect()
}

/// A member is killed the moment that it, or somebody else, says a thing.
pub(super) fn ambush(on: Kind, skip: u64, deed: Deed, lasting: u64) -> Action {
    Action::Ambush(Ambush { on, skip, deed, lasting })
}
