//! Questions: behind a barrier, or of what is here.

use market::customers::{Owner, Side, Thumbs};

use super::harness::*;
use crate::limits::{CUSTOMER_ITEMS, CUSTOMER_QUESTIONS};
use crate::message::{CustomerAnswer, CustomerQuestion, CustomerReply, CustomerRequest};
use crate::tests::scripted::Script;

/// How many the cart in the only answer holds.
fn held(bench: &mut Bench) -> u64 {
    match &bench.replies()[..] {
        [(_, CustomerReply::Read(CustomerAnswer::Cart(Some(cart))))] => cart.lines[&item(17)],
        other => panic!("a cart was expected, not {other:?}"),
    }
}

#[test]
fn a_fresh_question_waits_until_nothing_newer_can_have_been_acknowledged() {
    let mut bench = Bench::serving();
    bench.wish(10, add(1, 3));
    bench.agree();
    bench.replies();
    bench.read(11, cart(1), true);
    bench.wish(12, add(1, 1));
    assert_eq!(bench.replies(), []);
    bench.agree();
    assert_eq!(bench.replies(), [(12, done())]);
    bench.then(Script::pass);
    assert_eq!(held(&mut bench), 4, "it shows what was acknowledged meanwhile, too");
}

#[test]
fn any_other_question_is_answered_at_once_from_what_is_here() {
    let mut bench = Bench::serving();
    bench.wish(10, add(1, 3));
    bench.agree();
    bench.replies();
    bench.wish(12, add(1, 1));
    bench.read(11, cart(1), false);
    assert_eq!(held(&mut bench), 3);
}

#[test]
fn questions_of_a_burst_share_a_barrier() {
    let mut bench = Bench::serving();
    let inputs = (0..50)
        .map(|id| {
            let request = CustomerRequest::Read { question: cart(1), fresh: true };
            bench.asked(GATEWAY, id, request)
        })
        .collect();
    bench.burst(inputs);
    assert_eq!(bench.engine.script().open.len(), 1);
    bench.then(Script::pass);
    assert_eq!(bench.replies().len(), 50);
}

#[test]
fn too_many_questions_are_answered_busy() {
    let mut bench = Bench::serving();
    let inputs = (0..CUSTOMER_QUESTIONS as u64 + 1)
        .map(|id| {
            let question = CustomerQuestion::ToldBelow;
            bench.asked(GATEWAY, id, CustomerRequest::Read { question, fresh: true })
        })
        .collect();
    bench.burst(inputs);
    assert_eq!(bench.replies(), [(CUSTOMER_QUESTIONS as u64, CustomerReply::Busy)]);
}

#[test]
fn a_session_is_judged_by_the_clock_though_nothing_happens() {
    let mut bench = Bench::serving();
    let whose = CustomerQuestion::Session { session: session(1) };
    bench.read(10, whose.clone(), false);
    let seen = |reply: &CustomerReply| match reply {
        CustomerReply::Read(CustomerAnswer::Session(seen)) => seen.as_ref().map(|it| it.owner),
        other => panic!("a session was expected, not {other:?}"),
    };
    assert_eq!(seen(&bench.replies()[0].1), Some(JO));
    bench.sleep(IDLE + IDLE / 8);
    bench.read(11, whose, false);
    bench.read(12, cart(1), false);
    let replies = bench.replies();
    assert_eq!(seen(&replies[0].1), None);
    assert_eq!(replies[1].1, CustomerReply::Read(CustomerAnswer::Cart(None)));
}

#[test]
fn what_is_not_there_is_said_to_be_none() {
    let mut bench = Bench::serving();
    let nobody = Owner { side: Side::Seller, id: 9 };
    let (login, side) = (name("nobody"), Side::Buyer);
    let items = vec![item(1); CUSTOMER_ITEMS + 5];
    let questions = [
        (CustomerQuestion::Account { owner: nobody }, CustomerAnswer::Account(None)),
        (CustomerQuestion::Credentials { side, login }, CustomerAnswer::Credentials(None)),
        (cart(9), CustomerAnswer::Cart(None)),
        (
            CustomerQuestion::Purchases { session: session(1), below: None, max: u32::MAX },
            CustomerAnswer::Purchases(Some(vec![])),
        ),
        (
            CustomerQuestion::Thumbs { items },
            CustomerAnswer::Thumbs(vec![Thumbs::default(); CUSTOMER_ITEMS]),
        ),
        (CustomerQuestion::ToldBelow, CustomerAnswer::ToldBelow(0)),
    ];
    for (question, answer) in questions {
        bench.read(1, question, false);
        assert_eq!(bench.replies(), [(1, CustomerReply::Read(answer))]);
    }
}

#[test]
fn credentials_are_those_of_the_account() {
    let mut bench = Bench::serving();
    bench.read(1, CustomerQuestion::Credentials { side: Side::Buyer, login: name("jo") }, false);
    let replies = bench.replies();
    let [(1, CustomerReply::Read(CustomerAnswer::Credentials(Some(found))))] = &replies[..] else {
        panic!("credentials were expected, not {replies:?}");
    };
    assert_eq!((found.owner, found.password.as_str()), (JO, "$argon2id$secret"));
    assert!(!found.locked && !format!("{replies:?}").contains("secret"));
}
