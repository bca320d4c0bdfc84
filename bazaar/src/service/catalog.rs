//! A catalog replica as a service.

use std::sync::Arc;

use node::catalog::{CatalogConfig, CatalogProcess, Protocol, RestockConfig};
use node::service::ServiceId;

use super::figures::Figures;
use super::inspect::CatalogInspector;
use super::role::{engine_of, follows_or_leads};
use super::stop::Stop;
use super::watch::Watch;
use super::wiring::{Later, Running};
use super::{DRAIN, ServiceError, draw_seed, links_config, open_data, tell};
use crate::config::{CatalogProtocol, Config, read_listings};
use crate::driver::{Disk, Handle, clock};
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
        settings(config, service, draw_seed()?),
        clock::now(),
        opened.boot,
        opened.incarnation,
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
    let us = (service.id, running.handle.clone(), running.links.clone());
    let figures = Figures { handle, links, metrics };
    let _server =
        watch.serve(move || figures.catalog(service.id), move || ready(us.0, &us.1, &us.2))?;
    running.until_stopped(stop, DRAIN, async {}).await
}

/// It leads, or follows a leader that lives: whoever restarts replicas one by one waits for this.
fn ready(us: u8, handle: &Handle<CatalogProcess>, links: &Links) -> Result<(), &'static str> {
    if !links.is_open() {
        return Err("the service is starting or stopping");
    }
    follows_or_leads(us, &handle.with(|process| engine_of(process)))
}

fn settings(config: &Config, service: ServiceId, seed: u64) -> CatalogConfig {
    let restock = config.catalog.restock;
    let joining = config.replica(service).is_some_and(|replica| replica.join);
    CatalogConfig {
        id: service.id,
        restock: restock
            .enabled
            .then(|| RestockConfig { interval: restock.interval.span(), level: restock.level }),
        orders: config.orders.replicas.iter().map(|replica| replica.id).collect(),
        catalogs: config.catalog.first_voters(),
        gateways: config.gateways.iter().map(|gateway| gateway.id).collect(),
        protocol: match config.catalog.agrees_by() {
            CatalogProtocol::Solo => Protocol::Solo,
            CatalogProtocol::Raft => Protocol::Raft,
        },
        seed,
        joining,
        ..CatalogConfig::alone(service.id, Vec::new())
    }
}
