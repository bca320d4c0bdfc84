//! What the engine wants done: above all, what happens when the group has agreed. Apply, tell the store, and, as the leader, answer
//! (behind the gate).

use market::catalog::Reply;
use market::trade::Decision;
use replication::contract::{Changed, Effect as EngineEffect, Entry, Epoch, Role};
use replication::register::RegisterCommand;

use super::CatalogProcess;
use super::command::{Command, UnreadableCommand};
use super::leading::Leader;
use super::propose::Origin;
use super::state::Applied;
use crate::message::{Decided, Message, Outcome};
use crate::process::{Effect, Event, HistoryPurpose, Now};
use crate::replica::{hash_row, mark_row};
use crate::service::ServiceId;

impl CatalogProcess {
    /// Turns the engine's effects into the process's.
    pub(super) fn perform(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for effect in self.engine.effects() {
            self.perform_one(now, effect, effects);
        }
        self.settle(now, effects);
    }

    fn perform_one(&mut self, now: Now, effect: EngineEffect, effects: &mut Vec<Effect>) {
        match effect {
            EngineEffect::Persist { ticket, writes } => {
                effects.push(Effect::Persist { ticket, writes });
            }
            EngineEffect::Send { to, message } => {
                let to = ServiceId::catalog(to);
                effects.push(Effect::Send { to, message: Message::Replication(message) });
            }
            EngineEffect::Deliver(entry) => self.deliver(now, &entry, effects),
            EngineEffect::Mark(mark) => self.mark = Some(mark),
            EngineEffect::Passed(barrier) => {
                if let Some(mut leader) = self.leader() {
                    leader.passed(now, barrier, effects);
                }
            }
            EngineEffect::SendSnapshot { to } => self.send_snapshot(now, to, effects),
            EngineEffect::Restore(name) => self.restore(now, &name, effects),
            EngineEffect::ReadHistory { from, max } => {
                let purpose = HistoryPurpose::CatchUp;
                effects.push(Effect::ReadHistory { purpose, from, max });
            }
            // The register lives in this very group; its own membership is not kept there.
            EngineEffect::Configure(_) => {}
            // No engine of this group does that.
            EngineEffect::Broadcast(_) => {}
            EngineEffect::Changed(changed) => self.changed(now, changed, effects),
        }
    }

    fn changed(&mut self, now: Now, changed: Changed, effects: &mut Vec<Effect>) {
        if changed.role == Role::Leader {
            self.begin_to_lead(now, changed.epoch);
        } else {
            self.leading = None;
            self.transfers.stop(effects);
        }
        effects.push(Effect::Event(Event::Role(changed)));
    }

    fn deliver(&mut self, now: Now, entry: &Entry, effects: &mut Vec<Effect>) {
        let command = match read(entry) {
            Ok(command) => command,
            Err(error) => {
                return effects.push(Effect::Halt(format!("entry {}: {error}", entry.position)));
            }
        };
        let mut changes = Vec::new();
        let applied = command.as_ref().map(|it| self.state.apply(entry.position, it, &mut changes));
        changes.push(hash_row(entry.hash));
        changes.extend(self.mark.take().map(|mark| mark_row(&mark)));
        effects.push(Effect::Store { position: entry.position, changes });
        self.applied = entry.position;
        self.prefixes.note(entry.position, entry.hash);
        if applied == Some(Applied::Register(Ok(()))) {
            let register = self.state.register.clone();
            effects.push(Effect::Event(Event::Configuration(register)));
        }
        if let Some(mut leader) = self.leader() {
            leader.delivered(now, entry, command.zip(applied), effects);
        }
    }
}

/// The command at a position; none where the engine minds its own business.
fn read(entry: &Entry) -> Result<Option<Command>, UnreadableCommand> {
    let own = entry.command.is_empty();
    (!own).then(|| Command::decode(&entry.command)).transpose()
}

impl Leader<'_> {
    /// Something was applied: whoever asked for it is answered.
    fn delivered(
        &mut self,
        now: Now,
        entry: &Entry,
        outcome: Option<(Command, Applied)>,
        effects: &mut Vec<Effect>,
    ) {
        self.own.gate.applied(entry.position);
        let origin = self.own.proposals.delivered(entry.position);
        let Some((command, applied)) = outcome else { return };
        if let Command::Register(RegisterCommand::Elect { candidate, .. }) = command
            && applied == Applied::Register(Ok(()))
        {
            // Only an election gives a leader time to be heard: other changes do not show that it lives.
            self.own.liveness.leads(now.time, candidate);
        }
        self.answer(applied, origin, effects);
    }

    fn answer(&mut self, applied: Applied, origin: Origin, effects: &mut Vec<Effect>) {
        match (applied, origin) {
            (Applied::Law(Reply::Decided(decisions)), Origin::Batch { from, epoch, batch }) => {
                let decided = decided(epoch, batch, decisions);
                if decided.orders.is_empty() && self.mutants.refusal_before_gate() {
                    self.own.proposals.answered(from, epoch, batch);
                    return effects
                        .push(Effect::Send { to: from, message: Message::Decided(decided) });
                }
                self.own.gate.hold(from, Message::Decided(decided));
            }
            (Applied::Fenced, Origin::Batch { from, epoch, batch }) => {
                self.own.proposals.answered(from, epoch, batch);
                self.fence(from, effects);
            }
            (Applied::Law(Reply::Loaded(_)), _) => self.own.proposals.loaded(),
            (Applied::Register(Ok(())), _) => self.publish(effects),
            (Applied::Register(Err(refusal)), Origin::Register { from }) => {
                self.refuse(from, refusal, effects);
            }
            _ => {}
        }
    }

    /// Lets the answers go whose positions are open.
    pub(super) fn open(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.own.leases.adopted_by_all(&self.config.gateways) {
            self.own.gate.open_from(now.time);
        }
        for (to, message) in self.own.gate.advance(now.time) {
            if let Message::Decided(decided) = &message {
                self.own.proposals.answered(to, decided.epoch, decided.batch);
            }
            effects.push(Effect::Send { to, message });
        }
    }
}

fn decided(epoch: Epoch, batch: u64, decisions: Vec<Decision>) -> Decided {
    let mut orders = Vec::new();
    let outcomes = decisions
        .into_iter()
        .map(|decision| match decision {
            Decision::Done(order) => {
                let number = order.number;
                orders.push(order);
                Outcome::Order(number)
            }
            Decision::Replayed(number) => Outcome::Order(number),
            Decision::Refused(refusal) => Outcome::Refused(refusal),
        })
        .collect();
    Decided { epoch, batch, outcomes, orders }
}
