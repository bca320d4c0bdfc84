//! Where each service's machine stands in a world: catalogs first, then order replicas, then gateways.

use node::service::{ServiceId, ServiceKind};
use replication::contract::ReplicaId;

use crate::scenario::Scenario;

/// How many machines of each kind there are; ids begin at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Catalogs, those that are no member at first included: they have the highest ids.
    pub catalogs: u8,
    /// Order replicas.
    pub orders: u8,
    /// Gateways.
    pub gateways: u8,
}

impl Layout {
    /// The machines of a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        Layout {
            catalogs: scenario.group.members + scenario.group.spares,
            orders: scenario.orders,
            gateways: scenario.gateways,
        }
    }

    /// All services, by place.
    pub fn services(self) -> Vec<ServiceId> {
        let mut services: Vec<ServiceId> = (1..=self.catalogs).map(ServiceId::catalog).collect();
        services.extend((1..=self.orders).map(ServiceId::orders));
        services.extend((1..=self.gateways).map(ServiceId::gateway));
        services
    }

    /// The place of a service, if there is such a one.
    pub fn place(self, service: ServiceId) -> Option<usize> {
        let (before, count) = match service.kind {
            ServiceKind::Catalog => (0, self.catalogs),
            ServiceKind::Orders => (self.catalogs, self.orders),
            // No world has customers.
            ServiceKind::Customers => (0, 0),
            ServiceKind::Gateway => (self.catalogs + self.orders, self.gateways),
        };
        let exists = (1..=count).contains(&service.id);
        exists.then(|| usize::from(before) + usize::from(service.id) - 1)
    }

    /// The place of a catalog; ids that do not exist mean the nearest.
    pub fn catalog(self, id: ReplicaId) -> usize {
        usize::from(id.clamp(1, self.catalogs)) - 1
    }

    /// The place of an order replica; ids that do not exist mean the nearest.
    pub fn orders(self, id: ReplicaId) -> usize {
        usize::from(self.catalogs) + usize::from(id.clamp(1, self.orders)) - 1
    }

    /// The place of a gateway; ids that do not exist mean the nearest.
    pub fn gateway(self, id: u8) -> usize {
        let before = usize::from(self.catalogs) + usize::from(self.orders);
        before + usize::from(id.clamp(1, self.gateways)) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;
    use node::service::ServiceId;

    #[test]
    fn every_service_has_its_own_place() {
        let layout = Layout { catalogs: 4, orders: 3, gateways: 2 };
        for (place, service) in layout.services().into_iter().enumerate() {
            assert_eq!(layout.place(service), Some(place));
        }
        assert_eq!((layout.catalog(9), layout.orders(2), layout.gateway(1)), (3, 5, 7));
        assert_eq!(layout.place(ServiceId::catalog(5)), None);
        assert_eq!(layout.place(ServiceId::gateway(0)), None);
    }
}
