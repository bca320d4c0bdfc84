//! Who is who: services and their addresses inside a deployment.

use std::fmt;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKind {
    /// Keeps listings, outbox and register.
    Catalog,
    /// Keeps orders.
    Orders,
    /// Keeps accounts, sessions, carts and feedback.
    Customers,
    /// Serves clients.
    Gateway,
}

/// One process of a deployment.
///
/// The order of services says who dials whom: of two services that talk, the greater one opens the link
/// (a gateway dials customers, orders and catalogs, an order replica dials catalogs and lower order replicas; members of the
/// customers' group dial lower ones).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId {
    /// What it does.
    pub kind: ServiceKind,
    /// Which one of its kind, from 1.
    pub id: u8,
}

impl ServiceId {
    /// A catalog replica.
    pub const fn catalog(id: u8) -> Self {
        ServiceId { kind: ServiceKind::Catalog, id }
    }

    /// An order replica.
    pub const fn orders(id: u8) -> Self {
        ServiceId { kind: ServiceKind::Orders, id }
    }

    /// A member of the customers' group.
    pub const fn customers(id: u8) -> Self {
        ServiceId { kind: ServiceKind::Customers, id }
    }

    /// A gateway.
    pub const fn gateway(id: u8) -> Self {
        ServiceId { kind: ServiceKind::Gateway, id }
    }
}

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ServiceKind::Catalog => "catalog",
            ServiceKind::Orders => "orders",
            ServiceKind::Customers => "customers",
            ServiceKind::Gateway => "gateway",
        })
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind, self.id)
    }
}
