//! A catalog on a bench: virtual time, a disk that syncs when told, everything sent is kept.

use std::collections::BTreeMap;

use market::listing::{Kind, NewListing};
use market::money::Price;
use market::name::Name;
use market::rows::{Row, RowChange, Table};
use market::trade::{Key, Side, Trade, WallTime};
use replication::contract::{Entry, HardState, LogWrite, Position, Recovered, Ticket};
use replication::register::RegisterCommand;
use replication::time::{Span, Time};

use crate::catalog::{CatalogConfig, CatalogProcess, Command};
use crate::message::{
    Decide, Decided, Fill, Filled, Invalidate, Invalidated, Lease, Message, Renew,
};
use crate::process::{Effect, Input, Now, Process};
use crate::service::ServiceId;

pub(super) const GATEWAY: ServiceId = ServiceId::gateway(1);
pub(super) const LEADER: ServiceId = ServiceId::orders(3);

pub(super) struct Bench {
    pub(super) catalog: CatalogProcess,
    pub(super) time: Time,
    /// Everything sent since last looked at.
    pub(super) sent: Vec<(ServiceId, Message)>,
    /// Whom it told that it leads, and in which term: said apart, for it goes with much else.
    pub(super) leads: Vec<(ServiceId, u64)>,
    /// Effects that are neither messages nor for the disk.
    pub(super) others: Vec<Effect>,
    /// How far the wall clock was set ahead.
    pub(super) wall_ahead: Span,
    unsynced: Option<Ticket>,
    /// Every entry written.
    pub(super) log: Vec<Entry>,
    state: HardState,
    pub(super) stored: Vec<(Position, Vec<RowChange>)>,
    boot: u64,
    config: CatalogConfig,
}

