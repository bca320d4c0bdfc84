//! Effects: what processes want done, done to this world's network, disks and clients.

use market::rows::RowChange;
use node::message::Message;
use node::process::{Effect, HistoryPurpose, Input};
use node::service::ServiceId;
use replication::contract::{LogWrite, Position};

use super::{Event, World};
use crate::invariants::Violation;

impl World<'_> {
    /// Performs the effects of a burst, in order.
    pub(super) fn perform(
        &mut self,
        host: usize,
        instance: u32,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        for effect in effects.drain(..) {
            self.perform_one(host, instance, effect)?;
            if self.hosts[host].instance != instance {
                break;
            }
        }
        Ok(())
    }

    fn perform_one(&mut self, host: usize, instance: u32, effect: Effect) -> Result<(), Violation> {
        match effect {
            Effect::Send { to, message } => self.send(host, to, message)?,
            Effect::Persist { ticket, writes } => self.persist(host, instance, ticket, writes),
            Effect::Store { position, changes } => {
                self.trace.fold(position ^ (changes.len() as u64) << 40);
                self.applied(host, position, &changes)?;
                let Some(disk) = self.hosts[host].disk.as_mut() else { return Ok(()) };
                match disk.store(&mut self.rng, self.now, position, changes) {
                    Ok(Some(at)) => self.queue.push(at, Event::StoreDone { host, instance }),
                    Ok(None) => {}
                    Err(why) => return Err(self.disk_violation(host, why)),
                }
            }
            Effect::ReadHistory { purpose, from, max } => {
                if purpose == HistoryPurpose::CatchUp {
                    self.marks.hit("catch-up through history");
                }
                let at = self.now + self.rng.between(20, 1_500);
                self.queue.push(at, Event::History { host, instance, purpose, from, max });
            }
            Effect::Reply { id, response } => {
                let service = self.hosts[host].service;
                self.trace.line(self.now, || format!("{service} answers #{id} {response:?}"));
                let at = self.now + self.rng.between(30, 400);
                self.queue.push(at, Event::Response { id, response });
            }
            Effect::Event(event) => {
                let service = self.hosts[host].service;
                self.trace.line(self.now, || format!("{service} says {event:?}"));
                self.watch
                    .event(host, service, self.now, &event, &mut self.marks)
                    .map_err(|(invariant, detail)| Violation { invariant, at: self.now, detail })?;
            }
            Effect::ReadSnapshot { transfer, after, max_bytes } => {
                self.ask_snapshot(host, instance, transfer, after, max_bytes)?;
            }
            Effect::CloseSnapshot { transfer } => {
                if let Some(disk) = self.hosts[host].disk.as_mut() {
                    disk.close_snapshot(transfer);
                }
            }
            Effect::Replace { position, rows } => self.replace(host, instance, position, rows)?,
            Effect::Drained => self.drained(host)?,
            Effect::Halt(why) => self.halted(host, &why)?,
        }
        Ok(())
    }

    fn persist(&mut self, host: usize, instance: u32, ticket: u64, writes: Vec<LogWrite>) {
        let service = self.hosts[host].service;
        self.trace.line(self.now, || format!("{service} persists {ticket}: {}", brief(&writes)));
        for write in &writes {
            if let LogWrite::Append(entry) = write {
                let mut word = [0; 8];
                word.copy_from_slice(&entry.hash.0[..8]);
                self.trace.fold(u64::from_le_bytes(word));
            }
        }
        let Some(disk) = self.hosts[host].disk.as_mut() else { return };
        let at = disk.persist(&mut self.rng, self.now, ticket, writes);
        self.queue.push(at, Event::LogDone { host, instance });
    }

    pub(super) fn log_done(&mut self, host: usize, instance: u32) -> Result<(), Violation> {
        if self.hosts[host].instance != instance {
            return Ok(());
        }
        let done = self.hosts[host].disk.as_mut().map(|disk| disk.log_done());
        match done {
            Some(Ok(Some(ticket))) => self.push_input(host, Input::Persisted(ticket)),
            Some(Err(why)) => return Err(self.disk_violation(host, why)),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn store_done(&mut self, host: usize, instance: u32) -> Result<(), Violation> {
        if self.hosts[host].instance != instance {
            return Ok(());
        }
        let Some(disk) = self.hosts[host].disk.as_mut() else { return Ok(()) };
        match disk.store_done(&mut self.rng, self.now) {
            Ok((committed, next)) => {
                if let Some(at) = next {
                    self.queue.push(at, Event::StoreDone { host, instance });
                }
                self.push_input(
                    host,
                    match committed.replaced {
                        Some(position) => Input::Replaced(position),
                        None => Input::Stored(committed.position),
                    },
                );
                Ok(())
            }
            Err(why) => Err(self.disk_violation(host, why)),
        }
    }

    pub(super) fn disk_violation(&self, host: usize, why: String) -> Violation {
        self.violation("disk_loses_nothing", format!("{}: {why}", self.hosts[host].service))
    }

    /// Row changes tell which prefix a replica applied.
    pub(super) fn applied(
        &mut self,
        host: usize,
        position: Position,
        changes: &[RowChange],
    ) -> Result<(), Violation> {
        let sight = crate::watch::Sight { hosts: &self.hosts, now: self.now };
        self.watch
            .applied(&sight, host, position, changes)
            .map_err(|(invariant, detail)| Violation { invariant, at: self.now, detail })
    }

    pub(super) fn read_history(
        &mut self,
        host: usize,
        instance: u32,
        purpose: HistoryPurpose,
        from: Position,
        max: usize,
    ) {
        if self.hosts[host].instance != instance {
            return;
        }
        let entries = match &self.hosts[host].disk {
            Some(disk) => disk.read_history(from, max),
            None => Vec::new(),
        };
        self.push_input(host, Input::History { purpose, entries });
    }

    fn send(&mut self, from: usize, to: ServiceId, message: Message) -> Result<(), Violation> {
        let service = self.hosts[from].service;
        let Some(target) = self.layout.place(to) else {
            let detail = format!("{service} sends to {to}, which does not exist");
            return Err(self.violation("known_addresses", detail));
        };
        let sight = crate::watch::Sight { hosts: &self.hosts, now: self.now };
        self.watch
            .sent(&sight, from, target, &message, &mut self.marks)
            .map_err(|(invariant, detail)| Violation { invariant, at: self.now, detail })?;
        if !self.net.stands(from, target) {
            return Ok(());
        }
        let [first, second] = self.net.send(&mut self.rng, self.now, from, target);
        self.trace.line(self.now, || {
            let fate = if first.is_some() { "->" } else { "-x" };
            format!("{service} {fate} {to} {message:?}")
        });
        let instance = self.hosts[target].instance;
        let generation = self.net.generation(from, target);
        if let Some(at) = second {
            let message = message.clone();
            self.queue.push(at, Event::Arrive { from, to: target, instance, generation, message });
        }
        if let Some(at) = first {
            self.queue.push(at, Event::Arrive { from, to: target, instance, generation, message });
        }
        Ok(())
    }

    pub(super) fn arrive(
        &mut self,
        from: usize,
        to: usize,
        instance: u32,
        generation: u32,
        message: Message,
    ) -> Result<(), Violation> {
        // A message never reaches another run of the process it was sent to; one of a broken link may be lost.
        let broken = self.net.generation(from, to) != generation;
        if self.hosts[to].instance != instance || broken && self.rng.chance(0.7) {
            return Ok(());
        }
        self.watch.arrived(to, self.now, &message, &mut self.marks);
        let (from, service) = (self.hosts[from].service, self.hosts[to].service);
        self.trace.line(self.now, || format!("{service} <- {from} {}", name_of(&message)));
        self.push_input(to, Input::Received { from, message });
        Ok(())
    }
}

/// A message's kind, for a person.
fn name_of(message: &Message) -> String {
    let mut text = format!("{message:?}");
    let end = text.find(['(', ' ', '{']).unwrap_or(text.len());
    text.truncate(end);
    text
}

fn brief(writes: &[LogWrite]) -> String {
    let parts: Vec<String> = writes
        .iter()
        .map(|write| match write {
            LogWrite::Append(entry) => format!("+{}", entry.position),
            LogWrite::Truncate(from) => format!("cut {from}.."),
            LogWrite::State(state) => {
                format!("epoch {} vote {} commit {}", state.epoch, state.vote, state.commit)
            }
            LogWrite::Reset { position, .. } => format!("begin after {position}"),
            LogWrite::Note(note) => format!("note of {} bytes", note.len()),
            LogWrite::Digest(note) => format!("digest of {} bytes", note.len()),
        })
        .collect();
    parts.join(" ")
}
