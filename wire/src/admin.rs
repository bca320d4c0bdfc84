//! What `bazaar member` asks for: changes of a group's members.

use replication::contract::{MemberChange, MemberError, ReplicaId};

use crate::convert::{replica, required};
use crate::error::DecodeError;
use crate::register::{decode_disk, encode_disk};
use crate::v1;

impl From<MemberChange> for v1::MemberRequest {
    fn from(change: MemberChange) -> Self {
        use v1::member_request::Change as Wire;
        let change = match change {
            MemberChange::Add(replica, disk) => Wire::Add(encode_disk((replica, disk))),
            MemberChange::Remove(replica) => Wire::Remove(replica.into()),
        };
        v1::MemberRequest { change: Some(change) }
    }
}

impl TryFrom<v1::MemberRequest> for MemberChange {
    type Error = DecodeError;

    fn try_from(request: v1::MemberRequest) -> Result<Self, DecodeError> {
        use v1::member_request::Change as Wire;
        Ok(match required(request.change, "change of members")? {
            Wire::Add(disk) => {
                let (replica, disk) = decode_disk(disk)?;
                MemberChange::Add(replica, disk)
            }
            Wire::Remove(member) => MemberChange::Remove(replica(member)?),
        })
    }
}

fn encode_refusal(refusal: MemberError) -> v1::MemberRefusal {
    use v1::member_refusal::Refusal as Wire;
    let id = |member: ReplicaId| u32::from(member);
    let refusal = match refusal {
        MemberError::NotLeader { leader } => {
            Wire::NotLeader(v1::AskLeader { leader: leader.map(id) })
        }
        MemberError::UnderWay => Wire::UnderWay(v1::Empty {}),
        MemberError::IsMember(member) => Wire::IsMember(id(member)),
        MemberError::NoMember(member) => Wire::NoMember(id(member)),
        MemberError::LastVoter(member) => Wire::LastVoter(id(member)),
        MemberError::NotHeard(member) => Wire::NotHeard(id(member)),
        MemberError::Fixed => Wire::Fixed(v1::Empty {}),
    };
    v1::MemberRefusal { refusal: Some(refusal) }
}

fn decode_refusal(refusal: v1::MemberRefusal) -> Result<MemberError, DecodeError> {
    use v1::member_refusal::Refusal as Wire;
    Ok(match required(refusal.refusal, "refusal of a change of members")? {
        Wire::NotLeader(ask) => {
            MemberError::NotLeader { leader: ask.leader.map(replica).transpose()? }
        }
        Wire::UnderWay(v1::Empty {}) => MemberError::UnderWay,
        Wire::IsMember(member) => MemberError::IsMember(replica(member)?),
        Wire::NoMember(member) => MemberError::NoMember(replica(member)?),
        Wire::LastVoter(member) => MemberError::LastVoter(replica(member)?),
        Wire::NotHeard(member) => MemberError::NotHeard(replica(member)?),
        Wire::Fixed(v1::Empty {}) => MemberError::Fixed,
    })
}

impl From<Result<(), MemberError>> for v1::MemberReply {
    fn from(outcome: Result<(), MemberError>) -> Self {
        v1::MemberReply { refusal: outcome.err().map(encode_refusal) }
    }
}

/// Was the change taken, and if not, why?
pub fn decode_reply(reply: v1::MemberReply) -> Result<Result<(), MemberError>, DecodeError> {
    Ok(match reply.refusal {
        None => Ok(()),
        Some(refusal) => Err(decode_refusal(refusal)?),
    })
}
