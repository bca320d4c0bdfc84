//! What the customers' group agrees on: a command of the law, in an envelope that says who proposed it.
//!
//! The envelope is no matter of the law: it lets a member know its own commands again when they are delivered, wherever they
//! stand, and answer whoever asked. Commands of others, and of this member's earlier lives, are nobody's here.

use market::codec::CodecError;
use market::customers::{Command as Law, decode_command, encode_command};
use replication::contract::{Command as Bytes, ReplicaId};

/// Version of the encoding, the first byte of every command. A reader refuses versions it does not know.
const VERSION: u8 = 1;

/// Length of what stands before the law's command: version, member, start, number.
const HEAD: usize = 18;

/// Names one proposal of one member, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Who proposed it.
    pub member: ReplicaId,
    /// In which of its lives: the start's number.
    pub boot: u64,
    /// Counted by that life.
    pub number: u64,
}

/// One command of the customers' group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Who proposed it.
    pub origin: Origin,
    /// What to do.
    pub law: Law,
}

/// A command that cannot be read: written by a newer version, or not by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableCommand {
    /// Another version, or no head at all.
    #[error("a command of another version, was it written by a newer one?")]
    Version,
    /// What the law cannot read.
    #[error("a command that the law cannot read: {0}")]
    Law(#[from] CodecError),
}

impl Command {
    /// Bytes to agree on.
    pub fn encode(&self) -> Bytes {
        let law = encode_command(&self.law);
        let mut out = Vec::with_capacity(HEAD + law.len());
        out.extend([VERSION, self.origin.member]);
        out.extend(self.origin.boot.to_be_bytes());
        out.extend(self.origin.number.to_be_bytes());
        out.extend(law);
        Bytes::from(out)
    }

    /// Reads what [`Command::encode`] wrote. Total.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableCommand> {
        let (head, law) = bytes.split_first_chunk::<HEAD>().ok_or(UnreadableCommand::Version)?;
        let [VERSION, member, numbers @ ..] = head else { return Err(UnreadableCommand::Version) };
        let half = |bytes: &[u8]| bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let (boot, number) = (half(&numbers[..8]), half(&numbers[8..]));
        let origin = Origin { member: *member, boot, number };
        Ok(Command { origin, law: decode_command(law)? })
    }
}
