//! The real processes, with the settings of a scenario, and a mutant if one is asked for.

use node::catalog::{CatalogConfig, CatalogProcess, Protocol, RestockConfig};
use node::gateway::{GatewayConfig, GatewayProcess};
use node::orders::{self, Ack, OrdersConfig, OrdersProcess};
use node::process::Now;
use replication::raft::Limits;
use replication::time::Span;

use crate::mutant::Mutant;
use crate::scenario::Scenario;
use crate::world::layout::Layout;
use crate::world::machine::Machine;
use crate::world::maker::{Maker, Part};

/// Makes the processes that ship.
pub struct Real {
    /// A deliberate bug.
    pub mutant: Option<Mutant>,
}

impl Maker for Real {
    fn make(&self, scenario: &Scenario, part: Part, now: Now) -> Result<Box<dyn Machine>, String> {
        match part {
            Part::Gateway { id } => Ok(Box::new(self.gateway(scenario, id, now))),
            Part::Catalog { id, boot, incarnation, joining, recovered, rows } => {
                let first = scenario.listings.clone();
                let config = self.catalog_config(scenario, id, boot, joining);
                CatalogProcess::start(config, now, boot, incarnation, recovered, rows, first)
                    .map(|process| self.catalog(scenario, process))
                    .map_err(|why| why.to_string())
            }
            Part::Orders { id, boot, incarnation, recovered, rows } => {
                let config = self.orders_config(scenario, id, boot);
                OrdersProcess::start(config, now, incarnation, recovered, rows)
                    .map(|process| self.orders(process))
                    .map_err(|why| why.to_string())
            }
        }
    }
}

/// All catalogs that there are: whoever talks to them need not know who is a member.
fn all_catalogs(scenario: &Scenario) -> Vec<u8> {
    (1..=Layout::of(scenario).catalogs).collect()
}

impl Real {
    fn catalog_config(
        &self,
        scenario: &Scenario,
        id: u8,
        boot: u64,
        joining: bool,
    ) -> CatalogConfig {
        let restock = scenario
            .restock
            .map(|(interval, level)| RestockConfig { interval: Span::millis(interval), level });
        let protocol = if scenario.group.elects { Protocol::Raft } else { Protocol::Solo };
        let mut limits = Limits::default();
        limits.tail_entries = scenario.group.tail;
        // New members are level when they have nearly all, also where there is not much.
        limits.promotion_gap = limits.promotion_gap.min(scenario.group.tail);
        CatalogConfig {
            restock,
            limits,
            engine_mutant: match self.mutant {
                Some(Mutant::Group(mutant)) => Some(mutant),
                _ => None,
            },
            catalogs: (1..=scenario.group.members).collect(),
            gateways: (1..=scenario.gateways).collect(),
            protocol,
            // Every life of every replica draws its own timeouts.
            seed: scenario.seed ^ u64::from(id) << 56 ^ boot << 32,
            joining,
            ..CatalogConfig::alone(id, (1..=scenario.orders).collect())
        }
    }

    fn orders_config(&self, scenario: &Scenario, id: u8, boot: u64) -> OrdersConfig {
        let mut config =
            OrdersConfig::new(id, (1..=scenario.orders).collect(), all_catalogs(scenario));
        config.ack = if scenario.group.ledger { Ack::Ledger } else { Ack::InSync };
        match self.mutant {
            Some(Mutant::Replication(mutant)) => config.engine.mutant = Some(mutant),
            Some(Mutant::OrdersGroup(mutant)) => config.raft_mutant = Some(mutant),
            _ => {}
        }
        if let Some(group) = scenario.orders_group {
            config.protocol = orders::Protocol::Raft;
            config.limits.tail_entries = group.tail;
            config.limits.promotion_gap = config.limits.promotion_gap.min(group.tail);
            config.seed = scenario.seed ^ u64::from(128 + id) << 56 ^ boot << 32;
        }
        config
    }

    fn gateway(&self, scenario: &Scenario, id: u8, now: Now) -> GatewayProcess {
        let orders = (1..=scenario.orders).collect();
        let mut config = GatewayConfig::new(id, orders, all_catalogs(scenario));
        config.cache_size = scenario.cache_size;
        config.cache_events = true;
        config.health_interval = Span::millis(scenario.health_ms);
        config.proposes_leaders = scenario.orders_group.is_none();
        config.request_deadline = Span::millis(scenario.deadline_ms);
        let mut gateway = GatewayProcess::new(config, now);
        match self.mutant {
            Some(Mutant::Gateway(mutant)) => gateway.mutate(mutant),
            Some(Mutant::ElectHighestLive) => {
                gateway.mutate(node::gateway::Mutant::ElectHighestLive)
            }
            _ => {}
        }
        gateway
    }

    fn orders(&self, mut orders: OrdersProcess) -> Box<dyn Machine> {
        if let Some(Mutant::Orders(mutant)) = self.mutant {
            orders.mutate(mutant);
        }
        Box::new(orders)
    }

    fn catalog(&self, scenario: &Scenario, mut catalog: CatalogProcess) -> Box<dyn Machine> {
        match self.mutant {
            Some(Mutant::Catalog(mutant)) => catalog.mutate(mutant),
            Some(Mutant::GroupCatalog(mutant)) if scenario.group.elects => catalog.mutate(mutant),
            Some(Mutant::ElectHighestLive) => catalog.mutate(node::catalog::Mutant::ElectAnyLive),
            _ => {}
        }
        Box::new(catalog)
    }
}
