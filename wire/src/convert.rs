//! Small helpers that every group of conversions uses.

use std::collections::BTreeSet;

use market::name::Name;
use market::trade::Key;
use node::service::{ServiceId, ServiceKind};
use replication::contract::{ChainHash, Incarnation, ReplicaId};

use crate::error::DecodeError;
use crate::limits::MAX_REPLICAS;
use crate::v1;

/// An optional part that must be there.
pub(crate) fn required<T>(part: Option<T>, what: &'static str) -> Result<T, DecodeError> {
    part.ok_or(DecodeError::Missing(what))
}

/// Decodes each item, if there are not too many.
pub(crate) fn each<W, T, E: Into<DecodeError>>(
    items: Vec<W>,
    limit: usize,
    what: &'static str,
    decode: impl FnMut(W) -> Result<T, E>,
) -> Result<Vec<T>, DecodeError> {
    at_most(items.len(), limit, what)?;
    items.into_iter().map(decode).map(|item| item.map_err(Into::into)).collect()
}

pub(crate) fn at_most(count: usize, limit: usize, what: &'static str) -> Result<(), DecodeError> {
    if count > limit { Err(DecodeError::TooMany { what, count, limit }) } else { Ok(()) }
}

pub(crate) fn no_longer(
    length: usize,
    limit: usize,
    what: &'static str,
) -> Result<(), DecodeError> {
    if length > limit { Err(DecodeError::TooLong { what, length, limit }) } else { Ok(()) }
}

pub(crate) fn out_of_range(what: &'static str, value: impl Into<i128>) -> DecodeError {
    DecodeError::OutOfRange { what, value: value.into() }
}

/// A replica's or service's id: one byte, never 0.
pub(crate) fn small_id(what: &'static str, value: u32) -> Result<ReplicaId, DecodeError> {
    match u8::try_from(value) {
        Ok(id) if id > 0 => Ok(id),
        _ => Err(out_of_range(what, value)),
    }
}

pub(crate) fn replica(value: u32) -> Result<ReplicaId, DecodeError> {
    small_id("replica", value)
}

pub(crate) fn incarnation(value: u64) -> Result<Incarnation, DecodeError> {
    if value == 0 { Err(out_of_range("incarnation", value)) } else { Ok(value) }
}

pub(crate) fn encode_set(set: BTreeSet<ReplicaId>) -> Vec<u32> {
    set.into_iter().map(u32::from).collect()
}

pub(crate) fn decode_replicas(
    set: Vec<u32>,
    what: &'static str,
) -> Result<BTreeSet<ReplicaId>, DecodeError> {
    at_most(set.len(), MAX_REPLICAS, what)?;
    set.into_iter().map(replica).collect()
}

/// A name; checked before anything is allocated for it.
pub(crate) fn name(text: &str) -> Result<Name, DecodeError> {
    Ok(Name::new(text)?)
}

impl From<u128> for v1::Bits128 {
    fn from(bits: u128) -> Self {
        v1::Bits128 { high: (bits >> 64) as u64, low: bits as u64 }
    }
}

impl From<v1::Bits128> for u128 {
    fn from(bits: v1::Bits128) -> u128 {
        u128::from(bits.high) << 64 | u128::from(bits.low)
    }
}

pub(crate) fn bits_of_hash(hash: [u8; 16]) -> Option<v1::Bits128> {
    Some(u128::from_be_bytes(hash).into())
}

pub(crate) fn hash_bytes(
    bits: Option<v1::Bits128>,
    what: &'static str,
) -> Result<[u8; 16], DecodeError> {
    Ok(u128::from(required(bits, what)?).to_be_bytes())
}

pub(crate) fn chain_hash(
    bits: Option<v1::Bits128>,
    what: &'static str,
) -> Result<ChainHash, DecodeError> {
    hash_bytes(bits, what).map(ChainHash)
}

pub(crate) fn key(bits: Option<v1::Bits128>) -> Result<Key, DecodeError> {
    Ok(Key(required(bits, "idempotency key")?.into()))
}

impl From<ServiceId> for v1::Service {
    fn from(service: ServiceId) -> Self {
        let kind = match service.kind {
            ServiceKind::Catalog => v1::ServiceKind::Catalog,
            ServiceKind::Orders => v1::ServiceKind::Orders,
            ServiceKind::Customers => v1::ServiceKind::Customers,
            ServiceKind::Gateway => v1::ServiceKind::Gateway,
        };
        v1::Service { kind: kind.into(), id: service.id.into() }
    }
}

impl TryFrom<v1::Service> for ServiceId {
    type Error = DecodeError;

    fn try_from(service: v1::Service) -> Result<Self, DecodeError> {
        let kind = match v1::ServiceKind::try_from(service.kind) {
            Ok(v1::ServiceKind::Catalog) => ServiceKind::Catalog,
            Ok(v1::ServiceKind::Orders) => ServiceKind::Orders,
            Ok(v1::ServiceKind::Customers) => ServiceKind::Customers,
            Ok(v1::ServiceKind::Gateway) => ServiceKind::Gateway,
            Ok(v1::ServiceKind::Unspecified) | Err(_) => {
                return Err(out_of_range("service kind", service.kind));
            }
        };
        Ok(ServiceId { kind, id: small_id("service id", service.id)? })
    }
}
