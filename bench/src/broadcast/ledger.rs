//! The process under measurement: an engine, closed loops that propose, and a law that only counts.

use bytes::Bytes;
use hdrhistogram::Histogram;
use market::rows::{RowChange, Table};
use node::message::Message;
use node::process::{Effect, HistoryPurpose, Input, Now, Process};
use node::service::ServiceId;
use replication::contract::{ChainHash, Effect as EngineEffect, Engine, Entry, Position, Role};
use replication::time::{Span, Time};

use super::Load;

/// Longest latency that is told apart, in microseconds (one minute).
const LONGEST: u64 = 60_000_000;

/// An empty histogram of latencies in microseconds.
pub(crate) fn no_latencies() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST, 3).expect("the bounds are fixed")
}

/// What one member saw of one measurement.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Commands of this member's proposers delivered here while it was counted.
    pub(crate) delivered: u64,
    /// From proposal to delivery, in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// Longest time without any delivery here, whoever proposed.
    pub(crate) pause: Span,
}

/// A measurement under way.
struct Measurement {
    load: Load,
    from: Time,
    until: Time,
    seen: Seen,
    /// When each proposer's command was proposed.
    since: Vec<Time>,
    /// Commands under way.
    open: usize,
    /// When anything was delivered last, from the beginning of the count on.
    last: Time,
}

impl Measurement {
    /// Something is delivered, or the time is over.
    fn end_pause(&mut self, now: Time) {
        let now = now.min(self.until);
        if now > self.last {
            self.seen.pause = self.seen.pause.max(now.since(self.last));
            self.last = now;
        }
    }
}

/// One member.
pub(crate) struct Ledger {
    me: u8,
    peers: Vec<u8>,
    engine: Box<dyn Engine>,
    role: Role,
    position: Position,
    hash: ChainHash,
    mark: Option<Bytes>,
    durable: bool,
    waiting: Vec<Bytes>,
    measurement: Option<Measurement>,
}

impl Ledger {
    pub(crate) fn new(me: u8, members: u8, durable: bool, engine: Box<dyn Engine>) -> Ledger {
        Ledger {
            me,
            peers: (1..=members).filter(|id| *id != me).collect(),
            engine,
            role: Role::Joining,
            position: 0,
            hash: ChainHash::EMPTY,
            mark: None,
            durable,
            waiting: Vec::new(),
            measurement: None,
        }
    }

    /// What this member is in its group.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// What was delivered here.
    pub(crate) fn end(&self) -> (Position, ChainHash) {
        (self.position, self.hash)
    }

    /// Lets `load.proposers` loops run; counts from `warm_up` on, for `length`.
    pub(crate) fn begin(&mut self, now: Now, load: Load, warm_up: Span, length: Span) {
        let from = now.time + warm_up;
        self.measurement = Some(Measurement {
            load,
            from,
            until: from + length,
            seen: Seen { delivered: 0, latency: no_latencies(), pause: Span(0) },
            since: vec![now.time; load.proposers as usize],
            open: 0,
            last: from,
        });
        (0..load.proposers).for_each(|proposer| self.propose(now, proposer));
    }

    /// What was seen, once the time is over and, if somebody waits for that, nothing is under way any more.
    pub(crate) fn take_seen(&mut self, now: Now, to_the_end: bool) -> Option<Seen> {
        let over = |m: &mut Measurement| now.time >= m.until && (m.open == 0 || !to_the_end);
        let mut measurement = self.measurement.take_if(over)?;
        measurement.end_pause(now.time);
        self.waiting.clear();
        Some(measurement.seen)
    }

    /// A command: who proposed it, then filler.
    fn propose(&mut self, now: Now, proposer: u32) {
        let Some(measurement) = &mut self.measurement else { return };
        measurement.since[proposer as usize] = now.time;
        measurement.open += 1;
        let mut command = vec![self.me; measurement.load.bytes as usize];
        command[1..5].copy_from_slice(&proposer.to_le_bytes());
        self.waiting.push(command.into());
    }

