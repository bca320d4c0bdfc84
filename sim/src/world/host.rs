//! One machine: clocks, a disk, and the process that runs on it, or does not.

use node::process::Input;
use node::service::{ServiceId, ServiceKind};
use replication::contract::ReplicaId;

use super::clock::Clock;
use super::disk::Disk;
use super::machine::Machine;

/// Most inputs that wait for a paused process; more are lost, as when buffers run full.
pub const INBOX_LIMIT: usize = 20_000;

/// A machine.
pub struct Host {
    /// Which service runs here.
    pub service: ServiceId,
    /// Its clocks.
    pub clock: Clock,
    /// Its disk; gateways have none.
    pub disk: Option<Disk>,
    /// The process, while it runs.
    pub process: Option<Box<dyn Machine>>,
    /// Grows with every start and every end of the process, so that what belongs to an earlier one is told apart.
    pub instance: u32,
    /// Starts so far.
    pub boots: u64,
    /// Inputs not taken yet.
    pub inbox: Vec<Input>,
    /// A burst is scheduled.
    pub waking: bool,
    /// Pauses that lie on it.
    pub pauses: u32,
    /// A catalog that waits to be made a member, as an operator would start it; else it begins its group with the others.
    pub joining: bool,
    /// It was taken out of its group and stopped: it stays down.
    pub retired: bool,
    /// It was asked to stop; how long it stays down then.
    pub draining: Option<u64>,
    /// Peers whose link it believes to stand.
    pub believes_up: Vec<bool>,
}

impl Host {
    /// A machine without a running process.
    pub fn new(service: ServiceId, clock: Clock, disk: Option<Disk>, peers: usize) -> Self {
        Host {
            service,
            clock,
            disk,
            process: None,
            instance: 0,
            boots: 0,
            inbox: Vec::new(),
            waking: false,
            pauses: 0,
            joining: false,
            retired: false,
            draining: None,
            believes_up: vec![false; peers],
        }
    }

    /// Does a process run here (maybe paused)?
    pub fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// Does it run and take input?
    pub fn is_well(&self) -> bool {
        self.process.is_some() && self.pauses == 0
    }

    /// Is it a gateway?
    pub fn is_gateway(&self) -> bool {
        self.service.kind == ServiceKind::Gateway
    }

    /// Is it a catalog?
    pub fn is_catalog(&self) -> bool {
        self.service.kind == ServiceKind::Catalog
    }

    /// Is it an order replica?
    pub fn is_orders(&self) -> bool {
        self.service.kind == ServiceKind::Orders
    }
}

/// Do these two services talk to each other?
pub fn talk(a: ServiceId, b: ServiceId) -> bool {
    a != b && !(a.kind == ServiceKind::Gateway && b.kind == ServiceKind::Gateway)
}

/// The disk of an order replica.
pub fn orders_disk(hosts: &[Host], id: ReplicaId) -> Option<&Disk> {
    hosts.iter().find(|host| host.service == ServiceId::orders(id))?.disk.as_ref()
}
