//! What a service lets be seen of itself: for `bazaar status` and `bazaar audit`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use market::chain::OrderChain;
use market::order::OrderNumber;
use node::catalog::CatalogProcess;
use node::customers::CustomersProcess;
use node::gateway::GatewayProcess;
use node::orders::{OrdersProcess, Standing};
use node::service::ServiceId;
use replication::contract::{Incarnation, MemberChange, MemberError, Position, Role};
use wire::inspect::{CatalogState, OrderPage, OrderRow, Prefix, Status};

use super::role::engine_of;
use super::wiring::Later;
use crate::config::Config;
use crate::datagrams::Datagrams;
use crate::driver::{Handle, clock};
use crate::links::{Answer, InspectError, Inspector, Links};
use crate::storage::store::Store;

/// Name of the counter in a replica's status that says how many positions its store holds durably.
const STORED: &str = "stored";

/// Name of the counter in an order replica's status that says how many orders its store holds durably.
pub(crate) const ORDERS_STORED: &str = "orders_stored";

/// A running process and its links, once there are any.
type Seat<P> = Later<(Handle<P>, Arc<Links>)>;

/// What every service says of itself.
struct Common {
    service: ServiceId,
    cluster: String,
    started: Instant,
}

impl Common {
    fn new(config: &Config, service: ServiceId) -> Self {
        Common { service, cluster: config.cluster.clone(), started: Instant::now() }
    }

    fn status<P>(&self, seat: &Seat<P>) -> Status {
        let links = seat.get().map(|(_, links)| links);
        Status {
            service: self.service,
            cluster: self.cluster.clone(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            open: links.is_some_and(|links| links.is_open()),
            draining: links.is_some_and(|links| links.is_stopping()),
            up_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            incarnation: None,
            engine: None,
            configuration: Default::default(),
            links: links.map(|links| links.states()).unwrap_or_default(),
            counters: BTreeMap::new(),
        }
    }
}

fn counters<const N: usize>(all: [(&str, u64); N]) -> BTreeMap<String, u64> {
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn ready<T: Send + 'static>(answer: Result<T, InspectError>) -> Answer<T> {
    Box::pin(async move { answer })
}

fn starting() -> InspectError {
    InspectError::Unavailable("the service is starting".to_owned())
}

/// A catalog replica's.
pub(super) struct CatalogInspector {
    common: Common,
    incarnation: Incarnation,
    seat: Seat<CatalogProcess>,
}

impl CatalogInspector {
    pub(super) fn new(
        config: &Config,
        service: ServiceId,
        incarnation: Incarnation,
        seat: &Seat<CatalogProcess>,
    ) -> Self {
        CatalogInspector { common: Common::new(config, service), incarnation, seat: seat.clone() }
    }
}

impl Inspector for CatalogInspector {
    fn status(&self) -> Answer<Status> {
        let mut status = self.common.status(&self.seat);
        status.incarnation = Some(self.incarnation);
        if let Some((handle, _)) = self.seat.get() {
            let now = clock::now().time;
            handle.with(|process| {
                let state = process.state();
                status.engine = Some(engine_of(process));
                status.configuration = state.register.clone();
                status.counters = counters([
                    (STORED, handle.stored()),
                    ("orders", state.law.next_number()),
                    ("outbox", state.law.outbox_len() as u64),
                    ("keys", state.law.keys_len() as u64),
                    ("leased_gateways", process.leased_gateways(now) as u64),
                    ("answers_held", process.answers_held() as u64),
                ]);
            });
        }
        ready(Ok(status))
    }

    fn catalog(&self) -> Answer<CatalogState> {
        let answer = self.seat.get().ok_or_else(starting).map(|(handle, _)| {
            handle.with(|process| CatalogState {
                position: process.applied(),
                hash: process.prefix(process.applied()).unwrap_or_default(),
                next_number: process.state().law.next_number(),
                chain: process.state().law.chain(),
                outbox_first: process.state().law.outbox_first(),
                configuration: process.state().register.clone(),
                keys: process.state().law.keys_len() as u64,
                listings: process.state().law.listings().cloned().collect(),
            })
        });
        ready(answer)
    }

    fn prefix(&self, position: Position) -> Answer<Prefix> {
        let answer = self.seat.get().ok_or_else(starting).map(|(handle, _)| {
            handle.with(|process| Prefix {
                applied: process.applied(),
                hash: process.prefix(position),
            })
        });
        ready(answer)
    }

    fn change_members(&self, change: MemberChange) -> Answer<Result<(), MemberError>> {
        let answer = self.seat.get().ok_or_else(starting).map(|(handle, _)| {
            let outcome = handle.act(|process, now, _| process.change_members(now, change));
            tracing::info!(service = %self.common.service, ?change, ?outcome, "change of members");
            outcome
        });
        ready(answer)
    }

