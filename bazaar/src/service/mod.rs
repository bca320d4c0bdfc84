//! Running one service: its data, its links, its process, and the way out.
//!
//! The way in: the data folder is opened and repaired first, then the port is taken, then the process runs; only then does
//! health say "serving". The way out: what it leads is handed over, requests under way are finished, log and store are written.

mod by_datagram;
mod catalog;
mod customers;
mod figures;
mod gateway;
mod inspect;
mod orders;
pub(crate) mod payment;
mod role;
mod stop;
mod watch;
mod wiring;

pub use by_datagram::{ByDatagram, FromDatagrams};
pub(crate) use inspect::ORDERS_STORED;
pub use payment::PaymentArgs;
pub use payment::run as run_payment;
pub(crate) use role::{elects, member_role};

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use node::service::{ServiceId, ServiceKind};
use tokio::net::TcpListener;

use crate::config::{
    Address, Config, ConfigError, ListingsError, OrdersProtocol, SecretError, ServiceArgs,
};
use crate::driver::{EXIT_HALTED, Ended};
use crate::links::LinksConfig;
use crate::storage::log::LogIdentity;
use crate::storage::{Opened, Options, StorageError, recover};
use crate::telemetry::{self, CacheLogError, EventSink, MetricsError};

/// How long an orderly stop may take until the process just stops. Longer than a hand-over that finds no successor (2.5 s).
const DRAIN: Duration = Duration::from_secs(3);

