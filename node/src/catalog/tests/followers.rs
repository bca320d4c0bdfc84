//! A replica that follows: it has everything, and says nothing.

use std::collections::BTreeSet;

use bytes::Bytes;
use market::rows::Table;
use replication::contract::Effect as EngineEffect;

use super::harness::*;
use super::scripted::*;
use crate::message::{Decide, Fill, Heartbeat, Message, ReadOutbox, Renew, Trim};
use crate::process::{Effect, Input};
use crate::service::ServiceId;

/// Everything that gateways and order replicas ask.
fn questions(group: &Group) -> Vec<(ServiceId, Message)> {
    let (now, name) = (group.bench.time, name("Tux"));
    vec![
        (GATEWAY, Message::Renew(Renew { session: 0, sent_at: now })),
        (GATEWAY, Message::Fill(Fill { session: 0, token: 1, name })),
        (GATEWAY, Message::Heartbeat(Heartbeat { version: 0, leads: None })),
        (GATEWAY, Message::Configure(elect(4, 2))),
        (LEADER, Message::Configure(elect(3, 2))),
        (LEADER, Message::Heartbeat(Heartbeat { version: 4, leads: Some(1) })),
        (LEADER, Message::Decide(Decide { epoch: 1, batch: 1, trades: vec![buy(1, "Tux", 1)] })),
        (LEADER, Message::Decide(Decide { epoch: 0, batch: 1, trades: vec![buy(1, "Tux", 1)] })),
        (LEADER, Message::ReadOutbox(ReadOutbox { epoch: 1, question: 1, from: 0 })),
        (LEADER, Message::ReadOutbox(ReadOutbox { epoch: 0, question: 1, from: 0 })),
        (LEADER, Message::Trim(Trim { epoch: 1, version: 4, keep_from: 1 })),
    ]
}

#[test]
fn it_answers_nobody_and_proposes_nothing() {
    let mut group = Group::following();
    group.link();
    for (from, message) in questions(&group) {
        group.bench.receive(from, message);
    }
    group.bench.run(1_000);
    assert_eq!(group.bench.sent, []);
    assert_eq!(group.bench.leads, []);
    assert_eq!((group.proposed(), group.open_barriers()), (0, 0));
    group.lead(2);
    group.pass();
    group.bench.run(1_000);
    let answers =
        |(_, message): &(ServiceId, Message)| !matches!(message, Message::Configuration(_));
    assert_eq!(group.bench.sent.iter().filter(|sent| answers(sent)).count(), 0, "nor later");
    assert_eq!(group.proposed(), 0);
}

#[test]
fn it_applies_what_the_group_agrees_on_and_tells_its_store() {
    let mut group = Group::following();
    let law = market::catalog::Command::Trades {
        at: market::trade::WallTime(1),
        trades: vec![buy(1, "Tux", 4)],
    };
    let command = crate::catalog::Command::Fenced { epoch: 1, version: None, law };
    group.agreed(&command);
    assert_eq!(group.bench.quantity("Tux"), 6);
    let (position, changes) = group.bench.stored.last().unwrap();
    assert_eq!(*position, group.bench.catalog.applied());
    assert!(changes.iter().any(|change| change.table == Table::Outbox), "{changes:?}");
    assert!(changes.iter().any(|change| change.key == b"chain"), "{changes:?}");
    assert_eq!(group.bench.sent, [], "its leader answers");
}

#[test]
fn a_position_of_the_engines_own_is_stored_and_means_nothing() {
    let mut group = Group::following();
    let (applied, state) = (group.bench.catalog.applied(), group.bench.catalog.state().clone());
    group.then(|script| script.deliver(Bytes::new()));
    assert_eq!(group.bench.catalog.applied(), applied + 1);
    assert_eq!(group.bench.catalog.state().law.state_hash(), state.law.state_hash());
    let (position, changes) = group.bench.stored.last().unwrap();
    let keys: Vec<&[u8]> = changes.iter().map(|change| &change.key[..]).collect();
    assert_eq!((*position, &keys[..]), (applied + 1, &[&b"chain"[..]][..]));
}

#[test]
fn the_engines_mark_is_stored_with_the_position_that_it_belongs_to() {
    let mut group = Group::following();
    group.then(|script| {
        script.say(EngineEffect::Mark("members".into()));
        script.deliver(Bytes::new());
        script.deliver(Bytes::new());
    });
    let marks: Vec<Option<&[u8]>> = group.bench.stored[5..]
        .iter()
        .map(|(_, changes)| changes.iter().find(|change| change.key == b"mark"))
        .map(|mark| mark.and_then(|mark| mark.value.as_deref()))
        .collect();
    assert_eq!(marks, [Some(&b"members"[..]), None], "once, in the same step as the position");
}

#[test]
fn an_entry_that_it_cannot_read_stops_it_with_a_word_of_advice() {
    let mut group = Group::following();
    let applied = group.bench.catalog.applied();
    group.then(|script| script.deliver(Bytes::from_static(&[9, 1, 2])));
    let Some(Effect::Halt(text)) = group.bench.others.pop() else { panic!("it goes on") };
    assert!(text.contains("newer version"), "{text}");
    assert_eq!(group.bench.catalog.applied(), applied, "nothing is skipped");
}

#[test]
fn whoever_linked_up_while_it_followed_hears_when_it_leads() {
    let mut group = Group::following();
    group.link();
    group.bench.input(Input::LinkDown(ServiceId::gateway(3)));
    group.lead(7);
    let told: BTreeSet<_> = group.bench.leads.drain(..).collect();
    let linked = (1..=3).map(ServiceId::orders).chain((1..=2).map(ServiceId::gateway));
    assert_eq!(told, linked.clone().map(|peer| (peer, 7)).collect());
    let configured = |(to, message): &(ServiceId, Message)| match message {
        Message::Configuration(known) if known.version == 4 => *to,
        other => panic!("{other:?}"),
    };
    let told: BTreeSet<_> = group.bench.sent.iter().map(configured).collect();
    assert_eq!(told, linked.collect(), "and how the register stands");
}

#[test]
fn a_leader_says_so_to_every_new_link_and_to_whoever_shows_that_it_lives() {
    let mut group = Group::leading();
    group.bench.input(Input::LinkUp(ServiceId::gateway(4)));
    group.bench.input(Input::LinkUp(ServiceId::catalog(2)));
    group.bench.receive(LEADER, Message::Heartbeat(Heartbeat { version: 4, leads: None }));
    assert_eq!(group.bench.leads, [(ServiceId::gateway(4), 1), (LEADER, 1)]);
}
