//! An order replica as a service.

use std::sync::Arc;

use node::orders::{Ack, OrdersConfig, OrdersProcess, Protocol};
use node::service::ServiceId;
use replication::contract::Status;

use super::figures::{Figures, role_of};
use super::inspect::OrdersInspector;
use super::role::{elects, follows_or_leads};
use super::stop::Stop;
use super::watch::Watch;
use super::wiring::{Later, Running};
use super::{DRAIN, ServiceError, draw_seed, links_config, open_data, tell};
use crate::config::{self, Config, OrdersProtocol, Replica};
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
    let ids = |replicas: &[Replica]| replicas.iter().map(|replica| replica.id).collect::<Vec<u8>>();
    let peers = ids(&config.orders.replicas);
    let catalogs = ids(&config.catalog.replicas);
    let process = OrdersProcess::start(
        settings(config, OrdersConfig::new(service.id, peers.clone(), catalogs), draw_seed()?),
        clock::now(),
        opened.incarnation,
        opened.recovered,
        opened.rows,
    )?;
    let seat = Later::default();
    let inspector = Arc::new(OrdersInspector::new(config, service, opened.store.clone(), &seat));
    let disk = Disk { log: opened.log, store: opened.store, writer: WriterOptions::default() };
    let running =
        Running::start(links_config(config, service)?, sink, inspector, process, Some(disk))
            .await?;
    seat.get_or_init(|| (running.handle.clone(), running.links.clone()));
    let (handle, links) = (running.handle.clone(), running.links.clone());
    let figures = Figures { handle, links, metrics };
    let us = (service.id, running.handle.clone(), running.links.clone());
    let _server = watch
        .serve(move || figures.orders(service.id, &peers), move || ready(us.0, &us.1, &us.2))?;
    running.until_stopped(stop, DRAIN, async {}).await
}

fn settings(config: &Config, usual: OrdersConfig, seed: u64) -> OrdersConfig {
    let ack = match config.ack() {
        config::Ack::InSync => Ack::InSync,
        config::Ack::Ledger => Ack::Ledger,
    };
    let protocol = match config.orders.protocol {
        OrdersProtocol::PrimaryBackup => Protocol::PrimaryBackup,
        OrdersProtocol::Raft => Protocol::Raft,
    };
    OrdersConfig { ack, protocol, seed, ..usual }
}

/// It holds everything that was acknowledged, or follows who does: whoever restarts replicas one by one waits for this.
fn ready(us: u8, handle: &Handle<OrdersProcess>, links: &Links) -> Result<(), &'static str> {
    if !links.is_open() {
        return Err("the service is starting or stopping");
    }
    let (role, engine) = handle.with(|process| (role_of(us, process), process.status()));
    if elects(&engine) {
        return follows_or_leads(us, &Status { leads: role == "leader", ..engine });
    }
    match role {
        "joining" => Err("the replica is not in the in-sync set"),
        _ => Ok(()),
    }
}
