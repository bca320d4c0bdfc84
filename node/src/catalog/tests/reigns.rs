//! One leader after another: what ends with a reign, and what a new one waits for.

use market::trade::WallTime;
use replication::time::Span;

use super::harness::*;
use super::scripted::*;
use crate::catalog::{CatalogConfig, Command};
use crate::limits::{LEASE, LEASE_MARGIN};
use crate::message::{Message, Outcome};

const WAIT: u64 = (LEASE.0 + LEASE_MARGIN.0) / 1_000;

/// Writes, and the group agrees; whether the outcome leaves.
fn write(group: &mut Group, key: u128) -> bool {
    group.bench.decide(key as u64, vec![buy(key, "Tux", 1)]);
    group.agree();
    !group.bench.decisions().is_empty()
}

/// What the sessions before this reign were called.
const EARLIER: u64 = 77;

/// A session in place of an earlier one, and the word that it is adopted.
fn adopt(group: &mut Group, gateway: u8) {
    let session = group.renew(gateway, EARLIER).unwrap();
    assert_eq!(group.renew(gateway, session), Some(session));
}

#[test]
fn what_was_held_for_a_gateway_does_not_leave_after_the_reign() {
    let mut group = Group::leading();
    let session = group.renew(1, 0).unwrap();
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    group.agree();
    assert_eq!(group.bench.decisions(), [], "held");
    group.follow(2);
    group.bench.confirm(1, session, &[1]);
    group.bench.run(1_000);
    assert_eq!(group.bench.sent, []);
    assert_eq!(group.bench.catalog.answers_held(), 0);
    assert_eq!(group.bench.catalog.leased_gateways(group.bench.time), 0);
}

#[test]
fn what_was_proposed_has_no_answer_when_it_is_agreed_on_after_the_reign() {
    let mut group = Group::leading();
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    let under_way = group.engine.script().proposed.clone();
    group.follow(2);
    group.then(|script| under_way.into_iter().for_each(|command| script.deliver(command)));
    assert_eq!(group.bench.quantity("Tux"), 6);
    group.bench.run(1_000);
    assert_eq!(group.bench.sent, []);
}

#[test]
fn what_came_in_as_the_reign_ended_is_not_proposed() {
    let mut group = Group::leading();
    group.engine.script().follow(2);
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    group.bench.fill(0, 1, "Tux");
    group.lead(3);
    group.pass();
    group.bench.run(1_000);
    assert_eq!((group.proposed(), group.open_barriers()), (0, 0));
    assert_eq!(group.bench.filled(), []);
}

/// Both changes are heard of in one burst, with a trade: it must not be proposed with the tables of the last reign, for the next
/// one's would not know that a write is on its way, and let it be cached over.
#[test]
fn a_write_that_came_in_as_one_reign_followed_another_belongs_to_the_later_one_or_to_none() {
    let mut group = Group::leading();
    group.engine.script().follow(2);
    group.engine.script().lead(3);
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    assert_eq!(group.proposed(), 0, "its owner asks again");
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    assert_eq!(group.proposed(), 1);
    let session = group.renew(1, 0).unwrap();
    group.bench.fill(session, 1, "Tux");
    group.bench.run(WAIT + 1);
    group.pass();
    group.agree();
    let filled = group.bench.filled().pop().expect("it waited for the write");
    assert!(!filled.cacheable);
}

#[test]
fn a_leader_elected_again_has_nothing_of_its_last_reign() {
    let mut group = Group::leading();
    let session = group.renew(1, 0).unwrap();
    group.bench.fill(session, 1, "Tux");
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    group.follow(2);
    group.lead(3);
    group.bench.sent.clear();
    // Questions and batches taken in the last reign are as if never asked.
    group.pass();
    group.bench.run(WAIT + 1);
    assert_eq!(group.bench.filled(), []);
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    assert_eq!(group.proposed(), 1, "the batch is not held for a copy");
    group.agree();
    assert_eq!(group.bench.decisions().len(), 1, "the last reign's session is not waited for");
    group.bench.fill(session, 2, "Tux");
    group.pass();
    assert!(!group.bench.filled()[0].cacheable, "its session is not known any more");
}

