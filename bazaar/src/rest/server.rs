//! The accept loop of one listener.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::Market;
use super::admission::{Door, TurnedAway};
use super::answer::Fault;
use super::connection::converse;
use super::front::Front;
use super::outcome::unavailable;
use super::route::Role;
use super::surface::Surface;

/// How long accepting rests after it failed for want of descriptors or memory: they come back when connections end.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// A listener that is being served.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves a listener, from within a tokio runtime.
    pub fn start<M: Market>(
        surface: Arc<Surface<M>>,
        role: Role,
        listener: TcpListener,
    ) -> io::Result<Server> {
        Server::serve(surface, role, listener)
    }

    /// The same for any other front.
    pub(crate) fn serve<F: Front>(
        front: Arc<F>,
        role: Role,
        listener: TcpListener,
    ) -> io::Result<Server> {
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let accepting = tokio::spawn(accept(front, role, listener, stopping));
        Ok(Server { address, stop, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, finishes the requests under way (for the time the limits give them), then closes.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.accepting.await.is_err() {
            tracing::error!("the accept loop failed");
        }
    }
}

async fn accept<F: Front>(
    front: Arc<F>,
    role: Role,
    listener: TcpListener,
    mut stopping: watch::Receiver<bool>,
) {
    let limits = front.limits();
    let door = Door::new(limits.max_connections, limits.max_per_address);
    let mut connections = JoinSet::new();
    let stopped = stopping.clone();
    // An error means that the `Server` was dropped: stop as well.
    let mut told = pin!(async move { stopping.wait_for(|stop| *stop).await.is_ok() });
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, from)) => {
                    let (front, stopped) = (front.clone(), stopped.clone());
                    greet(front, role, socket, from, &door, &mut connections, stopped);
                }
                Err(error) => rest(&error).await,
            },
            _ = connections.join_next(), if !connections.is_empty() => {}
            _ = &mut told => break,
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(front.limits().drain, all).await.is_err() {
        tracing::warn!(left = connections.len(), "connections cut at the end of the drain");
    }
}

async fn rest(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset};
    // The client gave up before we took it: no reason to rest.
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset) {
        tracing::warn!(%error, "accepting connections failed");
        sleep(ACCEPT_REST).await;
    }
}

fn greet<F: Front>(
    front: Arc<F>,
    role: Role,
    socket: TcpStream,
    from: SocketAddr,
    door: &Door,
    connections: &mut JoinSet<()>,
    stopping: watch::Receiver<bool>,
) {
    let place = match door.enter(from.ip()) {
        Ok(place) => place,
        Err(why) => {
            front.doors().turned_away.increment(1);
            return turn_away(&socket, why, front.limits().retry_after);
        }
    };
    // Answers are small and complete: nothing is gained by waiting for more. Failing costs latency only.
    let _ = socket.set_nodelay(true);
    let counted = Counted::new(&front.doors().connections);
    connections.spawn(async move {
        converse(front, role, socket, stopping).await;
        drop((place, counted));
    });
}

/// Raises a gauge for as long as it lives.
struct Counted(metrics::Gauge);

impl Counted {
    fn new(gauge: &metrics::Gauge) -> Self {
        gauge.increment(1.0);
        Counted(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// One try, no waiting: turning away must stay cheaper than knocking.
fn turn_away(socket: &TcpStream, why: TurnedAway, retry_after: u32) {
    let fault = match why {
        TurnedAway::Full => unavailable("too_many_connections", "too many connections"),
        TurnedAway::Address => {
            let message = "too many connections from this address";
            Fault::new(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", message)
        }
    };
    let _ = socket.try_write(&fault.wire(retry_after));
}
