//! Links and driver need each other; these pieces bring them together.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use node::message::Message;
use node::process::{Event, Process};
use node::service::ServiceId;
use tokio::time::timeout;

use super::stop::Stop;
use super::{DRAIN, ServiceError, verdict};
use crate::driver::{self, Driver, Ended, Handle, Inbox, InputSender, Io, clock};
use crate::links::{Inspector, Links, LinksConfig, Sink};
use crate::telemetry::EventSink;

/// Links lead into the driver's mailbox.
struct ToMailbox(InputSender);

impl Sink for ToMailbox {
    fn deliver(&self, from: ServiceId, messages: Vec<Message>) -> bool {
        self.0.deliver(from, messages)
    }

    fn link_up(&self, peer: ServiceId) {
        tracing::info!(%peer, "link up");
        self.0.link_up(peer);
    }

    fn link_down(&self, peer: ServiceId) {
        tracing::info!(%peer, "link down");
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
        let inbox = Inbox::default();
        let mailbox = Arc::new(ToMailbox(inbox.sender()));
        let us = config.us;
        let links = Arc::new(Links::start(config, mailbox, inspector).await?);
        tracing::info!(service = %us, address = %links.address(), "listening");
        let events = Arc::new(move |event: Event| sink.event(clock::now().wall, &event));
        let io = Io { links: Arc::new(ToLinks(links.clone())), events, disk };
        let handle = Driver::spawn_with(inbox, process, io)
            .map_err(|source| ServiceError::System { what: "starting threads".into(), source })?;
        Ok(Running { links, handle })
    }

    /// Serves until told to stop, then hands over what it leads. `first` is done between the wish and the hand-over.
    pub(super) async fn until_stopped(
        self,
        stop: Stop,
        first: impl Future<Output = ()>,
    ) -> Result<(), ServiceError> {
        self.links.set_open(true).await;
        let ended = tokio::select! {
            ended = self.handle.ended() => ended,
            why = stop.wanted() => {
                tracing::info!(why, "stopping");
                self.links.set_open(false).await;
                first.await;
                self.drain(DRAIN).await
            }
        };
        self.links.shutdown().await;
        verdict(ended)
    }

    async fn drain(&self, patience: Duration) -> Ended {
        self.handle.drain();
        match timeout(patience, self.handle.ended()).await {
            Ok(ended) => ended,
            Err(_) => {
                tracing::warn!("nobody took over in time; stopping all the same");
                self.handle.stop();
                self.handle.ended().await
            }
        }
    }
}
