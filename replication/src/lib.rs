//! The agreement: one contract of replication, several engines behind it.
//!
//! Everything here is a deterministic state machine: time and input come in, effects go out. What a
//! command *means* is unknown here (it is bytes), and so are clocks, sockets, files and threads.

pub mod contract;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod primary_backup;
pub mod raft;
pub mod register;
pub mod rotating_sequencer;
pub mod solo;
pub mod time;
