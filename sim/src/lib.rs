//! The dream: the very code of the processes under virtual time, with every fault that a seed can draw, and judges that
//! look at what clients saw and at what the disks hold.
//!
//! A world is a function of its seed: one thread, one event queue, one stream of chance. Nothing here is ever shipped.

pub mod broadcast;
pub mod build;
pub mod campaign;
pub mod clients;
pub mod directed;
pub mod history;
pub mod invariants;
pub mod marks;
pub mod mutant;
pub mod orders_group;
pub mod rng;
pub mod scenario;
pub mod trace;
pub mod watch;
pub mod world;
