//! Which links stand, and which catalog to talk to.

use std::collections::BTreeSet;

use crate::service::{ServiceId, ServiceKind};

/// The links of this gateway.
#[derive(Debug, Default)]
pub(super) struct Links {
    up: BTreeSet<ServiceId>,
    /// The catalog that answered last; of a group, only the leader answers.
    answered: Option<ServiceId>,
}

impl Links {
    pub(super) fn up(&mut self, service: ServiceId) {
        self.up.insert(service);
    }

    pub(super) fn down(&mut self, service: ServiceId) {
        self.up.remove(&service);
        if self.answered == Some(service) {
            self.answered = None;
        }
    }

    pub(super) fn stands(&self, service: ServiceId) -> bool {
        self.up.contains(&service)
    }

    /// A catalog answered something that only a catalog in charge answers.
    pub(super) fn answered(&mut self, from: ServiceId) {
        if self.stands(from) {
            self.answered = Some(from);
        }
    }

    /// Order replicas with a link.
    pub(super) fn orders(&self) -> impl Iterator<Item = u8> + '_ {
        self.of(ServiceKind::Orders).map(|service| service.id)
    }

    /// Catalogs with a link.
    pub(super) fn catalogs(&self) -> impl Iterator<Item = ServiceId> + '_ {
        self.of(ServiceKind::Catalog)
    }

    /// The catalog to ask: the one that answered last, else the first with a link.
    pub(super) fn catalog(&self) -> Option<ServiceId> {
        self.answered.or_else(|| self.catalogs().next())
    }

    fn of(&self, kind: ServiceKind) -> impl Iterator<Item = ServiceId> + '_ {
        self.up.iter().copied().filter(move |service| service.kind == kind)
    }
}
