//! Both ends of a link: the hellos, then batches until one side goes.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use node::service::ServiceId;
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};
use wire::{DecodeError, Hello, HelloError, v1};

use super::limits::HELLO_TIMEOUT;
use super::queue::{Batches, Outgoing};
use super::slot::{Slot, Standing};

/// What both ends know.
pub(super) struct Core {
    pub(super) us: ServiceId,
    pub(super) cluster: String,
    pub(super) slots: BTreeMap<ServiceId, Arc<Slot>>,
}

/// Why a link ended, or never came to stand.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("closed by the peer")]
    ByPeer,
    #[error("closed by this side")]
    Here,
    #[error("{} ({:?})", .0.message(), .0.code())]
    Lost(Status),
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("no hello within {HELLO_TIMEOUT:?}")]
    Silent,
    #[error("the first batch carries no hello")]
    NoHello,
    #[error(transparent)]
    Refused(#[from] HelloError),
    #[error("{0} does not belong to this deployment, or is not the one to open the link")]
    Stranger(ServiceId),
    #[error("broken speech: {0}")]
    Broken(#[from] DecodeError),
}

impl Ended {
    /// Will it be the same the next time? Then somebody must be told.
    pub(super) fn needs_a_person(&self) -> bool {
        match self {
            Ended::Lost(status) => status.code() == tonic::Code::FailedPrecondition,
            Ended::NoHello | Ended::Refused(_) | Ended::Stranger(_) | Ended::Broken(_) => true,
            Ended::ByPeer | Ended::Here | Ended::Unreachable(_) | Ended::Silent => false,
        }
    }
}

impl Core {
    /// Reads the first batch and judges it. Messages do not come before both sides know each other.
    pub(super) async fn hello(&self, stream: &mut Streaming<v1::Batch>) -> Result<Hello, Ended> {
        let first = timeout(HELLO_TIMEOUT, stream.message()).await.map_err(|_| Ended::Silent)?;
        let batch = first.map_err(Ended::Lost)?.ok_or(Ended::ByPeer)?;
        let hello = wire::decode_batch(batch)?.hello.ok_or(Ended::NoHello)?;
        hello.check(self.us, &self.cluster)?;
        Ok(hello)
    }

    /// The first batch to a peer, and whatever follows.
    pub(super) fn outgoing(&self, peer: ServiceId) -> Arc<Outgoing> {
        Outgoing::new(Hello::new(self.us, peer, &self.cluster))
    }

    async fn accept(&self, stream: &mut Streaming<v1::Batch>) -> Result<Standing, Ended> {
        let peer = self.hello(stream).await?.service;
        // Only the greater service dials: otherwise two links of one pair would replace each other for ever.
        let slot = self.slots.get(&peer).filter(|_| peer > self.us).ok_or(Ended::Stranger(peer))?;
        Ok(slot.up(self.outgoing(peer)))
    }
}

/// Hands batches on until the link ends.
pub(super) async fn read(link: &Standing, mut stream: Streaming<v1::Batch>) -> Ended {
    loop {
        let batch = tokio::select! {
            biased;
            () = link.outgoing.closed() => return Ended::Here,
            batch = stream.message() => batch,
        };
        let batch = match batch {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ended::ByPeer,
            Err(status) => return Ended::Lost(status),
        };
        let messages = match wire::decode_batch(batch) {
            Ok(received) => received.messages,
            Err(error) => return Ended::Broken(error),
        };
        if !messages.is_empty() && !link.deliver(messages) {
            return Ended::Here;
        }
    }
}

/// Says why a link ended.
pub(super) fn log_end(peer: ServiceId, ended: &Ended) {
    match ended {
        Ended::Broken(_) => tracing::error!(%peer, reason = %ended, "link down"),
        _ => tracing::info!(%peer, reason = %ended, "link down"),
    }
}

/// The accepting end.
pub(super) struct LinkService(pub(super) Arc<Core>);

#[tonic::async_trait]
impl v1::link_server::Link for LinkService {
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<v1::Batch, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<v1::Batch>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let from = request.extensions().get::<std::net::SocketAddr>().copied();
        let mut stream = request.into_inner();
        let link = self.0.accept(&mut stream).await.map_err(|ended| {
            tracing::warn!(?from, reason = %ended, "link refused");
            Status::failed_precondition(ended.to_string())
        })?;
        let batches = Batches(link.outgoing.clone());
        tokio::spawn(async move {
            let ended = read(&link, stream).await;
            log_end(link.peer(), &ended);
        });
        Ok(Response::new(Box::pin(batches.map(Ok))))
    }
}
