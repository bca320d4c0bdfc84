//! Leases, invalidations and fills: between gateway and catalog.

use node::message::{Fill, Filled, Invalidate, Invalidated, Lease, Renew};
use replication::time::{Span, Time};

use crate::convert::{at_most, each, name};
use crate::error::DecodeError;
use crate::limits::{MAX_NAMES, MAX_NUMBERS};
use crate::v1;

impl From<Renew> for v1::Renew {
    fn from(renew: Renew) -> Self {
        v1::Renew { session: renew.session, sent_at_us: renew.sent_at.0 }
    }
}

impl From<v1::Renew> for Renew {
    fn from(renew: v1::Renew) -> Self {
        Renew { session: renew.session, sent_at: Time(renew.sent_at_us) }
    }
}

impl From<Lease> for v1::Lease {
    fn from(lease: Lease) -> Self {
        v1::Lease { session: lease.session, sent_at_us: lease.sent_at.0, ttl_us: lease.ttl.0 }
    }
}

impl From<v1::Lease> for Lease {
    fn from(lease: v1::Lease) -> Self {
        Lease { session: lease.session, sent_at: Time(lease.sent_at_us), ttl: Span(lease.ttl_us) }
    }
}

impl From<Invalidate> for v1::Invalidate {
    fn from(invalidate: Invalidate) -> Self {
        v1::Invalidate {
            session: invalidate.session,
            number: invalidate.number,
            names: invalidate.names.into_iter().map(String::from).collect(),
        }
    }
}

impl TryFrom<v1::Invalidate> for Invalidate {
    type Error = DecodeError;

    fn try_from(invalidate: v1::Invalidate) -> Result<Self, DecodeError> {
        Ok(Invalidate {
            session: invalidate.session,
            number: invalidate.number,
            names: each(invalidate.names, MAX_NAMES, "names", |text| name(&text))?,
        })
    }
}

impl From<Invalidated> for v1::Invalidated {
    fn from(invalidated: Invalidated) -> Self {
        v1::Invalidated { session: invalidated.session, numbers: invalidated.numbers }
    }
}

impl TryFrom<v1::Invalidated> for Invalidated {
    type Error = DecodeError;

    fn try_from(invalidated: v1::Invalidated) -> Result<Self, DecodeError> {
        at_most(invalidated.numbers.len(), MAX_NUMBERS, "invalidations")?;
        Ok(Invalidated { session: invalidated.session, numbers: invalidated.numbers })
    }
}

impl From<Fill> for v1::Fill {
    fn from(fill: Fill) -> Self {
        v1::Fill { session: fill.session, token: fill.token, name: fill.name.into() }
    }
}

impl TryFrom<v1::Fill> for Fill {
    type Error = DecodeError;

    fn try_from(fill: v1::Fill) -> Result<Self, DecodeError> {
        Ok(Fill { session: fill.session, token: fill.token, name: name(&fill.name)? })
    }
}

impl From<Filled> for v1::Filled {
    fn from(filled: Filled) -> Self {
        v1::Filled {
            session: filled.session,
            token: filled.token,
            name: filled.name.into(),
            listing: filled.listing.map(Into::into),
            cacheable: filled.cacheable,
        }
    }
}

impl TryFrom<v1::Filled> for Filled {
    type Error = DecodeError;

    fn try_from(filled: v1::Filled) -> Result<Self, DecodeError> {
        Ok(Filled {
            session: filled.session,
            token: filled.token,
            name: name(&filled.name)?,
            listing: filled.listing.map(TryInto::try_into).transpose()?,
            cacheable: filled.cacheable,
        })
    }
}
