//! What Raft's replicas say to each other, free of the library's own types.

use bytes::Bytes;

use crate::contract::{Epoch, Incarnation, Position, SnapshotName};

/// What a message is about. The number is its name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Entries from the leader.
    Append = 1,
    /// Answer to them.
    AppendAnswer = 2,
    /// A candidate asks for a vote.
    Vote = 3,
    /// Answer to it.
    VoteAnswer = 4,
    /// Somebody asks whether it would get votes.
    PreVote = 5,
    /// Answer to it.
    PreVoteAnswer = 6,
    /// The leader is there.
    Heartbeat = 7,
    /// So is the follower.
    HeartbeatAnswer = 8,
    /// Take the snapshot that you have staged.
    Snapshot = 9,
    /// Campaign at once: the leader hands over.
    CampaignNow = 10,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 10] = [
        Kind::Append,
        Kind::AppendAnswer,
        Kind::Vote,
        Kind::VoteAnswer,
        Kind::PreVote,
        Kind::PreVoteAnswer,
        Kind::Heartbeat,
        Kind::HeartbeatAnswer,
        Kind::Snapshot,
        Kind::CampaignNow,
    ];
}

/// One entry on its way: the envelope that also stands in the log (`docs/protocols/raft.md`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Place in the log.
    pub position: Position,
    /// What the log holds there: kind, term and command.
    pub envelope: Bytes,
}

/// One message. Which fields count depends on the kind; the others are zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is about.
    pub kind: Kind,
    /// The sender's disk.
    pub incarnation: Incarnation,
    /// The disk it is meant for; 0 if the sender does not know it.
    pub to_incarnation: Incarnation,
    /// The sender's term.
    pub term: Epoch,
    /// Term of the entry at `index`.
    pub log_term: Epoch,
    /// A place in the log.
    pub index: Position,
    /// What the sender knows to be committed.
    pub commit: Position,
    /// Its term.
    pub commit_term: Epoch,
    /// Entries that follow `index`.
    pub entries: Vec<LogEntry>,
    /// No.
    pub reject: bool,
    /// Where to look instead.
    pub reject_hint: Position,
    /// Comes back unread in the answer (barriers), or says why there is a campaign.
    pub context: Bytes,
    /// The snapshot to take.
    pub snapshot: Option<SnapshotName>,
}
