//! What `bazaar status` and `bazaar audit` ask: plain types, and how they travel.

use std::collections::BTreeMap;

use bytes::Bytes;
use market::chain::OrderChain;
use market::listing::Listing;
use market::order::OrderNumber;
use node::service::ServiceId;
use replication::contract::{ChainHash, Incarnation, Members, Position, Status as EngineStatus};
use replication::register::Configuration;

use crate::convert::{
    at_most, bits_of_hash, chain_hash, decode_replicas, each, encode_set, hash_bytes, incarnation,
    no_longer, replica, required,
};
use crate::error::DecodeError;
use crate::limits::{
    MAX_CLUSTER_BYTES, MAX_COMMAND_BYTES, MAX_LABEL_BYTES, MAX_REPLICAS, MAX_STATUS_ITEMS,
    PAGE_BYTES, PAGE_LISTINGS, PAGE_ORDERS,
};
use crate::register::configuration;
use crate::v1;

/// How a process does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Who.
    pub service: ServiceId,
    /// Of which deployment.
    pub cluster: String,
    /// Version of the program.
    pub program: String,
    /// It serves.
    pub open: bool,
    /// It is about to stop.
    pub draining: bool,
    /// Milliseconds since it started.
    pub up_ms: u64,
    /// Replicas only: the disk it speaks for.
    pub incarnation: Option<Incarnation>,
    /// Replicas only: its engine.
    pub engine: Option<EngineStatus>,
    /// The configuration of the orders group as it knows it.
    pub configuration: Configuration,
    /// Links to other services, and whether they stand.
    pub links: BTreeMap<ServiceId, bool>,
    /// Anything else worth a number; names are stable.
    pub counters: BTreeMap<String, u64>,
}

/// What a catalog replica holds at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogState {
    /// The log position that this state reflects.
    pub position: Position,
    /// Hash of the log's prefix that ends there.
    pub hash: ChainHash,
    /// The number the next order will get; also the count of orders.
    pub next_number: OrderNumber,
    /// Chain hash over all orders below `next_number`.
    pub chain: OrderChain,
    /// First number the outbox still holds, or `next_number` if it is empty.
    pub outbox_first: OrderNumber,
    /// The register.
    pub configuration: Configuration,
    /// Idempotency keys remembered.
    pub keys: u64,
    /// Every listing.
    pub listings: Vec<Listing>,
}

/// What a catalog replica knows of a prefix of its group's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Last position applied.
    pub applied: Position,
    /// Hash of the prefix asked for; none if it was not applied yet, or too long ago to be remembered.
    pub hash: Option<ChainHash>,
}

/// One order as a replica keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// Chain hash over all orders up to and including this one.
    pub chain: OrderChain,
    /// Canonical encoding of the order: exactly the bytes under the chain hash.
    pub encoded: Bytes,
}

/// Consecutive orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPage {
    /// Number of the first one.
    pub first: OrderNumber,
    /// The orders, in number order, without a gap.
    pub rows: Vec<OrderRow>,
}

fn encode_engine(engine: EngineStatus) -> v1::EngineStatus {
    let matched =
        |(replica, position): (u8, Position)| v1::Matched { replica: replica.into(), position };
    v1::EngineStatus {
        leads: engine.leads,
        epoch: engine.epoch,
        end: engine.end,
        durable: engine.durable,
        commit: engine.commit,
        in_sync_durable: engine.in_sync_durable,
        matched: engine.matched.into_iter().map(matched).collect(),
        leader: engine.leader.map(u32::from),
        voters: encode_set(engine.members.voters),
        learners: encode_set(engine.members.learners),
    }
}

fn decode_engine(engine: v1::EngineStatus) -> Result<EngineStatus, DecodeError> {
    Ok(EngineStatus {
        leads: engine.leads,
        epoch: engine.epoch,
        end: engine.end,
        durable: engine.durable,
        commit: engine.commit,
        in_sync_durable: engine.in_sync_durable,
        matched: each(engine.matched, MAX_REPLICAS, "matched replicas", |matched| {
            Ok::<_, DecodeError>((replica(matched.replica)?, matched.position))
        })?,
        leader: engine.leader.map(replica).transpose()?,
        members: Members {
            voters: decode_replicas(engine.voters, "voters")?,
            learners: decode_replicas(engine.learners, "learners")?,
        },
    })
}

impl From<Status> for v1::StatusReply {
    fn from(status: Status) -> Self {
        let link = |(peer, up): (ServiceId, bool)| v1::LinkStatus { peer: Some(peer.into()), up };
        let counter = |(name, value)| v1::Counter { name, value };
        v1::StatusReply {
            service: Some(status.service.into()),
            cluster: status.cluster,
            program: status.program,
            open: status.open,
            draining: status.draining,
            up_ms: status.up_ms,
            incarnation: status.incarnation,
            engine: status.engine.map(encode_engine),
            configuration: Some(status.configuration.into()),
            links: status.links.into_iter().map(link).collect(),
            counters: status.counters.into_iter().map(counter).collect(),
        }
    }
}

impl TryFrom<v1::StatusReply> for Status {
    type Error = DecodeError;

