//! Raft.

mod message;

pub use message::{Kind, LogEntry, Message};
