//! The mind: the whole behaviour of each process of Bazaar, without I/O.
//!
//! A process is a [`process::Process`]: inputs in, effects out. The body performs the effects for real, the
//! simulator performs them under virtual time; both run the very same code.

pub mod catalog;
mod catalog_route;
pub mod customers;
pub mod gateway;
mod law_clock;
pub mod limits;
pub mod message;
pub mod orders;
pub mod process;
mod replica;
pub mod service;
pub mod snapshot;
#[cfg(test)]
mod tests;

pub use replica::HASH_KEY;
