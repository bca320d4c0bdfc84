//! Tests of a member of the customers' group: on the bench with a scripted engine, and three of them with a real one.

mod envelope;
mod harness;
mod reads;
mod snapshots;
mod standing;
mod upkeep;
mod wishes;
mod world;
