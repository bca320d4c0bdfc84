//! A command is delivered at most once, and only if an engine took it.
//!
//! Source: PROTOCOLS.md D.4, integrity; the contract's second promise. A refused proposal counts as never made: its client was
//! told that it would not happen.

use replication::contract::{Entry, Position};

use super::proposals::Proposals;
use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "integrity";

/// Judges the first delivery of a position, and writes down where the command stands.
pub fn delivered(proposals: &mut Proposals, member: u8, entry: &Entry) -> Result<(), Broken> {
    let at = entry.position;
    let proposal = proposals.of(&entry.command);
    let proposal =
        proposal.ok_or_else(|| (NAME, format!("member {member} invents the command at {at}")))?;
    if !proposal.taken {
        return Err((
            NAME,
            format!("member {member} delivers at {at} what member {} had refused", proposal.member),
        ));
    }
    twice(proposal.position, at).map_err(|text| (NAME, text))?;
    proposal.position = Some(at);
    Ok(())
}

fn twice(before: Option<Position>, at: Position) -> Result<(), String> {
    match before {
        Some(before) => Err(format!("one command at {before} and at {at}")),
        None => Ok(()),
    }
}
