//! Taking over, leading, being deposed.

use market::order::OrderNumber;
use replication::contract::Recovered;
use replication::register::{Configuration, Refusal, RegisterCommand};

use super::harness::*;
use crate::catalog::StartError;
use crate::limits::QUESTION_RESEND;
use crate::message::{Message, Pong, TradeReply};
use crate::orders::{OrdersProcess, Standing};
use crate::process::Input;

fn pong(bench: &mut Bench) -> Pong {
    bench.receive(GATEWAY, Message::Ping { nonce: 5 });
    match bench.sent.pop() {
        Some((GATEWAY, Message::Pong(pong))) => pong,
        other => panic!("{other:?}"),
    }
}

/// Requests that were sent on to the leader named by the configuration of this version.
fn sent_on(bench: &mut Bench, version: u64) -> Vec<u64> {
    let away =
        |reply: &TradeReply| matches!(reply, TradeReply::NotLeader(c) if c.version == version);
    let mut on: Vec<u64> =
        bench.answers().iter().filter(|(_, _, reply)| away(reply)).map(|(_, id, _)| *id).collect();
    on.sort_unstable();
    on
}

fn page_of(bench: &mut Bench, next: OrderNumber, range: std::ops::Range<u64>) {
    let read = bench.question().expect("a question is under way");
    assert_eq!(read.from, range.start);
    bench.page(read.epoch, read.question, 0, next, orders(range));
}

#[test]
fn a_new_leader_is_open_once_it_has_everything_decided() {
    let mut bench = Bench::holding(2, config());
    bench.elect(4, 1, &[3]);
    assert_eq!(bench.orders.standing(), Standing::TakingOver { epoch: 1 });
    bench.trades(GATEWAY, [1]);
    page_of(&mut bench, 6, 2..4);
    assert!(!pong(&mut bench).leads, "two are missing");
    assert_eq!(bench.batches(), []);
    page_of(&mut bench, 6, 4..6);
    assert!(pong(&mut bench).leads);
    assert_eq!(bench.batches().len(), 1, "who asked early was not sent away");
}

#[test]
fn a_lost_question_is_asked_again() {
    let mut bench = Bench::holding(0, config());
    bench.elect(4, 1, &[3]);
    let first = bench.question().unwrap();
    bench.run(QUESTION_RESEND.0 / 1_000 - 1);
    assert_eq!(bench.question(), None);
    bench.run(1);
    assert_eq!(bench.question(), Some(first));
}

#[test]
fn pages_of_an_earlier_reign_are_void() {
    let mut bench = Bench::holding(0, config());
    bench.elect(4, 1, &[3]);
    let old = bench.question().unwrap();
    bench.elect(5, 2, &[3]);
    bench.page(1, old.question, 0, 0, Vec::new());
    assert_eq!(bench.orders.standing(), Standing::TakingOver { epoch: 2 });
    page_of(&mut bench, 0, 0..0);
    assert_eq!(bench.orders.standing(), Standing::Open { epoch: 2 });
}

#[test]
fn a_leader_that_lacks_what_the_outbox_no_longer_has_stops() {
    let mut bench = Bench::holding(2, config());
    bench.elect(4, 1, &[3]);
    let read = bench.question().unwrap();
    bench.page(1, read.question, 2, 4, orders(2..4));
    assert_eq!(bench.halts(), 0, "it reaches exactly");
    let mut bench = Bench::holding(2, config());
    bench.elect(4, 1, &[3]);
    let read = bench.question().unwrap();
    bench.page(1, read.question, 3, 4, Vec::new());
    assert_eq!(bench.halts(), 1);
}

#[test]
fn a_deposed_leader_sends_everybody_on() {
    let mut bench = Bench::open(&[2, 3]);
    bench.trades(GATEWAY, [1]);
    bench.trades(GATEWAY, 2..258);
    bench.done(0, 0, 1);
    bench.reads(GATEWAY, [7]);
    bench.sync();
    bench.configure(configuration(5, 2, Some(2), &[2, 3]));
    assert_eq!(sent_on(&mut bench, 5), (1..258).collect::<Vec<_>>(), "decided, under way, waiting");
    assert!(matches!(&bench.found()[..], [(7, crate::message::OrderReply::NotLeader(_))]));
    bench.trades(GATEWAY, [900]);
    assert_eq!(sent_on(&mut bench, 5), [900]);
    bench.sent.clear();
    bench.run(1_000);
    assert_eq!((bench.batches(), bench.question()), (Vec::new(), None));
}

