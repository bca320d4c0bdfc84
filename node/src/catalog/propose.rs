//! What the catalog proposes to its own group: gathered over a burst, proposed together, with the invalidations sent along.

use std::collections::{BTreeMap, BTreeSet};

use market::catalog::Command as Law;
use market::listing::NewListing;
use market::name::Name;
use replication::contract::{Epoch, Position};
use replication::register::{Refusal, RegisterCommand};

use super::command::Command;
use super::leading::Leader;
use crate::limits::{COMMANDS_UNDER_WAY, DECIDE_BATCH, RESTOCK_BATCH};
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
    /// The first listings.
    Load,
    /// Nobody asked.
    Own,
}

/// Commands gathered in this burst, and those under way.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    gathered: Vec<(Command, Origin)>,
    under_way: BTreeMap<Position, Origin>,
    /// Batches taken and not answered yet. One that comes again meanwhile (its owner loses patience while the gate waits for a
    /// lost gateway, or the disk is slow) would only add to what is slow.
    batches: BTreeSet<BatchName>,
    /// The first listings were proposed and are not applied yet.
    loading: bool,
}

/// Names a batch: no replica leads one epoch twice, so it never repeats for other trades.
type BatchName = (ServiceId, Epoch, u64);

impl Proposals {
    /// The first listings of an empty catalog.
    pub(super) fn load(&mut self, listings: Vec<NewListing>) {
        self.loading = true;
        self.gathered.push((Command::Law(Law::Load { listings }), Origin::Load));
    }

    /// The first listings are in.
    pub(super) fn loaded(&mut self) {
        self.loading = false;
    }

    /// Whether the first listings are still on their way: nobody can say yet what there is.
    pub(super) fn is_loading(&self) -> bool {
        self.loading
    }

    /// An answer to a batch leaves; if it is lost and the batch comes again, it is decided (by key: looked up) again.
    pub(super) fn answered(&mut self, to: ServiceId, epoch: Epoch, batch: u64) {
        self.batches.remove(&(to, epoch, batch));
    }

    /// Nothing gathered, nothing under way.
    pub(super) fn idle(&self) -> bool {
        self.gathered.is_empty() && self.under_way.is_empty()
    }

    /// The origin of a delivered command; commands of an earlier life have none.
    pub(super) fn delivered(&mut self, position: Position) -> Origin {
        self.under_way.remove(&position).unwrap_or(Origin::Own)
    }

    /// Gathered, under way, or not open yet.
    fn unsettled(&self, rounds: usize) -> usize {
        self.gathered.len() + self.under_way.len().max(rounds)
    }
}

