//! Order replica 3 of three on a bench: virtual time, a disk that syncs when told, everything sent is kept.

use std::collections::{BTreeMap, BTreeSet};

use market::codec::encode_order;
use market::money::Price;
use market::name::Name;
use market::order::{Order, OrderNumber};
use market::rows::{Row, Table};
use market::trade::{Key, Side, Trade, WallTime};
use replication::contract::{ChainHash, Entry, Epoch, Position, Recovered, ReplicaId, Ticket};
use replication::primary_backup;
use replication::register::Configuration;
use replication::time::{Span, Time};

use crate::message::{
    Decide, Decided, Message, OrderReply, Outbox, Outcome, ReadOutbox, TradeReply,
};
use crate::orders::{OrdersConfig, OrdersProcess, Standing};
use crate::process::{Effect, HistoryPurpose, Input, Now, Process};
use crate::service::ServiceId;

pub(super) const CATALOG: ServiceId = ServiceId::catalog(1);
pub(super) const GATEWAY: ServiceId = ServiceId::gateway(1);
pub(super) const OTHER_GATEWAY: ServiceId = ServiceId::gateway(2);

pub(super) struct Bench {
    pub(super) orders: OrdersProcess,
    pub(super) time: Time,
    /// Everything sent since last looked at.
    pub(super) sent: Vec<(ServiceId, Message)>,
    /// Effects that are neither messages nor for the disk.
    pub(super) others: Vec<Effect>,
    pub(super) stored: Position,
    /// What the store was told.
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    unsynced: Option<Ticket>,
}

/// Replica `id` has disk `id * 11`; only the set, and this replica, are enrolled.
pub(super) fn configuration(
    version: u64,
    epoch: Epoch,
    leader: Option<ReplicaId>,
    in_sync: &[ReplicaId],
) -> Configuration {
    Configuration {
        version,
        epoch,
        leader,
        in_sync: in_sync.iter().copied().collect::<BTreeSet<_>>(),
        incarnations: in_sync.iter().chain([&3]).map(|id| (*id, u64::from(*id) * 11)).collect(),
    }
}

pub(super) fn config() -> OrdersConfig {
    OrdersConfig::new(3, vec![1, 2, 3], vec![1])
}

pub(super) fn trade(key: u64) -> Trade {
    let name = Name::new("Tux").unwrap();
    Trade { key: Key(u128::from(key)), born: None, name, side: Side::Buy, quantity: 1 }
}

pub(super) fn order(number: OrderNumber) -> Order {
    Order {
        number,
        key: Key(u128::from(number)),
        name: Name::new("Tux").unwrap(),
        side: Side::Buy,
        quantity: 1,
        unit_price: Price::from_minor(100).unwrap(),
        decided_at: WallTime(1_700_000_000_000),
    }
}

pub(super) fn orders(numbers: std::ops::Range<OrderNumber>) -> Vec<Order> {
    numbers.map(order).collect()
}

/// The entries that orders `0..count` are in a log.
pub(super) fn entries(count: u64) -> Vec<Entry> {
    let mut hash = ChainHash::EMPTY;
    let entry = |number| {
        let command: replication::contract::Command = encode_order(&order(number)).into();
        hash = hash.extend(&command);
        Entry { position: number + 1, hash, command }
    };
    (0..count).map(entry).collect()
}

impl Bench {
    /// A replica whose log holds orders `0..count`, and that knows nobody yet but how to reach a catalog.
    pub(super) fn holding(count: u64, config: OrdersConfig) -> Self {
        let time = Time(1_000_000);
        let recovered = Recovered { entries: entries(count), ..Recovered::default() };
        let orders = OrdersProcess::start(config, now(time), 33, recovered, Vec::new()).unwrap();
        Bench::around(orders, time)
    }

    /// With a link to a catalog.
    pub(super) fn around(orders: OrdersProcess, time: Time) -> Self {
        let (sent, others, rows) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut bench = Bench { orders, time, sent, others, rows, stored: 0, unsynced: None };
        bench.input(Input::LinkUp(CATALOG));
        bench.sent.clear();
        bench
    }

    /// It leads epoch 1 (version 4) and is open for business with no order yet.
    pub(super) fn open(in_sync: &[ReplicaId]) -> Self {
        Bench::open_with(config(), in_sync)
    }

    pub(super) fn open_with(config: OrdersConfig, in_sync: &[ReplicaId]) -> Self {
        let mut bench = Bench::holding(0, config);
        bench.elect(4, 1, in_sync);
        let question = bench.question().unwrap().question;
        bench.page(1, question, 0, 0, Vec::new());
        assert_eq!(bench.orders.standing(), Standing::Open { epoch: 1 });
        bench.sent.clear();
        bench.others.clear();
        bench
    }

    /// The register names this replica, and its disk knows.
    pub(super) fn elect(&mut self, version: u64, epoch: Epoch, in_sync: &[ReplicaId]) {
        self.configure(configuration(version, epoch, Some(3), in_sync));
        self.sync();
        assert_eq!(self.orders.standing().epoch(), Some(epoch));
    }

    pub(super) fn configure(&mut self, configuration: Configuration) {
        self.receive(CATALOG, Message::Configuration(configuration));
    }

    pub(super) fn now(&self) -> Now {
        now(self.time)
    }

    pub(super) fn input(&mut self, input: Input) {
        self.burst(vec![input]);
    }

    pub(super) fn burst(&mut self, inputs: Vec<Input>) {
        let mut effects = Vec::new();
        for input in inputs {
            self.orders.handle(self.now(), input, &mut effects);
        }
        self.orders.flush(self.now(), &mut effects);
        for effect in effects {
            match effect {
                Effect::Send { to, message } => self.sent.push((to, message)),
                Effect::Persist { ticket, .. } => self.unsynced = Some(ticket),
                Effect::Store { position, changes } => {
                    self.stored = position;
                    let rows = changes.into_iter().map(|row| {
                        ((row.table, row.key), row.value.expect("orders take nothing back"))
                    });
                    self.rows.extend(rows);
                }
                other => self.others.push(other),
            }
        }
    }

