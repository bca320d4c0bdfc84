//! The engine that ships, with the settings of a scenario, and a mutant if one is asked for.

use replication::contract::{Engine, Recovered, ReplicaId};
use replication::mutants::Mutant;
use replication::rotating_sequencer::{Config, Life, Limits, RotatingSequencer, Timing};
use replication::time::{Span, Time};

use super::scenario::{Pressure, Scenario};
use crate::rng::Rng;

/// Makes engines.
pub(super) struct Build {
    /// A deliberate bug.
    pub(super) mutant: Option<Mutant>,
}

impl Build {
    /// An engine for a member whose disk held something.
    pub(super) fn engine(
        &self,
        scenario: &Scenario,
        id: ReplicaId,
        life: Life,
        recovered: Recovered,
        now: Time,
    ) -> Result<Box<dyn Engine>, String> {
        // Every start of every member draws its own timeouts.
        let seed = scenario.seed ^ u64::from(id) << 56 ^ life.boot << 40 ^ life.incarnation << 8;
        let members = 1..=scenario.members;
        let mut config = Config::new(id, members, life.incarnation, life.boot, seed);
        config.mutant = self.mutant;
        config.assignment_mode = scenario.assignment_mode;
        // The same for all members, in all their lives.
        let mut rng = Rng::new(scenario.seed, 13);
        if scenario.pressure == Pressure::Small {
            press(&mut rng, &mut config.limits);
        }
        hurry(&mut rng, &mut config.timing);
        let engine =
            RotatingSequencer::new(config, recovered, now).map_err(|why| why.to_string())?;
        Ok(Box::new(engine))
    }
}

/// Limits that are reached all the time: each of them in two worlds of three.
fn press(rng: &mut Rng, limits: &mut Limits) {
    let mut small = |least: u64, most: u64| rng.chance(0.67).then(|| rng.between_log(least, most));
    let mut set = |limit: &mut usize, least: u64, most: u64| {
        if let Some(value) = small(least, most) {
            *limit = value as usize;
        }
    };
    set(&mut limits.undelivered, 8, 64);
    set(&mut limits.request_bytes, 20, 600);
    set(&mut limits.request_commands, 1, 8);
    set(&mut limits.request_window, 1, 8);
    set(&mut limits.repair_bytes, 50, 2_000);
    set(&mut limits.repair_entries, 1, 16);
    set(&mut limits.state_tail, 1, 16);
    set(&mut limits.notes_bytes, 300, 20_000);
    set(&mut limits.tail_bytes, 100, 4_000);
    set(&mut limits.held_bytes, 4_000, 40_000);
    let mut set = |limit: &mut u64, least: u64, most: u64| {
        if let Some(value) = small(least, most) {
            *limit = value;
        }
    };
    set(&mut limits.request_ahead, 64, 500);
    set(&mut limits.sequence_commands, 1, 16);
    set(&mut limits.sequence_ahead, 2, 64);
    set(&mut limits.early, 1, 16);
    set(&mut limits.repair_burst, 1_000, 20_000);
    set(&mut limits.tail_sequences, 1, 32);
    set(&mut limits.level, 1, 64);
    // What a member may have under way, others must keep.
    limits.request_ahead = limits.request_ahead.max(limits.undelivered as u64);
}

/// In some worlds a slow member is forgiven soon, and a bad link is tried again soon: more of that fits into a short world.
fn hurry(rng: &mut Rng, timing: &mut Timing) {
    if rng.chance(0.5) {
        timing.penalty = Span::millis(rng.between_log(100, 2_000));
        timing.steady = Span::millis(rng.between_log(100, 2_000));
    }
}
