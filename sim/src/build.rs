//! The real processes, with the settings of a scenario, and a mutant if one is asked for.

use node::catalog::{CatalogConfig, CatalogProcess, RestockConfig};
use node::gateway::{GatewayConfig, GatewayProcess};
use node::orders::{OrdersConfig, OrdersProcess};
use node::process::Now;
use replication::time::Span;

use crate::mutant::Mutant;
use crate::scenario::Scenario;
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
            Part::Catalog { id, boot, incarnation, recovered, rows } => {
                let (config, first) = (catalog_config(scenario, id), scenario.listings.clone());
                CatalogProcess::start(config, now, boot, incarnation, recovered, rows, first)
                    .map(|process| self.catalog(process))
                    .map_err(|why| why.to_string())
            }
            Part::Orders { id, incarnation, recovered, rows } => {
                let config = self.orders_config(scenario, id);
                OrdersProcess::start(config, now, incarnation, recovered, rows)
                    .map(|process| Box::new(process) as Box<dyn Machine>)
                    .map_err(|why| why.to_string())
            }
        }
    }
}

fn catalog_config(scenario: &Scenario, id: u8) -> CatalogConfig {
    let restock = scenario
        .restock
        .map(|(interval, level)| RestockConfig { interval: Span::millis(interval), level });
    CatalogConfig { restock, ..CatalogConfig::alone(id, (1..=scenario.orders).collect()) }
}

impl Real {
    fn orders_config(&self, scenario: &Scenario, id: u8) -> OrdersConfig {
        let mut config = OrdersConfig::new(id, (1..=scenario.orders).collect(), vec![1]);
        if let Some(Mutant::Replication(mutant)) = self.mutant {
            config.engine.mutant = Some(mutant);
        }
        config
    }

    fn gateway(&self, scenario: &Scenario, id: u8, now: Now) -> GatewayProcess {
        let orders = (1..=scenario.orders).collect();
        let mut config = GatewayConfig::new(id, orders, vec![1]);
        config.cache_size = scenario.cache_size;
        config.cache_events = true;
        config.health_interval = Span::millis(scenario.health_ms);
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

    fn catalog(&self, mut catalog: CatalogProcess) -> Box<dyn Machine> {
        match self.mutant {
            Some(Mutant::Catalog(mutant)) => catalog.mutate(mutant),
            Some(Mutant::ElectHighestLive) => catalog.mutate(node::catalog::Mutant::ElectAnyLive),
            _ => {}
        }
        Box::new(catalog)
    }
}
