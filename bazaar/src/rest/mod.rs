//! The trading surface: HTTP/1.1 and JSON in front of a gateway.
//!
//! ```text
//!   TcpListener ── server (accept, caps) ── connection (timers, lingering close) ── hyper
//!                                                                                     │
//!                    Market (the gateway) ◄── surface (routes, shedding) ◄────────────┘
//! ```
//!
//! hyper parses and frames; everything that decides how much a client may cost us is here, in [`Limits`]. The
//! surface talks to the gateway through [`Market`] only, so that tests can put a stub behind it. Everything before the surface serves
//! the payment service as well: it knows what stands behind it as a `Front`.

mod admission;
mod answer;
mod body;
mod connection;
mod decode;
mod front;
mod json;
mod key;
mod limits;
mod meter;
mod order_body;
mod outcome;
mod pulse;
mod route;
mod server;
mod surface;
mod watched;

use std::future::Future;

use market::listing::{Kind, Listing};
use market::name::Name;
use market::trade::WallTime;
use node::gateway::{ClientRequest, ClientResponse};

pub(crate) use admission::Budget;
pub(crate) use answer::{Answer, Fault};
pub(crate) use body::gather;
pub(crate) use front::{Front, Handled};
pub use key::entropy;
pub use limits::Limits;
pub(crate) use meter::Doors;
pub use route::Role;
pub use server::Server;
pub use surface::Surface;

/// The gateway, as the surface sees it.
pub trait Market: Send + Sync + 'static {
    /// A listing straight from the cache, if it is there and may be served now. Called for every lookup, on the
    /// connection's own task: it must not block. `None` means "ask".
    ///
    /// A listing of another kind counts as a miss, so that the answer to it is made in one place only.
    fn hit(&self, name: &Name, kind: Kind) -> Option<Listing>;

    /// Asks the gateway. Dropping the future means that the client went away; a trade that was sent on goes on.
    fn ask(&self, request: ClientRequest) -> impl Future<Output = ClientResponse> + Send;

    /// The wall clock: goes into keys that the surface makes.
    fn wall(&self) -> WallTime;
}
