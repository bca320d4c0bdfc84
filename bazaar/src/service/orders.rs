//! An order replica as a service.

use std::sync::Arc;

use node::orders::{OrdersConfig, OrdersProcess};
use node::service::ServiceId;

use super::inspect::OrdersInspector;
use super::stop::Stop;
use super::wiring::{Later, Running};
use super::{ServiceError, links_config, open_data, tell};
use crate::config::{Config, Replica};
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
    let ids = |replicas: &[Replica]| replicas.iter().map(|replica| replica.id).collect();
    let settings =
        OrdersConfig::new(service.id, ids(&config.orders.replicas), ids(&config.catalog.replicas));
    let process = OrdersProcess::start(
        settings,
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
    running.until_stopped(stop, async {}).await
}