/// Why a service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The configuration is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The first listings cannot be read.
    #[error(transparent)]
    Listings(#[from] ListingsError),
    /// The data folder cannot be opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What the data folder holds makes no sense to this version.
    #[error(transparent)]
    Start(#[from] node::catalog::StartError),
    /// The port cannot be taken, or an address is none.
    #[error(transparent)]
    Links(#[from] crate::links::StartError),
    /// A name that leads nowhere.
    #[error("{address} is no address this machine knows: {source}")]
    Resolve {
        /// What was given.
        address: Address,
        /// Why not.
        source: std::io::Error,
    },
    /// Nobody knows what the key of the datagrams is made from.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Figures cannot be counted.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The journal of the payment service cannot be used.
    #[error(transparent)]
    Journal(#[from] crate::payment::JournalError),
    /// The cache log cannot be written.
    #[error(transparent)]
    CacheLog(#[from] CacheLogError),
    /// The system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The process stopped rather than guess.
    #[error("{0}")]
    Halted(String),
}

/// Runs a service until it is told to stop. Exit code 0: stopped in good order; 2: could not start; 75: stopped rather than guess.
pub async fn run(kind: ServiceKind, args: ServiceArgs) -> ExitCode {
    if args.drop.is_some() && kind != ServiceKind::Customers {
        eprintln!("bazaar {kind}: --drop is for customers, nobody else speaks by datagrams");
        return ExitCode::from(2);
    }
    let outcome = match args.load(kind) {
        Ok((loaded, service)) => {
            if let Err(error) = telemetry::init(&loaded.config.log) {
                eprintln!("bazaar {kind}: {error}");
            }
            for warning in &loaded.warnings {
                tracing::warn!("{warning}");
            }
            let outcome = serve(&loaded.config, service, &args).await;
            if let Err(error) = &outcome {
                tracing::error!(%service, "{error}");
            }
            outcome
        }
        Err(error) => {
            eprintln!("bazaar {kind}: {error}");
            Err(error.into())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(ServiceError::Halted(_)) => ExitCode::from(EXIT_HALTED),
        Err(_) => ExitCode::from(2),
    }
}

async fn serve(
    config: &Config,
    service: ServiceId,
    args: &ServiceArgs,
) -> Result<(), ServiceError> {
    let stop = stop::Stop::install(args.supervised)
        .map_err(|source| ServiceError::System { what: "signals".to_owned(), source })?;
    match service.kind {
        ServiceKind::Catalog => catalog::serve(config, service, args.fresh, stop).await,
        ServiceKind::Orders => orders::serve(config, service, args.fresh, stop).await,
        ServiceKind::Customers => customers::serve(config, service, args, stop).await,
        ServiceKind::Gateway => gateway::serve(config, service, stop).await,
    }
}

/// Opens a service's data folder, repairing what may be repaired. `None`: the process is to stop before that is done, which
/// leaves the folder as a crash would.
async fn open_data(
    config: &Config,
    service: ServiceId,
    fresh: bool,
    stop: &mut stop::Stop,
) -> Result<Option<Opened>, ServiceError> {
    let folder = config.data_of(service);
    let options = Options { fresh, ..data_options(config, service) };
    let opening = tokio::task::spawn_blocking(move || recover(&folder, &options));
    tokio::select! {
        opened = opening => match opened {
            Ok(opened) => Ok(Some(opened?)),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        },
        why = stop.wanted() => {
            tracing::info!(%service, why, "stopped while the data folder was being opened");
            Ok(None)
        }
    }
}

/// Opens a stopped service's data folder for a look: nothing in it is changed.
pub(crate) fn look_at_data(config: &Config, service: ServiceId) -> Result<Opened, StorageError> {
    recover(&config.data_of(service), &Options { look_only: true, ..data_options(config, service) })
}

fn data_options(config: &Config, service: ServiceId) -> Options {
    let group = format!("{}/{}", config.cluster, service.kind);
    let identity = LogIdentity::new(&group, service.id).expect("checked names are short");
    // A replica of a group may be replaced from the others; a single one has nobody.
    let alone = match service.kind {
        ServiceKind::Catalog => config.catalog.replicas.len() == 1,
        ServiceKind::Customers => config.customers.replicas.len() == 1,
        ServiceKind::Orders | ServiceKind::Gateway => false,
    };
    // Where a majority elects, a disk that forgot its votes is kept out until somebody removes and adds the replica.
    let rejoins = match service.kind {
        ServiceKind::Catalog => false,
        ServiceKind::Orders => config.orders.protocol == OrdersProtocol::PrimaryBackup,
        ServiceKind::Customers | ServiceKind::Gateway => true,
    };
    Options { alone, rejoins, ..Options::new(identity) }
}

/// Under this name a load client asks the customers without being a gateway of the configuration: it only dials, so it needs no
/// address.
pub(crate) const VISITOR: ServiceId = ServiceId::gateway(u8::MAX);

/// With whom a service talks: catalogs and orders with each other and the gateways, customers with each other and the gateways,
/// gateways not with each other.
fn links_config(config: &Config, us: ServiceId) -> Result<LinksConfig, ServiceError> {
    let listen = match us.kind {
        ServiceKind::Gateway => config.gateway(us.id).map(|gateway| &gateway.grpc),
        _ => config.replica(us).map(crate::config::Replica::listens_on),
    };
    let listen = listen.expect("the service was looked up in this very configuration");
    let mut peers = BTreeMap::new();
    for peer in config.services() {
        if peer != us && !strangers(peer.kind, us.kind) {
            let address = config.grpc_address(peer).map(ToString::to_string).unwrap_or_default();
            peers.insert(peer, address);
        }
    }
    if us.kind == ServiceKind::Customers {
        peers.entry(VISITOR).or_default();
    }
    Ok(LinksConfig { us, cluster: config.cluster.clone(), listen: resolve(listen)?, peers })
}

/// Do services of these kinds have nothing to say to each other?
fn strangers(a: ServiceKind, b: ServiceKind) -> bool {
    use ServiceKind::{Catalog, Customers, Gateway, Orders};
    matches!(
        (a, b),
        (Gateway, Gateway) | (Customers, Catalog | Orders) | (Catalog | Orders, Customers)
    )
}

/// What timeouts are drawn from: different in every life of every replica, so that they do not meet again and again.
fn draw_seed() -> Result<u64, ServiceError> {
    let failed = |source| ServiceError::System { what: "reading entropy".into(), source };
    let drawn = crate::rest::entropy().map_err(failed)?;
    Ok(drawn.iter().fold(0, |seed: u64, byte| seed.rotate_left(8) ^ u64::from(*byte)))
}

/// The first socket address behind a name.
fn resolve(address: &Address) -> Result<SocketAddr, ServiceError> {
    let failed = |source| ServiceError::Resolve { address: address.clone(), source };
    let mut found = (address.host(), address.port()).to_socket_addrs().map_err(failed)?;
    found.next().ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
}

/// Takes a port.
async fn listen(address: &Address) -> Result<TcpListener, ServiceError> {
    let resolved = resolve(address)?;
    TcpListener::bind(resolved).await.map_err(|source| ServiceError::System {
        what: format!("cannot listen on {address}"),
        source,
    })
}

/// Tells what opening the data folder has to say.
fn tell(sink: &EventSink, notes: &[node::process::Event]) {
    let wall = crate::driver::clock::now().wall;
    notes.iter().for_each(|note| sink.event(wall, note));
}

/// How a driver's end is told to the world.
fn verdict(ended: Ended) -> Result<(), ServiceError> {
    match ended {
        Ended::Drained | Ended::Stopped => Ok(()),
        Ended::Halted(why) => Err(ServiceError::Halted(why)),
    }
}
