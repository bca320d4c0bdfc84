//! A group elects its leader, and the leader has itself registered.

use market::rows::Table;
use replication::contract::Recovered;
use replication::register::{Configuration, Refusal};

use super::elected::*;
use super::harness::*;
use crate::limits::{QUESTION_RESEND, REGISTER_PAUSE};
use crate::message::{Message, TradeReply};
use crate::orders::{Command, OrdersProcess, Standing};
use crate::tests::scripted::Script;

fn millis(span: replication::time::Span) -> u64 {
    span.0 / 1_000
}

#[test]
fn the_groups_leader_proves_that_it_leads_is_registered_reads_the_outbox_and_opens() {
    let mut it = Elected::following();
    it.bench.configure(configuration(3, 0, None, &[1, 2, 3]));
    it.then(|script| script.lead(7));
    assert_eq!(it.bench.orders.standing(), Standing::Registering);
    assert_eq!((it.elects(), it.open_barriers()), (vec![], 1), "not without proof");
    it.then(Script::pass);
    assert_eq!(it.elects(), [(3, 0)]);
    it.bench.configure(configuration(4, 1, Some(3), &[1, 2, 3]));
    assert_eq!(it.proposed(), [Command::Reign(1)]);
    assert_eq!(it.bench.question(), None, "the group does not have the epoch yet");
    it.then(Script::agree);
    assert_eq!(it.bench.orders.standing(), Standing::TakingOver { epoch: 1 });
    it.catch_up(0, 0..2);
    assert_eq!(it.bench.orders.standing(), Standing::Open { epoch: 1 });
    assert_eq!(it.bench.orders.law().count(), 0, "taken, not agreed on yet");
    it.then(Script::agree);
    assert_eq!(it.bench.orders.law().count(), 2);
    assert_eq!(it.bench.halts(), 0);
}

#[test]
fn stamps_for_the_catalog_are_epochs_and_never_terms() {
    let mut it = Elected::open();
    it.bench.trades(GATEWAY, [1]);
    assert_eq!(it.bench.batches()[0].epoch, 1);
    it.bench.receive(GATEWAY, Message::Ping { nonce: 5 });
    let pongs = it.bench.take(|_, message| match message {
        Message::Pong(pong) => Some((pong.epoch, pong.leads, pong.end)),
        _ => None,
    });
    assert_eq!(pongs, [(1, true, 0)]);
    it.bench.run(150);
    let beats = it.bench.take(|_, message| match message {
        Message::Heartbeat(beat) => Some(beat.leads),
        _ => None,
    });
    assert_eq!(beats[0], Some(1));
}

#[test]
fn every_replica_tells_its_disk_until_the_register_knows_it() {
    let mut it = Elected::following();
    it.bench.configure(Configuration::default());
    it.bench.run(millis(QUESTION_RESEND) * 2);
    assert!((2..=4).contains(&it.enrols().len()));
    it.bench.configure(configuration(3, 0, None, &[1, 2, 3]));
    it.bench.run(1_000);
    assert_eq!(it.enrols(), []);
}

#[test]
fn a_leader_that_the_register_does_not_know_is_enrolled_first() {
    let mut it = Elected::following();
    let mut strange = configuration(3, 0, None, &[1, 2]);
    strange.incarnations.remove(&3);
    it.bench.configure(strange);
    it.then(|script| script.lead(7));
    it.bench.run(10);
    assert_eq!(it.open_barriers(), 0);
    it.bench.configure(configuration(4, 0, None, &[1, 2, 3]));
    it.then(Script::pass);
    assert_eq!(it.elects(), [(4, 0)]);
}

