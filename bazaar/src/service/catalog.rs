//! A catalog replica as a service.

use std::sync::Arc;

use node::catalog::{CatalogConfig, CatalogProcess, RestockConfig};
use node::service::ServiceId;

use super::inspect::CatalogInspector;
use super::stop::Stop;
use super::wiring::{Later, Running};
use super::{ServiceError, links_config, open_data, tell};
use crate::config::{Config, read_listings};
use crate::driver::{Disk, clock};
use crate::storage::store::WriterOptions;
use crate::telemetry::{EventSink, Metrics};

pub(super) async fn serve(
    config: &Config,
    service: ServiceId,
    fresh: bool,
    stop: Stop,
) -> Result<(), ServiceError> {
    let opened = open_data(config, service, fresh)?;
    let metrics = Metrics::install(service)?;
    tokio::spawn(metrics.keep_up());
    let sink = EventSink::new(service, None);
    tell(&sink, &opened.notes);
    let listings = read_listings(&config.catalog)?;
    let process = CatalogProcess::start(
        settings(config, service),
        clock::now(),
        opened.boot,
        opened.recovered,
        opened.rows,
        listings,
    )?;
    let seat = Later::default();
    let inspector = Arc::new(CatalogInspector::new(config, service, opened.incarnation, &seat));
    let disk = Disk { log: opened.log, store: opened.store, writer: WriterOptions::default() };
    let running =
        Running::start(links_config(config, service)?, sink, inspector, process, Some(disk))
            .await?;
    seat.get_or_init(|| (running.handle.clone(), running.links.clone()));
    running.until_stopped(stop, async {}).await
}

fn settings(config: &Config, service: ServiceId) -> CatalogConfig {
    let restock = config.catalog.restock;
    CatalogConfig {
        id: service.id,
        restock: restock
            .enabled
            .then(|| RestockConfig { interval: restock.interval.span(), level: restock.level }),
        orders: config.orders.replicas.iter().map(|replica| replica.id).collect(),
    }
}