    fn deliver(&mut self, now: Now, entry: &Entry, effects: &mut Vec<Effect>) {
        assert_eq!(entry.position, self.position + 1, "positions are gapless");
        (self.position, self.hash) = (entry.position, entry.hash);
        if self.durable {
            let mut changes = vec![fact(b"chain", entry.hash.0.to_vec())];
            changes.extend(self.mark.take().map(|mark| fact(b"mark", mark.to_vec())));
            effects.push(Effect::Store { position: entry.position, changes });
        }
        if let Some(measurement) = &mut self.measurement {
            measurement.end_pause(now.time);
        }
        let Some((&origin, rest)) = entry.command.split_first() else { return };
        let proposer = rest.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        if let Some(proposer) = proposer.filter(|_| origin == self.me) {
            self.answered(now, proposer);
        }
    }

    fn answered(&mut self, now: Now, proposer: u32) {
        let Some(measurement) = &mut self.measurement else { return };
        measurement.open -= 1;
        if now.time >= measurement.from && now.time < measurement.until {
            measurement.seen.delivered += 1;
            let took = now.time.since(measurement.since[proposer as usize]).0;
            measurement.seen.latency.saturating_record(took.max(1));
        }
        if now.time < measurement.until {
            self.propose(now, proposer);
        }
    }

    /// Without a disk a write is done at once, and may ask for more.
    fn perform(&mut self, now: Now, effects: &mut Vec<Effect>) {
        loop {
            let wanted = self.engine.effects();
            if wanted.is_empty() {
                return;
            }
            wanted.into_iter().for_each(|effect| self.perform_one(now, effect, effects));
            if !self.durable {
                self.engine.flush(now.time);
            }
        }
    }

    fn perform_one(&mut self, now: Now, effect: EngineEffect, effects: &mut Vec<Effect>) {
        match effect {
            EngineEffect::Persist { ticket, .. } if !self.durable => {
                self.engine.persisted(now.time, ticket);
            }
            EngineEffect::Persist { ticket, writes } => {
                effects.push(Effect::Persist { ticket, writes });
            }
            EngineEffect::Send { to, message } => effects.push(send(to, message)),
            EngineEffect::Broadcast(message) => {
                let to_all = self.peers.iter().map(|to| send(*to, message.clone()));
                effects.extend(to_all);
            }
            EngineEffect::Deliver(entry) => self.deliver(now, &entry, effects),
            EngineEffect::Mark(mark) => self.mark = Some(mark),
            EngineEffect::Changed(changed) => self.role = changed.role,
            EngineEffect::ReadHistory { from, .. } => effects.push(Effect::Halt(format!(
                "a member fell behind what logs hold (position {from}): not a measurement"
            ))),
            EngineEffect::SendSnapshot { .. } | EngineEffect::Restore(_) => {
                effects.push(Effect::Halt("a member fell behind: not a measurement".into()));
            }
            EngineEffect::Configure(_) | EngineEffect::Passed(_) => {}
        }
    }
}

fn send(to: u8, message: replication::contract::Message) -> Effect {
    Effect::Send { to: ServiceId::customers(to), message: Message::Replication(message) }
}

fn fact(key: &[u8], value: Vec<u8>) -> RowChange {
    RowChange { table: Table::Facts, key: key.to_vec(), value: Some(value) }
}

impl Process for Ledger {
    fn handle(&mut self, now: Now, input: Input, _effects: &mut Vec<Effect>) {
        match input {
            Input::Received { from, message: Message::Replication(message) } => {
                self.engine.receive(now.time, from.id, message);
            }
            Input::LinkUp(peer) => self.engine.link(now.time, peer.id, true),
            Input::LinkDown(peer) => self.engine.link(now.time, peer.id, false),
            Input::Persisted(ticket) => self.engine.persisted(now.time, ticket),
            Input::Stored(position) => self.engine.stored(now.time, position),
            Input::History { purpose: HistoryPurpose::CatchUp, entries } => {
                self.engine.history(now.time, entries);
            }
            Input::Tick => self.engine.tick(now.time),
            _ => {}
        }
    }

    fn flush(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.perform(now, effects);
        // Twice: a flush may deliver, deliveries let proposers propose again, and that goes out with the same burst.
        for _ in 0..2 {
            // Refused: not now, the next burst or tick tries again.
            let waits = !self.waiting.is_empty();
            if waits && self.engine.propose(now.time, self.waiting.clone()).is_ok() {
                self.waiting.clear();
            }
            self.engine.flush(now.time);
            self.perform(now, effects);
            if self.waiting.is_empty() {
                return;
            }
        }
    }
}