#[test]
fn a_batch_agreed_on_for_the_last_leader_is_decided_once() {
    let mut group = Group::leading();
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    let under_way = group.engine.script().proposed.clone();
    group.follow(2);
    group.then(|script| under_way.into_iter().for_each(|command| script.deliver(command)));
    group.lead(3);
    group.bench.run(WAIT + 1);
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    group.agree();
    let decided = group.bench.decisions().pop().unwrap();
    assert_eq!((decided.outcomes, decided.orders), (vec![Outcome::Order(0)], vec![]));
    assert_eq!(group.bench.quantity("Tux"), 6);
}

#[test]
fn a_new_leader_waits_until_the_leases_of_the_last_one_are_surely_over() {
    let mut group = Group::following();
    group.lead(2);
    group.bench.fill(0, 1, "Tux");
    group.pass();
    assert!(!write(&mut group, 1));
    group.bench.run(WAIT - 1);
    assert!(group.bench.sent.iter().all(|(_, m)| matches!(m, Message::Configuration(_))));
    group.bench.run(1);
    let sent = group.bench.take();
    assert!(sent.iter().any(|m| matches!(m, Message::Filled(_))), "{sent:?}");
    assert!(sent.iter().any(|m| matches!(m, Message::Decided(_))), "{sent:?}");
}

#[test]
fn a_group_without_listings_has_no_lease_to_wait_for() {
    let mut group = Group::fresh(group_config());
    group.lead(1);
    assert_eq!(group.proposed(), 1, "the first listings");
    group.bench.fill(0, 1, "Tux");
    group.pass();
    assert_eq!(group.bench.filled(), [], "nobody can say yet what there is");
    group.agree();
    group.bench.fill(0, 2, "Tux");
    group.pass();
    assert_eq!(group.bench.filled()[0].listing.as_ref().unwrap().quantity, 10, "at once");
}

#[test]
fn the_first_listings_are_proposed_by_whoever_leads_and_finds_none() {
    let mut group = Group::fresh(group_config());
    group.bench.run(100);
    assert_eq!(group.proposed(), 0, "a follower loads nothing");
    group.lead(1);
    let load = group.engine.script().proposed.clone();
    group.follow(2);
    group.lead(3);
    assert_eq!(group.engine.script().proposed, load, "again, for the first may be lost");
    // It was not.
    group.follow(4);
    group.then(|script| load.into_iter().for_each(|command| script.deliver(command)));
    group.lead(5);
    assert_eq!(group.proposed(), 0);
}

#[test]
fn the_first_listings_are_offered_again_when_the_engine_takes_nothing() {
    let mut group = Group::fresh(group_config());
    group.engine.script().lead(1);
    group.engine.script().leads = None;
    group.bench.run(10);
    assert_eq!(group.proposed(), 0);
    group.engine.script().leads = Some(1);
    group.bench.step();
    assert_eq!(group.proposed(), 1);
    group.bench.run(10);
    assert_eq!(group.proposed(), 1, "once");
}

#[test]
fn it_opens_early_once_every_gateway_has_gone_over_to_it() {
    let mut group = Group::following();
    group.lead(2);
    assert!(!write(&mut group, 1));
    adopt(&mut group, 1);
    assert_eq!(group.bench.decisions(), [], "the other gateway may believe in its lease");
    adopt(&mut group, 2);
    assert_eq!(group.bench.decisions().len(), 1);
}

#[test]
fn a_session_that_was_only_granted_is_not_adopted() {
    let mut group = Group::following();
    group.lead(2);
    assert!(!write(&mut group, 1));
    adopt(&mut group, 1);
    let session = group.renew(2, EARLIER).unwrap();
    group.bench.run(10);
    assert_eq!(group.renew(2, EARLIER), Some(session), "the grant is still under way");
    assert_eq!(group.bench.decisions(), []);
    group.renew(2, session);
    assert_eq!(group.bench.decisions().len(), 1);
}

