//! Catalog against order replicas, and these against one another.

use std::collections::{BTreeMap, BTreeSet};

use super::{CatalogLine, CatalogSide, Finding, OrdersSide, ReplicaLine, Report};
use crate::chain::OrderChain;
use crate::codec::encode_order;
use crate::listing::Listing;
use crate::name::Name;
use crate::orders::Totals;

/// Checks everything that can be checked with what is given.
pub fn audit(catalog: Option<&CatalogSide>, replicas: &[OrdersSide]) -> Report {
    let mut findings = Vec::new();
    for replica in replicas {
        faults(replica, &mut findings);
    }
    replicas_agree(replicas, &mut findings);
    match catalog {
        Some(catalog) => {
            catalog.listings.iter().for_each(|listing| conserved(listing, &mut findings));
            let whole = outbox_whole(catalog, &mut findings);
            nothing_lost(catalog, replicas, &mut findings);
            for replica in replicas {
                against_catalog(catalog, whole, replica, &mut findings);
            }
        }
        None => level(replicas, &mut findings),
    }
    Report {
        catalog: catalog.map(CatalogLine::of),
        replicas: replicas.iter().map(ReplicaLine::of).collect(),
        findings,
    }
}

fn faults(replica: &OrdersSide, findings: &mut Vec<Finding>) {
    let faults = replica.faults.iter().cloned();
    findings.extend(faults.map(|fault| Finding::Orders { replica: replica.id, fault }));
    let more = replica.fault_count.saturating_sub(replica.faults.len() as u64);
    if more > 0 {
        findings.push(Finding::MoreFaults { replica: replica.id, more });
    }
}

/// Equal counts mean equal hashes. The first replica that knows a count speaks for it.
fn replicas_agree(replicas: &[OrdersSide], findings: &mut Vec<Finding>) {
    let mut known: BTreeMap<u64, (u8, OrderChain)> = BTreeMap::new();
    for replica in replicas {
        for (&count, &chain) in &replica.chains {
            let (other, first) = *known.entry(count).or_insert((replica.id, chain));
            if chain != first {
                findings.push(Finding::Diverged { replica: replica.id, other, count });
            }
        }
    }
}

/// Without a catalog, the longest replica is the measure.
fn level(replicas: &[OrdersSide], findings: &mut Vec<Finding>) {
    let next = replicas.iter().map(|replica| replica.count).max().unwrap_or(0);
    let behind = replicas.iter().filter(|replica| replica.count < next);
    findings.extend(behind.map(|replica| Finding::Behind {
        replica: replica.id,
        count: replica.count,
        next,
    }));
}

fn conserved(listing: &Listing, findings: &mut Vec<Finding>) {
    let Listing { ref name, quantity, volume, initial, restocked, sold, bought, .. } = *listing;
    let wide = i128::from;
    if wide(initial) + wide(restocked) + wide(sold) - wide(bought) != wide(quantity) {
        let name = name.clone();
        findings.push(Finding::Conservation { name, initial, restocked, sold, bought, quantity });
    }
    if wide(sold) + wide(bought) != wide(volume) {
        findings.push(Finding::Volume { name: name.clone(), volume, sold, bought });
    }
}

fn outbox_whole(catalog: &CatalogSide, findings: &mut Vec<Finding>) -> bool {
    let (first, next) = (catalog.outbox_first, catalog.next);
    let mut expected = first;
    for found in catalog.outbox.iter().map(|order| order.number).chain([next]) {
        if found != expected {
            findings.push(Finding::Outbox { first, next, expected, found });
            return false;
        }
        expected = expected.saturating_add(1);
    }
    true
}

fn nothing_lost(catalog: &CatalogSide, replicas: &[OrdersSide], findings: &mut Vec<Finding>) {
    match replicas.iter().map(|replica| replica.count).max() {
        None => findings.push(Finding::NoReplicas),
        Some(from) if from < catalog.outbox_first => {
            findings.push(Finding::Lost { from, to: catalog.outbox_first });
        }
        Some(_) => {}
    }
}

fn against_catalog(
    catalog: &CatalogSide,
    outbox_whole: bool,
    replica: &OrdersSide,
    findings: &mut Vec<Finding>,
) {
    let (next, count) = (catalog.next, replica.count);
    if count > next {
        findings.push(Finding::Ahead { replica: replica.id, count, next });
        return;
    }
    if count < next {
        findings.push(Finding::Behind { replica: replica.id, count, next });
        if count < catalog.outbox_first || !outbox_whole {
            return;
        }
    }
    // What it misses is in the outbox: brought level, it must equal the catalog in everything.
    let (chain, totals) = brought_level(catalog, replica);
    if chain != Some(catalog.chain) {
        findings.push(Finding::Chain { replica: replica.id, count: next });
    }
    same_totals(catalog, replica.id, &totals, findings);
}

fn brought_level(
    catalog: &CatalogSide,
    replica: &OrdersSide,
) -> (Option<OrderChain>, BTreeMap<Name, Totals>) {
    let mut chain = replica.chains.get(&replica.count).copied();
    let mut totals = replica.totals.clone();
    for order in catalog.outbox.iter().filter(|order| order.number >= replica.count) {
        chain = chain.map(|chain| chain.extend(&encode_order(order)));
        let total = totals.entry(order.name.clone()).or_default();
        *total = total.with(order).unwrap_or(*total);
    }
    (chain, totals)
}

fn same_totals(
    catalog: &CatalogSide,
    replica: u8,
    totals: &BTreeMap<Name, Totals>,
    findings: &mut Vec<Finding>,
) {
    let counted: BTreeMap<&Name, Totals> = catalog
        .listings
        .iter()
        .map(|listing| (&listing.name, Totals { bought: listing.bought, sold: listing.sold }))
        .collect();
    let names: BTreeSet<&Name> = counted.keys().copied().chain(totals.keys()).collect();
    for name in names {
        let catalog = counted.get(name).copied().unwrap_or_default();
        let orders = totals.get(name).copied().unwrap_or_default();
        if catalog != orders {
            findings.push(Finding::Totals { replica, name: name.clone(), catalog, orders });
        }
    }
}