#[test]
fn a_refusal_by_the_catalog_deposes_as_well() {
    let mut bench = Bench::open(&[2, 3]);
    bench.trades(GATEWAY, [1]);
    bench.receive(CATALOG, Message::Fenced(configuration(4, 1, Some(3), &[2, 3])));
    assert_eq!(bench.orders.standing(), Standing::Open { epoch: 1 }, "the catalog only drains");
    bench.run(250);
    assert_eq!(bench.batches().len(), 2, "so it is asked again");
    bench.receive(CATALOG, Message::Fenced(configuration(6, 2, Some(2), &[2])));
    assert_eq!((bench.orders.standing(), sent_on(&mut bench, 6)), (Standing::Following, vec![1]));
}

#[test]
fn a_leader_elected_again_takes_the_batches_of_its_last_reign_up_anew() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1]);
    let first = bench.batches();
    bench.elect(5, 2, &[3]);
    assert_eq!(sent_on(&mut bench, 5), [1]);
    page_of(&mut bench, 0, 0..0);
    bench.trades(GATEWAY, [1]);
    let again = bench.batches();
    assert_eq!((again[0].epoch, &again[0].trades), (2, &first[0].trades));
    bench.done(first[0].batch, 0, 1);
    assert_eq!(bench.orders.status().end, 0, "an answer to the last reign is void");
}

#[test]
fn an_older_configuration_says_nothing() {
    let mut bench = Bench::open(&[3]);
    bench.configure(configuration(3, 0, None, &[3]));
    assert_eq!(bench.orders.configuration().version, 4);
    assert_eq!(bench.orders.standing(), Standing::Open { epoch: 1 });
}

#[test]
fn heartbeats_say_who_leads() {
    let mut bench = Bench::open(&[3]);
    bench.run(300);
    let beats: Vec<_> = bench
        .sent
        .iter()
        .filter_map(|(to, message)| match message {
            Message::Heartbeat(beat) if *to == CATALOG => Some((beat.version, beat.leads)),
            _ => None,
        })
        .collect();
    assert_eq!(beats, [(4, Some(1)); 3]);
}

#[test]
fn a_register_that_lost_its_data_stops_only_the_replica_that_knows_better() {
    let mut bench = Bench::open(&[3]);
    for (replica, halts) in [(2, 0), (3, 1)] {
        let refusal = Refusal::RegisterLostData { replica, epoch: 9, current: 1 };
        let configuration = configuration(4, 1, Some(3), &[3]);
        bench.receive(CATALOG, Message::Refused { refusal, configuration });
        assert_eq!(bench.halts(), halts);
    }
}

#[test]
fn a_register_that_stands_below_our_epoch_is_asked_whether_it_lost_its_data() {
    let mut bench = Bench::open(&[3]);
    let enrols = |bench: &mut Bench| {
        let sent = std::mem::take(&mut bench.sent);
        let enrol = |(_, message)| match message {
            Message::Configure(RegisterCommand::Enrol { replica, incarnation, epoch }) => {
                Some((replica, incarnation, epoch))
            }
            _ => None,
        };
        sent.into_iter().filter_map(enrol).collect::<Vec<_>>()
    };
    enrols(&mut bench);
    bench.configure(configuration(3, 1, Some(3), &[2, 3]));
    assert_eq!(enrols(&mut bench), [], "an old word of our own epoch is only late");
    bench.configure(Configuration::default());
    assert_eq!(enrols(&mut bench), [(3, 33, 1)]);
    assert_eq!(bench.orders.standing().epoch(), Some(1), "asking changes nothing");
}

#[test]
fn a_store_that_contradicts_itself_is_not_started_from() {
    let recovered = Recovered { applied: 3, ..Recovered::default() };
    let bench = Bench::holding(0, config());
    let started = OrdersProcess::start(config(), bench.now(), 33, recovered, Vec::new());
    assert!(matches!(started, Err(StartError::OrderCount { count: 0, position: 3 })));
}

#[test]
fn messages_for_others_are_harmless() {
    let mut bench = Bench::open(&[3]);
    for from in [CATALOG, GATEWAY, crate::service::ServiceId::orders(2)] {
        bench.receive(from, Message::Traded(vec![(1, TradeReply::Busy)]));
        bench.receive(from, Message::Ping { nonce: 1 });
    }
    bench.input(Input::ClientGone(3));
    assert_eq!((bench.halts(), bench.orders.standing().epoch()), (0, Some(1)));
}
