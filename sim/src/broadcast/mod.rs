//! Worlds for the rotating sequencer: groups of 3, 5 or 7 engines behind the contract, with nothing of the law around them.
//!
//! The engines are those that ship. Around them a seed puts a network that loses up to 40 % of all datagrams, doubles, delays and
//! reorders them, cuts any direction of any pair, kills members, puts them to sleep, takes the writes that were not synced
//! from their disks, and sometimes the disks. Clients propose at several members at once. [`check`] holds every message, write and
//! delivery against the protocol's properties. Then all troubles end, but for some loss, and everything must come to an end soon.
//!
//! Source of the protocol and its properties: PROTOCOLS.md, part D; of this kind of test: E.2 to E.5.

mod actions;
pub mod ambush;
mod build;
pub mod check;
mod clients;
mod disk;
pub mod faults;
pub mod marks;
mod member;
mod notice;
mod perform;
pub mod scenario;
mod show;
mod snapshots;
pub mod start;
mod world;

use replication::mutants::Mutant;

use crate::trace::Keep;
use crate::world::Outcome;
use build::Build;
use scenario::Scenario;
use world::World;

/// Runs the world of a seed.
pub fn run_seed(seed: u64, mutant: Option<Mutant>, keep: Keep) -> Outcome {
    let scenario = Scenario::draw(seed);
    World::new(&scenario, &Build { mutant }, keep).run()
}
