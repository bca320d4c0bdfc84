//! Worlds whose orders' group elects its own leader, by Raft: which ones, and what is done to them besides.
//!
//! Everything here is drawn from a stream of its own, so that all other worlds stay what they were.

use crate::directed::Step;
use crate::rng::Rng;
use crate::scenario::Scenario;
use crate::world::faults::{Action, Target};

/// Fewest replicas that are worth electing.
const FEWEST: u8 = 3;

/// The orders' group where it elects its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrdersGroup {
    /// Entries that a leader keeps in memory for followers that lag; who misses more is sent a snapshot.
    pub tail: u64,
    /// What the group goes through besides, if anything.
    pub trial: Option<Trial>,
}

/// What is done to a group again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Its leader is cut off from the others, but not from catalogs and gateways: it does not know that it was deposed, and the
    /// register still means it.
    LeaderCutOff,
    /// Its leader sleeps, and wakes up while another one leads.
    LeaderSleeps,
    /// A follower is away for long, and the leader dies while it is brought level.
    FollowerLeftBehind,
    /// The leader cannot reach the catalogs, so its group keeps a leader that cannot serve.
    LeaderWithoutCatalog,
}

const TRIALS: [Trial; 4] = [
    Trial::LeaderCutOff,
    Trial::LeaderSleeps,
    Trial::FollowerLeftBehind,
    Trial::LeaderWithoutCatalog,
];

/// Draws whether the orders' group elects, in one of four worlds where it is large enough.
pub fn draw(scenario: &mut Scenario) {
    let rng = &mut Rng::new(scenario.seed, 3);
    if scenario.orders >= FEWEST && rng.chance(0.25) {
        elect(scenario, rng);
    }
}

/// Makes the orders' group elect its leader, whatever was drawn.
pub fn force(scenario: &mut Scenario) {
    if scenario.orders_group.is_none() {
        let rng = &mut Rng::new(scenario.seed, 4);
        scenario.orders = scenario.orders.max(FEWEST);
        elect(scenario, rng);
    }
}

fn elect(scenario: &mut Scenario, rng: &mut Rng) {
    let tail = *rng.pick(&[4, 20, 200, 65_536]);
    // A prepared situation stays what it is.
    let trial = (scenario.directed.is_none() && rng.chance(0.5)).then(|| *rng.pick(&TRIALS));
    scenario.orders_group = Some(OrdersGroup { tail, trial });
    let Some(trial) = trial else { return };
    let mut at = 400_000;
    while at < 3_500_000 {
        at = undergo(trial, rng, at, &mut scenario.steps);
    }
    scenario.heal_at = scenario.heal_at.max(at + 300_000);
}

/// One round of a trial from a moment on; says when the next one may begin.
fn undergo(trial: Trial, rng: &mut Rng, at: u64, steps: &mut Vec<Step>) -> u64 {
    let (leader, others) = (Target::Leader, [Target::Follower(0), Target::Follower(1)]);
    let lasting = rng.between_log(100_000, 2_000_000);
    let both = rng.chance(0.4);
    match trial {
        Trial::LeaderCutOff => {
            let (mut from, mut to) = (vec![leader], others.to_vec());
            if rng.chance(0.5) {
                (from, to) = (to, from);
            }
            steps.push(Step { at, action: Action::Split { from, to, both, lasting } });
        }
        Trial::LeaderSleeps => {
            steps.push(Step { at, action: Action::Pause { target: leader, lasting } });
        }
        Trial::FollowerLeftBehind => {
            let away = *rng.pick(&others);
            steps.push(Step { at, action: Action::Crash { target: away, down: lasting } });
            let soon = at + lasting + rng.below(60_000);
            let down = rng.between(50_000, 600_000);
            steps.push(Step { at: soon, action: Action::Crash { target: leader, down } });
        }
        Trial::LeaderWithoutCatalog => {
            let (mut from, mut to) = (leader, Target::CatalogLeader);
            if rng.chance(0.5) {
                (from, to) = (to, from);
            }
            steps.push(Step { at, action: Action::Block { from, to, both, lasting } });
        }
    }
    at + lasting + rng.between(100_000, 700_000)
}

#[cfg(test)]
mod tests {
    use super::{TRIALS, Trial};
    use crate::scenario::Scenario;

    #[test]
    fn about_a_fifth_of_the_worlds_elects_and_many_of_them_are_tried() {
        let worlds = || (0..2_000).map(Scenario::draw).filter_map(|world| world.orders_group);
        let count = worlds().count();
        assert!((360..540).contains(&count), "{count}");
        for wanted in TRIALS {
            let tried = |trial: Option<Trial>| trial == Some(wanted);
            assert!(worlds().filter(|group| tried(group.trial)).count() >= 15, "{wanted:?}");
        }
    }
}
