//! What is delivered anywhere is on the disks of a majority of the universe, never of the view.
//!
//! Source: PROTOCOLS.md D.4, key lemma; SPEC.md section 4, condition (2) of delivery. A disk that was lost meanwhile counts as far
//! as it had come: the loss was allowed, and a majority holds the command all the same.

use replication::contract::Position;

use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "delivered_is_on_a_majority";

/// Somebody delivers a position first; each member's disk has, or had when it was lost, everything up to one of these.
pub fn delivered(position: Position, disks: &[Position]) -> Result<(), Broken> {
    let have = disks.iter().filter(|disk| **disk >= position).count();
    if have * 2 <= disks.len() {
        return Err((NAME, format!("{position} is delivered, and the disks have {disks:?}")));
    }
    Ok(())
}
