//! A gateway as a service.

use std::sync::Arc;
use std::time::Duration;

use market::listing::{Kind, Listing};
use market::name::Name;
use market::trade::WallTime;
use node::gateway::{ClientRequest, ClientResponse, GatewayConfig, GatewayProcess};
use node::service::ServiceId;

use super::figures::Figures;
use super::inspect::GatewayInspector;
use super::stop::Stop;
use super::wiring::{Later, Running};
use super::{ServiceError, links_config, listen};
use crate::config::{Config, OrdersProtocol, Replica};
use crate::driver::{Handle, clock};
use crate::rest::{Limits, Market, Role, Server, Surface, entropy};
use crate::telemetry::{CacheLog, EventSink, Metrics};

/// How long requests under way may hold up a stop: the healthy ones take milliseconds. The others are answered 503 or 504 then,
/// and what a client does not get to know it asks again elsewhere, with the same key.
const GATEWAY_DRAIN: Duration = Duration::from_secs(2);

/// When connections are cut: a little later, so that those answers still go out.
const SURFACE_DRAIN: Duration = Duration::from_millis(2_500);

/// How much longer than the process the surface waits: enough for an answer that is on its way.
const NET_BELOW: Duration = Duration::from_secs(1);

/// The surface asks the process; hits come straight from its cache.
struct ToProcess(Handle<GatewayProcess>);

impl Market for ToProcess {
    fn hit(&self, name: &Name, kind: Kind) -> Option<Listing> {
        self.0.act(|process, now, effects| process.try_hit(now, name, kind, effects).cloned())
    }

    async fn ask(&self, request: ClientRequest) -> ClientResponse {
        self.0.client(request).await
    }

    fn wall(&self) -> WallTime {
        clock::now().wall
    }
}

pub(super) async fn serve(
    config: &Config,
    service: ServiceId,
    stop: Stop,
) -> Result<(), ServiceError> {
    let addresses = config.gateway(service.id).expect("looked up in this very configuration");
    let public = listen(&addresses.address).await?;
    let internal = listen(&addresses.internal).await?;
    let metrics = Metrics::install(service)?;
    tokio::spawn(metrics.clone().keep_up());
    let cache_log =
        config.cache_log_of(service.id).map(|path| CacheLog::open(&path)).transpose()?;
    let sink = EventSink::new(service, cache_log);
    let process = GatewayProcess::new(settings(config, service), clock::now());
    let seat = Later::default();
    let inspector = Arc::new(GatewayInspector::new(config, service, &seat));
    let running =
        Running::start(links_config(config, service)?, sink, inspector, process, None).await?;
    seat.get_or_init(|| (running.handle.clone(), running.links.clone()));

    let seed = entropy()
        .map_err(|source| ServiceError::System { what: "reading entropy".into(), source })?;
    let market = Arc::new(ToProcess(running.handle.clone()));
    let (handle, links) = (running.handle.clone(), running.links.clone());
    let figures = Figures { handle, links, metrics };
    let surface = Surface::new(market, limits(config), seed, move || figures.gateway());
    let start = |role, listener| {
        Server::start(surface.clone(), role, listener)
            .map_err(|source| ServiceError::System { what: "starting a listener".into(), source })
    };
    let (public, internal) = (start(Role::Public, public)?, start(Role::Internal, internal)?);
    let finish = async move {
        tokio::join!(public.stop(), internal.stop());
    };
    running.until_stopped(stop, GATEWAY_DRAIN, finish).await
}

fn settings(config: &Config, service: ServiceId) -> GatewayConfig {
    let ids = |replicas: &[Replica]| replicas.iter().map(|replica| replica.id).collect();
    let mut settings =
        GatewayConfig::new(service.id, ids(&config.orders.replicas), ids(&config.catalog.replicas));
    settings.cache_size = config.cache.size;
    settings.cache_events = config.cache.log.is_some();
    settings.proposes_leaders = config.orders.protocol == OrdersProtocol::PrimaryBackup;
    settings.health_interval = config.health.interval.span();
    settings.request_deadline = config.request.deadline.span();
    settings
}

fn limits(config: &Config) -> Limits {
    // The process answers at its deadline; the surface is only the net below it.
    let request_timeout = config.request.deadline.duration() + NET_BELOW;
    Limits {
        request_timeout,
        drain: SURFACE_DRAIN,
        max_connections: config.limits.connections,
        max_per_address: config.limits.per_ip,
        max_in_flight: config.limits.in_flight,
        ..Limits::default()
    }
}
