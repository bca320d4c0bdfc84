//! What happens when the engine delivers an order or changes its role.

use market::order::Order;
use market::rows::RowChange;
use replication::contract::{Changed, Effect as EngineEffect, Entry, Role};

use super::OrdersProcess;
use super::command::{Command, reign_row};
use crate::message::Message;
use crate::process::{Effect, Event, HistoryPurpose, Now};
use crate::replica::{hash_row, mark_row};
use crate::service::ServiceId;

impl OrdersProcess {
    /// Turns the engine's effects into the process's.
    pub(super) fn perform(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for effect in self.engine.effects() {
            self.perform_one(now, effect, effects);
        }
    }

    fn perform_one(&mut self, now: Now, effect: EngineEffect, effects: &mut Vec<Effect>) {
        match effect {
            EngineEffect::Persist { ticket, writes } => {
                effects.push(Effect::Persist { ticket, writes });
            }
            EngineEffect::Send { to, message } => {
                let to = ServiceId::orders(to);
                effects.push(Effect::Send { to, message: Message::Replication(message) });
            }
            EngineEffect::Deliver(entry) => self.deliver(&entry, effects),
            EngineEffect::ReadHistory { from, max } => {
                effects.push(Effect::ReadHistory { purpose: HistoryPurpose::CatchUp, from, max });
            }
            EngineEffect::Configure(wish) => {
                effects
                    .push(Effect::Send { to: self.catalog(), message: Message::Configure(wish) });
            }
            // No engine of this group does that.
            EngineEffect::Broadcast(_) => {}
            EngineEffect::Mark(mark) => self.mark = Some(mark),
            EngineEffect::Passed(barrier) => self.proven(now, barrier, effects),
            EngineEffect::SendSnapshot { to } => self.send_snapshot(now, to, effects),
            EngineEffect::Restore(name) => self.restore(now, &name, effects),
            EngineEffect::Changed(changed) => self.changed(changed, effects),
        }
    }

    fn changed(&mut self, changed: Changed, effects: &mut Vec<Effect>) {
        self.role_changed(&changed);
        if changed.role != Role::Leader {
            self.transfers.stop(effects);
        }
        effects.push(Effect::Event(Event::Role(changed)));
    }

    fn deliver(&mut self, entry: &Entry, effects: &mut Vec<Effect>) {
        let mut changes = Vec::new();
        match self.apply(entry, &mut changes) {
            Ok(order) => {
                changes.push(hash_row(entry.hash));
                changes.extend(self.mark.take().map(|mark| mark_row(&mark)));
                effects.push(Effect::Store { position: entry.position, changes });
                if let Some(order) = order {
                    self.recent.push(entry.position, order);
                }
            }
            Err(error) => effects.push(Effect::Halt(format!(
                "position {} does not hold the next order ({error}); replace this replica with --fresh",
                entry.position
            ))),
        }
    }

    /// The order that was delivered, if it was one: the engine's own entries, and epochs, have positions as well.
    fn apply(
        &mut self,
        entry: &Entry,
        changes: &mut Vec<RowChange>,
    ) -> Result<Option<Order>, String> {
        if entry.command.is_empty() && self.elects_itself() {
            return Ok(None);
        }
        match Command::decode(&entry.command).map_err(|error| error.to_string())? {
            Command::Order(order) => {
                let applied = self.law.apply(&order, &entry.command, changes);
                applied.map_err(|error| error.to_string())?;
                Ok(Some(order))
            }
            Command::Reign(_) if !self.elects_itself() => Err("an epoch".to_owned()),
            Command::Reign(epoch) => {
                self.reign_delivered(epoch);
                changes.push(reign_row(self.reign));
                Ok(None)
            }
        }
    }
}
