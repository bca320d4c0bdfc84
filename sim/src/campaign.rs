//! One seed, or many: each its own world; marks added up, failures kept.

use crate::broadcast;
use crate::build::Real;
use crate::invariants::Violation;
use crate::marks::{Marks, REQUIRED, VACUOUS_FROM};
use crate::mutant::Mutant;
use crate::scenario::Scenario;
use crate::trace::Keep;
use crate::world::{Outcome, World};

/// Every so many seeds are run twice, and the stories compared.
pub const TWICE_EVERY: u64 = 100;

/// Whose worlds are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// Gateways, catalogs and orders with their clients.
    #[default]
    Trading,
    /// The customers' group: the rotating sequencer alone.
    Customers,
}

impl Group {
    /// Runs the world of a seed.
    pub fn run(self, seed: u64, mutant: Option<Mutant>, keep: Keep) -> Outcome {
        match (self, mutant) {
            (Group::Trading, mutant) => run_seed(seed, mutant, keep),
            (Group::Customers, Some(Mutant::Customers(mutant))) => {
                broadcast::run_seed(seed, Some(mutant), keep)
            }
            (Group::Customers, _) => broadcast::run_seed(seed, None, keep),
        }
    }

    /// What a seed says, in one line.
    pub fn summary(self, seed: u64) -> String {
        match self {
            Group::Trading => Scenario::draw(seed).summary(),
            Group::Customers => broadcast::scenario::Scenario::draw(seed).summary(),
        }
    }

    fn required(self) -> &'static [&'static str] {
        match self {
            Group::Trading => REQUIRED,
            Group::Customers => broadcast::marks::REQUIRED,
        }
    }
}

/// Runs the world of a seed of the trading group.
pub fn run_seed(seed: u64, mutant: Option<Mutant>, keep: Keep) -> Outcome {
    let mut scenario = Scenario::draw(seed);
    if let Some(mutant) = mutant {
        mutant.narrow(&mut scenario);
    }
    let maker = Real { mutant };
    World::new(&scenario, &maker, keep).run()
}

/// Runs a seed, some of them twice: the second story must be the first.
pub fn run_checked(group: Group, seed: u64, mutant: Option<Mutant>) -> Outcome {
    let mut outcome = group.run(seed, mutant, Keep::Nothing);
    if seed.is_multiple_of(TWICE_EVERY) && outcome.violation.is_none() {
        outcome.marks.hit("seeds run twice");
        let again = group.run(seed, mutant, Keep::Nothing);
        if (again.hash, again.events) != (outcome.hash, outcome.events) {
            outcome.violation = Some(Violation {
                invariant: "deterministic",
                at: outcome.ended_at,
                detail: format!(
                    "two runs differ: {} events and {} events",
                    outcome.events, again.events
                ),
            });
        }
    }
    outcome
}

/// What came of many seeds.
#[derive(Default)]
pub struct Tally {
    /// Whose worlds.
    pub group: Group,
    /// Worlds run.
    pub seeds: u64,
    /// Events in all of them.
    pub events: u64,
    /// Virtual time in all of them, in µs.
    pub virtual_time: u64,
    /// Situations met.
    pub marks: Marks,
    /// Seeds that failed, and how.
    pub failures: Vec<(u64, Violation)>,
}

impl Tally {
    /// Adds a world.
    pub fn add(&mut self, seed: u64, outcome: Outcome) {
        self.seeds += 1;
        self.events += outcome.events;
        self.virtual_time += outcome.ended_at;
        self.marks.merge(&outcome.marks);
        self.failures.extend(outcome.violation.map(|violation| (seed, violation)));
    }

    /// Situations that a run of this length must have met and did not.
    pub fn vacuous(&self) -> Vec<&'static str> {
        if self.seeds < VACUOUS_FROM {
            Vec::new()
        } else {
            self.marks.missing(self.group.required())
        }
    }
}
