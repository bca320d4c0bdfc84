//! A link layer whose process merely writes down what it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bazaar::links::{Answer, InspectError, Inspector, Links, LinksConfig, Sink, StartError};
use bytes::Bytes;
use market::chain::OrderChain;
use market::listing::{Kind, Listing};
use market::money::Price;
use market::name::Name;
use market::order::OrderNumber;
use node::message::Message;
use node::service::ServiceId;
use replication::contract::ChainHash;
use replication::register::Configuration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use wire::inspect::{CatalogState, OrderPage, OrderRow, Status};

/// Longest wait for anything: a busy machine gets through in this, a fault does not.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const CATALOG: ServiceId = ServiceId::catalog(1);
pub(crate) const ORDERS: ServiceId = ServiceId::orders(1);
pub(crate) const GATEWAY: ServiceId = ServiceId::gateway(1);

/// What a process is told.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Up(ServiceId),
    Down(ServiceId),
    Messages(ServiceId, Vec<Message>),
}

/// Writes down what it is told.
pub(crate) struct Ear {
    told: mpsc::UnboundedSender<Told>,
    deaf: Arc<AtomicBool>,
}

impl Sink for Ear {
    fn deliver(&self, from: ServiceId, messages: Vec<Message>) -> bool {
        !self.deaf.load(Ordering::SeqCst) && self.told.send(Told::Messages(from, messages)).is_ok()
    }

    fn link_up(&self, peer: ServiceId) {
        let _ = self.told.send(Told::Up(peer));
    }

    fn link_down(&self, peer: ServiceId) {
        let _ = self.told.send(Told::Down(peer));
    }
}

/// One process.
pub(crate) struct Process {
    pub(crate) links: Links,
    told: mpsc::UnboundedReceiver<Told>,
    deaf: Arc<AtomicBool>,
}

pub(crate) fn localhost() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Everything about a process but its sockets.
pub(crate) fn config(us: ServiceId, peers: &[(ServiceId, SocketAddr)]) -> LinksConfig {
    let peers = peers.iter().map(|(peer, address)| (*peer, address.to_string())).collect();
    LinksConfig { us, cluster: "test".to_owned(), listen: localhost(), peers }
}

/// Why a process does not start.
pub(crate) async fn try_start(config: LinksConfig) -> StartError {
    match Process::try_start(config).await {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

impl Process {
    async fn try_start(config: LinksConfig) -> Result<Process, StartError> {
        let (sender, told) = mpsc::unbounded_channel();
        let deaf = Arc::new(AtomicBool::new(false));
        let ear = Arc::new(Ear { told: sender, deaf: deaf.clone() });
        let links = Links::start(config, ear, Arc::new(Museum)).await?;
        Ok(Process { links, told, deaf })
    }

    pub(crate) async fn start(config: LinksConfig) -> Process {
        Process::try_start(config).await.expect("it starts")
    }

    pub(crate) fn refuse_messages(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::SeqCst);
    }

    /// The next thing it is told.
    pub(crate) async fn next(&mut self) -> Told {
        let next = timeout(PATIENCE, self.told.recv()).await;
        next.expect("it is told something in time").expect("the links live")
    }

    /// It has been told nothing that was not read yet.
    pub(crate) fn told_nothing(&mut self) -> bool {
        self.told.try_recv().is_err()
    }

    /// The next so many messages, all from one peer, however they are cut into batches.
    pub(crate) async fn messages(&mut self, from: ServiceId, count: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        while messages.len() < count {
            match self.next().await {
                Told::Messages(peer, batch) if peer == from => messages.extend(batch),
                other => panic!("expected messages of {from}, got {other:?}"),
            }
        }
        messages
    }

    /// Reads until it is told this.
    pub(crate) async fn until(&mut self, wanted: Told) {
        while self.next().await != wanted {}
    }
}

/// A catalog on a free port, and a gateway that dials it, linked.
pub(crate) async fn pair() -> (Process, Process) {
    let mut catalog = Process::start(config(CATALOG, &[(GATEWAY, localhost())])).await;
    let mut gateway = Process::start(config(GATEWAY, &[(CATALOG, catalog.links.address())])).await;
    assert_eq!(catalog.next().await, Told::Up(GATEWAY));
    assert_eq!(gateway.next().await, Told::Up(CATALOG));
    (catalog, gateway)
}

pub(crate) fn pings(numbers: std::ops::Range<u64>) -> Vec<Message> {
    numbers.map(|nonce| Message::Ping { nonce }).collect()
}

/// Asks again until it is so.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let asked = timeout(PATIENCE, async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    });
    asked.await.expect("it becomes true in time");
}

/// How many orders the museum keeps: some pages of them.
pub(crate) const KEPT: u64 = 10_000;

/// From here on there are orders without end, so large that they cannot all wait in buffers.
pub(crate) const ENDLESS: u64 = 1 << 60;

fn heavy() -> OrderRow {
    OrderRow { chain: OrderChain::EMPTY, encoded: Bytes::from_static(&[0; 4096]) }
}

/// A process whose state never changes.
struct Museum;

fn now<T: Send + 'static>(answer: Result<T, InspectError>) -> Answer<T> {
    Box::pin(std::future::ready(answer))
}

pub(crate) fn exhibit(number: OrderNumber) -> OrderRow {
    let encoded = Bytes::copy_from_slice(&number.to_be_bytes());
    OrderRow { chain: OrderChain::EMPTY.extend(&encoded), encoded }
}

pub(crate) fn museum_status() -> Status {
    Status {
        service: CATALOG,
        cluster: "test".to_owned(),
        program: "0.0.0".to_owned(),
        open: true,
        draining: false,
        up_ms: 5,
        incarnation: Some(7),
        engine: None,
        configuration: Configuration::default(),
        links: BTreeMap::from([(GATEWAY, true)]),
        counters: BTreeMap::from([("listings".to_owned(), 1)]),
    }
}

pub(crate) fn museum_catalog() -> CatalogState {
    let listing = |number: usize| Listing {
        name: Name::new(&format!("listing-{number}")).expect("a name"),
        kind: Kind::Stock,
        price: Price::from_minor(1599).expect("a price"),
        quantity: 10,
        volume: 0,
        initial: 10,
        restocked: 0,
        sold: 0,
        bought: 0,
        restock: false,
        version: 1,
    };
    CatalogState {
        hash: ChainHash([3; 16]),
        position: 11,
        next_number: KEPT,
        chain: OrderChain([3; 16]),
        outbox_first: KEPT,
        configuration: Configuration::default(),
        keys: 5,
        listings: (0..9000).map(listing).collect(),
    }
}

impl Inspector for Museum {
    fn status(&self) -> Answer<Status> {
        now(Ok(museum_status()))
    }

    fn catalog(&self) -> Answer<CatalogState> {
        now(Ok(museum_catalog()))
    }

    fn orders(&self, from: OrderNumber, max: usize) -> Answer<OrderPage> {
        if from >= ENDLESS {
            return now(Ok(OrderPage { first: from, rows: vec![heavy(); max] }));
        }
        let to = KEPT.min(from.saturating_add(max as u64));
        now(Ok(OrderPage { first: from, rows: (from..to).map(exhibit).collect() }))
    }
}
