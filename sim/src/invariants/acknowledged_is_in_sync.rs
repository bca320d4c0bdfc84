//! A trade is acknowledged only once its order is durable on every replica of the in-sync set.
//!
//! Source: PROTOCOLS.md A.5 (commit counts the maximal in-sync set), A.7 (I3, I4); `ack = "in-sync"`. Judged at the moment an orders
//! leader answers, against the disks themselves.

use node::message::{Outcome, TradeReply};
use replication::contract::ReplicaId;
use replication::register::Configuration;

use super::Broken;
use crate::world::host::{Host, orders_disk};

const NAME: &str = "acknowledged_is_in_sync";

/// An order replica answers trades.
pub fn judge(
    hosts: &[Host],
    from: ReplicaId,
    newest: &Configuration,
    replies: &[(u64, TradeReply)],
) -> Result<(), Broken> {
    // A deposed leader that has not heard of it may still answer what was safe in its own epoch.
    if newest.leader != Some(from) {
        return Ok(());
    }
    let highest = replies.iter().filter_map(|(_, reply)| match reply {
        TradeReply::Done(Outcome::Order(number)) => Some(*number),
        _ => None,
    });
    let Some(highest) = highest.max() else { return Ok(()) };
    for id in &newest.in_sync {
        let Some(disk) = orders_disk(hosts, *id) else { continue };
        let counted = newest.incarnations.get(id) == Some(&disk.incarnation());
        if counted && disk.durable_end() <= highest {
            return Err((
                NAME,
                format!(
                    "order {highest} is acknowledged by {from}, but replica {id} holds only {} orders durably; {newest:?}",
                    disk.durable_end()
                ),
            ));
        }
    }
    Ok(())
}
