//! What processes want done, done.

use node::gateway::CacheAction;
use node::message::Message;
use node::process::{Effect, Event, Input};
use node::service::{ServiceId, ServiceKind};
use replication::contract::Role;

use super::World;

impl World {
    pub(super) fn perform(&mut self, who: ServiceId, effect: Effect) {
        match effect {
            Effect::Send { to, message } => {
                if let Message::Leads(leads) = &message {
                    self.leads = self.leads.max(Some((leads.term, who)));
                }
                self.send(who, to, Input::Received { from: who, message });
            }
            Effect::Reply { id, response } => {
                let twice = self.replies.insert(id, response);
                assert_eq!(twice, None, "a client is answered once");
            }
            Effect::Halt(text) => panic!("{who} halts: {text}"),
            Effect::Drained => self.drained.push(who),
            Effect::Event(event) => self.note(who, event),
            effect => {
                if let Some(answer) = self.write_or_read(who, effect) {
                    self.tell(who, answer);
                }
            }
        }
    }

    fn note(&mut self, who: ServiceId, event: Event) {
        match event {
            Event::Cache(event) => self.hits += usize::from(event.action == CacheAction::Hit),
            Event::Role(changed)
                if who.kind == ServiceKind::Catalog && changed.role == Role::Leader =>
            {
                self.reigns.push((changed.epoch, who));
            }
            _ => {}
        }
    }

    /// Whatever is the disk's business; what it answers.
    fn write_or_read(&mut self, who: ServiceId, effect: Effect) -> Option<Input> {
        let lag = self.lag;
        let disk = self.disks.get_mut(&who).expect("everybody has a disk");
        match effect {
            Effect::Persist { ticket, writes } => {
                disk.log(writes);
                Some(Input::Persisted(ticket))
            }
            Effect::Store { position, changes } => {
                disk.store(position, changes, lag);
                Some(Input::Stored(disk.stored))
            }
            Effect::ReadHistory { purpose, from, max } => {
                Some(Input::History { purpose, entries: disk.history(from, max) })
            }
            Effect::ReadSnapshot { transfer, after, max_bytes } => {
                // Small parts, so that there are several.
                let most = max_bytes.min(self.part);
                let (position, rows, end) = disk.read_snapshot(transfer, after, most);
                Some(Input::SnapshotRows { transfer, position, rows, end })
            }
            Effect::CloseSnapshot { transfer } => {
                disk.close_snapshot(transfer);
                None
            }
            Effect::Replace { position, rows } => {
                disk.replace(position, rows);
                self.restored.push(who);
                Some(Input::Replaced(position))
            }
            other => panic!("nothing for a disk: {other:?}"),
        }
    }
}
