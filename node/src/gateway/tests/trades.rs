//! Trades and order reads: retries with one key, deadlines, and what a client may be told.

use market::order::Order;
use market::trade::{Key, Side, TradeRefusal, WallTime};

use super::harness::{Bench, config, configuration, name, pong, trade};
use crate::gateway::limits::{MAX_ERRANDS, MAX_TRADES_PER_MESSAGE};
use crate::gateway::{ClientRequest, ClientResponse};
use crate::message::{Message, OrderReply, Outcome, TradeReply};
use crate::process::{Effect, Input, Process};
use crate::service::ServiceId;

fn traded(bench: &mut Bench, from: u8, name: u64, reply: TradeReply) {
    bench.receive(ServiceId::orders(from), Message::Traded(vec![(name, reply)]));
}

fn done(number: u64) -> TradeReply {
    TradeReply::Done(Outcome::Order(number))
}

/// Replica 2 takes over in epoch 2.
fn take_over(bench: &mut Bench) {
    bench.configuration = Some(configuration(5, 2, Some(2), &[1, 2]));
    bench.replicas.insert(2, pong(2, 2, true, 7));
}

#[test]
fn a_trade_goes_to_the_leader_and_back() {
    let mut bench = Bench::healthy(config());
    bench.ask(1, ClientRequest::Trade(trade(77)));
    let sent = bench.trades();
    let [(3, 1, id, 77)] = sent[..] else { panic!("{sent:?}") };
    traded(&mut bench, 3, id, done(10));
    assert_eq!(bench.reply(1), Some(ClientResponse::Traded(10)));
    traded(&mut bench, 3, id, done(10));
    assert_eq!(bench.reply(1), None, "a doubled answer finds nobody");
    assert_eq!(bench.gateway.status(bench.now()).errands, 0);
}

#[test]
fn a_burst_becomes_batches() {
    let mut bench = Bench::healthy(config());
    let mut effects = Vec::new();
    for id in 0..600 {
        let request = ClientRequest::Trade(trade(u128::from(id)));
        bench.gateway.handle(bench.now(), Input::Client { id, request }, &mut effects);
    }
    assert!(effects.is_empty(), "gathered until the burst ends");
    bench.gateway.flush(bench.now(), &mut effects);
    let sizes: Vec<usize> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { message: Message::Trades { trades, .. }, .. } => Some(trades.len()),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [MAX_TRADES_PER_MESSAGE, MAX_TRADES_PER_MESSAGE, 88]);
}

#[test]
fn silence_sends_the_same_key_again_ever_more_rarely() {
    let mut bench = Bench::healthy(config());
    bench.ask(1, ClientRequest::Trade(trade(77)));
    let first = bench.trades();
    bench.run(290);
    assert!(bench.trades().is_empty());
    bench.run(10);
    assert_eq!(bench.trades(), first, "same name, same key");
    bench.run(590);
    assert!(bench.trades().is_empty());
    bench.run(10);
    assert_eq!(bench.trades(), first);
    assert_eq!(bench.gateway.status(bench.now()).resends, 2);
}

#[test]
fn the_next_leader_gets_the_same_key_and_any_answer_counts() {
    let mut bench = Bench::healthy(config());
    bench.ask(1, ClientRequest::Trade(trade(77)));
    bench.ask(2, ClientRequest::Trade(trade(78)));
    let old = bench.trades();
    bench.replicas.remove(&3);
    bench.input(Input::LinkDown(ServiceId::orders(3)));
    assert!(bench.trades().is_empty(), "nobody to send to");
    take_over(&mut bench);
    bench.run(200);
    let new = bench.trades();
    assert_eq!(new, old.iter().map(|(_, _, id, key)| (2, 2, *id, *key)).collect::<Vec<_>>());
    traded(&mut bench, 2, new[0].2, done(5));
    assert_eq!(bench.reply(1), Some(ClientResponse::Traded(5)));
    // A late definite answer of the old leader is as good.
    traded(&mut bench, 3, new[1].2, done(6));
    assert_eq!(bench.reply(2), Some(ClientResponse::Traded(6)));
}

#[test]
fn not_leader_redirects_at_once() {
    let mut bench = Bench::healthy(config());
    bench.ask(1, ClientRequest::Trade(trade(77)));
    let id = bench.trades()[0].2;
    take_over(&mut bench);
    let told = bench.configuration.clone().unwrap();
    traded(&mut bench, 3, id, TradeReply::NotLeader(told));
    bench.run(10);
    assert_eq!(bench.trades(), [(2, 2, id, 77)]);
    // The same answer, late: the errand is with another replica now.
    traded(&mut bench, 3, id, TradeReply::NotLeader(configuration(4, 1, Some(3), &[1, 2, 3])));
    assert!(bench.trades().is_empty());
}

#[test]
fn not_leader_of_the_believed_leader_is_tried_again_soon() {
    let mut bench = Bench::healthy(config());
    bench.ask(1, ClientRequest::Trade(trade(77)));
    let id = bench.trades()[0].2;
    traded(&mut bench, 3, id, TradeReply::NotLeader(configuration(4, 1, Some(3), &[1, 2, 3])));
    assert!(bench.trades().is_empty());
    bench.run(30);
    assert_eq!(bench.trades(), [(3, 1, id, 77)]);
}

