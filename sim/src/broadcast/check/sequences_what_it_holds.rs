//! A Sequence is said only by who holds all that it stands on: every Sequence below it, every Request those cover, and every
//! Request that it covers itself.
//!
//! Source: SPEC.md section 4, conditions 1 to 3 of a Sequence; PROTOCOLS.md D.3, `try_sequence`. Judged by the speaker's own word in the same
//! message. Nothing that was delivered can be lost without it, since nobody acknowledges what he lacks; but the group would
//! wait for Requests that perhaps nobody has.

use replication::rotating_sequencer::Holds;

use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "sequences_what_it_holds";

/// A member that holds this says a Sequence. A cut never goes back, so what it covers includes what those below cover.
pub fn says(member: u8, holds: &Holds, number: u64, upto: &[u64]) -> Result<(), Broken> {
    if holds.sequences + 1 < number {
        let what = format!("says number {number} and holds Sequences up to {}", holds.sequences);
        return Err((NAME, format!("member {member} {what}")));
    }
    let lacks = |(held, upto): (&u64, &u64)| held < upto;
    match holds.requests.iter().zip(upto).position(lacks) {
        Some(of) => {
            let (held, upto) = (holds.requests[of], upto[of]);
            let what = format!("covers Requests of member {} below {upto}", of + 1);
            Err((
                NAME,
                format!("member {member} says number {number}: it {what}, and holds {held}"),
            ))
        }
        None => Ok(()),
    }
}
