//! A catalog of a group of several on the bench, with a scripted engine.

use replication::contract::Epoch;
use replication::time::Time;

use super::harness::*;
use crate::catalog::{CatalogConfig, CatalogProcess, Command, Protocol, State};
use crate::message::Message as Word;
use crate::process::Input;
use crate::service::ServiceId;
use crate::tests::scripted::{Script, Scripted};

/// One replica of a group of three, and the engine's script.
pub(super) struct Group {
    pub(super) bench: Bench,
    pub(super) engine: Scripted,
}

/// Three catalogs, two gateways, all known.
pub(super) fn group_config() -> CatalogConfig {
    CatalogConfig {
        catalogs: vec![1, 2, 3],
        gateways: vec![1, 2],
        protocol: Protocol::Raft,
        ..config()
    }
}

impl Group {
    /// Nothing has happened yet.
    pub(super) fn fresh(config: CatalogConfig) -> Self {
        let engine = Scripted::default();
        engine.script().voters = vec![1, 2, 3];
        let state = State::load(Vec::new()).unwrap();
        let time = Time(1_000_000);
        let catalog = CatalogProcess::with_engine(
            config,
            now(time),
            1,
            Box::new(engine.clone()),
            (0, state),
            listings(),
        );
        Group { bench: Bench::around(catalog, time), engine }
    }

    /// A follower that has everything an earlier leader of the group did: listings loaded, three order replicas enrolled, replica
    /// 3 leads epoch 1 at version 4.
    pub(super) fn following() -> Self {
        Group::following_with(group_config())
    }

    pub(super) fn following_with(config: CatalogConfig) -> Self {
        let mut group = Group::fresh(config);
        let load = market::catalog::Command::Load { listings: listings() };
        group.agreed(&Command::Law(load));
        for replica in 1..=3 {
            group.agreed(&Command::Register(enrol(replica)));
        }
        group.agreed(&Command::Register(elect(3, 3)));
        group.bench.others.clear();
        group
    }

    /// A leader in term 1, whose gate is open, and which is linked with its gateways and order replicas.
    pub(super) fn leading() -> Self {
        Group::leading_with(group_config())
    }

    pub(super) fn leading_with(config: CatalogConfig) -> Self {
        let mut group = Group::following_with(config);
        group.link();
        group.lead(1);
        group.bench.run(400);
        group.bench.sent.clear();
        group.bench.leads.clear();
        group.bench.others.clear();
        group
    }

    pub(super) fn link(&mut self) {
        for id in 1..=3 {
            self.bench.input(Input::LinkUp(ServiceId::orders(id)));
            self.bench.input(Input::LinkUp(ServiceId::gateway(id)));
            self.bench.input(Input::LinkUp(ServiceId::catalog(id)));
        }
    }

    /// The script does something, and the replica hears of it.
    pub(super) fn then(&mut self, act: impl FnOnce(&mut Script)) {
        act(&mut self.engine.script());
        self.bench.step();
    }

    pub(super) fn lead(&mut self, term: Epoch) {
        self.then(|script| script.lead(term));
    }

    pub(super) fn follow(&mut self, term: Epoch) {
        self.then(|script| script.follow(term));
    }

    pub(super) fn agree(&mut self) {
        self.then(Script::agree);
    }

    pub(super) fn pass(&mut self) {
        self.then(Script::pass);
    }

    /// The group agreed on a command of somebody else's.
    pub(super) fn agreed(&mut self, command: &Command) {
        self.then(|script| script.deliver(command.encode()));
    }

    pub(super) fn open_barriers(&self) -> usize {
        self.engine.script().open.len()
    }

    pub(super) fn proposed(&self) -> usize {
        self.engine.script().proposed.len()
    }

    /// Renews, with a majority behind this replica; the session that came back.
    pub(super) fn renew(&mut self, gateway: u8, session: u64) -> Option<u64> {
        self.bench.renew(gateway, session);
        let before = self.bench.sent.len();
        self.pass();
        self.bench.sent[before..].iter().find_map(|(to, message)| match message {
            Word::Lease(lease) if *to == ServiceId::gateway(gateway) => Some(lease.session),
            _ => None,
        })
    }
}