    /// All rows of the store.
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |((table, key), value): (&(Table, Vec<u8>), &Vec<u8>)| Row {
            table: *table,
            key: key.clone(),
            value: value.clone(),
        };
        self.rows.iter().map(row).collect()
    }

    pub(super) fn receive(&mut self, from: ServiceId, message: Message) {
        self.input(Input::Received { from, message });
    }

    /// The disk is done with everything written so far.
    pub(super) fn sync(&mut self) {
        while let Some(ticket) = self.unsynced.take() {
            self.input(Input::Persisted(ticket));
        }
    }

    /// A follower's disk is done with everything up to a position.
    pub(super) fn acknowledge(&mut self, follower: ReplicaId, epoch: Epoch, matched: Position) {
        let incarnation = u64::from(follower) * 11;
        let ack = primary_backup::Message::Ack { epoch, incarnation, matched };
        let message = replication::contract::Message::PrimaryBackup(ack);
        self.receive(ServiceId::orders(follower), Message::Replication(message));
    }

    pub(super) fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.time = self.time + Span::millis(1);
            self.input(Input::Tick);
        }
    }

    /// Trades named by their keys.
    pub(super) fn trades(&mut self, from: ServiceId, keys: impl IntoIterator<Item = u64>) {
        let trades = keys.into_iter().map(|key| (key, trade(key))).collect();
        self.receive(from, Message::Trades { epoch: 1, trades });
    }

    pub(super) fn reads(&mut self, from: ServiceId, numbers: impl IntoIterator<Item = u64>) {
        let reads = numbers.into_iter().map(|number| (number, number)).collect();
        self.receive(from, Message::ReadOrders { epoch: 1, reads });
    }

    pub(super) fn page(&mut self, epoch: u64, question: u64, first: u64, next: u64, o: Vec<Order>) {
        self.receive(CATALOG, Message::Outbox(Outbox { epoch, question, first, next, orders: o }));
    }

    /// The catalog did all trades of a batch: orders from `first` on.
    pub(super) fn done(&mut self, batch: u64, first: OrderNumber, count: u64) {
        let outcomes = (first..first + count).map(Outcome::Order).collect();
        self.decided(1, batch, outcomes, orders(first..first + count));
    }

    pub(super) fn decided(&mut self, epoch: u64, batch: u64, o: Vec<Outcome>, new: Vec<Order>) {
        let decided = Decided { epoch, batch, outcomes: o, orders: new };
        self.receive(CATALOG, Message::Decided(decided));
    }

    pub(super) fn take<T>(&mut self, pick: impl Fn(&ServiceId, &Message) -> Option<T>) -> Vec<T> {
        let picked = self.sent.iter().filter_map(|(to, message)| pick(to, message)).collect();
        self.sent.retain(|(to, message)| pick(to, message).is_none());
        picked
    }

    /// Batches sent to the catalog since last looked at.
    pub(super) fn batches(&mut self) -> Vec<Decide> {
        self.take(|_, message| match message {
            Message::Decide(decide) => Some(decide.clone()),
            _ => None,
        })
    }

    /// The last question for the outbox.
    pub(super) fn question(&mut self) -> Option<ReadOutbox> {
        let questions = self.take(|_, message| match message {
            Message::ReadOutbox(read) => Some(read.clone()),
            _ => None,
        });
        questions.into_iter().last()
    }

    /// Answers to trades.
    pub(super) fn answers(&mut self) -> Vec<(ServiceId, u64, TradeReply)> {
        let lists = self.take(|to, message| match message {
            Message::Traded(replies) => Some((*to, replies.clone())),
            _ => None,
        });
        let answers = lists.into_iter().flat_map(|(to, replies)| {
            replies.into_iter().map(move |(request, reply)| (to, request, reply))
        });
        answers.collect()
    }

    /// Answers to reads.
    pub(super) fn found(&mut self) -> Vec<(u64, OrderReply)> {
        let lists = self.take(|_, message| match message {
            Message::OrdersRead(replies) => Some(replies.clone()),
            _ => None,
        });
        lists.into_iter().flatten().collect()
    }

    /// Positions up to which the catalog was told to cut its outbox.
    pub(super) fn trims(&mut self) -> Vec<(u64, u64)> {
        self.take(|_, message| match message {
            Message::Trim(trim) => Some((trim.version, trim.keep_from)),
            _ => None,
        })
    }

    /// Reads of single orders from the store since last looked at.
    pub(super) fn disk_reads(&mut self) -> Vec<(u64, Position)> {
        let read = |effect: &Effect| match effect {
            Effect::ReadHistory { purpose: HistoryPurpose::Order { read }, from, .. } => {
                Some((*read, *from))
            }
            _ => None,
        };
        let reads = self.others.iter().filter_map(read).collect();
        self.others.retain(|effect| read(effect).is_none());
        reads
    }

    pub(super) fn halts(&self) -> usize {
        self.others.iter().filter(|effect| matches!(effect, Effect::Halt(_))).count()
    }

    pub(super) fn drained(&self) -> usize {
        self.others.iter().filter(|effect| matches!(effect, Effect::Drained)).count()
    }
}

/// A trade that became this order.
pub(super) fn traded(number: OrderNumber) -> TradeReply {
    TradeReply::Done(Outcome::Order(number))
}

pub(super) fn now(time: Time) -> Now {
    Now { time, wall: WallTime(1_700_000_000_000 + time.0 / 1_000) }
}
