//! When all troubles are over, all members are in one view, and whatever a running member took is delivered everywhere, soon.
//!
//! Source: PROTOCOLS.md D.4, validity; E.3, liveness: "heal all faults, then every pending operation completes and all replicas
//! converge". What a member took in an earlier start may be lost, if nobody delivered it.

use super::Standing;
use super::one_sequence::OneSequence;
use super::proposals::Proposals;

/// The property's name.
pub const NAME: &str = "progress_after_healing";

/// Longest time from healing to the end, in µs of virtual time. A change of view takes some 300 ms, a snapshot a little longer;
/// where a third of all datagrams stays lost each of them is tried a few times.
pub const WITHIN: u64 = 15_000_000;

/// What is still to come, or `None` if the world has come to its good end.
pub fn lacking(
    members: &[Standing],
    sequence: &OneSequence,
    proposals: &Proposals,
) -> Option<String> {
    if let Some(outside) = members.iter().find(|member| !member.installed) {
        return Some(format!("member {} is in no view", outside.id));
    }
    if members.iter().any(|member| member.view != members[0].view) {
        return Some("members are in different views".to_owned());
    }
    if let Some(behind) = members.iter().find(|member| member.cursor != sequence.end()) {
        return Some(format!(
            "member {} delivered {} of {}",
            behind.id,
            behind.cursor,
            sequence.end()
        ));
    }
    let lives = |member: u8| {
        members.iter().find(|standing| standing.id == member).map(|standing| standing.life)
    };
    let waits = proposals.iter().find(|proposal| {
        let alive = lives(proposal.member) == Some(proposal.life);
        proposal.taken && alive && proposal.position.is_none()
    });
    waits.map(|proposal| {
        format!("command {} of member {} is delivered nowhere", proposal.count, proposal.member)
    })
}
