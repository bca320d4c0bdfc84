//! The audit of a stopped deployment: what the folders hold is what is judged.

use market::audit::{CatalogSide, OrderScan, OrdersSide};
use node::catalog::{Command, State};
use node::service::ServiceId;

use super::{AuditError, Outcome, Unreachable};
use crate::config::Config;
use crate::service::look_at_data;
use crate::storage::Opened;

/// Rows read from the history at once.
const PAGE: usize = 4_096;

pub(super) fn audit(config: &Config) -> Result<Outcome, AuditError> {
    let catalog = config.catalog.replicas.first().ok_or(AuditError::NoCatalog)?;
    let side = catalog_side(config, ServiceId::catalog(catalog.id))?;
    let mut sides = Vec::new();
    let mut unreachable = Vec::new();
    for replica in &config.orders.replicas {
        match orders_side(config, replica.id) {
            Ok(side) => sides.push(side),
            Err(error) => unreachable.push(Unreachable {
                service: format!("orders-{}", replica.id),
                reason: error.to_string(),
            }),
        }
    }
    Ok(Outcome { report: market::audit::audit(Some(&side), &sides), unreachable })
}

fn open(config: &Config, service: ServiceId) -> Result<Opened, AuditError> {
    let dir = config.data_of(service);
    if !dir.exists() {
        return Err(AuditError::NoData(dir.display().to_string()));
    }
    look_at_data(config, service)
        .map_err(|source| AuditError::Storage { service: service.to_string(), source })
}

/// The catalog as its store and the log above it have it.
fn catalog_side(config: &Config, service: ServiceId) -> Result<CatalogSide, AuditError> {
    let contents = |reason: String| AuditError::Contents { service: service.to_string(), reason };
    let opened = open(config, service)?;
    let mut state = State::load(opened.rows).map_err(|error| contents(error.to_string()))?;
    let mut changes = Vec::new();
    for entry in &opened.recovered.entries {
        let command =
            Command::decode(&entry.command).map_err(|error| contents(error.to_string()))?;
        state.apply(entry.position, &command, &mut changes);
        changes.clear();
    }
    Ok(CatalogSide::of(&state.law))
}

/// A replica's orders: its store's, then those that only its log has.
fn orders_side(config: &Config, id: u8) -> Result<OrdersSide, AuditError> {
    let service = ServiceId::orders(id);
    let opened = open(config, service)?;
    let mut scan = OrderScan::new([]);
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
    opened.recovered.entries.iter().for_each(|entry| feed(&mut scan, entry));
    Ok(scan.finish(id))
}

fn feed(scan: &mut OrderScan, entry: &replication::contract::Entry) {
    let value = [&entry.hash.0[..], &entry.command].concat();
    scan.feed_row(&entry.position.to_be_bytes(), &value);
}
