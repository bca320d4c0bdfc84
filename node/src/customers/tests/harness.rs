//! A member on a bench: virtual time, an engine that does what the script says, everything said is kept.

use market::customers::{
    Action, Customers, Outcome, Owner, PasswordHash, Refusal, SessionId, Side,
};
use market::item::{Category, ItemId};
use market::name::Name;
use market::rows::{Row, Table};
use market::trade::{Key, WallTime};
use replication::contract::ChainHash;
use replication::time::{Span, Time};

use crate::customers::{Command, CustomersConfig, CustomersProcess, Law, Protocol};
use crate::message::{CustomerQuestion, CustomerReply, CustomerRequest, Message};
use crate::process::{Effect, Input, Now, Process};
use crate::service::ServiceId;
use crate::tests::scripted::{Script, Scripted};

pub(super) const GATEWAY: ServiceId = ServiceId::gateway(1);
pub(super) const BOOT: u64 = 7;
pub(super) const IDLE: u64 = 300_000;

/// The wall clock at the start, in milliseconds.
const START: u64 = 1_700_000_000_000;

pub(super) fn now(time: Time) -> Now {
    Now { time, wall: WallTime(START + time.0 / 1_000) }
}

pub(super) fn config(id: u8) -> CustomersConfig {
    CustomersConfig { protocol: Protocol::Raft, ..CustomersConfig::new(id, vec![1, 2, 3]) }
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(super) fn session(token: u8) -> SessionId {
    SessionId([token; 32])
}

pub(super) fn item(id: u64) -> ItemId {
    ItemId { category: Category::try_from(3).unwrap(), id }
}

pub(super) const JO: Owner = Owner { side: Side::Buyer, id: 1 };

pub(super) fn open(login: &str) -> Action {
    let password = PasswordHash::new("$argon2id$secret").unwrap();
    Action::Open { side: Side::Buyer, login: name(login), name: name("Jo"), password }
}

pub(super) fn sign_in(token: u8) -> Action {
    Action::SignIn { owner: JO, session: session(token), idle_ms: IDLE }
}

pub(super) fn add(token: u8, quantity: u64) -> Action {
    let (session, item) = (session(token), item(17));
    Action::AddToCart { session, item, quantity, available: 10 }
}

pub(super) fn cart(token: u8) -> CustomerQuestion {
    CustomerQuestion::Cart { session: session(token) }
}

pub(super) struct Bench {
    pub(super) member: CustomersProcess,
    pub(super) engine: Scripted,
    pub(super) time: Time,
    /// What gateways were told.
    pub(super) told: Vec<(ServiceId, u64, CustomerReply)>,
    /// How many messages that took.
    pub(super) messages: usize,
    pub(super) others: Vec<Effect>,
    /// The store as the row changes make it.
    pub(super) rows: std::collections::BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    next_key: u128,
}

impl Bench {
    /// Nothing has happened, and it takes no part yet.
    pub(super) fn fresh(config: CustomersConfig) -> Bench {
        let engine = Scripted::default();
        let time = Time(1_000_000);
        let at = (0, ChainHash::EMPTY);
        let (law, boxed) = (Customers::new(), Box::new(engine.clone()));
        let member = CustomersProcess::with_engine(config, now(time), BOOT, boxed, law, at);
        let (told, others, rows) = (Vec::new(), Vec::new(), Default::default());
        Bench { member, engine, time, told, messages: 0, others, rows, next_key: 1 }
    }

    /// It takes part, and Jo is signed in with token 1.
    pub(super) fn serving() -> Bench {
        Bench::serving_as(1)
    }

    pub(super) fn serving_as(id: u8) -> Bench {
        let mut bench = Bench::fresh(config(id));
        bench.then(|script| script.take_part(1));
        for (id, action) in [(1, open("jo")), (2, sign_in(1))] {
            bench.wish(id, action);
            bench.agree();
        }
        let done = [Outcome::Opened(1), Outcome::SignedIn(1)].map(CustomerReply::Done);
        assert_eq!(bench.replies(), [(1, done[0].clone()), (2, done[1].clone())]);
        bench.others.clear();
        bench
    }

    pub(super) fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        let now = now(self.time);
        self.member.handle(now, input, &mut effects);
        self.member.flush(now, &mut effects);
        self.take(effects);
    }

    /// Several inputs, one burst.
    pub(super) fn burst(&mut self, inputs: Vec<Input>) {
        let mut effects = Vec::new();
        let now = now(self.time);
        for input in inputs {
            self.member.handle(now, input, &mut effects);
        }
        self.member.flush(now, &mut effects);
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { to, message: Message::CustomersAnswer(replies) } => {
                    self.messages += 1;
                    self.told.extend(replies.into_iter().map(|(id, reply)| (to, id, reply)));
                }
                Effect::Store { changes, .. } => {
                    for change in changes {
                        let key = (change.table, change.key);
                        match change.value {
                            Some(value) => _ = self.rows.insert(key, value),
                            None => _ = self.rows.remove(&key),
                        }
                    }
                }
                other => self.others.push(other),
            }
        }
    }

    pub(super) fn stored(&self) -> Vec<Row> {
        let rows = self.rows.clone().into_iter();
        rows.map(|((table, key), value)| Row { table, key, value }).collect()
    }

    pub(super) fn run(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.time = self.time + Span::millis(10);
            self.input(Input::Tick);
        }
    }

    /// Much later, without anything having happened in between.
    pub(super) fn sleep(&mut self, ms: u64) {
        // The clock of the law follows the monotonic one only tick by tick.
        for _ in 0..100 {
            self.time = self.time + Span::millis(ms / 100);
            self.input(Input::Tick);
        }
    }

    pub(super) fn asked(&self, from: ServiceId, id: u64, request: CustomerRequest) -> Input {
        Input::Received { from, message: Message::AskCustomers(vec![(id, request)]) }
    }

    pub(super) fn request(&mut self, action: Action) -> CustomerRequest {
        self.next_key += 1;
        let born = now(self.time).wall;
        CustomerRequest::Do { key: Key(self.next_key), born, action }
    }

    pub(super) fn wish(&mut self, id: u64, action: Action) {
        let request = self.request(action);
        let input = self.asked(GATEWAY, id, request);
        self.input(input);
    }

    pub(super) fn read(&mut self, id: u64, question: CustomerQuestion, fresh: bool) {
        let input = self.asked(GATEWAY, id, CustomerRequest::Read { question, fresh });
        self.input(input);
    }

    /// The script does something, and the member hears of it.
    pub(super) fn then(&mut self, act: impl FnOnce(&mut Script)) {
        act(&mut self.engine.script());
        self.burst(Vec::new());
    }

    pub(super) fn agree(&mut self) {
        self.then(Script::agree);
    }

    /// What the first gateway was told since last asked.
    pub(super) fn replies(&mut self) -> Vec<(u64, CustomerReply)> {
        let told = std::mem::take(&mut self.told);
        told.into_iter()
            .map(|(to, id, reply)| {
                assert_eq!(to, GATEWAY);
                (id, reply)
            })
            .collect()
    }

    /// What the law is to do, of everything proposed and not agreed on yet.
    pub(super) fn proposed(&self) -> Vec<Law> {
        let script = self.engine.script();
        script.proposed.iter().map(|bytes| Command::decode(bytes).unwrap().law).collect()
    }

    pub(super) fn in_cart(&self, token: u8) -> u64 {
        let cart = self.member.law().cart(session(token));
        cart.and_then(|cart| cart.lines.get(&item(17)).copied()).unwrap_or(0)
    }
}

pub(super) fn done() -> CustomerReply {
    CustomerReply::Done(Outcome::Done)
}

pub(super) fn refused(refusal: Refusal) -> CustomerReply {
    CustomerReply::Done(Outcome::Refused(refusal))
}
