//! How processes are made from their disks, and how they stop.

use market::listing::{Kind, NewListing};
use node::catalog::{CatalogConfig, CatalogProcess};
use node::gateway::{GatewayConfig, GatewayProcess};
use node::orders::{OrdersConfig, OrdersProcess, Protocol};
use node::process::{Input, Process};
use node::service::{ServiceId, ServiceKind};

use super::{World, named};

impl World {
    pub(crate) fn start(&mut self, service: ServiceId) {
        self.starts += 1;
        let process = match service.kind {
            ServiceKind::Catalog => self.catalog(service.id),
            ServiceKind::Orders => self.orders(service.id),
            ServiceKind::Customers => unreachable!("nobody trades with customers"),
            ServiceKind::Gateway => self.gateway(service.id),
        };
        self.processes.insert(service, process);
        for peer in self.others(service) {
            self.link(service, peer);
        }
    }

    fn catalog(&self, id: u8) -> Box<dyn Process> {
        let disk = &self.disks[&ServiceId::catalog(id)];
        let config = CatalogConfig {
            catalogs: self.catalogs.clone(),
            gateways: self.gateways.clone(),
            protocol: node::catalog::Protocol::usual(self.catalogs.len()),
            seed: self.dice ^ self.starts,
            ..CatalogConfig::alone(id, vec![1, 2, 3])
        };
        let first = vec![listing("GameStart", 100), listing("RottenFishCo", 1)];
        let (recovered, rows) = (disk.recovered(), disk.rows());
        let (boot, incarnation) = (self.starts, u64::from(id) + 20);
        let started =
            CatalogProcess::start(config, self.now(), boot, incarnation, recovered, rows, first);
        #[cfg_attr(not(feature = "mutants"), expect(unused_mut, reason = "no mutants"))]
        let mut catalog = started.expect("the disk is sound");
        #[cfg(feature = "mutants")]
        if let Some(mutant) = self.mutant {
            catalog.mutate(mutant);
        }
        Box::new(catalog)
    }

    fn orders(&self, id: u8) -> Box<dyn Process> {
        let disk = &self.disks[&ServiceId::orders(id)];
        let config = OrdersConfig {
            protocol: self.protocol,
            seed: self.dice ^ self.starts,
            limits: self.keep.clone(),
            ..OrdersConfig::new(id, vec![1, 2, 3], self.catalogs.clone())
        };
        let (recovered, rows) = (disk.recovered(), disk.rows());
        let incarnation = u64::from(id) + 10;
        let started = OrdersProcess::start(config, self.now(), incarnation, recovered, rows);
        Box::new(started.expect("the disk is sound"))
    }

    fn gateway(&self, id: u8) -> Box<dyn Process> {
        let mut config = GatewayConfig::new(id, vec![1, 2, 3], self.catalogs.clone());
        config.cache_events = true;
        config.proposes_leaders = self.protocol == Protocol::PrimaryBackup;
        Box::new(GatewayProcess::new(config, self.now()))
    }

    pub(crate) fn kill(&mut self, service: ServiceId) {
        self.processes.remove(&service);
        self.paused.remove(&service);
        if let Some(disk) = self.disks.get_mut(&service) {
            disk.crash();
        }
        self.inbox.retain(|(to, _)| *to != service);
        self.network.late.retain(|(_, to, _)| *to != service);
        for peer in self.everybody() {
            self.tell(peer, Input::LinkDown(service));
        }
    }

    pub(crate) fn restart(&mut self, service: ServiceId) {
        self.kill(service);
        self.start(service);
    }

    /// The process stands still; what is sent to it waits.
    pub(crate) fn pause(&mut self, service: ServiceId) {
        self.paused.insert(service);
    }

    pub(crate) fn resume(&mut self, service: ServiceId) {
        self.paused.remove(&service);
    }
}

fn listing(name: &str, quantity: u64) -> NewListing {
    NewListing {
        name: named(name),
        kind: Kind::Stock,
        price: "15.99".parse().expect("a good price"),
        quantity,
        restock: false,
    }
}
