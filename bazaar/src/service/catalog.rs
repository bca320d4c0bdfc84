//! A catalog replica as a service.

use std::sync::Arc;

use node::catalog::{CatalogConfig, CatalogProcess, RestockConfig};
use node::service::ServiceId;

use super::figures::Figures;
use super::inspect::CatalogInspector;
use super::stop::Stop;
use super::watch::Watch;
use super::wiring::{Later, Running};
use super::{DRAIN, ServiceError, links_config, open_data, tell};
use crate::config::{Config, read_listings};
use crate::driver::{Disk, clock};
use crate::links::Links;
use crate::storage::store::WriterOptions;
use crate::telemetry::{EventSink, Metrics};

pub(super) async fn serve(
    config: &Config,
    service: ServiceId,
    fresh: bool,
    mut stop: Stop,
) -> Result<(), ServiceError> {
    let metrics = Metrics::install(service)?;
    tokio::spawn(metrics.clone().keep_up());
    let Some(opened) = open_data(config, service, fresh, &mut stop).await? else { return Ok(()) };
    let watch = Watch::bind(config, service).await?;
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
    let (handle, links) = (running.handle.clone(), running.links.clone());
    let stopping = running.links.clone();
    let figures = Figures { handle, links, metrics };
    let _server = watch.serve(move || figures.catalog(), move || open(&stopping))?;
    running.until_stopped(stop, DRAIN, async {}).await
}

/// It decides trades from its first moment to its wish to stop; whatever a leader asks before is held at the gate.
fn open(links: &Links) -> Result<(), &'static str> {
    if links.is_open() { Ok(()) } else { Err("the service is starting or stopping") }
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
