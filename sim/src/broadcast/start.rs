//! Prepared beginnings: states from which a short story goes wrong, if it can, and which chance alone hardly ever reaches.
//!
//! Source: PROTOCOLS.md E.5: some bugs of the models were invisible to millions of random steps from an empty group, and took
//! a dozen steps from such a state.

use super::ambush::{Deed, Kind};
use super::faults::{Action, ambush, tolerable};
use crate::rng::Rng;

/// The state that a world is brought into before chance takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// An empty group.
    Empty,
    /// A member was away for long, and is back when others go.
    StaleMemberBack,
    /// A view was installed at some members, and whoever proposed it is gone.
    HalfViewChange,
    /// A member lost its disk, and comes back when others go.
    NewIncarnation,
    /// A member promised to follow a ballot, and lost the disk on which it wrote that.
    LostPromise,
    /// As many members as the group tolerates lose their disks, one right after the other.
    DisksInTurn,
}

const PREPARED: [Start; 5] = [
    Start::StaleMemberBack,
    Start::HalfViewChange,
    Start::NewIncarnation,
    Start::LostPromise,
    Start::DisksInTurn,
];

/// When a group has delivered something, mostly, in µs.
const ESTABLISHED: u64 = 150_000;

impl Start {
    /// Two thirds of all seeds begin empty. The steps are when, in µs, and what.
    pub fn draw(rng: &mut Rng, members: u8) -> (Start, Vec<(u64, Action)>) {
        if rng.chance(2.0 / 3.0) {
            return (Start::Empty, Vec::new());
        }
        let start = *rng.pick(&PREPARED);
        let mut cast: Vec<usize> = (0..usize::from(members)).collect();
        for index in (1..cast.len()).rev() {
            cast.swap(index, rng.below(index as u64 + 1) as usize);
        }
        (start, start.steps(rng, &cast))
    }

    fn steps(self, rng: &mut Rng, cast: &[usize]) -> Vec<(u64, Action)> {
        let at = ESTABLISHED + rng.below(100_000);
        match self {
            Start::Empty => Vec::new(),
            Start::StaleMemberBack => stale(rng, at, cast),
            Start::HalfViewChange => half_view(rng, at, cast),
            Start::NewIncarnation => new_incarnation(rng, at, cast),
            Start::LostPromise => lost_promise(rng, at, cast),
            Start::DisksInTurn => in_turn(rng, at, cast),
        }
    }
}

fn stale(rng: &mut Rng, at: u64, cast: &[usize]) -> Vec<(u64, Action)> {
    let away = rng.between(300_000, 900_000);
    let back = at + away;
    let mut steps = vec![(at, Action::Crash { member: cast[0], down: away })];
    let others = cast[1..].iter().take(tolerable(cast.len())).enumerate();
    steps.extend(others.map(|(index, member)| {
        let when = (back + rng.below(40_000)).saturating_sub(20_000) + index as u64;
        (when, Action::Crash { member: *member, down: rng.between(50_000, 800_000) })
    }));
    steps.sort_by_key(|(when, _)| *when);
    steps
}

fn half_view(rng: &mut Rng, at: u64, cast: &[usize]) -> Vec<(u64, Action)> {
    let deed =
        *rng.pick(&[Deed::CrashSender, Deed::MuteSender, Deed::CrashReceiver, Deed::PauseSender]);
    let lasting = rng.between(100_000, 600_000);
    vec![
        (at, ambush(Kind::Install, 0, deed, lasting)),
        (at + 1, ambush(Kind::Install, rng.below(3), Deed::MuteSender, lasting)),
        (at + 2, Action::Crash { member: cast[0], down: rng.between(50_000, 700_000) }),
    ]
}

fn new_incarnation(rng: &mut Rng, at: u64, cast: &[usize]) -> Vec<(u64, Action)> {
    let down = rng.between(5_000, 250_000);
    let mut steps = vec![(at, Action::LoseDisk { member: cast[0], down })];
    for (index, member) in cast[1..].iter().take(tolerable(cast.len())).enumerate() {
        let when = at + down + rng.below(250_000) + index as u64;
        steps.push((when, Action::Crash { member: *member, down: rng.between(20_000, 600_000) }));
    }
    steps.sort_by_key(|(when, _)| *when);
    steps
}

fn lost_promise(rng: &mut Rng, at: u64, cast: &[usize]) -> Vec<(u64, Action)> {
    let down = rng.between(1_000, 60_000);
    vec![
        (at, ambush(Kind::State, rng.below(3), Deed::LoseSendersDisk, down)),
        (at + 1, ambush(Kind::Recover, rng.below(2), Deed::CrashReceiver, down * 2)),
        (at + 2, ambush(Kind::Install, 0, Deed::MuteSender, rng.between(50_000, 500_000))),
        (at + 3, Action::Crash { member: cast[0], down: rng.between(20_000, 500_000) }),
    ]
}

fn in_turn(rng: &mut Rng, at: u64, cast: &[usize]) -> Vec<(u64, Action)> {
    let mut when = at;
    let mut steps = Vec::new();
    for member in cast.iter().take(tolerable(cast.len()) + 1) {
        steps.push((when, Action::LoseDisk { member: *member, down: rng.between(2_000, 50_000) }));
        when += rng.between(1_000, 500_000);
    }
    steps
}
