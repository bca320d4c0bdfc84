//! Status and audit over gRPC: what the process answers, and the client that asks. (Changes of members are asked for in
//! [`admin`](super::admin), of the same [`Inspector`].)

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use market::order::OrderNumber;
use replication::contract::{MemberChange, MemberError, Position};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};
use wire::DecodeError;
use wire::inspect::{self, CatalogPages, CatalogState, OrderPage, Prefix};
use wire::limits::{MAX_BATCH_BYTES, PAGE_ORDERS};
use wire::v1::inspect_client::InspectClient;
use wire::v1::{self};

use super::dial::{endpoint, reason};
use super::limits::{INSPECTIONS, PAGES_AHEAD, READER_PATIENCE, STATUS_TIMEOUT};

/// What an [`Inspector`] answers, later.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, InspectError>> + Send>>;

/// What a process lets be seen of itself.
pub trait Inspector: Send + Sync + 'static {
    /// How it does.
    fn status(&self) -> Answer<inspect::Status>;

    /// Catalog replicas: everything that adds up, at one position.
    fn catalog(&self) -> Answer<CatalogState>;

    /// Catalog replicas: what is known of the prefix of the log that ends at a position.
    fn prefix(&self, _position: Position) -> Answer<Prefix> {
        Box::pin(async { Err(InspectError::NotKept("log to be compared")) })
    }

    /// Catalog replicas: changes the members of their group. Taken is not done; the leader's status tells when it is.
    fn change_members(&self, _change: MemberChange) -> Answer<Result<(), MemberError>> {
        Box::pin(async { Err(InspectError::NotKept("members of a group")) })
    }

    /// Order replicas: at most `max` committed orders from a number on; an empty page at the end.
    fn orders(&self, from: OrderNumber, max: usize) -> Answer<OrderPage>;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// This service does not keep that.
    #[error("this service keeps no {0}")]
    NotKept(&'static str),
    /// Not now.
    #[error("not available: {0}")]
    Unavailable(String),
    /// Too many ask at once.
    #[error("too many inspections at once")]
    Busy,
    /// The answer makes no sense.
    #[error("broken answer: {0}")]
    Broken(#[from] DecodeError),
    /// Pages that do not follow each other.
    #[error("the orders from number {wanted} on were asked for, {found} came")]
    Gap {
        /// Number that should have come next.
        wanted: OrderNumber,
        /// Number that came.
        found: OrderNumber,
    },
}

impl From<InspectError> for Status {
    fn from(error: InspectError) -> Status {
        let text = error.to_string();
        match error {
            InspectError::NotKept(_) => Status::unimplemented(text),
            InspectError::Unavailable(_) => Status::unavailable(text),
            InspectError::Busy => Status::resource_exhausted(text),
            InspectError::Broken(_) | InspectError::Gap { .. } => Status::internal(text),
        }
    }
}

impl From<Status> for InspectError {
    fn from(status: Status) -> InspectError {
        match status.code() {
            tonic::Code::ResourceExhausted => InspectError::Busy,
            _ => InspectError::Unavailable(status.message().to_owned()),
        }
    }
}

/// The serving end.
pub(super) struct InspectService {
    inspector: Arc<dyn Inspector>,
    places: Arc<Semaphore>,
}

type Pages<T> = ReceiverStream<Result<T, Status>>;

impl InspectService {
    pub(super) fn new(inspector: Arc<dyn Inspector>) -> Self {
        InspectService { inspector, places: Arc::new(Semaphore::new(INSPECTIONS)) }
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, InspectError> {
        self.places.clone().try_acquire_owned().map_err(|_| InspectError::Busy)
    }
}

#[tonic::async_trait]
impl v1::inspect_server::Inspect for InspectService {
    type CatalogStream = Pages<v1::CatalogPage>;
    type OrdersStream = Pages<v1::OrderPage>;

    async fn status(
        &self,
        _: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusReply>, Status> {
        let status = self.inspector.status().await?;
        Ok(Response::new(status.into()))
    }

    async fn catalog(
        &self,
        _: Request<v1::CatalogRequest>,
    ) -> Result<Response<Self::CatalogStream>, Status> {
        let place = self.place()?;
        let state = self.inspector.catalog().await?;
        let (pages, stream) = mpsc::channel(PAGES_AHEAD);
        tokio::spawn(async move {
            let _place = place;
            for page in inspect::encode_catalog(state) {
                if !send(&pages, page).await {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn prefix(
        &self,
        request: Request<v1::PrefixRequest>,
    ) -> Result<Response<v1::PrefixReply>, Status> {
        let prefix = self.inspector.prefix(request.into_inner().position).await?;
        Ok(Response::new(prefix.into()))
    }

    async fn orders(
        &self,
        request: Request<v1::OrdersRequest>,
    ) -> Result<Response<Self::OrdersStream>, Status> {
        let place = self.place()?;
        let v1::OrdersRequest { from, to } = request.into_inner();
        let inspector = self.inspector.clone();
        let (pages, stream) = mpsc::channel(PAGES_AHEAD);
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = send_orders(&*inspector, from, to, &pages).await {
                // The reader may be gone already, or stuck; then nobody needs the reason.
                let _ = pages.try_send(Err(error.into()));
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// Sends a page; false if the reader is gone, or does not read.
async fn send<T>(pages: &mpsc::Sender<Result<T, Status>>, page: T) -> bool {
    matches!(timeout(READER_PATIENCE, pages.send(Ok(page))).await, Ok(Ok(())))
}

/// Sends page after page until the range, the orders or the reader end.
async fn send_orders(
    inspector: &dyn Inspector,
    mut from: OrderNumber,
    to: OrderNumber,
    pages: &mpsc::Sender<Result<v1::OrderPage, Status>>,
) -> Result<(), InspectError> {
    while from < to {
        let max = usize::try_from(to - from).unwrap_or(PAGE_ORDERS).min(PAGE_ORDERS);
        let mut page = inspector.orders(from, max).await?;
        if page.first != from {
            return Err(InspectError::Gap { wanted: from, found: page.first });
        }
        page.rows.truncate(max);
        page.clamp();
        if page.rows.is_empty() {
            return Ok(());
        }
        from += page.rows.len() as u64;
        if !send(pages, page.into()).await {
            return Ok(());
        }
    }
    Ok(())
}

/// Asks one process.
pub struct Inspection {
    client: InspectClient<Channel>,
}

/// Connects to the gRPC port of a process (`host:port`).
pub async fn inspect_client(address: &str) -> Result<Inspection, InspectError> {
    let unavailable = |error: tonic::transport::Error| InspectError::Unavailable(reason(&error));
    let channel = endpoint(address).map_err(unavailable)?.connect().await.map_err(unavailable)?;
    let client = InspectClient::new(channel).max_decoding_message_size(MAX_BATCH_BYTES);
    Ok(Inspection { client })
}

impl Inspection {
    /// How is it?
    pub async fn status(&mut self) -> Result<inspect::Status, InspectError> {
        let mut request = Request::new(v1::StatusRequest {});
        request.set_timeout(STATUS_TIMEOUT);
        let asked = timeout(STATUS_TIMEOUT, self.client.status(request)).await;
        let late = |_| InspectError::Unavailable(format!("no answer within {STATUS_TIMEOUT:?}"));
        Ok(asked.map_err(late)??.into_inner().try_into()?)
    }

    /// What a catalog replica holds, at one position.
    pub async fn catalog(&mut self) -> Result<CatalogState, InspectError> {
        let mut stream = self.client.catalog(v1::CatalogRequest {}).await?.into_inner();
        let mut pages = CatalogPages::default();
        while let Some(page) = stream.message().await? {
            pages.push(page)?;
        }
        Ok(pages.finish()?)
    }

    /// What a catalog replica knows of the prefix of its log that ends at a position.
    pub async fn prefix(&mut self, position: Position) -> Result<Prefix, InspectError> {
        let mut request = Request::new(v1::PrefixRequest { position });
        request.set_timeout(STATUS_TIMEOUT);
        let asked = timeout(STATUS_TIMEOUT, self.client.prefix(request)).await;
        let late = |_| InspectError::Unavailable(format!("no answer within {STATUS_TIMEOUT:?}"));
        Ok(asked.map_err(late)??.into_inner().into())
    }

    /// The orders `from..to` of an order replica, as far as it has them.
    pub async fn orders(
        &mut self,
        from: OrderNumber,
        to: OrderNumber,
    ) -> Result<Orders, InspectError> {
        let stream = self.client.orders(v1::OrdersRequest { from, to }).await?.into_inner();
        Ok(Orders { stream, next: from })
    }
}

/// Orders that come in page by page.
pub struct Orders {
    stream: Streaming<v1::OrderPage>,
    next: OrderNumber,
}

impl Orders {
    /// The next page: never empty, gapless after the one before; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<OrderPage>, InspectError> {
        let Some(page) = self.stream.message().await? else { return Ok(None) };
        let page = OrderPage::try_from(page)?;
        if page.first != self.next {
            return Err(InspectError::Gap { wanted: self.next, found: page.first });
        }
        self.next += page.rows.len() as u64;
        Ok(Some(page))
    }
}
