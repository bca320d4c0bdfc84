//! Bringing a peer level with a snapshot: rows of the store, sent part by part beside the messages of the group's engine.
//!
//! Source: Ongaro, "Consensus: bridging theory and practice" (2014), section 5; the rows travel outside of Raft, and the engine
//! only ever speaks of a snapshot's *name*.
//!
//! # A walk through one transfer
//! 1. The leader's engine says that a peer misses more than the log still holds; [`Sender::wanted`] begins to read the store.
//! 2. One part is under way at a time: read, sent, taken, next. A part that is not answered is sent again; a peer that stays
//!    silent, or knows nothing of the transfer, is given up (the engine repeats its wish).
//! 3. The [`Receiver`] stages the rows in memory. The last part names the state that they are.
//! 4. The sender's owner is told the name, the engine asks the peer's engine to take it, and [`Receiver::take`] hands the rows over.
//!
//! # What is promised
//! - Whatever is handed out under a name are all the rows, and only the rows, that the sender's store had when it was read.
//! - Memory is bounded on both sides: one part per transfer here, one byte limit for everything staged there.
//! - Nothing rests on time but patience: a transfer that is given up is begun anew.
//!
//! # Names of transfers
//! They ascend, and never repeat between two replicas. A leader that makes its [`Sender`] when it begins to lead, from its term
//! in the upper half of the number, has both: no two leaders share a term, and a later one's transfers replace an earlier one's.

mod receive;
mod send;
#[cfg(test)]
mod tests;
mod transfers;

pub use receive::Receiver;
pub use send::Sender;
pub use transfers::Transfers;
