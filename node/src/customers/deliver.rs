//! What the engine wants done: above all, what happens when the group has agreed. Apply, tell the store, answer whoever asked here.

use replication::contract::{Effect as EngineEffect, Entry, Message as Word, ReplicaId};

use super::CustomersProcess;
use super::command::Command;
use crate::message::{CustomerReply, Message};
use crate::process::{Effect, HistoryPurpose, Now};
use crate::replica::{hash_row, mark_row};
use crate::service::ServiceId;

impl CustomersProcess {
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
            EngineEffect::Send { to, message } => say(to, message, effects),
            EngineEffect::Broadcast(message) => {
                let others = self.config.members.iter().filter(|id| **id != self.config.id);
                others.for_each(|id| say(*id, message.clone(), effects));
            }
            EngineEffect::Deliver(entry) => self.deliver(&entry, effects),
            EngineEffect::Mark(mark) => self.mark = Some(mark),
            EngineEffect::Passed(barrier) => self.passed(now, barrier),
            EngineEffect::SendSnapshot { to } => self.send_snapshot(now, to, effects),
            EngineEffect::Restore(name) => self.restore(now, &name, effects),
            EngineEffect::ReadHistory { from, max } => {
                let purpose = HistoryPurpose::CatchUp;
                effects.push(Effect::ReadHistory { purpose, from, max });
            }
            // No register speaks of this group.
            EngineEffect::Configure(_) => {}
            EngineEffect::Changed(changed) => self.changed(now, changed, effects),
        }
    }

    fn deliver(&mut self, entry: &Entry, effects: &mut Vec<Effect>) {
        let mut changes = Vec::new();
        // An empty one is where the engine minds its own business.
        if !entry.command.is_empty() {
            let command = match Command::decode(&entry.command) {
                Ok(command) => command,
                Err(error) => {
                    return effects
                        .push(Effect::Halt(format!("entry {}: {error}", entry.position)));
                }
            };
            let outcome = self.law.apply(&command.law, &mut changes);
            let mine = (command.origin.member, command.origin.boot) == (self.config.id, self.boot);
            let asker = mine.then(|| self.wishes.delivered(command.origin.number)).flatten();
            if let Some(asker) = asker {
                self.answers.put(asker, CustomerReply::Done(outcome));
            }
        }
        changes.push(hash_row(entry.hash));
        changes.extend(self.mark.take().map(|mark| mark_row(&mark)));
        effects.push(Effect::Store { position: entry.position, changes });
        self.applied = entry.position;
        self.applied_hash = entry.hash;
    }
}

fn say(to: ReplicaId, message: Word, effects: &mut Vec<Effect>) {
    let to = ServiceId::customers(to);
    effects.push(Effect::Send { to, message: Message::Replication(message) });
}
