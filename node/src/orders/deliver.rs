//! What happens when the engine delivers an order or changes its role.

use market::codec::decode_order;
use replication::contract::{Effect as EngineEffect, Entry};

use super::OrdersProcess;
use crate::message::Message;
use crate::process::{Effect, Event, HistoryPurpose, Now};
use crate::replica::hash_row;
use crate::service::ServiceId;

impl OrdersProcess {
    /// Turns the engine's effects into the process's.
    pub(super) fn perform(&mut self, _now: Now, effects: &mut Vec<Effect>) {
        for effect in self.engine.effects() {
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
                    effects.push(Effect::ReadHistory {
                        purpose: HistoryPurpose::CatchUp,
                        from,
                        max,
                    });
                }
                EngineEffect::Configure(wish) => {
                    effects.push(Effect::Send {
                        to: self.catalog(),
                        message: Message::Configure(wish),
                    });
                }
                // No engine of this group does that.
                EngineEffect::Broadcast(_)
                | EngineEffect::Mark(_)
                | EngineEffect::Passed(_)
                | EngineEffect::SendSnapshot { .. }
                | EngineEffect::Restore(_) => {}
                EngineEffect::Changed(changed) => {
                    self.role_changed(&changed);
                    effects.push(Effect::Event(Event::Role(changed)));
                }
            }
        }
    }

    fn deliver(&mut self, entry: &Entry, effects: &mut Vec<Effect>) {
        let mut changes = Vec::new();
        let applied =
            decode_order(&entry.command).map_err(|error| error.to_string()).and_then(|order| {
                let applied = self.law.apply(&order, &entry.command, &mut changes);
                applied.map(|()| order).map_err(|error| error.to_string())
            });
        match applied {
            Ok(order) => {
                changes.push(hash_row(entry.hash));
                effects.push(Effect::Store { position: entry.position, changes });
                self.recent.push(order);
            }
            Err(error) => effects.push(Effect::Halt(format!(
                "position {} does not hold the next order ({error}); replace this replica with --fresh",
                entry.position
            ))),
        }
    }
}
