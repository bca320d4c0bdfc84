//! Settings of a member of the customers' group.

use market::customers::Limits;
use replication::raft;

/// How the group agrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// There is nobody to agree with: one member, whose disk is the truth.
    Solo,
    /// By Raft: one member leads, the others say who.
    Raft,
    /// By a rotating sequencer: every member takes requests.
    #[default]
    RotatingSequencer,
}

impl Protocol {
    /// The protocol of a group of so many, if nobody says otherwise.
    pub const fn usual(members: usize) -> Self {
        if members > 1 { Protocol::RotatingSequencer } else { Protocol::Solo }
    }
}

/// Settings of a member of the customers' group.
#[derive(Clone, Debug)]
pub struct CustomersConfig {
    /// This member's id.
    pub id: u8,
    /// All members of the group, this one included. By Raft: those that a fresh group begins with.
    pub members: Vec<u8>,
    /// How the group agrees. The same for all members.
    pub protocol: Protocol,
    /// What the member draws its timeouts from.
    pub seed: u64,
    /// How much the customers may hold. The same for all members, or they part.
    pub law: Limits,
    /// By Raft: this member belongs to no group yet, it waits until it is made a member of one.
    pub joining: bool,
    /// By Raft: how much the engine keeps and sends at most.
    pub raft: raft::Limits,
    /// A mistake for the engine to make on purpose.
    #[cfg(feature = "mutants")]
    pub engine_mutant: Option<replication::mutants::Mutant>,
}

impl CustomersConfig {
    /// The usual settings of one member of a group.
    pub fn new(id: u8, members: Vec<u8>) -> Self {
        CustomersConfig {
            id,
            protocol: Protocol::usual(members.len()),
            members,
            seed: 0,
            law: Limits::default(),
            joining: false,
            raft: raft::Limits::default(),
            #[cfg(feature = "mutants")]
            engine_mutant: None,
        }
    }

    /// This member's place among the others, from 1.
    pub(super) fn place(&self) -> u64 {
        self.members.iter().filter(|id| **id <= self.id).count().max(1) as u64
    }
}