#[test]
fn busy_is_told_only_about_the_first_and_only_attempt() {
    let mut bench = Bench::healthy(config());
    bench.ask(1, ClientRequest::Trade(trade(77)));
    let id = bench.trades()[0].2;
    traded(&mut bench, 3, id, TradeReply::Busy);
    assert_eq!(bench.reply(1), Some(ClientResponse::Busy));
    bench.ask(2, ClientRequest::Trade(trade(78)));
    let id = bench.trades()[0].2;
    bench.run(300);
    assert_eq!(bench.trades().len(), 1, "sent again, the first attempt is unknown");
    for refusal in [TradeReply::Busy, TradeReply::Done(Outcome::Refused(TradeRefusal::Overloaded))]
    {
        traded(&mut bench, 3, id, refusal);
        assert_eq!(bench.reply(2), None);
        bench.run(60);
        assert_eq!(bench.trades().len(), 1);
    }
    traded(&mut bench, 3, id, done(4));
    assert_eq!(bench.reply(2), Some(ClientResponse::Traded(4)));
}

#[test]
fn refusals_are_definite() {
    let mut bench = Bench::healthy(config());
    for (id, refusal) in [
        TradeRefusal::UnknownListing,
        TradeRefusal::InsufficientQuantity { available: 2 },
        TradeRefusal::KeyReused,
        TradeRefusal::Overloaded,
    ]
    .into_iter()
    .enumerate()
    {
        let id = id as u64;
        bench.ask(id, ClientRequest::Trade(trade(u128::from(id))));
        let name = bench.trades()[0].2;
        traded(&mut bench, 3, name, TradeReply::Done(Outcome::Refused(refusal)));
        assert_eq!(bench.reply(id), Some(ClientResponse::Refused(refusal)));
    }
}

#[test]
fn at_the_deadline_unknown_if_sent_else_unavailable() {
    let mut bench = Bench::healthy(config());
    bench.ask(1, ClientRequest::Trade(trade(1)));
    for id in 1..=3 {
        bench.replicas.remove(&id);
        bench.input(Input::LinkDown(ServiceId::orders(id)));
    }
    bench.ask(2, ClientRequest::Trade(trade(2)));
    bench.ask(3, ClientRequest::Order(0));
    bench.run(1_990);
    assert!(bench.replies.is_empty());
    bench.run(10);
    assert_eq!(bench.reply(1), Some(ClientResponse::Unknown));
    assert!(matches!(bench.reply(2), Some(ClientResponse::Unavailable { .. })));
    assert!(matches!(bench.reply(3), Some(ClientResponse::Unavailable { .. })));
    assert_eq!(bench.trades().len(), 1);
}

#[test]
fn orders_are_read_from_the_leader() {
    let mut bench = Bench::healthy(config());
    let order = Order {
        number: 8,
        key: Key(1),
        name: name("Tux"),
        side: Side::Buy,
        quantity: 1,
        unit_price: Default::default(),
        decided_at: WallTime(0),
    };
    for (id, reply, wanted) in [
        (1, OrderReply::Found(order.clone()), Some(ClientResponse::Order(order.clone()))),
        (2, OrderReply::NotFound, Some(ClientResponse::NoOrder)),
        (3, OrderReply::Busy, Some(ClientResponse::Busy)),
        (4, OrderReply::Found(Order { number: 9, ..order.clone() }), None),
    ] {
        bench.ask(id, ClientRequest::Order(8));
        let reads = bench.take(|_, message| match message {
            Message::ReadOrders { epoch: 1, reads } => Some(reads.clone()),
            _ => None,
        });
        let [(name, 8)] = reads[0][..] else { panic!("{reads:?}") };
        bench.receive(ServiceId::orders(3), Message::OrdersRead(vec![(name, reply)]));
        // An answer of the other sort finds nobody.
        traded(&mut bench, 3, name, done(1));
        assert_eq!(bench.reply(id), wanted);
    }
}

#[test]
fn the_table_is_bounded_and_gone_clients_leave_it() {
    let mut bench = Bench::healthy(config());
    let mut effects = Vec::new();
    for id in 0..=MAX_ERRANDS as u64 {
        let request = ClientRequest::Trade(trade(u128::from(id)));
        bench.gateway.handle(bench.now(), Input::Client { id, request }, &mut effects);
    }
    assert!(matches!(
        effects[..],
        [Effect::Reply { id, response: ClientResponse::Busy }] if id == MAX_ERRANDS as u64
    ));
    for id in 0..MAX_ERRANDS as u64 {
        bench.input(Input::ClientGone(id));
    }
    let status = bench.gateway.status(bench.now());
    assert_eq!((status.errands, status.errands_sent), (0, 0));
    bench.run(3_000);
    assert!(bench.replies.is_empty());
}

#[test]
fn drained_when_everybody_was_answered() {
    let mut bench = Bench::healthy(config());
    bench.ask(1, ClientRequest::Trade(trade(1)));
    bench.input(Input::Drain);
    bench.ask(2, ClientRequest::Ready);
    assert!(matches!(bench.reply(2), Some(ClientResponse::Unavailable { .. })));
    assert!(!bench.others.iter().any(|effect| matches!(effect, Effect::Drained)));
    let id = bench.trades()[0].2;
    traded(&mut bench, 3, id, done(0));
    bench.run(50);
    let drained = bench.others.iter().filter(|effect| matches!(effect, Effect::Drained)).count();
    assert_eq!(drained, 1);
}
