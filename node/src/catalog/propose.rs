//! What the catalog proposes to its own group: gathered over a burst, proposed together, with the invalidations sent along.

use std::collections::{BTreeMap, BTreeSet};

use market::catalog::Command as Law;
use market::listing::NewListing;
use market::name::Name;
use replication::contract::{Epoch, Position};
use replication::register::{Refusal, RegisterCommand};

use super::CatalogProcess;
use super::command::Command;
use crate::limits::{COMMANDS_UNDER_WAY, RESTOCK_BATCH};
use crate::message::{Decide, Message, Trim};
use crate::process::{Effect, Now};
use crate::service::{ServiceId, ServiceKind};

/// To whom the outcome of a command goes.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A batch of trades.
    Batch { from: ServiceId, epoch: Epoch, batch: u64 },
    /// A wish for the register.
    Register { from: ServiceId },
    /// Nobody asked.
    Own,
}

/// Commands gathered in this burst, and those under way.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    gathered: Vec<(Command, Origin)>,
    under_way: BTreeMap<Position, Origin>,
}

impl Proposals {
    /// The first listings of an empty catalog.
    pub(super) fn load(&mut self, listings: Vec<NewListing>) {
        self.gathered.push((Command::Law(Law::Load { listings }), Origin::Own));
    }

    /// Nothing gathered, nothing under way.
    pub(super) fn idle(&self) -> bool {
        self.gathered.is_empty() && self.under_way.is_empty()
    }

    /// The origin of a delivered command; commands of an earlier life have none.
    pub(super) fn delivered(&mut self, position: Position) -> Origin {
        self.under_way.remove(&position).unwrap_or(Origin::Own)
    }

    fn push(&mut self, command: Command, origin: Origin) {
        // A full house drops the command: its owner asks again, by key or by version.
        if self.gathered.len() + self.under_way.len() < COMMANDS_UNDER_WAY {
            self.gathered.push((command, origin));
        }
    }
}

impl CatalogProcess {
    pub(super) fn decide(
        &mut self,
        now: Now,
        from: ServiceId,
        decide: Decide,
        effects: &mut Vec<Effect>,
    ) {
        if decide.epoch != self.state.register.epoch || self.draining {
            return self.fence(from, effects);
        }
        self.liveness.leads(now.time, from.id);
        let origin = Origin::Batch { from, epoch: decide.epoch, batch: decide.batch };
        let law = Law::Trades { at: self.clock.at(now), trades: decide.trades };
        self.proposals.push(Command::Fenced { epoch: decide.epoch, version: None, law }, origin);
    }

    /// Tells the sender that its epoch is over, or that it is ahead of what is applied here.
    pub(super) fn fence(&self, to: ServiceId, effects: &mut Vec<Effect>) {
        let message = Message::Fenced(self.state.register.clone());
        effects.push(Effect::Send { to, message });
    }

    pub(super) fn trim(&mut self, trim: &Trim) {
        let law = Law::Trim { keep_from: trim.keep_from };
        let command = Command::Fenced { epoch: trim.epoch, version: Some(trim.version), law };
        self.proposals.push(command, Origin::Own);
    }

    pub(super) fn configure(
        &mut self,
        now: Now,
        from: ServiceId,
        wish: RegisterCommand,
        effects: &mut Vec<Effect>,
    ) {
        if !self.known_replicas_only(&wish) || self.damped(now, from, &wish) {
            let message = Message::Configuration(self.state.register.clone());
            return effects.push(Effect::Send { to: from, message });
        }
        self.proposals.push(Command::Register(wish), Origin::Register { from });
    }

    fn known_replicas_only(&self, wish: &RegisterCommand) -> bool {
        let known = |id: &u8| self.config.orders.contains(id);
        match wish {
            RegisterCommand::Elect { candidate, .. } => known(candidate),
            RegisterCommand::AlterInSync { in_sync, .. } => in_sync.iter().all(known),
            RegisterCommand::Enrol { replica, .. } => known(replica),
        }
    }

    /// A leader that is heard is not deposed because one gateway cannot reach it.
    fn damped(&mut self, now: Now, from: ServiceId, wish: &RegisterCommand) -> bool {
        let RegisterCommand::Elect { candidate, .. } = wish else { return false };
        let Some(leader) = self.state.register.leader else { return false };
        if from.kind != ServiceKind::Gateway || !self.liveness.leader_alive(now.time, leader) {
            return false;
        }
        *candidate == leader || !self.liveness.complain(now.time, from.id, &self.state.register)
    }

    pub(super) fn restock(&mut self, now: Now) {
        let Some(restock) = self.config.restock else { return };
        if now.time < self.next_restock || self.draining {
            return;
        }
        self.next_restock = now.time + restock.interval;
        let names: Vec<Name> =
            self.state.law.empty_listings().take(RESTOCK_BATCH).cloned().collect();
        if !names.is_empty() {
            let law = Law::Restock { at: self.clock.at(now), names, level: restock.level };
            self.proposals.push(Command::Law(law), Origin::Own);
        }
    }

    /// Proposes what the burst gathered, and at the same moment tells every leased gateway to drop what it touches.
    pub(super) fn propose_gathered(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.proposals.gathered.is_empty() {
            return;
        }
        let gathered = std::mem::take(&mut self.proposals.gathered);
        let commands = gathered.iter().map(|(command, _)| command.encode()).collect();
        let Ok(positions) = self.engine.propose(now.time, commands) else {
            // Not the leader of the group, or full: every owner asks again.
            return;
        };
        let last = positions.end - 1;
        let mut names = BTreeSet::new();
        for (position, (command, origin)) in positions.zip(gathered) {
            self.touched(&command, &mut names);
            self.proposals.under_way.insert(position, origin);
        }
        self.invalidate(now, last, names, effects);
    }

    /// Listings whose cached copies a command may make stale.
    fn touched(&self, command: &Command, names: &mut BTreeSet<Name>) {
        match command {
            Command::Law(law) | Command::Fenced { law, .. } => match law {
                Law::Trades { trades, .. } => {
                    names.extend(trades.iter().map(|trade| trade.name.clone()));
                }
                Law::Restock { names: restocked, .. } => names.extend(restocked.iter().cloned()),
                // Before the first load there is nothing to be cached; a cut of the outbox changes no listing.
                Law::Load { .. } | Law::Trim { .. } => {}
            },
            Command::Register(_) => {}
        }
    }

    fn invalidate(
        &mut self,
        now: Now,
        last: Position,
        mut names: BTreeSet<Name>,
        effects: &mut Vec<Effect>,
    ) {
        names.retain(|name| self.state.law.listing(name).is_some());
        let mut waits = BTreeSet::new();
        if !names.is_empty() {
            let list: Vec<Name> = names.iter().cloned().collect();
            for (gateway, message) in self.leases.invalidate(now.time, &list) {
                waits.insert((message.session, message.number));
                let message = Message::Invalidate(message);
                effects.push(Effect::Send { to: ServiceId::gateway(gateway), message });
            }
        }
        self.gate.proposed(last, names, waits);
    }

    /// Tells everybody who is linked how the register stands now.
    pub(super) fn publish(&self, effects: &mut Vec<Effect>) {
        for to in self.liveness.links() {
            let message = Message::Configuration(self.state.register.clone());
            effects.push(Effect::Send { to, message });
        }
    }

    pub(super) fn refuse(&self, to: ServiceId, refusal: Refusal, effects: &mut Vec<Effect>) {
        let configuration = self.state.register.clone();
        effects.push(Effect::Send { to, message: Message::Refused { refusal, configuration } });
    }
}
