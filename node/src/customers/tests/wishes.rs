//! Wishes: proposed together, known again, answered once.

use market::customers::Refusal;

use super::harness::*;
use crate::customers::{Command, Law, Origin};
use crate::limits::CUSTOMER_WISHES;
use crate::message::CustomerReply;
use crate::process::{Effect, Input};
use crate::service::ServiceId;

#[test]
fn a_wish_is_answered_when_the_group_has_agreed_on_it() {
    let mut bench = Bench::serving();
    bench.wish(10, add(1, 3));
    assert_eq!((bench.replies(), bench.in_cart(1)), (vec![], 0), "nothing is done before");
    bench.agree();
    assert_eq!((bench.replies(), bench.in_cart(1)), (vec![(10, done())], 3));
    assert_eq!(bench.member.in_hand(), (0, 0));
}

#[test]
fn wishes_of_a_burst_are_proposed_together_and_answered_in_one_message() {
    let mut bench = Bench::serving();
    let requests: Vec<Input> = (0..20)
        .map(|id| {
            let request = bench.request(add(1, 1));
            bench.asked(GATEWAY, id, request)
        })
        .collect();
    bench.burst(requests);
    assert_eq!(bench.proposed().len(), 20);
    bench.messages = 0;
    bench.agree();
    assert_eq!(bench.messages, 1);
    let short = refused(Refusal::StockShort { available: 10 });
    let expected = (0..20).map(|id| (id, if id < 10 { done() } else { short.clone() }));
    assert!(bench.replies().into_iter().eq(expected));
}

#[test]
fn own_commands_are_known_wherever_they_stand() {
    let mut bench = Bench::serving();
    bench.wish(10, add(1, 1));
    bench.wish(11, add(1, 2));
    let mine: Vec<_> = std::mem::take(&mut bench.engine.script().proposed);
    let law = Command::decode(&mine[0]).unwrap().law;
    let of = |member, boot, number| Origin { member, boot, number };
    // Somebody else's command, and one of this member's earlier life, under the number of an own one; and own ones, turned around.
    let number = Command::decode(&mine[0]).unwrap().origin.number;
    for origin in [of(2, BOOT, number), of(1, BOOT - 1, number)] {
        let other = Command { origin, law: Law::Pass { at: law_time(&law) } };
        bench.then(|script| script.deliver(other.encode()));
        assert_eq!(bench.replies(), []);
    }
    bench.then(|script| script.deliver(mine[1].clone()));
    assert_eq!(bench.replies(), [(11, done())]);
    bench.then(|script| script.deliver(mine[0].clone()));
    assert_eq!(bench.replies(), [(10, done())]);
    assert_eq!(bench.in_cart(1), 3);
}

fn law_time(law: &Law) -> market::trade::WallTime {
    match law {
        Law::Do { at, .. } | Law::Record { at, .. } | Law::Touch { at, .. } | Law::Pass { at } => {
            *at
        }
    }
}

#[test]
fn the_same_key_asked_of_two_members_is_done_once() {
    let mut bench = Bench::serving();
    let request = bench.request(add(1, 3));
    let input = bench.asked(GATEWAY, 10, request);
    bench.input(input.clone());
    // Another member proposed it as well.
    let law = bench.proposed().remove(0);
    let other = Command { origin: Origin { member: 2, boot: 1, number: 1 }, law };
    bench.then(|script| script.deliver(other.encode()));
    assert_eq!((bench.replies(), bench.in_cart(1)), (vec![], 3));
    bench.agree();
    assert_eq!((bench.replies(), bench.in_cart(1)), (vec![(10, done())], 3));
    bench.input(input);
    bench.agree();
    assert_eq!((bench.replies(), bench.in_cart(1)), (vec![(10, done())], 3));
}

#[test]
fn too_much_is_answered_busy_at_once() {
    let mut bench = Bench::serving();
    let inputs = (0..CUSTOMER_WISHES as u64 + 1)
        .map(|id| {
            let request = bench.request(add(1, 1));
            bench.asked(GATEWAY, id, request)
        })
        .collect();
    bench.burst(inputs);
    assert_eq!(bench.replies(), [(CUSTOMER_WISHES as u64, CustomerReply::Busy)]);
    bench.agree();
    assert_eq!(bench.replies().len(), CUSTOMER_WISHES);
    bench.engine.script().full = true;
    bench.wish(1, add(1, 1));
    assert_eq!(bench.replies(), [(1, CustomerReply::Busy)], "the engine takes no more");
    bench.engine.script().full = false;
    bench.wish(2, add(1, 1));
    assert_eq!((bench.proposed().len(), bench.member.in_hand()), (1, (1, 0)));
}

#[test]
fn a_gateway_that_is_gone_is_answered_nothing_but_its_wish_is_done() {
    let mut bench = Bench::serving();
    bench.input(Input::LinkUp(GATEWAY));
    bench.wish(10, add(1, 3));
    bench.input(Input::LinkDown(GATEWAY));
    bench.agree();
    assert_eq!((bench.replies(), bench.in_cart(1)), (vec![], 3));
}

#[test]
fn whoever_is_no_gateway_is_not_listened_to() {
    let mut bench = Bench::serving();
    let request = bench.request(add(1, 3));
    for from in [ServiceId::orders(1), ServiceId::catalog(1), ServiceId::customers(2)] {
        let input = bench.asked(from, 10, request.clone());
        bench.input(input);
    }
    assert_eq!((bench.proposed(), bench.member.in_hand()), (vec![], (0, 0)));
}

#[test]
fn a_command_that_cannot_be_read_stops_the_member() {
    let mut bench = Bench::serving();
    bench.then(|script| script.deliver(bytes::Bytes::from_static(&[9, 9])));
    assert!(matches!(&bench.others[..], [Effect::Halt(text)] if text.contains("entry 3")));
}
