//! What happens when the group has agreed: apply, answer (behind the gate), tell the store.

use market::catalog::Reply;
use market::trade::Decision;
use replication::contract::{Effect as EngineEffect, Entry, Epoch};
use replication::register::RegisterCommand;

use super::CatalogProcess;
use super::command::Command;
use super::propose::Origin;
use super::state::Applied;
use crate::message::{Decided, Message, Outcome};
use crate::process::{Effect, Event, HistoryPurpose, Now};
use crate::replica::hash_row;
use crate::service::ServiceId;

impl CatalogProcess {
    /// Turns the engine's effects into the process's.
    pub(super) fn perform(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for effect in self.engine.effects() {
            match effect {
                EngineEffect::Persist { ticket, writes } => {
                    effects.push(Effect::Persist { ticket, writes });
                }
                EngineEffect::Send { to, message } => {
                    let to = ServiceId::catalog(to);
                    effects.push(Effect::Send { to, message: Message::Replication(message) });
                }
                EngineEffect::Deliver(entry) => self.deliver(now, &entry, effects),
                EngineEffect::ReadHistory { from, max } => {
                    effects.push(Effect::ReadHistory {
                        purpose: HistoryPurpose::CatchUp,
                        from,
                        max,
                    });
                }
                // The register lives in this very group; its own membership is not kept there.
                EngineEffect::Configure(_) => {}
                // No engine of this group does that.
                EngineEffect::Mark(_)
                | EngineEffect::Passed(_)
                | EngineEffect::SendSnapshot { .. }
                | EngineEffect::Restore(_) => {}
                EngineEffect::Changed(changed) => effects.push(Effect::Event(Event::Role(changed))),
            }
        }
    }

    fn deliver(&mut self, now: Now, entry: &Entry, effects: &mut Vec<Effect>) {
        let command = match Command::decode(&entry.command) {
            Ok(command) => command,
            Err(error) => {
                return effects.push(Effect::Halt(format!("entry {}: {error}", entry.position)));
            }
        };
        let mut changes = Vec::new();
        let applied = self.state.apply(entry.position, &command, &mut changes);
        changes.push(hash_row(entry.hash));
        effects.push(Effect::Store { position: entry.position, changes });
        self.applied = entry.position;
        self.gate.applied(entry.position);
        if let Command::Register(RegisterCommand::Elect { candidate, .. }) = command
            && applied == Applied::Register(Ok(()))
        {
            // Only an election gives a leader time to be heard: other changes do not show that it lives.
            self.liveness.leads(now.time, candidate);
        }
        let origin = self.proposals.delivered(entry.position);
        self.answer(applied, origin, effects);
    }

    fn answer(&mut self, applied: Applied, origin: Origin, effects: &mut Vec<Effect>) {
        match (applied, origin) {
            (Applied::Law(Reply::Decided(decisions)), Origin::Batch { from, epoch, batch }) => {
                let decided = decided(epoch, batch, decisions);
                if decided.orders.is_empty() && self.mutants.refusal_before_gate() {
                    self.proposals.answered(from, epoch, batch);
                    return effects
                        .push(Effect::Send { to: from, message: Message::Decided(decided) });
                }
                self.gate.hold(from, Message::Decided(decided));
            }
            (Applied::Fenced, Origin::Batch { from, epoch, batch }) => {
                self.proposals.answered(from, epoch, batch);
                self.fence(from, effects);
            }
            (Applied::Law(Reply::Loaded(_)), _) => self.proposals.loaded(),
            (Applied::Register(Ok(())), _) => {
                effects.push(Effect::Event(Event::Configuration(self.state.register.clone())));
                self.publish(effects);
            }
            (Applied::Register(Err(refusal)), Origin::Register { from }) => {
                self.refuse(from, refusal, effects);
            }
            _ => {}
        }
    }
}

impl CatalogProcess {
    /// Lets the answers go whose positions are open.
    pub(super) fn open(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for (to, message) in self.gate.advance(now.time) {
            if let Message::Decided(decided) = &message {
                self.proposals.answered(to, decided.epoch, decided.batch);
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
