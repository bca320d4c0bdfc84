//! An orderly stop.

use replication::register::RegisterCommand;

use super::harness::*;
use crate::limits::DRAIN_PATIENCE;
use crate::message::{Message, TradeReply};
use crate::process::Input;

fn elects(bench: &Bench) -> Vec<u8> {
    let elect = |message: &Message| match message {
        Message::Configure(RegisterCommand::Elect { candidate, .. }) => Some(*candidate),
        _ => None,
    };
    bench.sent.iter().filter_map(|(_, message)| elect(message)).collect()
}

#[test]
fn a_follower_may_stop_at_once() {
    let mut bench = Bench::holding(3, config());
    bench.configure(configuration(4, 1, Some(2), &[2, 3]));
    bench.input(Input::Drain);
    bench.input(Input::Drain);
    bench.run(20);
    assert_eq!(bench.drained(), 1, "said once");
}

#[test]
fn a_leader_hands_over_to_who_has_everything_and_sends_its_clients_on() {
    let mut bench = Bench::open(&[2, 3]);
    bench.trades(GATEWAY, [1]);
    bench.done(0, 0, 1);
    bench.trades(GATEWAY, [2]);
    bench.input(Input::Drain);
    bench.trades(GATEWAY, [3]);
    assert!(matches!(bench.answers()[..], [(GATEWAY, 3, TradeReply::NotLeader(_))]));
    assert_eq!((elects(&bench), bench.drained()), (vec![], 0), "the follower lacks an order");
    bench.sync();
    bench.acknowledge(2, 1, 1);
    assert_eq!(bench.answers(), [(GATEWAY, 1, traded(0))]);
    assert_eq!((elects(&bench), bench.drained()), (vec![2], 0));
    bench.done(1, 1, 1);
    bench.configure(configuration(5, 2, Some(2), &[2, 3]));
    assert_eq!(bench.drained(), 1);
    assert!(matches!(bench.answers()[..], [(GATEWAY, 2, TradeReply::NotLeader(_))]));
}

#[test]
fn nobody_to_hand_over_to_does_not_keep_it_for_ever() {
    let mut bench = Bench::open(&[3]);
    bench.input(Input::Drain);
    bench.run(DRAIN_PATIENCE.0 / 1_000 - 1);
    assert_eq!(bench.drained(), 0);
    bench.run(100);
    assert_eq!(bench.drained(), 1);
}

#[test]
fn a_replica_that_begins_to_lead_while_it_drains_hands_over_then() {
    let mut bench = Bench::holding(0, config());
    bench.configure(configuration(4, 1, Some(3), &[2, 3]));
    bench.input(Input::Drain);
    assert_eq!(bench.drained(), 0, "it is named, so not yet");
    bench.sync();
    bench.run(1);
    bench.acknowledge(2, 1, 0);
    assert_eq!(elects(&bench), [2]);
    bench.configure(configuration(5, 2, Some(2), &[2, 3]));
    assert_eq!(bench.drained(), 1);
}
