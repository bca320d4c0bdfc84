//! The dialling end: keeps trying until told to stop.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tonic::transport::{Channel, Endpoint};
use wire::limits::MAX_BATCH_BYTES;
use wire::v1::link_client::LinkClient;

use super::exchange::{Core, Ended, log_end, read};
use super::limits::{
    CONNECT_TIMEOUT, CONNECTION_WINDOW, FRAME_BYTES, HEADER_BYTES, HELLO_TIMEOUT, PING_INTERVAL,
    PING_TIMEOUT, REDIAL_FIRST, REDIAL_MOST, STEADY, STREAM_WINDOW,
};
use super::queue::Batches;
use super::slot::Slot;

/// Settings that a channel to any service of ours has.
pub(super) fn endpoint(address: &str) -> Result<Endpoint, tonic::transport::Error> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_BYTES)
        .http2_max_header_list_size(HEADER_BYTES))
}

/// Everything that runs for one connection. Dropped, it cuts the connection, even if the peer does not read.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl hyper::rt::Executor<Pin<Box<dyn Future<Output = ()> + Send>>> for Tasks {
    fn execute(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.lock().spawn(task);
    }
}

struct CutOnDrop(Tasks);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.0.0.lock().abort_all();
    }
}

/// Keeps a link to one peer until `stop` says so.
pub(super) async fn dial(
    core: Arc<Core>,
    slot: Arc<Slot>,
    endpoint: Endpoint,
    mut stop: watch::Receiver<bool>,
) {
    let mut pause = REDIAL_FIRST;
    let mut last_complaint = String::new();
    while !*stop.borrow() {
        let began = Instant::now();
        let ended = link(&core, &slot, &endpoint, &mut stop).await;
        complain(&slot, &ended, &mut last_complaint);
        if began.elapsed() >= STEADY && !matches!(ended, Ended::Unreachable(_) | Ended::Silent) {
            pause = REDIAL_FIRST;
        }
        let _ = timeout(pause, stop.wait_for(|stop| *stop)).await;
        pause = (pause * 2).min(REDIAL_MOST);
    }
}

/// Says once, not at every attempt, why there is no link.
fn complain(slot: &Slot, ended: &Ended, last: &mut String) {
    let complaint = ended.to_string();
    let peer = slot.peer;
    if complaint == *last {
        tracing::debug!(%peer, reason = %ended, "still no link");
    } else if ended.needs_a_person() {
        tracing::error!(%peer, reason = %ended, "link refused");
    } else {
        tracing::debug!(%peer, reason = %ended, "no link");
    }
    *last = complaint;
}

/// One link, from dialling to its end.
async fn link(
    core: &Core,
    slot: &Arc<Slot>,
    endpoint: &Endpoint,
    stop: &mut watch::Receiver<bool>,
) -> Ended {
    let tasks = Tasks::default();
    let _cut = CutOnDrop(tasks.clone());
    let endpoint = endpoint.clone().executor(tasks);
    let opened = tokio::select! {
        opened = open(core, slot, &endpoint) => opened,
        _ = stop.wait_for(|stop| *stop) => return Ended::Here,
    };
    let (link, stream) = match opened {
        Ok(opened) => opened,
        Err(ended) => return ended,
    };
    let ended = read(&link, stream).await;
    log_end(slot.peer, &ended);
    ended
}

async fn open(
    core: &Core,
    slot: &Arc<Slot>,
    endpoint: &Endpoint,
) -> Result<(super::slot::Standing, tonic::Streaming<wire::v1::Batch>), Ended> {
    let channel: Channel =
        endpoint.connect().await.map_err(|error| Ended::Unreachable(reason(&error)))?;
    let outgoing = core.outgoing(slot.peer);
    let mut client = LinkClient::new(channel)
        .max_decoding_message_size(MAX_BATCH_BYTES)
        .max_encoding_message_size(MAX_BATCH_BYTES);
    let call = client.exchange(Batches(outgoing.clone()));
    let answer = timeout(HELLO_TIMEOUT, call).await.map_err(|_| Ended::Silent)?;
    let mut stream = answer.map_err(Ended::Lost)?.into_inner();
    let found = core.hello(&mut stream).await?.service;
    if found != slot.peer {
        return Err(wire::HelloError::WrongPeer { expected: slot.peer, found }.into());
    }
    Ok((slot.up(outgoing), stream))
}

/// The innermost cause: "connection refused" rather than "transport error".
pub(super) fn reason(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
