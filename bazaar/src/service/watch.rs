//! The small HTTP listener of a replica: liveness, readiness and metrics for whoever watches it.
//!
//! It is the trading surface with nothing on it, so it is as hard against odd clients as that.

use std::time::Duration;

use market::listing::{Kind, Listing};
use market::name::Name;
use market::trade::WallTime;
use node::gateway::{ClientRequest, ClientResponse};
use node::service::ServiceId;
use tokio::net::TcpListener;

use super::{ServiceError, listen};
use crate::config::Config;
use crate::driver::clock;
use crate::rest::{Limits, Market, Role, Server, Surface};

/// Connections at once: some scrapers, some probes, some people.
const CONNECTIONS: usize = 64;

/// How long an answer under way may hold up the end of the process: it is made from memory.
const DRAIN: Duration = Duration::from_millis(500);

/// The port of a replica's watchers, if it has one; whoever connects waits until it is served.
pub(super) struct Watch(Option<TcpListener>);

impl Watch {
    /// Takes the port.
    pub(super) async fn bind(config: &Config, service: ServiceId) -> Result<Self, ServiceError> {
        match config.replica(service).and_then(|replica| replica.metrics.as_ref()) {
            Some(address) => {
                let listener = listen(address).await?;
                tracing::info!(%service, %address, "metrics");
                Ok(Watch(Some(listener)))
            }
            None => Ok(Watch(None)),
        }
    }

    /// Answers from now on. `ready` says why not, if not.
    pub(super) fn serve(
        self,
        figures: impl Fn() -> String + Send + Sync + 'static,
        ready: impl Fn() -> Result<(), &'static str> + Send + Sync + 'static,
    ) -> Result<Option<Server>, ServiceError> {
        let Some(listener) = self.0 else { return Ok(None) };
        // Nobody trades here, so no key is ever made from the seed.
        let surface = Surface::new(Readiness(ready).into(), limits(), [0; 32], figures);
        Server::start(surface, Role::Watch, listener)
            .map(Some)
            .map_err(|source| ServiceError::System { what: "starting a listener".into(), source })
    }
}

fn limits() -> Limits {
    Limits {
        max_connections: CONNECTIONS,
        max_per_address: CONNECTIONS,
        max_in_flight: CONNECTIONS,
        drain: DRAIN,
        ..Limits::default()
    }
}

/// A replica as the surface sees it: ready or not, and nothing else.
struct Readiness<F>(F);

impl<F: Fn() -> Result<(), &'static str> + Send + Sync + 'static> Market for Readiness<F> {
    fn hit(&self, _: &Name, _: Kind) -> Option<Listing> {
        None
    }

    async fn ask(&self, request: ClientRequest) -> ClientResponse {
        let answer = match request {
            ClientRequest::Ready => (self.0)(),
            _ => Err("a replica serves no clients"),
        };
        answer.map_or_else(
            |reason| ClientResponse::Unavailable { reason },
            |()| ClientResponse::Ready,
        )
    }

    fn wall(&self) -> WallTime {
        clock::now().wall
    }
}
