//! Deployments on this machine: the default one, and ones on free ports for tests.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::ops::Range;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::address::Address;
use super::types::{
    CatalogGroup, Config, CustomersGroup, Gateway, ListingsSource, OrdersGroup, Replica,
};

/// Order replicas of the default deployment.
const ORDER_REPLICAS: u8 = 3;

/// Catalog replicas of the default deployment: a majority of them survives the loss of one.
pub(crate) const CATALOG_REPLICAS: u8 = 3;

/// From the first port between services to the first one for metrics: room for five catalogs, three order replicas and 16
/// gateways.
pub(crate) const METRICS_ABOVE: u16 = 30;

/// From the first port between services to the first one of the customers' group: above all catalogs, order replicas and
/// gateways there may be, and five of them below the metrics.
pub(crate) const CUSTOMERS_ABOVE: u16 = 24;

/// The secret of the customers' group, beside the configuration.
pub(crate) const SECRET_FILE: &str = "customers.secret";

/// Ports of a deployment on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPorts {
    /// gRPC ports of the catalog replicas 1, 2, …
    pub catalogs: Vec<u16>,
    /// gRPC ports of the order replicas 1, 2, …
    pub orders: Vec<u16>,
    /// Public, internal and gRPC port of the gateways 1, 2, …
    pub gateways: Vec<(u16, u16, u16)>,
    /// Ports of the members 1, 2, … of the customers' group, for gRPC and for datagrams.
    pub customers: Vec<u16>,
    /// Metrics ports of the catalog replicas, then of the order replicas, then of the customers' group; those without one have
    /// no metrics.
    pub metrics: Vec<u16>,
}

impl LocalPorts {
    /// Public port first (then the internal one, then those of further gateways), gRPC ports counted up from `grpc`, and
    /// metrics ports of the replicas from 30 above.
    pub fn counted(public: u16, grpc: u16, catalogs: u8, gateways: u8) -> Self {
        let (catalogs, orders) = (u16::from(catalogs), u16::from(ORDER_REPLICAS));
        let replicas = catalogs + orders;
        let gateways = (0..u16::from(gateways)).map(|index| {
            let first = public.saturating_add(2 * index);
            let inner = grpc.saturating_add(replicas + index);
            (first, first.saturating_add(1), inner)
        });
        LocalPorts {
            catalogs: (0..catalogs).map(|n| grpc.saturating_add(n)).collect(),
            orders: (catalogs..replicas).map(|n| grpc.saturating_add(n)).collect(),
            gateways: gateways.collect(),
            customers: Vec::new(),
            metrics: (0..replicas).map(|n| grpc.saturating_add(METRICS_ABOVE + n)).collect(),
        }
    }
}

impl LocalPorts {
    /// The same with this many members of the customers' group, whose ports are 24 above the first between services.
    pub fn with_customers(mut self, grpc: u16, members: u8) -> Self {
        let first = grpc.saturating_add(CUSTOMERS_ABOVE);
        let replicas = (self.catalogs.len() + self.orders.len()) as u16;
        let metrics = grpc.saturating_add(METRICS_ABOVE + replicas);
        self.customers = (0..u16::from(members)).map(|n| first.saturating_add(n)).collect();
        self.metrics.extend((0..u16::from(members)).map(|n| metrics.saturating_add(n)));
        self
    }
}

impl Default for LocalPorts {
    fn default() -> Self {
        LocalPorts::counted(8080, 7101, CATALOG_REPLICAS, 1)
    }
}

impl Config {
    /// Catalogs, three order replicas, gateways, both sample catalogs, everything on this machine.
    pub fn local(ports: &LocalPorts, data: &Path) -> Config {
        let mut metrics = ports.metrics.iter().map(|port| Address::loopback(*port));
        let mut replica = |id: u8, port: u16| {
            let address = Address::loopback(port);
            let metrics = metrics.next();
            Replica { id, address, listen: None, metrics, datagrams: None, join: false }
        };
        let catalogs = (1..).zip(&ports.catalogs).map(|(id, port)| replica(id, *port)).collect();
        let orders = (1..).zip(&ports.orders).map(|(id, port)| replica(id, *port)).collect();
        let customers: Vec<_> =
            (1..).zip(&ports.customers).map(|(id, port)| replica(id, *port)).collect();
        let secret_file = (!customers.is_empty()).then(|| PathBuf::from(SECRET_FILE));
        let gateways = (1..).zip(&ports.gateways).map(|(id, (public, internal, grpc))| Gateway {
            id,
            address: Address::loopback(*public),
            internal: Address::loopback(*internal),
            grpc: Address::loopback(*grpc),
        });
        Config {
            data: data.to_owned(),
            catalog: CatalogGroup {
                replicas: catalogs,
                stocks: Some(ListingsSource::Sample),
                toys: Some(ListingsSource::Sample),
                ..CatalogGroup::default()
            },
            orders: OrdersGroup { replicas: orders, ..OrdersGroup::default() },
            customers: CustomersGroup {
                replicas: customers,
                secret_file,
                ..CustomersGroup::default()
            },
            gateways: gateways.collect(),
            ..Config::default()
        }
    }