pub(super) fn config() -> CatalogConfig {
    CatalogConfig::alone(1, vec![1, 2, 3])
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(super) fn listing(text: &str, quantity: u64) -> NewListing {
    NewListing {
        name: name(text),
        kind: Kind::Stock,
        price: Price::from_minor(100).unwrap(),
        quantity,
        restock: true,
    }
}

pub(super) fn listings() -> Vec<NewListing> {
    vec![listing("Tux", 10), listing("Gnu", 1)]
}

pub(super) fn buy(key: u128, text: &str, quantity: u64) -> Trade {
    Trade { key: Key(key), born: None, name: name(text), side: Side::Buy, quantity }
}

pub(super) fn enrol(replica: u8) -> RegisterCommand {
    RegisterCommand::Enrol { replica, incarnation: u64::from(replica) * 11, epoch: 0 }
}

pub(super) fn elect(expect: u64, candidate: u8) -> RegisterCommand {
    let incarnation = u64::from(candidate) * 11;
    RegisterCommand::Elect { expect, candidate, incarnation, log_end: 0, drop: None }
}

impl Bench {
    /// The very first start, the load not durable yet.
    pub(super) fn fresh(config: CatalogConfig) -> Self {
        Bench::start(config, Time(1_000_000), 1, Recovered::default(), Vec::new())
    }

    fn start(
        config: CatalogConfig,
        time: Time,
        boot: u64,
        recovered: Recovered,
        rows: Vec<Row>,
    ) -> Self {
        let (again, state) = (config.clone(), recovered.state);
        let catalog =
            CatalogProcess::start(config, now(time), boot, 11, recovered, rows, listings())
                .unwrap();
        Bench { boot, state, config: again, ..Bench::around(catalog, time) }
    }

    /// A catalog that was started otherwise.
    pub(super) fn around(catalog: CatalogProcess, time: Time) -> Self {
        Bench {
            catalog,
            time,
            sent: Vec::new(),
            leads: Vec::new(),
            others: Vec::new(),
            wall_ahead: Span(0),
            unsynced: None,
            log: Vec::new(),
            state: HardState::default(),
            stored: Vec::new(),
            boot: 1,
            config: config(),
        }
    }

    /// Listings loaded, three order replicas enrolled and linked, replica 3 leads epoch 1 at version 4.
    pub(super) fn serving() -> Self {
        Bench::serving_with(config())
    }

    pub(super) fn serving_with(config: CatalogConfig) -> Self {
        let mut bench = Bench::fresh(config);
        bench.step();
        bench.sync();
        for replica in 1..=3 {
            bench.input(Input::LinkUp(ServiceId::orders(replica)));
            bench.receive(ServiceId::orders(replica), Message::Configure(enrol(replica)));
        }
        bench.sync();
        bench.receive(GATEWAY, Message::Configure(elect(3, 3)));
        bench.sync();
        assert_eq!(bench.catalog.state().register.leader, Some(3), "replica 3 leads");
        bench.sent.clear();
        bench.others.clear();
        bench
    }

    /// The store as of a position.
    pub(super) fn rows(&self, stored: Position) -> Vec<Row> {
        let mut rows = BTreeMap::new();
        for change in self.stored.iter().filter(|(at, _)| *at <= stored).flat_map(|(_, c)| c) {
            match &change.value {
                Some(value) => _ = rows.insert((change.table, change.key.clone()), value.clone()),
                None => _ = rows.remove(&(change.table, change.key.clone())),
            }
        }
        let row = |((table, key), value): ((Table, Vec<u8>), Vec<u8>)| Row { table, key, value };
        rows.into_iter().map(row).collect()
    }

    /// Another life of the same catalog: the whole log, and the store as of a position.
    pub(super) fn restarted(&self, stored: Position, after: Span) -> Self {
        let (recovered, rows) = self.disk(stored);
        let (config, boot) = (self.config.clone(), self.boot + 1);
        let mut next = Bench::start(config, self.time + after, boot, recovered, rows);
        next.log.clone_from(&self.log);
        next
    }

    /// What the disk holds: the whole log, and the store as of a position.
    pub(super) fn disk(&self, stored: Position) -> (Recovered, Vec<Row>) {
        let entries = self.log.iter().filter(|entry| entry.position > stored).cloned().collect();
        let (applied, state) = (stored, self.state);
        (Recovered { state, applied, entries, ..Recovered::default() }, self.rows(stored))
    }

    pub(super) fn now(&self) -> Now {
        let now = now(self.time);
        Now { wall: WallTime(now.wall.0 + self.wall_ahead.0 / 1_000), ..now }
    }

    pub(super) fn input(&mut self, input: Input) {
        self.burst(vec![input]);
    }

    /// Several inputs, then one flush.
    pub(super) fn burst(&mut self, inputs: Vec<Input>) {
        let mut effects = Vec::new();
        for input in inputs {
            self.catalog.handle(self.now(), input, &mut effects);
        }
        self.catalog.flush(self.now(), &mut effects);
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Send { to, message: Message::Leads(leads) } => {
                self.leads.push((to, leads.term));
            }
            Effect::Send { to, message } => self.sent.push((to, message)),
            Effect::Persist { ticket, writes } => {
                self.unsynced = Some(ticket);
                for write in writes {
                    match write {
                        LogWrite::Append(entry) => self.log.push(entry),
                        LogWrite::State(state) => self.state = state,
                        other => panic!("{other:?}"),
                    }
                }
            }
            Effect::Store { position, changes } => self.stored.push((position, changes)),
            other => self.others.push(other),
        }
    }

    pub(super) fn receive(&mut self, from: ServiceId, message: Message) {
        self.input(Input::Received { from, message });
    }

    /// The disk is done with everything written so far.
    pub(super) fn sync(&mut self) {
        if let Some(ticket) = self.unsynced.take() {
            self.input(Input::Persisted(ticket));
        }
    }

    /// A tick without time passing.
    pub(super) fn step(&mut self) {
        self.input(Input::Tick);
    }

    pub(super) fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.time = self.time + Span::millis(1);
            self.step();
        }
    }

    pub(super) fn decide(&mut self, batch: u64, trades: Vec<Trade>) {
        self.receive(LEADER, Message::Decide(Decide { epoch: 1, batch, trades }));
    }

    /// Renews; the lease that came back, if one did.
    pub(super) fn renew(&mut self, gateway: u8, session: u64) -> Option<Lease> {
        self.renew_sent_at(gateway, session, self.time)
    }

    pub(super) fn renew_sent_at(&mut self, gateway: u8, session: u64, at: Time) -> Option<Lease> {
        let from = ServiceId::gateway(gateway);
        let before = self.sent.len();
        self.receive(from, Message::Renew(Renew { session, sent_at: at }));
        self.sent[before..].iter().find_map(|(to, message)| match message {
            Message::Lease(lease) if *to == from => Some(lease.clone()),
            _ => None,
        })
    }

    pub(super) fn confirm(&mut self, gateway: u8, session: u64, numbers: &[u64]) {
        let numbers = numbers.to_vec();
        let message = Message::Invalidated(Invalidated { session, numbers });
        self.receive(ServiceId::gateway(gateway), message);
    }

    pub(super) fn fill(&mut self, session: u64, token: u64, text: &str) {
        self.receive(GATEWAY, Message::Fill(Fill { session, token, name: name(text) }));
    }

    /// Takes everything sent so far.
    pub(super) fn take(&mut self) -> Vec<Message> {
        self.sent.drain(..).map(|(_, message)| message).collect()
    }

    /// Decisions sent so far; forgets everything else that was.
    pub(super) fn decisions(&mut self) -> Vec<Decided> {
        self.take().into_iter().filter_map(decided).collect()
    }

    pub(super) fn filled(&mut self) -> Vec<Filled> {
        let filled = |message| match message {
            Message::Filled(filled) => Some(filled),
            _ => None,
        };
        self.take().into_iter().filter_map(filled).collect()
    }

    pub(super) fn invalidations(&mut self) -> Vec<Invalidate> {
        let invalidate = |message| match message {
            Message::Invalidate(invalidate) => Some(invalidate),
            _ => None,
        };
        self.take().into_iter().filter_map(invalidate).collect()
    }

    /// The commands in the log from an index on.
    pub(super) fn commands(&self, from: usize) -> Vec<Command> {
        self.log[from..].iter().map(|entry| Command::decode(&entry.command).unwrap()).collect()
    }

    pub(super) fn quantity(&self, text: &str) -> u64 {
        self.catalog.state().law.listing(&name(text)).unwrap().quantity
    }
}

fn decided(message: Message) -> Option<Decided> {
    match message {
        Message::Decided(decided) => Some(decided),
        _ => None,
    }
}

pub(super) fn now(time: Time) -> Now {
    Now { time, wall: WallTime(1_700_000_000_000 + time.0 / 1_000) }
}
