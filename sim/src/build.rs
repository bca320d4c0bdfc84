//! The real processes, with the settings of a scenario, and a mutant if one is asked for.

use node::gateway::{GatewayConfig, GatewayProcess};
use node::process::{Now, Process};
use replication::time::Span;

use crate::mutant::Mutant;
use crate::scenario::Scenario;
use crate::world::maker::{Maker, Part};

/// Makes the processes that ship.
pub struct Real {
    /// A deliberate bug.
    pub mutant: Option<Mutant>,
}

impl Maker for Real {
    fn make(&self, scenario: &Scenario, part: Part, now: Now) -> Result<Box<dyn Process>, String> {
        match part {
            Part::Gateway { id } => Ok(Box::new(self.gateway(scenario, id, now))),
            Part::Catalog { .. } | Part::Orders { .. } => Err("not there yet".to_owned()),
        }
    }
}

impl Real {
    fn gateway(&self, scenario: &Scenario, id: u8, now: Now) -> GatewayProcess {
        let orders = (1..=scenario.orders).collect();
        let mut config = GatewayConfig::new(id, orders, vec![1]);
        config.cache_size = scenario.cache_size;
        config.cache_events = true;
        config.health_interval = Span::millis(scenario.health_ms);
        config.request_deadline = Span::millis(scenario.deadline_ms);
        let mut gateway = GatewayProcess::new(config, now);
        if let Some(Mutant::Gateway(mutant)) = self.mutant {
            gateway.mutate(mutant);
        }
        gateway
    }
}
