//! A barrier passes only when everything that anybody had delivered when it was asked for was delivered here.
//!
//! Source: the contract's fifth promise; PROTOCOLS.md D.3, reads. Whatever was delivered anywhere may have been acknowledged to
//! a client there, so it is what a later question must reflect.

use std::collections::BTreeMap;

use replication::contract::{Barrier, Position};

use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "barriers_are_fresh";

/// A member's open barriers, each with the end of the sequence when it was asked for.
#[derive(Default)]
pub struct Barriers(BTreeMap<Barrier, Position>);

impl Barriers {
    /// Asked for.
    pub fn asked(&mut self, barrier: Barrier, end: Position) {
        self.0.insert(barrier, end);
    }

    /// The member, which has delivered up to `cursor`, lets it pass.
    pub fn passed(&mut self, member: u8, barrier: Barrier, cursor: Position) -> Result<(), Broken> {
        match self.0.remove(&barrier) {
            None => Err((
                NAME,
                format!("member {member} passes barrier {barrier}, which nobody waits for"),
            )),
            Some(end) if end > cursor => Err((
                NAME,
                format!(
                    "member {member} passes barrier {barrier} at {cursor}; {end} was delivered when it was asked for"
                ),
            )),
            Some(_) => Ok(()),
        }
    }

    /// The member crashed, or left its view: nobody waits any more.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}
