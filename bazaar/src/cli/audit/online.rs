//! The audit of a running deployment.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use market::audit::{CatalogSide, OrderScan, OrdersSide};
use market::order::OrderNumber;
use tokio::time::{Instant, sleep};
use wire::inspect::CatalogState;

use super::{AuditError, Outcome, Unreachable};
use crate::config::{Config, Replica};
use crate::links::{InspectError, Inspection, inspect_client};
use crate::service::STORED;

/// How often a replica that is not level is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

pub(super) async fn audit(config: &Config, wait: Duration) -> Result<Outcome, AuditError> {
    let catalog = config.catalog.replicas.first().ok_or(AuditError::NoCatalog)?;
    let state = ask_catalog(&catalog.address.to_string()).await?;
    let deadline = Instant::now() + wait;
    let mut sides = Vec::new();
    let mut unreachable = Vec::new();
    for replica in &config.orders.replicas {
        match read(replica, state.next_number, deadline).await {
            Ok(side) => sides.push(side),
            Err(error) => unreachable.push(Unreachable {
                service: format!("orders-{}", replica.id),
                reason: error.to_string(),
            }),
        }
    }
    let side = catalog_side(state);
    Ok(Outcome { report: market::audit::audit(Some(&side), &sides), unreachable })
}

async fn ask_catalog(address: &str) -> Result<CatalogState, AuditError> {
    let ask = async { inspect_client(address).await?.catalog().await };
    ask.await.map_err(|source| AuditError::Catalog { address: address.to_owned(), source })
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
    deadline: Instant,
) -> Result<OrdersSide, InspectError> {
    let mut client = inspect_client(&replica.address.to_string()).await?;
    wait_for(&mut client, to, deadline).await?;
    let bar = progress(replica.id, to);
    let mut scan = OrderScan::new([to]);
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
        let stored = client.status().await?.counters.get(STORED).copied().unwrap_or(0);
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
