//! An orders leader lets the catalog cut its outbox only below what at least two disks hold that count: of the in-sync set or, where
//! the group elects its leader, of its voters.
//!
//! Source: PROTOCOLS.md B.3 (what makes one survivor as durable as three); DESIGN.md section 3, step 5. Judged at the moment the
//! leader says so, against the disks themselves.

use node::message::Trim;
use replication::register::Configuration;

use super::Broken;
use super::acknowledged_is_on_a_majority::Placed;
use crate::watch::GroupWatch;
use crate::world::host::{Host, orders_disk};

const NAME: &str = "trimmed_is_on_two_disks";

/// A leader says what need not be kept.
pub fn judge(hosts: &[Host], newest: &Configuration, trim: &Trim) -> Result<(), Broken> {
    // Another version: the catalog will not listen.
    if (trim.epoch, trim.version) != (newest.epoch, newest.version) {
        return Ok(());
    }
    let holders = newest.in_sync.iter().filter(|id| {
        orders_disk(hosts, **id).is_some_and(|disk| {
            // A disk lost since it acknowledged did hold it; the version moves on once it enrols anew.
            newest.incarnations.get(*id) != Some(&disk.incarnation())
                || disk.durable_end() >= trim.keep_from
        })
    });
    let count = holders.count();
    if count < 2 {
        return Err((NAME, format!("{trim:?}, but only {count} disks hold it; {newest:?}")));
    }
    Ok(())
}

/// The same of a leader that its group elected. Nothing is cut that no replica applied; and what was is the same for all of them.
pub fn judge_elected(
    hosts: &[Host],
    group: &GroupWatch,
    placed: &Placed,
    newest: &Configuration,
    trim: &Trim,
) -> Result<(), Broken> {
    let Some(last) = trim.keep_from.checked_sub(1) else { return Ok(()) };
    if (trim.epoch, trim.version) != (newest.epoch, newest.version) {
        return Ok(());
    }
    let Some((position, hash)) = placed.of(last) else {
        return Err((NAME, format!("{trim:?}, but no replica applied order {last}")));
    };
    let voters = group.voting().iter();
    let count = voters.filter(|id| group.holds(hosts, **id, position, hash)).count();
    if count < 2 {
        return Err((NAME, format!("{trim:?}, but only {count} voters' disks hold {position}")));
    }
    Ok(())
}
