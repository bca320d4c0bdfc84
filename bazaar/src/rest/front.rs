//! What stands behind a listener: the trading surface of a gateway, or the counter of the payment service.
//!
//! Listeners and connections know it by this only, so that whatever hardens them hardens all surfaces.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use tokio::time::Instant;

use super::answer::Answer;
use super::limits::Limits;
use super::meter::Doors;
use super::route::Role;

/// Turns requests into answers, under the limits that it names.
pub(crate) trait Front: Send + Sync + 'static {
    /// What a request asked for, as far as meters tell it apart.
    type Route: Copy + Send + Unpin + 'static;

    /// How much a client may cost.
    fn limits(&self) -> &Limits;

    /// Where connections are counted.
    fn doors(&self) -> &Doors;

    /// Starts one request. `started` is when its head was there.
    fn handle(
        self: &Arc<Self>,
        role: Role,
        request: Request<Incoming>,
        started: Instant,
    ) -> (Self::Route, Handled);

    /// A request is answered.
    fn answered(&self, route: Self::Route, status: StatusCode, took: Duration);
}

/// An answer now, or later.
pub(crate) enum Handled {
    /// Known at once: the path of cached reads, without an allocation for a future.
    Now(Answer),
    /// After asking.
    Later(Pin<Box<dyn Future<Output = Answer> + Send>>),
}