impl Leader<'_> {
    /// Gathers a command; a full house drops it: its owner asks again, by key or by version.
    fn gather(&mut self, command: Command, origin: Origin) -> bool {
        let room = self.own.proposals.unsettled(self.own.gate.rounds()) < COMMANDS_UNDER_WAY;
        if room {
            self.own.proposals.gathered.push((command, origin));
        }
        room
    }

    pub(super) fn decide(
        &mut self,
        now: Now,
        from: ServiceId,
        decide: Decide,
        effects: &mut Vec<Effect>,
    ) {
        let Decide { epoch, batch, trades } = decide;
        if epoch != self.state.register.epoch || self.draining {
            return self.fence(from, effects);
        }
        self.own.liveness.leads(now.time, from.id);
        let name = (from, epoch, batch);
        if trades.len() > DECIDE_BATCH || self.own.proposals.batches.contains(&name) {
            return;
        }
        let law = Law::Trades { at: self.clock.at(now), trades };
        let origin = Origin::Batch { from, epoch, batch };
        if self.gather(Command::Fenced { epoch, version: None, law }, origin) {
            self.own.proposals.batches.insert(name);
        }
    }

    /// Tells the sender that its epoch is over, or that it is ahead of what is applied here.
    pub(super) fn fence(&self, to: ServiceId, effects: &mut Vec<Effect>) {
        let message = Message::Fenced(self.state.register.clone());
        effects.push(Effect::Send { to, message });
    }

    pub(super) fn trim(&mut self, trim: &Trim) {
        let (register, law) = (&self.state.register, &self.state.law);
        let current = trim.epoch == register.epoch && trim.version == register.version;
        if !current || trim.keep_from <= law.outbox_first() {
            // Void, or done already: trims are repeated, and an entry of the log costs a write.
            return;
        }
        let law = Law::Trim { keep_from: trim.keep_from };
        let (epoch, version) = (trim.epoch, Some(trim.version));
        self.gather(Command::Fenced { epoch, version, law }, Origin::Own);
    }

    pub(super) fn configure(
        &mut self,
        now: Now,
        from: ServiceId,
        wish: RegisterCommand,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(refusal) = self.hopeless(&wish) {
            return self.refuse(from, refusal, effects);
        }
        if !self.known_replicas_only(&wish)
            || self.fulfilled(&wish)
            || self.damped(now, from, &wish)
        {
            let message = Message::Configuration(self.state.register.clone());
            return effects.push(Effect::Send { to: from, message });
        }
        self.gather(Command::Register(wish), Origin::Register { from });
    }

    /// A wish for a version that is over can only be refused; versions never go back.
    fn hopeless(&self, wish: &RegisterCommand) -> Option<Refusal> {
        let version = self.state.register.version;
        let expected = match wish {
            RegisterCommand::Elect { expect, .. } | RegisterCommand::AlterInSync { expect, .. } => {
                *expect
            }
            RegisterCommand::Enrol { .. } => return None,
        };
        (expected < version).then_some(Refusal::Stale { version, expected })
    }

    /// A disk that is enrolled already, and remembers nothing that the register does not, changes nothing.
    fn fulfilled(&self, wish: &RegisterCommand) -> bool {
        let register = &self.state.register;
        match wish {
            RegisterCommand::Enrol { replica, incarnation, epoch } => {
                *epoch <= register.epoch && register.knows(*replica, *incarnation)
            }
            _ => false,
        }
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
        let (links, register) = (self.links, &self.state.register);
        let heard = self.own.liveness.leader_alive(now.time, leader, links);
        if from.kind != ServiceKind::Gateway || !heard {
            return false;
        }
        *candidate == leader || !self.own.liveness.complain(now.time, from.id, register, links)
    }

    pub(super) fn restock(&mut self, now: Now) {
        let Some(restock) = self.config.restock else { return };
        if now.time < self.own.next_restock || self.draining || restock.level == 0 {
            return;
        }
        self.own.next_restock = now.time + restock.interval;
        let names: Vec<Name> =
            self.state.law.empty_listings().take(RESTOCK_BATCH).cloned().collect();
        if !names.is_empty() {
            let law = Law::Restock { at: self.clock.at(now), names, level: restock.level };
            self.gather(Command::Law(law), Origin::Own);
        }
    }

    /// Proposes what the burst gathered, and at the same moment tells every leased gateway to drop what it touches.
    pub(super) fn propose_gathered(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.own.proposals.gathered.is_empty() {
            return;
        }
        let gathered = std::mem::take(&mut self.own.proposals.gathered);
        let commands = gathered.iter().map(|(command, _)| command.encode()).collect();
        let Ok(Some(positions)) = self.engine.propose(now.time, commands) else {
            // Not the leader of the group, or full: every owner asks again.
            return self.dropped(gathered);
        };
        let last = positions.end - 1;
        let mut names = BTreeSet::new();
        for (position, (command, origin)) in positions.zip(gathered) {
            self.touched(&command, &mut names);
            self.own.proposals.under_way.insert(position, origin);
        }
        self.invalidate(now, last, names, effects);
    }

    fn dropped(&mut self, gathered: Vec<(Command, Origin)>) {
        for (command, origin) in gathered {
            match origin {
                Origin::Batch { from, epoch, batch } => {
                    self.own.proposals.answered(from, epoch, batch);
                }
                // Nobody else would ask again.
                Origin::Load => self.own.proposals.gathered.push((command, origin)),
                Origin::Register { .. } | Origin::Own => {}
            }
        }
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
            for (gateway, message) in self.own.leases.invalidate(now.time, &list) {
                waits.insert((message.session, message.number));
                let message = Message::Invalidate(message);
                effects.push(Effect::Send { to: ServiceId::gateway(gateway), message });
            }
        }
        if self.mutants.visible_before_confirmed() {
            waits.clear();
        }
        self.own.gate.proposed(last, names, waits);
    }

    pub(super) fn refuse(&self, to: ServiceId, refusal: Refusal, effects: &mut Vec<Effect>) {
        let configuration = self.state.register.clone();
        effects.push(Effect::Send { to, message: Message::Refused { refusal, configuration } });
    }
}
