//! What the catalog group agrees on: the entries of its log.

use market::catalog::Command as Law;
use replication::contract::{Command as Bytes, Epoch};
use replication::register::RegisterCommand;
use serde::{Deserialize, Serialize};

/// Version of the encoding, the first byte of every entry. A reader refuses versions it does not know.
const VERSION: u8 = 1;

/// About how long an entry is, in bytes, and how much longer with each trade. Bytes are written one by one; a vector that grows with
/// them is copied again and again.
const HEAD_ROOM: usize = 32;
const TRADE_ROOM: usize = 64;

/// One entry of the catalog group's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A command of the law that needs no authority.
    Law(Law),
    /// A command of the law from the orders leader: it counts only while its epoch reigns (and, for cutting the outbox, while
    /// the configuration is the one whose in-sync set was counted).
    Fenced {
        /// The sender's epoch.
        epoch: Epoch,
        /// The configuration's version, where the in-sync set matters.
        version: Option<u64>,
        /// What to do.
        law: Law,
    },
    /// A change of the register.
    Register(RegisterCommand),
}

/// An entry that cannot be read: written by a newer version, or not by us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("catalog entry cannot be read ({reason}); was it written by a newer version?")]
pub struct UnreadableCommand {
    reason: String,
}

impl Command {
    /// Bytes for the log.
    pub fn encode(&self) -> Bytes {
        let trades = match self {
            Command::Fenced { law: Law::Trades { trades, .. }, .. } => trades.len(),
            _ => 0,
        };
        let mut out = Vec::with_capacity(HEAD_ROOM + trades * TRADE_ROOM);
        out.push(VERSION);
        let out = postcard::to_extend(self, out);
        Bytes::from(out.expect("commands have no unencodable parts"))
    }

    /// A command from the log.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableCommand> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest)
                .map_err(|error| UnreadableCommand { reason: error.to_string() }),
            Some((version, _)) => Err(UnreadableCommand { reason: format!("version {version}") }),
            None => Err(UnreadableCommand { reason: "empty".to_owned() }),
        }
    }
}
