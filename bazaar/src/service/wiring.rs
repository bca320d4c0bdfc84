//! Links and driver need each other; these pieces bring them together.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use node::message::Message;
use node::process::{Event, Process};
use node::service::ServiceId;
use tokio::time::timeout;

use super::stop::Stop;
use super::{ServiceError, verdict};
use crate::driver::{self, Driver, Ended, Handle, Inbox, InputSender, Io, clock};
use crate::links::{Inspector, Links, LinksConfig, Sink};
use crate::telemetry::EventSink;

/// How long the last writes of log and store may take: a few syncs, however slow the disk.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// Links lead into the driver's mailbox.
struct ToMailbox(InputSender);

impl Sink for ToMailbox {
    fn deliver(&self, from: ServiceId, messages: Vec<Message>) -> bool {
        self.0.deliver(from, messages)
    }

    fn link_up(&self, peer: ServiceId) {
        self.0.link_up(peer);
    }

    fn link_down(&self, peer: ServiceId) {
        self.0.link_down(peer);
    }
}

/// The driver's messages go out on the links.
struct ToLinks(Arc<Links>);

impl driver::Links for ToLinks {
    fn send(&self, to: ServiceId, messages: Vec<Message>) {
        self.0.send(to, messages);
    }
}

/// A place for something that is made later than those who look at it.
pub(super) type Later<T> = Arc<OnceLock<T>>;

/// A service whose process runs.
pub(super) struct Running<P> {
    pub(super) links: Arc<Links>,
    pub(super) handle: Handle<P>,
}

impl<P: Process + 'static> Running<P> {
    /// Takes the port, then starts the process; whoever links meanwhile waits in the mailbox.
    pub(super) async fn start(
        config: LinksConfig,
        sink: EventSink,
        inspector: Arc<dyn Inspector>,
        process: P,
        disk: Option<driver::Disk>,
    ) -> Result<Self, ServiceError> {
        let over_links = |links, _| Ok(Arc::new(ToLinks(links)) as Arc<dyn driver::Links>);
        Running::start_with(config, sink, inspector, process, disk, over_links).await
    }

    /// The same with another way for its messages, which may go over the links or into the mailbox by themselves.
    pub(super) async fn start_with(
        config: LinksConfig,
        sink: EventSink,
        inspector: Arc<dyn Inspector>,
        process: P,
        disk: Option<driver::Disk>,
        way: impl FnOnce(Arc<Links>, InputSender) -> std::io::Result<Arc<dyn driver::Links>>,
    ) -> Result<Self, ServiceError> {
        let inbox = Inbox::default();
        let mailbox = Arc::new(ToMailbox(inbox.sender()));
        let us = config.us;
        let links = Arc::new(Links::start(config, mailbox, inspector).await?);
        tracing::info!(service = %us, address = %links.address(), "listening");
        let events = Arc::new(move |event: Event| sink.event(clock::now().wall, &event));
        let failed = |source| ServiceError::System { what: "starting threads".to_owned(), source };
        let way = way(links.clone(), inbox.sender()).map_err(failed)?;
        let io = Io { links: way, events, disk };
        let handle = Driver::spawn_with(inbox, process, io).map_err(failed)?;
        Ok(Running { links, handle })
    }

    /// Serves until told to stop, then finishes what is under way and hands over what it leads, within a time. `others` end
    /// meanwhile. Told to stop once more, it just stops.
    pub(super) async fn until_stopped(
        self,
        mut stop: Stop,
        patience: Duration,
        others: impl Future<Output = ()>,
    ) -> Result<(), ServiceError> {
        self.links.set_open(true).await;
        let ended = tokio::select! {
            ended = self.handle.ended() => ended,
            why = stop.wanted() => {
                tracing::info!(why, "stopping");
                tokio::select! {
                    ended = self.end(patience, others) => ended,
                    why = stop.again() => {
                        tracing::warn!(why, "told again: stopping at once");
                        return Ok(());
                    }
                }
            }
        };
        self.links.shutdown().await;
        verdict(ended)
    }

    async fn end(&self, patience: Duration, others: impl Future<Output = ()>) -> Ended {
        self.links.set_open(false).await;
        tokio::join!(self.drain(patience), others).0
    }

    async fn drain(&self, patience: Duration) -> Ended {
        self.handle.drain();
        if let Ok(ended) = timeout(patience, self.handle.ended()).await {
            return ended;
        }
        tracing::warn!("what is under way takes too long; stopping all the same");
        self.handle.stop();
        timeout(LAST_WRITES, self.handle.ended()).await.unwrap_or_else(|_| {
            tracing::warn!("the disk does not answer; leaving it as a crash would");
            Ended::Stopped
        })
    }
}