#[test]
fn empty_commands_and_epochs_keep_the_numbers_dense() {
    let mut it = Elected::open();
    it.bench.trades(GATEWAY, 0..3);
    it.bench.done(0, 0, 3);
    assert_eq!(it.proposed(), (0..3).map(order).map(Command::Order).collect::<Vec<_>>());
    it.then(|script| {
        script.deliver(bytes::Bytes::new());
        script.agree();
        script.deliver(bytes::Bytes::new());
    });
    // The first entry of the term, the epoch, and the two above.
    assert_eq!((it.bench.orders.law().count(), it.bench.stored), (3, 7));
    it.bench.trades(GATEWAY, 3..5);
    it.bench.done(1, 3, 2);
    it.then(Script::agree);
    assert_eq!((it.bench.orders.law().count(), it.bench.halts()), (5, 0));
    it.bench.reads(GATEWAY, [4]);
    assert_eq!(it.bench.found().len(), 1);
    let rows = it.bench.rows();
    let keys: Vec<_> = rows.iter().filter(|row| row.table == Table::History).collect();
    let numbered: Vec<_> = (1..=5_u64).map(|row| row.to_be_bytes().to_vec()).collect();
    assert_eq!(keys.iter().map(|row| row.key.clone()).collect::<Vec<_>>(), numbered);
}

#[test]
fn an_answer_waits_for_the_group_if_that_is_wanted() {
    let mut it = Elected::open();
    it.bench.trades(GATEWAY, [1]);
    it.bench.done(0, 0, 1);
    assert_eq!(it.bench.answers(), []);
    it.then(Script::agree);
    assert_eq!(it.bench.answers(), [(GATEWAY, 1, traded(0))]);
    let ledger = crate::orders::OrdersConfig { ack: crate::orders::Ack::Ledger, ..raft_config() };
    let mut it = Elected::open_with(ledger);
    it.bench.trades(GATEWAY, [1]);
    it.bench.done(0, 0, 1);
    assert_eq!(it.bench.answers(), [(GATEWAY, 1, traded(0))]);
}

#[test]
fn a_leader_that_the_register_drops_asks_for_itself_again_and_not_in_a_tight_loop() {
    let mut it = Elected::open();
    it.bench.trades(GATEWAY, [1]);
    it.bench.configure(configuration(5, 2, Some(2), &[2]));
    assert_eq!(it.bench.orders.standing(), Standing::Registering);
    assert!(matches!(it.bench.answers()[..], [(GATEWAY, 1, TradeReply::NotLeader(_))]));
    it.bench.trades(GATEWAY, [2]);
    assert!(matches!(it.bench.answers()[..], [(GATEWAY, 2, TradeReply::NotLeader(_))]));
    // Another one takes the register away as fast as it is had; in a second:
    let (mut version, mut asked) = (5, 0);
    for _ in 0..1_000 {
        it.bench.run(1);
        it.then(Script::pass);
        let elects = it.elects();
        asked += elects.len() as u64;
        if !elects.is_empty() {
            version += 2;
            it.bench.configure(configuration(version, version - 3, Some(2), &[2]));
        }
    }
    let most = 1_000 / millis(REGISTER_PAUSE) + 1;
    assert!((2..=most).contains(&asked), "{asked}");
}

#[test]
fn an_epoch_that_was_used_is_never_taken_up_again() {
    let mut it = Elected::following();
    // The log of an earlier life, which led epoch 1.
    it.then(|script| script.deliver(Command::Reign(1).encode()));
    it.bench.configure(configuration(4, 1, Some(3), &[3]));
    it.then(|script| script.lead(8));
    assert_eq!(it.proposed(), [], "it is named for an epoch that is used up");
    it.register(5, 2, &[3]);
    assert_eq!(it.bench.orders.standing().epoch(), Some(2));
}

#[test]
fn an_epoch_that_moved_on_while_the_group_took_it_opens_nothing() {
    let mut it = Elected::following();
    it.bench.configure(configuration(3, 0, None, &[1, 2, 3]));
    it.then(|script| script.lead(7));
    it.then(Script::pass);
    it.bench.configure(configuration(4, 1, Some(3), &[3]));
    it.bench.configure(configuration(5, 2, Some(2), &[2]));
    it.then(Script::agree);
    assert_eq!(it.bench.orders.standing(), Standing::Registering);
    it.bench.run(millis(REGISTER_PAUSE));
    it.elects();
    it.bench.run(millis(QUESTION_RESEND));
    it.register(6, 3, &[3]);
}

