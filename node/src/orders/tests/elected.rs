//! Order replica 3 of a group that elects its own leader, with a scripted engine.

use market::orders::Orders;
use replication::contract::{Epoch, Position};
use replication::register::RegisterCommand;
use replication::time::Time;

use super::harness::*;
use crate::message::Message;
use crate::orders::recent::Recent;
use crate::orders::{Command, OrdersConfig, OrdersProcess, Protocol, Standing};
use crate::tests::scripted::{Script, Scripted};

pub(super) struct Elected {
    pub(super) bench: Bench,
    pub(super) engine: Scripted,
}

pub(super) fn raft_config() -> OrdersConfig {
    OrdersConfig { protocol: Protocol::Raft, ..config() }
}

impl Elected {
    /// A follower that has nothing, of three voters.
    pub(super) fn following() -> Self {
        Elected::following_with(raft_config())
    }

    pub(super) fn following_with(config: OrdersConfig) -> Self {
        let engine = Scripted::default();
        engine.script().voters = vec![1, 2, 3];
        let time = Time(1_000_000);
        let nothing = (Orders::new(), Recent::new(0, 0), 0);
        let orders =
            OrdersProcess::with_engine(config, now(time), 33, Box::new(engine.clone()), nothing);
        Elected { bench: Bench::around(orders, time), engine }
    }

    /// It leads in term 7, is registered for epoch 1 (version 4) and open, with no order yet.
    pub(super) fn open() -> Self {
        Elected::open_with(raft_config())
    }

    pub(super) fn open_with(config: OrdersConfig) -> Self {
        let mut it = Elected::following_with(config);
        it.bench.configure(configuration(3, 0, None, &[1, 2, 3]));
        it.then(|script| script.lead(7));
        it.register(4, 1, &[3]);
        it.catch_up(0, 0..0);
        assert_eq!(it.bench.orders.standing(), Standing::Open { epoch: 1 });
        it.bench.sent.clear();
        it.bench.others.clear();
        it
    }

    /// The script does something, and the replica hears of it.
    pub(super) fn then(&mut self, act: impl FnOnce(&mut Script)) {
        act(&mut self.engine.script());
        self.bench.burst(Vec::new());
    }

    /// The register takes the replica, and the group its epoch.
    pub(super) fn register(&mut self, version: u64, epoch: Epoch, in_sync: &[u8]) {
        self.then(Script::pass);
        assert_eq!(self.elects().len(), 1, "proven, it asks");
        self.bench.configure(configuration(version, epoch, Some(3), in_sync));
        self.then(Script::agree);
        assert_eq!(self.bench.orders.standing(), Standing::TakingOver { epoch });
    }

    /// The outbox has these, and that is all there is.
    pub(super) fn catch_up(&mut self, first: u64, numbers: std::ops::Range<u64>) {
        let read = self.bench.question().expect("it reads the outbox");
        assert_eq!(read.from, numbers.start);
        let next = numbers.end;
        self.bench.page(read.epoch, read.question, first, next, orders(numbers));
    }

    /// Wishes for the register: version expected, log's end.
    pub(super) fn elects(&mut self) -> Vec<(u64, Position)> {
        self.bench.take(|_, message| match message {
            Message::Configure(RegisterCommand::Elect {
                expect,
                candidate: 3,
                incarnation: 33,
                log_end,
                drop: None,
            }) => Some((*expect, *log_end)),
            _ => None,
        })
    }

    /// Words about the own disk: the epochs remembered.
    pub(super) fn enrols(&mut self) -> Vec<Epoch> {
        self.bench.take(|_, message| match message {
            Message::Configure(RegisterCommand::Enrol { replica: 3, incarnation: 33, epoch }) => {
                Some(*epoch)
            }
            _ => None,
        })
    }

    pub(super) fn proposed(&self) -> Vec<Command> {
        let script = self.engine.script();
        script.proposed.iter().map(|command| Command::decode(command).unwrap()).collect()
    }

    pub(super) fn open_barriers(&self) -> usize {
        self.engine.script().open.len()
    }
}
