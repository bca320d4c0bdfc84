//! What any replica of a group that elects its leader applies is on the disks of a majority of its voters.
//!
//! Source: Ongaro and Ousterhout (2014), section 5.3 (an entry is committed once a majority stored it durably) and 5.4,
//! Leader Completeness, which rests on it; the durability promise of `replication::contract`. Judged at the moment a
//! replica applies, against the disks themselves.

use std::collections::BTreeSet;

use replication::contract::{Position, ReplicaId};

use super::Broken;

const NAME: &str = "applied_is_on_a_majority";

/// A replica applies a prefix. `holds` says whether it is on a replica's disk, `views` are the sets of voters that may have committed
/// it.
pub fn judge(
    holds: impl Fn(ReplicaId) -> bool,
    views: &[&BTreeSet<ReplicaId>],
    position: Position,
) -> Result<(), Broken> {
    let good = views.iter().any(|voters| {
        let count = voters.iter().filter(|id| holds(**id)).count();
        count > voters.len() / 2
    });
    match good {
        true => Ok(()),
        false => Err((
            NAME,
            format!("position {position} is applied, but not on a majority of {views:?}"),
        )),
    }
}