    fn orders(&self, _: OrderNumber, _: usize) -> Answer<OrderPage> {
        ready(Err(InspectError::NotKept("orders")))
    }
}

/// A member of the customers' group.
pub(super) struct CustomersInspector {
    common: Common,
    incarnation: Incarnation,
    seat: Seat<CustomersProcess>,
    datagrams: Later<Arc<Datagrams>>,
}

impl CustomersInspector {
    pub(super) fn new(
        config: &Config,
        service: ServiceId,
        incarnation: Incarnation,
        seat: &Seat<CustomersProcess>,
        datagrams: &Later<Arc<Datagrams>>,
    ) -> Self {
        let (common, seat) = (Common::new(config, service), seat.clone());
        CustomersInspector { common, incarnation, seat, datagrams: datagrams.clone() }
    }
}

impl Inspector for CustomersInspector {
    fn status(&self) -> Answer<Status> {
        let mut status = self.common.status(&self.seat);
        status.incarnation = Some(self.incarnation);
        let tally = self.datagrams.get().map(|datagrams| datagrams.tally().clone());
        let tally = tally.unwrap_or_default();
        if let Some((handle, _)) = self.seat.get() {
            let stored = handle.stored();
            handle.with(|process| {
                let takes_part = matches!(process.role(), Role::Leader | Role::Member);
                let (wishes, questions) = process.in_hand();
                status.engine = Some(process.status());
                status.counters = counters([
                    (STORED, stored),
                    ("takes_part", u64::from(takes_part)),
                    ("accounts", process.law().accounts_len() as u64),
                    ("sessions", process.law().sessions_len() as u64),
                    ("purchases", process.law().purchases_len() as u64),
                    ("wishes_in_hand", wishes as u64),
                    ("questions_in_hand", questions as u64),
                    ("datagrams_sent", tally.counts().sent),
                    ("datagrams_received", tally.counts().received),
                    ("datagrams_dropped", tally.all_dropped()),
                ]);
            });
        }
        ready(Ok(status))
    }

    fn catalog(&self) -> Answer<CatalogState> {
        ready(Err(InspectError::NotKept("listings")))
    }

    /// The hash is known of the last position only.
    fn prefix(&self, position: Position) -> Answer<Prefix> {
        let answer = self.seat.get().ok_or_else(starting).map(|(handle, _)| {
            let (applied, hash) = handle.with(|process| process.applied());
            Prefix { applied, hash: (applied == position).then_some(hash) }
        });
        ready(answer)
    }

    fn orders(&self, _: OrderNumber, _: usize) -> Answer<OrderPage> {
        ready(Err(InspectError::NotKept("orders")))
    }
}

/// An order replica's.
pub(super) struct OrdersInspector {
    common: Common,
    store: Arc<dyn Store>,
    seat: Seat<OrdersProcess>,
}

impl OrdersInspector {
    pub(super) fn new(
        config: &Config,
        service: ServiceId,
        store: Arc<dyn Store>,
        seat: &Seat<OrdersProcess>,
    ) -> Self {
        OrdersInspector { common: Common::new(config, service), store, seat: seat.clone() }
    }
}

impl Inspector for OrdersInspector {
    fn status(&self) -> Answer<Status> {
        let mut status = self.common.status(&self.seat);
        if let Some((handle, _)) = self.seat.get() {
            let stored = handle.stored();
            handle.with(|process| {
                let open = matches!(process.standing(), Standing::Open { .. });
                status.engine = Some(process.status());
                status.incarnation = Some(process.incarnation());
                status.configuration = process.configuration().clone();
                status.counters = counters([
                    (STORED, stored),
                    (ORDERS_STORED, process.stored_orders()),
                    ("orders", process.law().count()),
                    ("serves_as_leader", u64::from(open)),
                ]);
            });
        }
        ready(Ok(status))
    }

    fn catalog(&self) -> Answer<CatalogState> {
        ready(Err(InspectError::NotKept("listings")))
    }

    fn orders(&self, from: OrderNumber, max: usize) -> Answer<OrderPage> {
        let store = self.store.clone();
        Box::pin(blocking(move || {
            // Row n + 1 is order n, whatever its position in the log.
            let entries = store.history(from + 1, max).map_err(broken_store)?;
            let rows = entries
                .into_iter()
                .map(|entry| OrderRow { chain: OrderChain(entry.hash.0), encoded: entry.command });
            Ok(OrderPage { first: from, rows: rows.collect() })
        }))
    }
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, InspectError> + Send + 'static,
) -> Result<T, InspectError> {
    tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|_| Err(InspectError::Unavailable("the service is stopping".to_owned())))
}

fn broken_store(error: crate::storage::store::StoreError) -> InspectError {
    InspectError::Unavailable(error.to_string())
}

/// A gateway's.
pub(super) struct GatewayInspector {
    common: Common,
    seat: Seat<GatewayProcess>,
}

impl GatewayInspector {
    pub(super) fn new(config: &Config, service: ServiceId, seat: &Seat<GatewayProcess>) -> Self {
        GatewayInspector { common: Common::new(config, service), seat: seat.clone() }
    }
}

impl Inspector for GatewayInspector {
    fn status(&self) -> Answer<Status> {
        let mut status = self.common.status(&self.seat);
        if let Some((handle, _)) = self.seat.get() {
            let now = clock::now();
            let gateway = handle.with(|process| process.status(now));
            status.open &= gateway.leader_live;
            status.configuration = gateway.configuration;
            status.counters = counters([
                ("cache_size", gateway.cache.size as u64),
                ("cache_entries", gateway.cache.len as u64),
                ("cache_hits", gateway.cache.hits),
                ("cache_misses", gateway.cache.misses),
                ("cache_fills", gateway.cache.fills),
                ("cache_evictions", gateway.cache.evictions),
                ("cache_invalidations", gateway.cache.invalidations),
                ("requests_waiting", gateway.errands as u64),
                ("resends", gateway.resends),
                ("shed", gateway.shed),
                ("elections_proposed", gateway.proposals),
            ]);
        }
        ready(Ok(status))
    }

    fn catalog(&self) -> Answer<CatalogState> {
        ready(Err(InspectError::NotKept("listings of its own")))
    }

    fn orders(&self, _: OrderNumber, _: usize) -> Answer<OrderPage> {
        ready(Err(InspectError::NotKept("orders")))
    }
}
