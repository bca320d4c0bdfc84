//! Links between services: one long-lived gRPC stream per pair, batches of messages in both directions.
//!
//! The greater service of a pair dials, and dials again when the link breaks. Nothing here is reliable: a message that finds no
//! link, or is under way when one breaks, is lost, and the processes are made for that. What is promised: messages of one link
//! arrive in the sequence in which they were sent, none twice, each after its `link_up` and before its `link_down`; memory is
//! bounded; nobody ever waits for a peer.
//!
//! The same port answers health checks, reflection, and [`Inspector`] for `bazaar status`, `bazaar audit` and `bazaar member`.

mod admin;
mod dial;
mod exchange;
mod inspect;
mod limits;
mod queue;
mod serve;
mod slot;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use node::message::Message;
use node::service::ServiceId;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use wire::limits::MAX_BATCH_BYTES;
use wire::v1::admin_server::AdminServer;
use wire::v1::inspect_server::InspectServer;
use wire::v1::link_server::LinkServer;

pub use admin::change_members;
pub use inspect::{Answer, InspectError, Inspection, Inspector, Orders, inspect_client};

use admin::AdminService;
use exchange::{Core, LinkService};
use inspect::InspectService;
use slot::Slot;

/// Who a process is, and with whom it talks.
#[derive(Clone, Debug)]
pub struct LinksConfig {
    /// This process.
    pub us: ServiceId,
    /// Name of the deployment; others are refused.
    pub cluster: String,
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Every service this process talks with, and its address (`host:port`). Those below `us` are dialled at it; those above
    /// dial us, whatever their address. Anybody else is refused.
    pub peers: BTreeMap<ServiceId, String>,
}

/// How far the process is, as health checks are told.
const STARTING: u8 = 0;
const OPEN: u8 = 1;
const STOPPING: u8 = 2;

/// Where links lead to: the driver of the process.
///
/// Called from the threads of the runtime. Must not wait, and must not call [`Links`] from within.
pub trait Sink: Send + Sync + 'static {
    /// Messages came in. False: they cannot be taken (the process stops, or is far behind); the link is dropped.
    fn deliver(&self, from: ServiceId, messages: Vec<Message>) -> bool;

    /// A link stands.
    fn link_up(&self, peer: ServiceId);

    /// A link broke.
    fn link_down(&self, peer: ServiceId);
}

/// Why the links could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// Not of the form `host:port`.
    #[error("{address:?} is no address for {peer}")]
    Address {
        /// Whose address.
        peer: ServiceId,
        /// What was given.
        address: String,
    },
    /// The reflection service does not like our descriptors: a fault of the build.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// The links of one process. Dropped, all of them break at once; see [`Links::shutdown`] for a better end.
pub struct Links {
    core: Arc<Core>,
    address: SocketAddr,
    health: HealthReporter,
    phase: AtomicU8,
    stop: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
}

impl Links {
    /// Listens, and dials whom this process has to dial. Health says "not serving" until [`Links::set_open`].
    pub async fn start(
        config: LinksConfig,
        sink: Arc<dyn Sink>,
        inspector: Arc<dyn Inspector>,
    ) -> Result<Links, StartError> {
        let LinksConfig { us, cluster, listen, peers } = config;
        let no_port = |source| StartError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let slots = peers.keys().map(|peer| (*peer, Slot::new(*peer, sink.clone()))).collect();
        let core = Arc::new(Core { us, cluster, slots });
        let health = HealthReporter::new();
        let routes = routes(&core, inspector, &health)?;

        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve::serve(listener, routes, stopped.clone()));
        for (peer, address) in peers.into_iter().filter(|(peer, _)| *peer < us) {
            let slot = core.slots[&peer].clone();
            let endpoint =
                dial::endpoint(&address).map_err(|_| StartError::Address { peer, address })?;
            tasks.spawn(dial::dial(core.clone(), slot, endpoint, stopped.clone()));
        }
        let phase = AtomicU8::new(STARTING);
        let links = Links { core, address, health, phase, stop, tasks: Mutex::new(tasks) };
        links.report(ServingStatus::NotServing).await;
        Ok(links)
    }

    /// Where this process listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends messages, in this sequence, if a link stands; otherwise they are lost. Never waits.
    pub fn send(&self, to: ServiceId, messages: Vec<Message>) {
        match self.core.slots.get(&to) {
            Some(slot) => slot.send(messages),
            None => tracing::error!(%to, "no such peer"),
        }
    }

    /// Which peers there are, and whether a link stands.
    pub fn states(&self) -> BTreeMap<ServiceId, bool> {
        self.core.slots.iter().map(|(peer, slot)| (*peer, slot.is_up())).collect()
    }

    /// Tells health checks whether the process is open for business. Not open after it was: it stops.
    pub async fn set_open(&self, open: bool) {
        let (phase, status) = match open {
            true => (OPEN, ServingStatus::Serving),
            false => (STOPPING, ServingStatus::NotServing),
        };
        self.phase.store(phase, Ordering::Relaxed);
        self.report(status).await;
    }

    /// Is the process open for business?
    pub fn is_open(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == OPEN
    }

    /// Is it on its way out?
    pub fn is_stopping(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == STOPPING
    }

    async fn report(&self, status: ServingStatus) {
        for service in ["", "bazaar.v1.Link", "bazaar.v1.Inspect", "bazaar.v1.Admin"] {
            self.health.set_service_status(service, status).await;
        }
    }

    /// Sends what waits, says goodbye, and ends; what takes too long is cut.
    pub async fn shutdown(&self) {
        self.set_open(false).await;
        // First no new links, then the end of those that stand. (Nobody listens any more if this was called before.)
        let _ = self.stop.send(true);
        self.core.slots.values().for_each(|slot| slot.finish());
        let tasks = std::mem::take(&mut *self.tasks.lock());
        serve::join_within(tasks, 2 * limits::SHUTDOWN_TIMEOUT).await;
    }
}

fn routes(
    core: &Arc<Core>,
    inspector: Arc<dyn Inspector>,
    health: &HealthReporter,
) -> Result<Routes, StartError> {
    let link = LinkServer::new(LinkService(core.clone()))
        .max_decoding_message_size(MAX_BATCH_BYTES)
        .max_encoding_message_size(MAX_BATCH_BYTES);
    let admin = AdminServer::new(AdminService(inspector.clone()));
    let inspect = InspectServer::new(InspectService::new(inspector))
        .max_encoding_message_size(MAX_BATCH_BYTES);
    let health = tonic_health::server::HealthService::from_health_reporter(health.clone());
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(wire::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    Ok(Routes::new(link)
        .add_service(inspect)
        .add_service(admin)
        .add_service(tonic_health::pb::health_server::HealthServer::new(health))
        .add_service(reflection)
        .prepare())
}
