//! Atomic broadcast by a rotating sequencer: every member takes commands, and the right to number them moves from member to
//! member with every number.

mod message;

pub use message::{Ballot, Body, Holds, Message, Unreadable};