#[test]
fn a_gateway_that_began_anew_may_have_an_earlier_life_with_a_lease() {
    let mut group = Group::following();
    group.lead(2);
    assert!(!write(&mut group, 1));
    adopt(&mut group, 1);
    let session = group.renew(2, 0).unwrap();
    assert_eq!(group.renew(2, session), Some(session));
    group.bench.run(WAIT - 1);
    assert_eq!(group.bench.decisions(), []);
    group.bench.run(2);
    group.bench.confirm(1, (2 << 32) + 1, &[1]);
    assert_eq!(group.bench.decisions().len(), 1);
}

#[test]
fn who_does_not_know_its_gateways_always_waits() {
    let config = CatalogConfig { gateways: Vec::new(), ..group_config() };
    let mut group = Group::following_with(config);
    group.lead(2);
    assert!(!write(&mut group, 1));
    adopt(&mut group, 1);
    adopt(&mut group, 2);
    group.bench.run(WAIT - 1);
    assert_eq!(group.bench.decisions(), []);
}

#[test]
fn sessions_never_repeat_whoever_leads() {
    let mut group = Group::leading();
    assert_eq!(group.renew(1, 0), Some((1 << 32) + 1));
    group.follow(2);
    group.lead(5);
    assert_eq!(group.renew(1, 0), Some((5 << 32) + 1));
}

/// The time of a trade that is proposed now.
fn proposed_at(group: &mut Group) -> WallTime {
    group.bench.decide(1, vec![buy(1, "Tux", 1)]);
    let command = Command::decode(&group.engine.script().proposed[0]).unwrap();
    match command {
        Command::Fenced { law: market::catalog::Command::Trades { at, .. }, .. } => at,
        other => panic!("{other:?}"),
    }
}

/// Between a start and an election lie hours; a wall clock that jumped meanwhile is not to be believed more than one that jumps later.
#[test]
fn a_new_leader_does_not_follow_what_its_wall_clock_did_meanwhile() {
    let mut group = Group::following();
    group.bench.run(2_000);
    group.bench.wall_ahead = Span::millis(3_600_000);
    group.bench.run(10);
    group.lead(2);
    let at = proposed_at(&mut group);
    let steady = now(group.bench.time).wall.0;
    assert!(at.0.abs_diff(steady) <= 16, "{} ms off", at.0.abs_diff(steady));
}

#[test]
fn a_new_leader_goes_on_from_the_laws_time_though_its_own_clock_is_behind() {
    let mut group = Group::following();
    let ahead = now(group.bench.time).wall.0 + 3_600_000;
    let law = market::catalog::Command::Trades { at: WallTime(ahead), trades: Vec::new() };
    group.agreed(&Command::Fenced { epoch: 1, version: None, law });
    group.lead(2);
    assert!(proposed_at(&mut group).0 >= ahead, "keys that carry their birth would look younger");
}

#[test]
fn only_a_leader_refills() {
    let restock = crate::catalog::RestockConfig { interval: Span::millis(100), level: 20 };
    let config = CatalogConfig { restock: Some(restock), ..group_config() };
    let mut group = Group::leading_with(config);
    group.bench.decide(1, vec![buy(1, "Gnu", 1)]);
    group.agree();
    group.follow(2);
    group.bench.run(500);
    assert_eq!(group.proposed(), 0);
    group.lead(3);
    group.bench.run(101);
    assert_eq!(group.proposed(), 1);
}

#[test]
fn silence_before_an_election_is_not_held_against_the_orders_leader() {
    let mut group = Group::following();
    group.link();
    group.bench.run(10_000);
    group.lead(2);
    group.bench.receive(GATEWAY, Message::Configure(elect(4, 2)));
    assert_eq!(group.proposed(), 0, "nobody here could have heard it");
}
