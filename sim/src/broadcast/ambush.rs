//! Ambushes: faults that wait for a message of a kind. The dangerous moments of a protocol are few and short; waiting for them
//! finds in a thousand worlds what chance finds in a million.

use replication::rotating_sequencer::{Body, Message};

use crate::rng::Rng;

/// A kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Commands.
    Request,
    /// A number.
    Sequence,
    /// What somebody holds.
    Status,
    /// An attempt at a view.
    Gather,
    /// The answer: what somebody holds, and a promise.
    State,
    /// A view.
    Install,
    /// The word of a member that lost its disk.
    Recover,
    /// The answer to that.
    RecoverOk,
    /// A negative acknowledgement.
    Nack,
    /// The answer to that.
    Repair,
    /// The wish to be taken into a view.
    Join,
    /// A barrier's question, or the answer.
    Barrier,
    /// The word to take a snapshot.
    Offer,
}

impl Kind {
    /// Of a message.
    pub fn of(message: &Message) -> Kind {
        match message.body {
            Body::Request { .. } => Kind::Request,
            Body::Sequence { .. } => Kind::Sequence,
            Body::Status => Kind::Status,
            Body::Nack { .. } => Kind::Nack,
            Body::Repair { .. } => Kind::Repair,
            Body::Gather { .. } => Kind::Gather,
            Body::State(_) => Kind::State,
            Body::Install(_) => Kind::Install,
            Body::Recover => Kind::Recover,
            Body::RecoverOk { .. } => Kind::RecoverOk,
            Body::Join => Kind::Join,
            Body::Ask { .. } | Body::Answer { .. } => Kind::Barrier,
            Body::Offer(_) => Kind::Offer,
        }
    }
}

/// What happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Whoever says it is killed right after.
    CrashSender,
    /// One who would hear it is killed.
    CrashReceiver,
    /// Whoever says it loses its disk right after.
    LoseSendersDisk,
    /// One who would hear it loses its disk.
    LoseReceiversDisk,
    /// Whoever says it sleeps.
    PauseSender,
    /// Whoever says it is not heard by some others any more, this message included.
    MuteSender,
    /// Everybody is killed.
    PowerCut,
}

/// A fault that waits for a message.
#[derive(Clone, Debug)]
pub struct Ambush {
    /// For which message.
    pub on: Kind,
    /// So many of them pass first.
    pub skip: u64,
    /// What happens.
    pub deed: Deed,
    /// For how long, in µs.
    pub lasting: u64,
}

const KINDS: &[Kind] = &[
    Kind::Request,
    Kind::Sequence,
    Kind::Gather,
    Kind::State,
    Kind::State,
    Kind::Install,
    Kind::Install,
    Kind::Recover,
    Kind::RecoverOk,
    Kind::Nack,
    Kind::Repair,
    Kind::Join,
    Kind::Offer,
];

const DEEDS: &[Deed] = &[
    Deed::CrashSender,
    Deed::CrashSender,
    Deed::CrashReceiver,
    Deed::LoseSendersDisk,
    Deed::LoseReceiversDisk,
    Deed::PauseSender,
    Deed::MuteSender,
    Deed::MuteSender,
    Deed::PowerCut,
];

impl Ambush {
    /// Any ambush.
    pub fn draw(rng: &mut Rng, lasting: u64) -> Ambush {
        Ambush {
            on: *rng.pick(KINDS),
            skip: rng.between_log(1, 8) - 1,
            deed: *rng.pick(DEEDS),
            lasting,
        }
    }
}
