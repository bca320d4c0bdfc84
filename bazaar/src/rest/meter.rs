//! Counters and latencies of the surface.
//!
//! Handles are looked up once per route and status and kept: a lookup per request would cost more than a cached read.
//! The recorder must be installed before the surface is made.

use std::sync::OnceLock;
use std::time::Duration;

use hyper::StatusCode;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::route::Route;

/// Statuses told apart; others are counted with the last.
const STATUSES: [u16; 13] = [200, 400, 404, 405, 408, 413, 414, 422, 429, 503, 504, 431, 500];

/// The surface's metrics.
#[derive(Debug)]
pub(super) struct Meter {
    requests: [[OnceLock<Counter>; STATUSES.len()]; Route::COUNT],
    seconds: [OnceLock<Histogram>; Route::COUNT],
    pub(super) doors: Doors,
}

/// Counters of connections.
#[derive(Debug)]
pub(crate) struct Doors {
    /// Connections inside, all listeners.
    pub(super) connections: Gauge,
    /// Connections turned away at the door.
    pub(super) turned_away: Counter,
    /// Connections cut by a timer.
    pub(super) cut: Counter,
    /// Heads that hyper refused.
    pub(super) malformed: Counter,
}

impl Doors {
    pub(crate) fn new() -> Self {
        Doors {
            connections: gauge!("bazaar_http_connections"),
            turned_away: counter!("bazaar_http_connections_turned_away_total"),
            cut: counter!("bazaar_http_connections_cut_total"),
            malformed: counter!("bazaar_http_malformed_total"),
        }
    }
}

impl Meter {
    pub(super) fn new() -> Self {
        Meter { requests: Default::default(), seconds: Default::default(), doors: Doors::new() }
    }

    /// Counts one answered request.
    pub(super) fn answered(&self, route: Route, status: StatusCode, took: Duration) {
        let known = STATUSES.iter().position(|known| *known == status.as_u16());
        let index = known.unwrap_or(STATUSES.len() - 1);
        let count = || {
            let status = STATUSES[index].to_string();
            counter!("bazaar_http_requests_total", "route" => route.label(), "status" => status)
        };
        self.requests[route as usize][index].get_or_init(count).increment(1);
        let seconds = || histogram!("bazaar_http_request_seconds", "route" => route.label());
        self.seconds[route as usize].get_or_init(seconds).record(took.as_secs_f64());
    }
}
