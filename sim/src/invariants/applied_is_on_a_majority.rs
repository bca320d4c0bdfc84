//! What any catalog of a group applies is on the disks of a majority of its voters.
//!
//! Source: Ongaro and Ousterhout (2014), section 5.3 (an entry is committed once a majority stored it durably) and 5.4,
//! Leader Completeness, which rests on it; the durability promise of `replication::contract`. Judged at the moment a
//! replica applies, against the disks themselves.

use std::collections::{BTreeMap, BTreeSet};

use node::service::ServiceId;
use replication::contract::{ChainHash, Position, ReplicaId};

use super::Broken;
use crate::world::host::Host;

const NAME: &str = "applied_is_on_a_majority";

/// A replica applies a prefix. `views` are the sets of voters that may have committed it; `wiped` is what lost disks held.
pub fn judge(
    hosts: &[Host],
    views: &[&BTreeSet<ReplicaId>],
    wiped: &BTreeMap<usize, Position>,
    position: Position,
    hash: ChainHash,
) -> Result<(), Broken> {
    let holds = |id: &&ReplicaId| {
        let found = hosts.iter().position(|host| host.service == ServiceId::catalog(**id));
        found.is_some_and(|index| {
            // A disk lost since it acknowledged did hold it.
            wiped.get(&index).is_some_and(|end| position <= *end)
                || hosts[index].disk.as_ref().is_some_and(|disk| disk.holds(position, hash))
        })
    };
    let good = views.iter().any(|voters| {
        let count = voters.iter().filter(holds).count();
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
