//! The audit of a stopped deployment: what the folders hold is what is judged.

use market::audit::{OrderScan, OrdersSide};
use node::orders::Command;
use node::service::ServiceId;
use replication::contract::Entry;
use replication::raft;

use super::catalogs::against_orders;
use super::{AuditError, Outcome, Unreachable, offline_catalogs};
use crate::config::{Config, OrdersProtocol};
use crate::service::look_at_data;
use crate::storage::Opened;

/// Rows read from the history at once.
const PAGE: usize = 4_096;

pub(super) fn audit(config: &Config) -> Result<Outcome, AuditError> {
    let together = offline_catalogs::read(config)?;
    let counts: Vec<u64> = together.agreed.iter().map(|(_, state)| state.next_number).collect();
    let mut sides = Vec::new();
    let mut unreachable = together.unreachable;
    for replica in &config.orders.replicas {
        match orders_side(config, replica.id, &counts) {
            Ok(side) => sides.push(side),
            Err(error) => unreachable.push(Unreachable {
                service: format!("orders-{}", replica.id),
                reason: error.to_string(),
            }),
        }
    }
    let mut disagreements = together.disagreements;
    for (id, state) in &together.agreed {
        disagreements.extend(against_orders(*id, state, &sides));
    }
    let report = market::audit::audit(Some(&together.side), &sides);
    Ok(Outcome { report, catalogs: together.lines, disagreements, unreachable })
}

pub(super) fn open(config: &Config, service: ServiceId) -> Result<Opened, AuditError> {
    let dir = config.data_of(service);
    if !dir.exists() {
        return Err(AuditError::NoData(dir.display().to_string()));
    }
    look_at_data(config, service)
        .map_err(|source| AuditError::Storage { service: service.to_string(), source })
}

/// A replica's orders: its store's, then those that only its log has.
fn orders_side(config: &Config, id: u8, counts: &[u64]) -> Result<OrdersSide, AuditError> {
    let service = ServiceId::orders(id);
    let opened = open(config, service)?;
    let mut scan = OrderScan::new(counts.iter().copied());
    let mut from = 1;
    loop {
        let entries = opened.store.history(from, PAGE).map_err(|error| AuditError::Storage {
            service: service.to_string(),
            source: error.into(),
        })?;
        let Some(last) = entries.last() else { break };
        from = last.position + 1;
        entries.iter().for_each(|entry| feed(&mut scan, entry));
    }
    for entry in &opened.recovered.entries {
        match config.orders.protocol {
            OrdersProtocol::PrimaryBackup => feed(&mut scan, entry),
            OrdersProtocol::Raft => feed_command(&mut scan, service, entry)?,
        }
    }
    Ok(scan.finish(id))
}

/// What Raft wrote: an order, an epoch, or its own business. An order that a majority might lack is one all the same: the catalog
/// decided it.
fn feed_command(scan: &mut OrderScan, service: ServiceId, entry: &Entry) -> Result<(), AuditError> {
    let contents = |what: &str| AuditError::Contents {
        service: service.to_string(),
        reason: format!("entry {}: {what}", entry.position),
    };
    let (_, bytes) =
        raft::read_entry(&entry.command).ok_or_else(|| contents("Raft did not write it"))?;
    if bytes.is_empty() {
        return Ok(());
    }
    match Command::decode(&bytes).map_err(|error| contents(&error.to_string()))? {
        Command::Order(order) => scan.feed(&order),
        Command::Reign(_) => {}
    }
    Ok(())
}

fn feed(scan: &mut OrderScan, entry: &Entry) {
    let value = [&entry.hash.0[..], &entry.command].concat();
    scan.feed_row(&entry.position.to_be_bytes(), &value);
}
