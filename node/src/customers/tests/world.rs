//! Three members with a real engine, a network that loses and doubles, disks that are told what is durable a little later.

use std::collections::VecDeque;

use market::customers::Outcome;
use market::trade::Key;
use replication::contract::{ChainHash, Recovered, Role};
use replication::time::{Span, Time};

use super::harness::*;
use crate::customers::{CustomersConfig, CustomersProcess, Protocol};
use crate::message::{CustomerAnswer, CustomerReply, CustomerRequest, Message};
use crate::process::{Effect, Input, Now, Process};
use crate::service::ServiceId;

struct World {
    members: Vec<CustomersProcess>,
    /// What is under way: when it arrives, where, and what.
    under_way: VecDeque<(Time, usize, Input)>,
    time: Time,
    random: u64,
    /// Of 100 messages between members, so many are lost, and so many come twice.
    loss: u64,
    /// This one stands still; what is sent to it is lost.
    paused: Option<usize>,
    replies: Vec<(usize, u64, CustomerReply)>,
    /// The chain hash after every position, as whoever came first had it.
    chain: Vec<ChainHash>,
}

impl World {
    fn new(protocol: Protocol, seed: u64, loss: u64) -> World {
        let time = Time(1_000_000);
        let members = [1, 2, 3].map(|id| {
            let config = CustomersConfig {
                protocol,
                seed: seed + u64::from(id),
                ..CustomersConfig::new(id, vec![1, 2, 3])
            };
            let (incarnation, recovered) = (u64::from(id) * 11, Recovered::default());
            CustomersProcess::start(config, now(time), 1, incarnation, recovered, Vec::new())
                .unwrap()
        });
        let (under_way, replies, chain) = (VecDeque::new(), Vec::new(), Vec::new());
        let members = members.into();
        let (random, paused) = (seed, None);
        let mut world = World { members, under_way, time, random, loss, paused, replies, chain };
        for member in 0..3 {
            let others = (0..3u8).filter(|other| usize::from(*other) != member);
            let up = others.map(|other| Input::LinkUp(ServiceId::customers(other + 1)));
            world.burst(member, up.collect());
        }
        world
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    fn now(&self) -> Now {
        now(self.time)
    }

    fn burst(&mut self, member: usize, inputs: Vec<Input>) {
        let (now, mut effects) = (self.now(), Vec::new());
        for input in inputs {
            self.members[member].handle(now, input, &mut effects);
        }
        self.members[member].flush(now, &mut effects);
        for effect in effects {
            self.perform(member, effect);
        }
    }

    fn later(&mut self, to: usize, input: Input) {
        let at = self.time + Span(200 + self.draw(2_000));
        self.under_way.push_back((at, to, input));
    }

    fn perform(&mut self, member: usize, effect: Effect) {
        match effect {
            Effect::Send { message: Message::CustomersAnswer(replies), .. } => {
                self.replies.extend(replies.into_iter().map(|(id, reply)| (member, id, reply)));
            }
            Effect::Send { to, message } => {
                let from = ServiceId::customers(member as u8 + 1);
                let copies = [self.draw(100) >= self.loss, self.draw(100) < self.loss];
                for _ in copies.into_iter().filter(|copy| *copy) {
                    let input = Input::Received { from, message: message.clone() };
                    self.later(usize::from(to.id) - 1, input);
                }
            }
            Effect::Persist { ticket, .. } => {
                // In sequence: a disk does not overtake itself.
                self.under_way.push_back((self.time + Span(500), member, Input::Persisted(ticket)));
            }
            Effect::Store { position, changes } => {
                self.check_chain(position, &changes);
                self.under_way.push_back((self.time + Span(900), member, Input::Stored(position)));
            }
            Effect::Event(_) => {}
            other => panic!("member {member}: {other:?}"),
        }
    }

    /// Every member has the same commands at the same positions.
    fn check_chain(&mut self, position: u64, changes: &[market::rows::RowChange]) {
        let row = changes.iter().find(|row| row.key == crate::HASH_KEY).expect("a hash is stored");
        let hash = ChainHash(row.value.as_deref().unwrap().try_into().unwrap());
        let place = position as usize - 1;
        if place == self.chain.len() {
            self.chain.push(hash);
        }
        assert_eq!(self.chain[place], hash, "position {position}");
    }

    fn step(&mut self) {
        self.time = self.time + Span::millis(1);
        let all = std::mem::take(&mut self.under_way);
        let (due, rest) = all.into_iter().partition(|(at, ..)| *at <= self.time);
        self.under_way = rest;
        let due: VecDeque<(Time, usize, Input)> = due;
        // What its disk has done it hears of when it wakes up.
        let asleep = due.iter().filter(|(_, to, input)| {
            self.paused == Some(*to) && !matches!(input, Input::Received { .. })
        });
        self.under_way.extend(asleep.cloned());
        for member in 0..3 {
            if self.paused == Some(member) {
                continue;
            }
            let mine = due.iter().filter(|(_, to, _)| *to == member);
            let inputs = mine.map(|(.., input)| input.clone()).chain([Input::Tick]).collect();
            self.burst(member, inputs);
        }
    }

    fn until(&mut self, what: &str, condition: impl Fn(&World) -> bool) {
        for _ in 0..20_000 {
            if condition(self) {
                return;
            }
            self.step();
        }
        panic!("within 20 s: {what}");
    }

    /// A member that takes requests, as soon as there is one.
    fn serving(&mut self, nth: usize) -> usize {
        let takes = |role| matches!(role, Role::Leader | Role::Member);
        self.until("somebody takes requests", |world| {
            (0..3).any(|it| world.paused != Some(it) && takes(world.members[it].role()))
        });
        let serves =
            |member: &usize| matches!(self.members[*member].role(), Role::Leader | Role::Member);
        let awake = |member: &usize| self.paused != Some(*member);
        let serving: Vec<usize> = (0..3).filter(serves).filter(awake).collect();
        serving[nth % serving.len()]
    }

    fn ask(&mut self, member: usize, id: u64, request: CustomerRequest) {
        let message = Message::AskCustomers(vec![(id, request)]);
        self.burst(member, vec![Input::Received { from: GATEWAY, message }]);
    }

    /// Asks one member after the other, under one key, until one of them knows.
    fn wish(&mut self, key: u128, action: market::customers::Action) -> Outcome {
        let (born, mut nth) = (self.now().wall, key as usize);
        loop {
            let seen = self.replies.len();
            let member = self.serving(nth);
            let action = action.clone();
            self.ask(member, key as u64, CustomerRequest::Do { key: Key(key), born, action });
            self.until("an answer", |world| world.replies.len() > seen);
            match self.replies.last().expect("there is one").2.clone() {
                CustomerReply::Done(outcome) => return outcome,
                _ => nth += 1,
            }
        }
    }

    /// Asks one member after the other until one of them takes part for long enough to answer.
    fn cart(&mut self, mut nth: usize) -> u64 {
        loop {
            let (seen, member) = (self.replies.len(), self.serving(nth));
            self.ask(member, 100, CustomerRequest::Read { question: cart(1), fresh: true });
            self.until("an answer", |world| world.replies.len() > seen);
            match &self.replies.last().expect("there is one").2 {
                CustomerReply::Read(CustomerAnswer::Cart(Some(cart))) => {
                    return cart.lines[&item(17)];
                }
                CustomerReply::NotHere { .. } => nth += 1,
                other => panic!("a cart was expected, not {other:?}"),
            }
        }
    }
}

/// Accounts, a session and a cart, changed through any member that takes requests; read elsewhere; everybody ends level.
fn trade(protocol: Protocol, seed: u64, loss: u64, pause: bool) {
    let mut world = World::new(protocol, seed, loss);
    let taking = if protocol == Protocol::RotatingSequencer { 3 } else { 1 };
    world.until("the group serves", |world| {
        let roles = world.members.iter().map(CustomersProcess::role);
        roles.filter(|role| matches!(role, Role::Leader | Role::Member)).count() == taking
    });
    assert_eq!(world.wish(1, open("jo")), Outcome::Opened(1));
    assert_eq!(world.wish(2, sign_in(1)), Outcome::SignedIn(1));
    for key in 3..13 {
        if key == 6 && pause {
            world.paused = Some(2);
        }
        assert_eq!(world.wish(key, add(1, 1)), Outcome::Done, "wish {key}");
    }
    world.paused = None;
    // The same wishes again, elsewhere: done before.
    for key in 3..13 {
        assert_eq!(world.wish(key, add(1, 1)), Outcome::Done);
    }
    for nth in 0..3 {
        assert_eq!(world.cart(nth), 10);
    }
    world.until("everybody is level", |world| {
        let ends: Vec<_> = world.members.iter().map(CustomersProcess::applied).collect();
        ends.iter().all(|end| *end == ends[0])
    });
    let states: Vec<_> = world.members.iter().map(|it| it.law().state_hash()).collect();
    assert!(states.iter().all(|state| *state == states[0]));
    assert_eq!(world.members[2].in_hand(), (0, 0));
}

#[test]
fn three_members_by_raft() {
    for seed in 1..5 {
        trade(Protocol::Raft, seed, 0, false);
        trade(Protocol::Raft, seed, 10, true);
    }
}

#[test]
fn three_members_by_a_rotating_sequencer() {
    trade(Protocol::RotatingSequencer, 1, 0, false);
}

#[test]
fn three_members_by_a_rotating_sequencer_on_a_network_that_loses_and_doubles() {
    for seed in 1..9 {
        trade(Protocol::RotatingSequencer, seed, 5 * seed, false);
    }
}

#[test]
fn two_members_go_on_while_the_third_one_stands_still() {
    for seed in 1..9 {
        trade(Protocol::RotatingSequencer, seed, 3 * seed, true);
    }
}
