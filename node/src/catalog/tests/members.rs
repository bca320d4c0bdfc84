//! What a replica tells of its group.

use std::collections::BTreeSet;

use replication::contract::{MemberChange, MemberError};

use super::harness::*;
use super::scripted::*;

#[test]
fn a_catalog_that_is_alone_is_its_group() {
    let mut bench = Bench::serving();
    assert_eq!(bench.catalog.members().voters, BTreeSet::from([1]));
    assert_eq!((bench.catalog.leads(), bench.catalog.group_leader()), (Some(1), Some(1)));
    let change = MemberChange::Add(2, 22);
    let now = bench.now();
    assert_eq!(bench.catalog.change_members(now, change), Err(MemberError::Fixed));
}

#[test]
fn a_group_knows_its_members_and_a_replica_whether_it_leads() {
    let mut group = Group::following();
    assert_eq!(group.bench.catalog.members().voters, BTreeSet::from([1, 2, 3]));
    assert_eq!((group.bench.catalog.leads(), group.bench.catalog.group_leader()), (None, None));
    group.lead(4);
    let catalog = &group.bench.catalog;
    assert_eq!((catalog.leads(), catalog.group_leader()), (Some(4), Some(1)));
}
