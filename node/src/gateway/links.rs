//! Which links stand, and which catalog to talk to.

use std::collections::BTreeSet;

use replication::contract::Epoch;
use replication::time::Time;

use crate::catalog_route::CatalogRoute;
use crate::service::{ServiceId, ServiceKind};

/// The links of this gateway.
#[derive(Debug, Default)]
pub(super) struct Links {
    up: BTreeSet<ServiceId>,
    catalogs: CatalogRoute,
}

impl Links {
    /// A link stands. True: the catalog should be asked everything again.
    pub(super) fn up(&mut self, service: ServiceId) -> bool {
        self.up.insert(service);
        service.kind == ServiceKind::Catalog && self.catalogs.link(service.id, true)
    }

    /// A link broke. True, as above.
    pub(super) fn down(&mut self, service: ServiceId) -> bool {
        self.up.remove(&service);
        service.kind == ServiceKind::Catalog && self.catalogs.link(service.id, false)
    }

    /// A catalog says that it leads. True, as above.
    pub(super) fn leads(&mut self, now: Time, catalog: ServiceId, term: Epoch) -> bool {
        self.catalogs.leads(now, catalog.id, term)
    }

    pub(super) fn stands(&self, service: ServiceId) -> bool {
        self.up.contains(&service)
    }

    /// Order replicas with a link.
    pub(super) fn orders(&self) -> impl Iterator<Item = u8> + '_ {
        self.of(ServiceKind::Orders).map(|service| service.id)
    }

    /// Catalogs with a link.
    pub(super) fn catalogs(&self) -> impl Iterator<Item = ServiceId> + '_ {
        self.catalogs.linked()
    }

    /// The catalog to ask.
    pub(super) fn catalog(&self) -> Option<ServiceId> {
        self.catalogs.catalog()
    }

    fn of(&self, kind: ServiceKind) -> impl Iterator<Item = ServiceId> + '_ {
        self.up.iter().copied().filter(move |service| service.kind == kind)
    }
}