    /// As [`Config::local`], on ports that are free now, with this many catalogs and gateways. For tests.
    pub fn local_free(data: &Path, catalogs: u8, gateways: u8) -> std::io::Result<Config> {
        let replicas = usize::from(catalogs + ORDER_REPLICAS);
        let ports = free_ports(2 * replicas + 3 * usize::from(gateways))?;
        let (grpc, rest) = ports.split_at(replicas);
        let (metrics, rest) = rest.split_at(replicas);
        let ports = LocalPorts {
            catalogs: grpc[..usize::from(catalogs)].to_vec(),
            orders: grpc[usize::from(catalogs)..].to_vec(),
            metrics: metrics.to_vec(),
            customers: Vec::new(),
            gateways: rest.chunks_exact(3).map(|three| (three[0], three[1], three[2])).collect(),
        };
        Ok(Config::local(&ports, data))
    }
}

/// Different ports (of TCP and UDP) of the loopback address that nobody else who asks here gets while this process lives, on this machine. They
/// are below the range from which the system takes ports for outgoing connections. So a service that was killed finds its port
/// free again, however many deployments are tried out side by side.
pub fn free_ports(count: usize) -> std::io::Result<Vec<u16>> {
    let mut pool = POOL.lock();
    let mut ports = Vec::with_capacity(count);
    while ports.len() < count {
        let Some(port) = pool.left.next() else {
            pool.reserve()?;
            continue;
        };
        // Somebody may use it who does not ask here.
        let local = ("127.0.0.1", port);
        if TcpListener::bind(local).is_ok() && UdpSocket::bind(local).is_ok() {
            ports.push(port);
        }
    }
    Ok(ports)
}

/// Where the ports handed out here begin, and how many there are: they end below 32768, where Linux's ephemeral ports begin.
const FIRST: u16 = 20_000;
const BLOCKS: u16 = 300;
/// Ports reserved together: a deployment of the tests takes about twenty.
const BLOCK: u16 = 40;

static POOL: Mutex<Pool> = Mutex::new(Pool { left: 0..0, locks: Vec::new() });

/// Ports that are this process's own. Each block has a file that is locked for as long as the process lives.
struct Pool {
    left: Range<u16>,
    locks: Vec<File>,
}

impl Pool {
    /// Takes another block.
    fn reserve(&mut self) -> std::io::Result<()> {
        let folder = std::env::temp_dir().join("bazaar-ports");
        std::fs::create_dir_all(&folder)?;
        // Not always from the first: a deployment that is just ending would meet the next one on its ports.
        let start = (std::process::id() % u32::from(BLOCKS)) as u16;
        for step in 0..BLOCKS {
            let block = (start + step) % BLOCKS;
            let lock = File::create(folder.join(block.to_string()))?;
            if lock.try_lock().is_ok() {
                self.locks.push(lock);
                self.left = FIRST + block * BLOCK..FIRST + (block + 1) * BLOCK;
                return Ok(());
            }
        }
        Err(std::io::Error::new(std::io::ErrorKind::AddrInUse, "no free ports are left"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::{Ack, CatalogProtocol};

    #[test]
    fn free_ports_are_different_and_free() {
        let mut ports = free_ports(10).unwrap();
        ports.extend(free_ports(45).unwrap());
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 55, "none comes twice");
        assert!(ports.iter().all(|port| (20_000..32_000).contains(port)));
        TcpListener::bind(("127.0.0.1", ports[3])).unwrap();
    }

    #[test]
    fn a_single_catalog_decides_alone_and_trades_wait_for_the_disks_of_the_orders() {
        let config = Config::local(&LocalPorts::counted(8080, 7101, 1, 1), Path::new("data"));
        assert_eq!(config.catalog.agrees_by(), CatalogProtocol::Solo);
        assert_eq!(config.ack(), Ack::InSync);
    }

    #[test]
    fn customers_have_ports_of_their_own() {
        let ports = LocalPorts::counted(8080, 7101, 5, 16).with_customers(7101, 5);
        let config = Config::local(&ports, Path::new("data"));
        assert_eq!(config.customers.replicas[4].address, Address::loopback(7129));
        assert_eq!(config.customers.replicas[4].metrics, Some(Address::loopback(7143)));
        assert_eq!(config.customers.secret_file, Some(PathBuf::from(SECRET_FILE)));
        let mut addresses: Vec<_> = config
            .services()
            .into_iter()
            .filter_map(|service| config.grpc_address(service))
            .chain(config.customers.replicas.iter().filter_map(|one| one.metrics.as_ref()))
            .collect();
        let count = addresses.len();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), count);
    }

    #[test]
    fn the_default_deployment_is_the_documented_one() {
        let config = Config::local(&LocalPorts::default(), Path::new("data"));
        let services: Vec<String> = config.services().iter().map(ToString::to_string).collect();
        let catalogs = ["catalog-1", "catalog-2", "catalog-3"];
        assert_eq!(
            services,
            [&catalogs[..], &["orders-1", "orders-2", "orders-3", "gateway-1"]].concat()
        );
        assert_eq!(config.catalog.agrees_by(), CatalogProtocol::Raft);
        assert_eq!(config.ack(), Ack::Ledger);
        assert_eq!(config.gateway(1).unwrap().address, Address::loopback(8080));
        assert_eq!(config.gateway(1).unwrap().internal, Address::loopback(8081));
        assert_eq!(config.orders.replicas[2].address, Address::loopback(7106));
        assert_eq!(config.catalog.replicas[0].metrics, Some(Address::loopback(7131)));
        assert_eq!(config.orders.replicas[2].metrics, Some(Address::loopback(7136)));
    }
}
