//! Status, catalog and orders, as they travel to `bazaar status` and `bazaar audit`.

mod support;

use bytes::Bytes;
use market::chain::OrderChain;
use node::service::ServiceId;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use replication::contract::{ChainHash, Members, Status as EngineStatus};
use support::{any_of, configuration, listing};
use wire::inspect::{
    CatalogPages, CatalogState, OrderPage, OrderRow, Prefix, Status, encode_catalog,
};
use wire::{DecodeError, limits, v1};

fn engine() -> impl Strategy<Value = EngineStatus> {
    let replica = || 1..=u8::MAX;
    let members = (btree_set(replica(), 0..6), btree_set(replica(), 0..3))
        .prop_map(|(voters, learners)| Members { voters, learners });
    let matched = vec((replica(), any::<u64>()), 0..4);
    (any::<[u64; 5]>(), any::<bool>(), matched, option::of(replica()), members).prop_map(
        |(n, leads, matched, leader, members)| EngineStatus {
            leads,
            epoch: n[0],
            end: n[1],
            durable: n[2],
            commit: n[3],
            in_sync_durable: n[4],
            matched,
            leader,
            members,
        },
    )
}

fn status() -> impl Strategy<Value = Status> {
    let service = (1..=u8::MAX).prop_map(ServiceId::gateway);
    let links = btree_map((1..=u8::MAX).prop_map(ServiceId::orders), any::<bool>(), 0..4);
    let counters = btree_map("[a-z_]{1,20}", any::<u64>(), 0..4);
    (service, option::of(engine()), configuration(), links, counters, any::<[bool; 2]>()).prop_map(
        |(service, engine, configuration, links, counters, [open, draining])| Status {
            service,
            cluster: "shop".to_owned(),
            program: "0.1.0".to_owned(),
            open,
            draining,
            up_ms: 7,
            incarnation: engine.is_some().then_some(9),
            engine,
            configuration,
            links,
            counters,
        },
    )
}

fn catalog() -> impl Strategy<Value = CatalogState> {
    let hashes = any::<[[u8; 16]; 2]>();
    (any::<[u64; 4]>(), hashes, configuration(), vec(listing(), 0..20)).prop_map(
        |(n, [hash, chain], configuration, listings)| CatalogState {
            position: n[0],
            hash: ChainHash(hash),
            next_number: n[1],
            chain: OrderChain(chain),
            outbox_first: n[2],
            configuration,
            keys: n[3],
            listings,
        },
    )
}

fn collect(pages: impl Iterator<Item = v1::CatalogPage>) -> Result<CatalogState, DecodeError> {
    let mut collected = CatalogPages::default();
    for page in pages {
        collected.push(page)?;
    }
    collected.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_status_survives(status in status()) {
        let reply = v1::StatusReply::from(status.clone());
        prop_assert_eq!(Status::try_from(reply).expect("valid"), status);
    }

    #[test]
    fn a_catalog_survives(state in catalog()) {
        prop_assert_eq!(collect(encode_catalog(state.clone())).expect("valid"), state);
    }

    #[test]
    fn a_prefix_survives(applied in any::<u64>(), hash in option::of(any::<[u8; 16]>())) {
        let prefix = Prefix { applied, hash: hash.map(ChainHash) };
        prop_assert_eq!(Prefix::from(v1::PrefixReply::from(prefix)), prefix);
    }

    #[test]
    fn a_page_of_orders_survives(
        first in any::<u64>(),
        rows in vec((any::<[u8; 16]>(), vec(any::<u8>(), 0..200)), 0..20),
    ) {
        let row = |(chain, encoded)| OrderRow { chain: OrderChain(chain), encoded: Bytes::from(encoded) };
        let page = OrderPage { first, rows: rows.into_iter().map(row).collect() };
        let decoded = OrderPage::try_from(v1::OrderPage::from(page.clone()));
        prop_assert_eq!(decoded.expect("valid"), page);
    }
}

fn large_catalog(listings: usize) -> CatalogState {
    CatalogState { listings: vec![any_of(listing()); listings], ..any_of(catalog()) }
}

#[test]
fn a_large_catalog_comes_in_pages_of_one_position() {
    let state = large_catalog(2 * limits::PAGE_LISTINGS + 1);
    let pages: Vec<_> = encode_catalog(state.clone()).collect();
    assert_eq!(pages.len(), 3);
    assert_eq!(pages.iter().filter(|page| page.head.is_some()).count(), 1);
    assert_eq!(collect(pages.into_iter()).as_ref(), Ok(&state));
}

#[test]
fn a_catalog_with_a_page_missing_or_too_many_is_refused() {
    let state = large_catalog(limits::PAGE_LISTINGS + 1);
    let pages = || encode_catalog(state.clone());
    assert_eq!(collect(pages().take(1)), Err(DecodeError::Missing("a page of the catalog")));
    assert_eq!(collect(pages().skip(1)), Err(DecodeError::Missing("catalog head")));
    let doubled = pages().chain(pages().skip(1));
    assert!(matches!(collect(doubled), Err(DecodeError::TooMany { .. })));
}

#[test]
fn a_page_is_clamped_to_one_message() {
    let row = |size| OrderRow { chain: OrderChain::EMPTY, encoded: Bytes::from(vec![0; size]) };
    let clamped = |rows: Vec<OrderRow>| {
        let mut page = OrderPage { first: 0, rows };
        page.clamp();
        page.rows.len()
    };
    assert_eq!(clamped(vec![row(1); limits::PAGE_ORDERS + 5]), limits::PAGE_ORDERS);
    assert_eq!(clamped(vec![row(limits::PAGE_BYTES / 2); 5]), 2);
    assert_eq!(clamped(vec![row(limits::PAGE_BYTES + 1)]), 1);
    assert_eq!(clamped(Vec::new()), 0);
}
