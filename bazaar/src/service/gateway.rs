//! A gateway as a service.

use std::sync::Arc;

use market::listing::{Kind, Listing};
use market::name::Name;
use market::trade::WallTime;
use node::gateway::{ClientRequest, ClientResponse, GatewayConfig, GatewayProcess};
use node::service::ServiceId;
use tokio::net::TcpListener;

use super::inspect::GatewayInspector;
use super::stop::Stop;
use super::wiring::{Later, Running};
use super::{ServiceError, links_config, resolve};
use crate::config::{Address, Config, Replica};
use crate::driver::{Handle, clock};
use crate::rest::{Limits, Market, Role, Server, Surface, entropy};
use crate::telemetry::{CacheLog, EventSink, Metrics};

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
    let surface = Surface::new(market, limits(config), seed, figures(&running.handle, metrics));
    let start = |role, listener| {
        Server::start(surface.clone(), role, listener)
            .map_err(|source| ServiceError::System { what: "starting a listener".into(), source })
    };
    let servers = [start(Role::Public, public)?, start(Role::Internal, internal)?];
    let finish = async move {
        for server in servers {
            server.stop().await;
        }
    };
    running.until_stopped(stop, finish).await
}

/// The Prometheus text: what was counted, and what the process counts itself.
fn figures(
    handle: &Handle<GatewayProcess>,
    metrics: Metrics,
) -> impl Fn() -> String + Send + Sync + 'static {
    let handle = handle.clone();
    move || {
        let status = handle.with(|process| process.status(clock::now()));
        for (name, value) in [
            ("bazaar_cache_hits_total", status.cache.hits),
            ("bazaar_cache_misses_total", status.cache.misses),
            ("bazaar_cache_fills_total", status.cache.fills),
            ("bazaar_cache_evictions_total", status.cache.evictions),
            ("bazaar_cache_invalidations_total", status.cache.invalidations),
            ("bazaar_resends_total", status.resends),
            ("bazaar_shed_total", status.shed),
            ("bazaar_elections_proposed_total", status.proposals),
        ] {
            metrics::counter!(name).absolute(value);
        }
        metrics::gauge!("bazaar_cache_entries").set(status.cache.len as f64);
        metrics::gauge!("bazaar_requests_waiting").set(status.errands as f64);
        metrics.render()
    }
}

async fn listen(address: &Address) -> Result<TcpListener, ServiceError> {
    let resolved = resolve(address)?;
    TcpListener::bind(resolved).await.map_err(|source| ServiceError::System {
        what: format!("cannot listen on {address}"),
        source,
    })
}

fn settings(config: &Config, service: ServiceId) -> GatewayConfig {
    let ids = |replicas: &[Replica]| replicas.iter().map(|replica| replica.id).collect();
    let mut settings =
        GatewayConfig::new(service.id, ids(&config.orders.replicas), ids(&config.catalog.replicas));
    settings.cache_size = config.cache.size;
    settings.cache_events = config.cache.log.is_some();
    settings.health_interval = config.health.interval.span();
    settings.request_deadline = config.request.deadline.span();
    settings
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_connections: config.limits.connections,
        max_per_address: config.limits.per_ip,
        max_in_flight: config.limits.in_flight,
        ..Limits::default()
    }
}
