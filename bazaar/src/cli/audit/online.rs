//! The audit of a running deployment.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use market::audit::{CatalogSide, OrderScan, OrdersSide};
use market::order::OrderNumber;
use tokio::time::{Instant, sleep};
use wire::inspect::CatalogState;

use super::catalogs::against_orders;
use super::{AuditError, Outcome, Unreachable, online_catalogs};
use crate::config::{Config, Replica};
use crate::links::{InspectError, Inspection, inspect_client};
use crate::service::ORDERS_STORED;

/// How often a replica that is not level is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

pub(super) async fn audit(config: &Config, wait: Duration) -> Result<Outcome, AuditError> {
    let deadline = Instant::now() + wait;
    let group = online_catalogs::read(config, deadline).await?;
    let counts: Vec<u64> = group.states.values().map(|state| state.next_number).collect();
    let mut sides = Vec::new();
    let mut unreachable = group.unreachable;
    for replica in &config.orders.replicas {
        match read(replica, group.reference.next_number, &counts, deadline).await {
            Ok(side) => sides.push(side),
            Err(error) => unreachable.push(Unreachable {
                service: format!("orders-{}", replica.id),
                reason: error.to_string(),
            }),
        }
    }
    let mut disagreements = group.disagreements;
    for (id, state) in &group.states {
        disagreements.extend(against_orders(*id, state, &sides));
    }
    let report = market::audit::audit(Some(&catalog_side(group.reference)), &sides);
    Ok(Outcome { report, catalogs: group.lines, disagreements, unreachable })
}

/// Every replica is read up to the catalog's next number, so nothing needs the outbox to be level.
fn catalog_side(state: CatalogState) -> CatalogSide {
    CatalogSide {
        listings: state.listings,
        next: state.next_number,
        chain: state.chain,
        outbox_first: state.next_number,
        outbox: Vec::new(),
    }
}

async fn read(
    replica: &Replica,
    to: OrderNumber,
    counts: &[u64],
    deadline: Instant,
) -> Result<OrdersSide, InspectError> {
    let mut client = inspect_client(&replica.address.to_string()).await?;
    wait_for(&mut client, to, deadline).await?;
    let bar = progress(replica.id, to);
    let mut scan = OrderScan::new(counts.iter().copied().chain([to]));
    let mut pages = client.orders(0, to).await?;
    while let Some(page) = pages.next().await? {
        for (number, row) in (page.first..).zip(&page.rows) {
            let value = [&row.chain.0[..], &row.encoded].concat();
            scan.feed_row(&(number + 1).to_be_bytes(), &value);
        }
        bar.inc(page.rows.len() as u64);
    }
    bar.finish_and_clear();
    Ok(scan.finish(replica.id))
}

/// Waits until the replica's store holds every order below `to`, or the time is over: then it is read as far as it goes.
async fn wait_for(
    client: &mut Inspection,
    to: OrderNumber,
    deadline: Instant,
) -> Result<(), InspectError> {
    loop {
        let stored = client.status().await?.counters.get(ORDERS_STORED).copied().unwrap_or(0);
        if stored >= to || Instant::now() >= deadline {
            return Ok(());
        }
        sleep(ASK_AGAIN).await;
    }
}

fn progress(id: u8, orders: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix} [{wide_bar}] {pos}/{len} orders, {per_sec}")
        .expect("the template is a constant");
    ProgressBar::new(orders).with_style(style).with_prefix(format!("orders-{id}"))
}
