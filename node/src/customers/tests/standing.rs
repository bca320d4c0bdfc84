//! Taking part and not taking part; an orderly stop.

use super::harness::*;
use crate::customers::Protocol;
use crate::limits::{CUSTOMER_LOST, CUSTOMER_PATIENCE, DRAIN_PATIENCE};
use crate::message::{CustomerReply, CustomerRequest};
use crate::process::{Effect, Input};

const NOT_HERE: CustomerReply = CustomerReply::NotHere { ask: None };

#[test]
fn a_member_that_takes_no_part_does_nothing_and_says_so() {
    let mut bench = Bench::fresh(config(1));
    bench.wish(10, open("jo"));
    bench.read(11, cart(1), false);
    bench.read(12, cart(1), true);
    assert_eq!(bench.replies(), [(10, NOT_HERE), (11, NOT_HERE), (12, NOT_HERE)]);
    assert_eq!(bench.proposed(), []);
}

#[test]
fn a_view_lost_and_found_again_costs_a_wish_nothing_but_time() {
    let mut bench = Bench::serving();
    bench.wish(10, add(1, 3));
    let mine = bench.engine.script().proposed.clone();
    bench.then(|script| script.lose_view(2));
    bench.run(CUSTOMER_LOST.0 / 1_000 - 10);
    assert_eq!(bench.replies(), []);
    bench.then(|script| script.take_part(3));
    bench.run(100);
    bench.then(|script| script.deliver(mine[0].clone()));
    assert_eq!((bench.replies(), bench.in_cart(1)), (vec![(10, done())], 3));
}

#[test]
fn a_member_that_does_not_come_back_says_unknown_and_questions_go_elsewhere_at_once() {
    let mut bench = Bench::serving();
    bench.wish(10, add(1, 3));
    bench.read(11, cart(1), true);
    let mine = bench.engine.script().proposed.clone();
    bench.then(|script| script.lose_view(2));
    assert_eq!(bench.replies(), [(11, NOT_HERE)]);
    bench.run(CUSTOMER_LOST.0 / 1_000);
    assert_eq!(bench.replies(), [(10, CustomerReply::Unknown)]);
    bench.then(|script| script.deliver(mine[0].clone()));
    assert_eq!((bench.replies(), bench.in_cart(1)), (vec![], 3), "it was done after all");
}

#[test]
fn a_wish_that_nobody_hears_of_is_unknown_in_the_end() {
    let mut bench = Bench::serving();
    bench.wish(10, add(1, 3));
    bench.run(CUSTOMER_PATIENCE.0 / 2_000);
    bench.wish(11, add(1, 3));
    bench.run(CUSTOMER_PATIENCE.0 / 2_000);
    assert_eq!(bench.replies(), [(10, CustomerReply::Unknown)]);
    assert_eq!(bench.member.in_hand(), (1, 0));
}

#[test]
fn a_member_that_stops_takes_nothing_new_and_answers_what_it_has() {
    let mut bench = Bench::serving();
    bench.wish(10, add(1, 3));
    bench.input(Input::Drain);
    bench.wish(11, add(1, 3));
    assert_eq!(bench.replies(), [(11, NOT_HERE)]);
    assert!(bench.others.is_empty());
    bench.agree();
    assert_eq!(bench.replies(), [(10, done())]);
    assert!(matches!(bench.others[..], [Effect::Drained]));
    bench.run(100);
    assert_eq!(bench.others.len(), 1, "said once");
}

#[test]
fn a_leader_hands_over_before_it_stops_or_stops_anyway() {
    let mut bench = Bench::fresh(config(1));
    bench.then(|script| script.lead(4));
    bench.input(Input::Drain);
    bench.run(100);
    let stopped = |bench: &Bench| bench.others.iter().any(|it| matches!(it, Effect::Drained));
    assert!(bench.engine.script().hand_overs > 0 && !stopped(&bench));
    bench.then(|script| script.follow(5));
    assert!(stopped(&bench));

    let mut bench = Bench::fresh(config(1));
    bench.then(|script| script.lead(4));
    bench.input(Input::Drain);
    bench.run(DRAIN_PATIENCE.0 / 1_000 - 10);
    assert!(!stopped(&bench));
    bench.run(10);
    assert!(stopped(&bench), "nobody was found");
}

#[test]
fn a_member_alone_stops_without_handing_over() {
    let mut config = config(1);
    (config.protocol, config.members) = (Protocol::Solo, vec![1]);
    let mut bench = Bench::fresh(config);
    bench.then(|script| script.lead(1));
    bench.input(Input::Drain);
    assert_eq!(bench.engine.script().hand_overs, 0);
    assert!(bench.others.iter().any(|it| matches!(it, Effect::Drained)));
}

#[test]
fn long_answers_are_cut() {
    let mut bench = Bench::serving();
    let inputs = (0..10_000)
        .map(|id| {
            let request = CustomerRequest::Read { question: cart(1), fresh: false };
            bench.asked(GATEWAY, id, request)
        })
        .collect();
    bench.messages = 0;
    bench.burst(inputs);
    assert_eq!(bench.replies().len(), 10_000);
    assert!((4..10).contains(&bench.messages), "{}", bench.messages);
}
