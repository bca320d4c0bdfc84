//! The accepting side: one port with every gRPC service of this process.
//!
//! An accept loop of its own rather than the library's: connections are counted and limited, one that asks for nothing is
//! dropped, and at the end all of them are gone for certain.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::service::Routes;

use super::limits::{
    CONNECTION_WINDOW, CONNECTIONS, FIRST_REQUEST, FRAME_BYTES, HEADER_BYTES, PING_INTERVAL,
    PING_TIMEOUT, SHUTDOWN_TIMEOUT, STREAM_WINDOW, STREAMS,
};

/// What to do after the system could not give a connection (out of file descriptors, say): not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(STREAMS)
        .max_frame_size(FRAME_BYTES)
        .max_header_list_size(HEADER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Serves until `stop`, then gives open connections a moment to end.
pub(super) async fn serve(listener: TcpListener, routes: Routes, mut stop: watch::Receiver<bool>) {
    let builder = builder();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((_, from)) if connections.len() >= CONNECTIONS => {
                tracing::warn!(%from, limit = CONNECTIONS, "too many connections, one refused");
            }
            Ok((stream, from)) => {
                let (builder, routes, stop) = (builder.clone(), routes.clone(), stop.clone());
                connections.spawn(connection(builder, stream, from, routes, stop));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(SHUTDOWN_TIMEOUT, all_ended).await.is_err() {
        tracing::debug!("connections cut that did not end in time");
    }
}

async fn connection(
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    from: SocketAddr,
    routes: Routes,
    mut stop: watch::Receiver<bool>,
) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let (asked, first) = (Arc::new(Notify::new()), sleep(FIRST_REQUEST));
    let service = Desk { routes: TowerToHyperService::new(routes), from, asked: asked.clone() };
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut first = pin!(first);
    let mut waiting = true;
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = stop.wait_for(|stop| *stop) => break,
            () = asked.notified(), if waiting => waiting = false,
            () = first.as_mut(), if waiting => return,
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Takes the requests of one connection to the services, with the address they come from.
struct Desk {
    routes: TowerToHyperService<Routes>,
    from: SocketAddr,
    /// Told of each request.
    asked: Arc<Notify>,
}

impl Service<Request<Incoming>> for Desk {
    type Response = <TowerToHyperService<Routes> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Routes> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Routes> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.asked.notify_one();
        request.extensions_mut().insert(self.from);
        self.routes.call(request)
    }
}

/// Waits for all tasks, but no longer than an orderly end may take.
pub(super) async fn join_within(mut tasks: JoinSet<()>, limit: Duration) {
    // What is left is cut when the set is dropped.
    let _ = timeout(limit, async { while tasks.join_next().await.is_some() {} }).await;
}
