//! After healing, every catalog of the group holds the same rows at the same position: law, register, and what the engine keeps.
//!
//! Source: the agreement promise of `replication::contract`; DESIGN.md section 4 (a catalog replica may be lost at will). Snapshots
//! and replay must lead to the same state, byte by byte.

use super::{Broken, Ends};

const NAME: &str = "catalogs_equal_after_healing";

/// Judges it.
pub fn judge(ends: &Ends<'_>) -> Result<(), Broken> {
    let Some(((first, known), others)) = ends.catalogs.split_first() else {
        return Err((NAME, "there is no catalog".to_owned()));
    };
    for (id, disk) in others {
        if disk.stored() != known.stored() {
            let (a, b) = (known.stored(), disk.stored());
            return Err((NAME, format!("catalog-{first} is at {a}, catalog-{id} at {b}")));
        }
        let (ours, theirs) = (known.rows(), disk.rows());
        if ours != theirs {
            let differs = ours.iter().zip(&theirs).find(|(a, b)| a != b);
            let counts = (ours.len(), theirs.len());
            return Err((
                NAME,
                format!("catalog-{first} and catalog-{id} differ: {differs:?}, rows {counts:?}"),
            ));
        }
    }
    Ok(())
}