    fn try_from(status: v1::StatusReply) -> Result<Self, DecodeError> {
        no_longer(status.cluster.len(), MAX_CLUSTER_BYTES, "a cluster name")?;
        no_longer(status.program.len(), MAX_LABEL_BYTES, "a program version")?;
        let links = each(status.links, MAX_STATUS_ITEMS, "links", |link| {
            Ok::<_, DecodeError>((required(link.peer, "peer of a link")?.try_into()?, link.up))
        })?;
        let counters = each(status.counters, MAX_STATUS_ITEMS, "counters", |counter| {
            no_longer(counter.name.len(), MAX_LABEL_BYTES, "a counter's name")?;
            Ok::<_, DecodeError>((counter.name, counter.value))
        })?;
        Ok(Status {
            service: required(status.service, "service of a status")?.try_into()?,
            cluster: status.cluster,
            program: status.program,
            open: status.open,
            draining: status.draining,
            up_ms: status.up_ms,
            incarnation: status.incarnation.map(incarnation).transpose()?,
            engine: status.engine.map(decode_engine).transpose()?,
            configuration: configuration(status.configuration)?,
            links: links.into_iter().collect(),
            counters: counters.into_iter().collect(),
        })
    }
}

/// Cuts a catalog's state into pages; the first one carries the head.
pub fn encode_catalog(state: CatalogState) -> impl Iterator<Item = v1::CatalogPage> + Send {
    let mut head = Some(v1::CatalogHead {
        position: state.position,
        next_number: state.next_number,
        chain: bits_of_hash(state.chain.0),
        outbox_first: state.outbox_first,
        configuration: Some(state.configuration.into()),
        listings: state.listings.len() as u64,
        keys: state.keys,
        hash: bits_of_hash(state.hash.0),
    });
    let mut listings = state.listings.into_iter();
    std::iter::from_fn(move || {
        let page: Vec<_> = listings.by_ref().take(PAGE_LISTINGS).map(Into::into).collect();
        let head = head.take();
        (head.is_some() || !page.is_empty()).then_some(v1::CatalogPage { head, listings: page })
    })
}

/// Puts a catalog's state together again, page by page.
#[derive(Debug, Default)]
pub struct CatalogPages {
    state: Option<(CatalogState, usize)>,
}

impl CatalogPages {
    /// Takes the next page.
    pub fn push(&mut self, page: v1::CatalogPage) -> Result<(), DecodeError> {
        if let Some(head) = page.head {
            self.state = Some(decode_head(head)?);
        }
        let (state, total) = self.state.as_mut().ok_or(DecodeError::Missing("catalog head"))?;
        at_most(state.listings.len() + page.listings.len(), *total, "listings")?;
        state.listings.extend(each(page.listings, PAGE_LISTINGS, "listings", Listing::try_from)?);
        Ok(())
    }

    /// The whole state, if every page came.
    pub fn finish(self) -> Result<CatalogState, DecodeError> {
        match self.state {
            Some((state, total)) if state.listings.len() == total => Ok(state),
            _ => Err(DecodeError::Missing("a page of the catalog")),
        }
    }
}

fn decode_head(head: v1::CatalogHead) -> Result<(CatalogState, usize), DecodeError> {
    let limit = market::limits::MAX_LISTINGS;
    let total = usize::try_from(head.listings).unwrap_or(usize::MAX);
    at_most(total, limit, "listings")?;
    let state = CatalogState {
        position: head.position,
        hash: chain_hash(head.hash, "hash of a prefix")?,
        next_number: head.next_number,
        chain: OrderChain(hash_bytes(head.chain, "chain hash")?),
        outbox_first: head.outbox_first,
        configuration: configuration(head.configuration)?,
        keys: head.keys,
        listings: Vec::new(),
    };
    Ok((state, total))
}

impl From<Prefix> for v1::PrefixReply {
    fn from(prefix: Prefix) -> Self {
        let hash = prefix.hash.and_then(|hash| bits_of_hash(hash.0));
        v1::PrefixReply { applied: prefix.applied, hash }
    }
}

impl From<v1::PrefixReply> for Prefix {
    fn from(reply: v1::PrefixReply) -> Self {
        let hash = reply.hash.map(|bits| ChainHash(u128::from(bits).to_be_bytes()));
        Prefix { applied: reply.applied, hash }
    }
}

impl From<OrderPage> for v1::OrderPage {
    fn from(page: OrderPage) -> Self {
        let row =
            |row: OrderRow| v1::OrderRow { chain: bits_of_hash(row.chain.0), encoded: row.encoded };
        v1::OrderPage { first: page.first, rows: page.rows.into_iter().map(row).collect() }
    }
}

impl TryFrom<v1::OrderPage> for OrderPage {
    type Error = DecodeError;

    fn try_from(page: v1::OrderPage) -> Result<Self, DecodeError> {
        let rows = each(page.rows, PAGE_ORDERS, "rows", |row| {
            no_longer(row.encoded.len(), MAX_COMMAND_BYTES, "an order")?;
            let chain = OrderChain(hash_bytes(row.chain, "chain hash")?);
            Ok::<_, DecodeError>(OrderRow { chain, encoded: row.encoded })
        })?;
        Ok(OrderPage { first: page.first, rows })
    }
}

impl OrderPage {
    /// Shortens the page until it is within the limits of one message. At least one row stays.
    pub fn clamp(&mut self) {
        let mut bytes = 0;
        let fits = self.rows.iter().take(PAGE_ORDERS).take_while(|row| {
            bytes += row.encoded.len();
            bytes <= PAGE_BYTES
        });
        let keep = fits.count().max(1);
        self.rows.truncate(keep);
    }
}
