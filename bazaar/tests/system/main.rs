//! The whole system, as processes: started, killed, paused, damaged, and asked for the truth afterwards.
//!
//! Every test has a deployment of its own: a folder, ports, up to nine processes of the real binary. Tests wait for
//! conditions, with one generous deadline; when a test fails, the ends of the services' logs are printed.
//!
//! `BAZAAR_CHAOS_SECONDS` lengthens the chaos tests (`chaos`, `minority`), `BAZAAR_CHAOS_SEED` chooses their victims, `BAZAAR_TEST_KEEP=1` keeps
//! the folders.

mod away;
mod cache;
mod catalogs;
mod chaos;
mod coherence;
mod commands;
mod contract;
mod crash;
mod customers;
mod elected_orders;
mod harness;
mod keys;
mod minority;
mod outage;
mod overload;
mod pause;
mod refuse;
mod repair;
mod restart;
mod restock;