#[test]
fn a_lost_question_to_the_register_is_asked_again() {
    let mut it = Elected::following();
    it.bench.configure(configuration(3, 0, None, &[1, 2, 3]));
    it.then(|script| script.lead(7));
    it.then(Script::pass);
    assert_eq!(it.elects(), [(3, 0)]);
    it.bench.run(millis(QUESTION_RESEND) - 1);
    it.then(Script::pass);
    assert_eq!(it.elects(), []);
    it.bench.run(2);
    it.then(Script::pass);
    assert_eq!(it.elects(), [(3, 0)]);
}

#[test]
fn a_deposed_leader_follows_and_asks_for_nothing() {
    let mut it = Elected::open();
    it.bench.trades(GATEWAY, [1]);
    assert_eq!(it.bench.batches().len(), 1);
    it.then(|script| script.follow(8));
    assert_eq!(it.bench.orders.standing(), Standing::Following);
    assert!(matches!(it.bench.answers()[..], [(GATEWAY, 1, TradeReply::NotLeader(_))]));
    it.bench.run(1_000);
    assert_eq!((it.elects(), it.bench.batches(), it.bench.trims()), (vec![], vec![], vec![]));
}

#[test]
fn what_an_earlier_reign_left_in_the_log_is_counted_once() {
    let mut it = Elected::open();
    it.bench.trades(GATEWAY, 0..2);
    it.bench.done(0, 0, 2);
    // Deposed, and elected again; the group kept what it had proposed.
    let left = std::mem::take(&mut it.engine.script().proposed);
    it.then(|script| script.follow(8));
    it.then(|script| {
        left.into_iter().for_each(|command| script.deliver(command));
        script.lead(9);
    });
    it.bench.run(millis(QUESTION_RESEND));
    it.register(5, 2, &[3]);
    it.catch_up(0, 2..3);
    it.then(Script::agree);
    assert_eq!((it.bench.orders.law().count(), it.bench.halts()), (3, 0));
}

#[test]
fn a_register_that_lost_its_data_is_found_out_also_after_a_restart() {
    let mut it = Elected::open();
    it.enrols();
    it.bench.configure(Configuration::default());
    assert_eq!(it.enrols(), [1], "it remembers");
    let rows = it.bench.rows();
    let recovered = Recovered { applied: it.bench.stored, ..Recovered::default() };
    let fresh = Elected::following();
    let mut again = OrdersProcess::start(raft_config(), fresh.bench.now(), 33, recovered, rows);
    assert!(again.is_err(), "a store without a mark is none of Raft's");
    let mut rows = it.bench.rows();
    let mark = b"mark".to_vec();
    rows.push(market::rows::Row { table: Table::Facts, key: mark, value: group_mark() });
    let recovered = Recovered { applied: it.bench.stored, ..Recovered::default() };
    again = OrdersProcess::start(raft_config(), fresh.bench.now(), 33, recovered, rows);
    let mut bench = Bench::around(again.unwrap(), fresh.bench.time);
    bench.configure(Configuration::default());
    let mut it = Elected { bench, engine: fresh.engine };
    assert!(it.enrols().contains(&1), "the log knows");
    let refusal = Refusal::RegisterLostData { replica: 3, epoch: 1, current: 0 };
    let configuration = Configuration::default();
    it.bench.receive(CATALOG, Message::Refused { refusal, configuration });
    assert_eq!(it.bench.halts(), 1);
}

/// What Raft leaves beside a store: the mark of a group of three that began, as its first delivery sets it.
fn group_mark() -> Vec<u8> {
    use replication::contract::{Effect, Engine};
    use replication::raft::{Config, Raft};
    let mut engine =
        Raft::new(Config::new(3, [3], 33, 1), Recovered::default(), Default::default())
            .expect("an empty disk");
    for _ in 0..10 {
        let mut tickets = Vec::new();
        for effect in engine.effects() {
            match effect {
                Effect::Mark(mark) => return mark.to_vec(),
                Effect::Persist { ticket, .. } => tickets.push(ticket),
                _ => {}
            }
        }
        tickets.into_iter().for_each(|ticket| engine.persisted(Default::default(), ticket));
        engine.flush(Default::default());
    }
    panic!("no mark")
}
