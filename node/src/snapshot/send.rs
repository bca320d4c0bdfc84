//! The leader's side: reads the store part by part and sends each when the one before was taken.
//!
//! Invariant: a transfer has either one question to the store under way or one part to the peer, never both, never neither.

use std::collections::BTreeMap;

use bytes::Bytes;
use market::rows::{Row, Table};
use replication::contract::{ChainHash, Position, ReplicaId, SnapshotName};
use replication::time::Time;

use crate::limits::{
    SNAPSHOT_PART, SNAPSHOT_PATIENCE, SNAPSHOT_PEERS, SNAPSHOT_RESEND, SNAPSHOT_WISH,
};
use crate::message::{Message, SnapshotPart, SnapshotTaken};
use crate::process::{Effect, Event};
use crate::replica::{stored_hash, stored_mark};
use crate::service::{ServiceId, ServiceKind};

/// Snapshots on their way to peers.
#[derive(Debug)]
pub struct Sender {
    kind: ServiceKind,
    next_transfer: u64,
    transfers: BTreeMap<ReplicaId, Transfer>,
}

/// One peer's transfer.
#[derive(Debug)]
struct Transfer {
    id: u64,
    /// When the engine last wished for it.
    wished: Time,
    /// When it last got on.
    moved: Time,
    /// The position that all of its rows reflect.
    position: Option<Position>,
    hash: Option<ChainHash>,
    mark: Bytes,
    /// The last row read.
    after: Option<(Table, Vec<u8>)>,
    next_part: u64,
    /// The part that was sent, and when; while there is none, the store is read.
    under_way: Option<(Time, SnapshotPart)>,
}

impl Sender {
    /// Nothing under way. `kind` is the group's; no earlier life may have used `first_transfer` or a number above it.
    pub fn new(kind: ServiceKind, first_transfer: u64) -> Self {
        Sender { kind, next_transfer: first_transfer, transfers: BTreeMap::new() }
    }

    /// The engine wants a peer to have a snapshot; it says so again and again while it does. Too many peers at once: a transfer
    /// that nobody wished for lately makes room, otherwise the wish is left to its repetition.
    pub fn wanted(&mut self, now: Time, peer: ReplicaId, effects: &mut Vec<Effect>) {
        if let Some(transfer) = self.transfers.get_mut(&peer) {
            transfer.wished = now;
            return;
        }
        if self.transfers.len() >= SNAPSHOT_PEERS && !self.make_room(now, effects) {
            return;
        }
        let transfer = Transfer::new(now, self.next_transfer);
        self.next_transfer += 1;
        effects.push(transfer.read());
        self.transfers.insert(peer, transfer);
    }

    fn make_room(&mut self, now: Time, effects: &mut Vec<Effect>) -> bool {
        let oldest = self.transfers.iter().min_by_key(|(_, transfer)| transfer.wished);
        let Some(peer) = oldest
            .filter(|(_, transfer)| now.since(transfer.wished) >= SNAPSHOT_WISH)
            .map(|(&peer, _)| peer)
        else {
            return false;
        };
        self.close(peer, effects);
        true
    }

    /// The store answered. Rows of a transfer that is over are dropped.
    pub fn rows(
        &mut self,
        now: Time,
        transfer: u64,
        position: Position,
        rows: Vec<Row>,
        end: bool,
        effects: &mut Vec<Effect>,
    ) {
        let reading = |(_, it): &(&ReplicaId, &mut Transfer)| it.id == transfer;
        let Some((&peer, transfer)) = self.transfers.iter_mut().find(reading) else { return };
        if transfer.under_way.is_some() {
            return; // nothing was asked
        }
        match transfer.part(position, rows, end) {
            Ok(part) => {
                effects.push(send(self.kind, peer, &part));
                transfer.moved = now;
                transfer.under_way = Some((now, part));
            }
            Err(reason) => {
                let detail = format!("for {}: {reason}", ServiceId { kind: self.kind, id: peer });
                effects.push(Effect::Event(Event::Note { slug: "snapshot_unreadable", detail }));
                self.close(peer, effects);
            }
        }
    }

    /// A peer answered a part. When it was the last one: the peer has all rows of the snapshot named here staged.
    pub fn taken(
        &mut self,
        now: Time,
        from: ReplicaId,
        taken: SnapshotTaken,
        effects: &mut Vec<Effect>,
    ) -> Option<SnapshotName> {
        let transfer = self.transfers.get_mut(&from).filter(|it| it.id == taken.transfer)?;
        let Some(next) = taken.next else {
            // It was restarted, or has no room. The engine wishes again if it still wants that.
            self.close(from, effects);
            return None;
        };
        // Anything but this one is late; if it says that the part was lost, the part is sent again in time.
        let (_, part) = transfer.under_way.take_if(|(_, part)| part.part + 1 == next)?;
        transfer.moved = now;
        if part.end.is_some() {
            self.close(from, effects);
            return part.end;
        }
        effects.push(transfer.read());
        None
    }

    /// Time passed: sends again what is not answered, gives up what does not get on.
    pub fn tick(&mut self, now: Time, effects: &mut Vec<Effect>) {
        let stuck = |(_, it): &(&ReplicaId, &Transfer)| now.since(it.moved) >= SNAPSHOT_PATIENCE;
        let stuck: Vec<_> = self.transfers.iter().filter(stuck).map(|(&peer, _)| peer).collect();
        for peer in stuck {
            self.close(peer, effects);
        }
        for (&peer, transfer) in &mut self.transfers {
            if let Some((sent, part)) = &mut transfer.under_way
                && now.since(*sent) >= SNAPSHOT_RESEND
            {
                *sent = now;
                effects.push(send(self.kind, peer, part));
            }
        }
    }

    /// The link to a peer broke (`up == false`) or stands again. What was under way is not worth waiting for: the peer may be
    /// another life, and the engine knows best whether it still misses anything.
    pub fn link(&mut self, peer: ReplicaId, up: bool, effects: &mut Vec<Effect>) {
        if !up {
            self.close(peer, effects);
        }
    }

    /// This replica does not lead any more: nothing goes on.
    pub fn clear(&mut self, effects: &mut Vec<Effect>) {
        for (_, transfer) in std::mem::take(&mut self.transfers) {
            effects.push(Effect::CloseSnapshot { transfer: transfer.id });
        }
    }

    fn close(&mut self, peer: ReplicaId, effects: &mut Vec<Effect>) {
        if let Some(Transfer { id: transfer, .. }) = self.transfers.remove(&peer) {
            effects.push(Effect::CloseSnapshot { transfer });
        }
    }
}

impl Transfer {
    fn new(now: Time, id: u64) -> Self {
        Transfer {
            id,
            wished: now,
            moved: now,
            position: None,
            hash: None,
            mark: Bytes::new(),
            after: None,
            next_part: 0,
            under_way: None,
        }
    }

    fn read(&self) -> Effect {
        let (transfer, after) = (self.id, self.after.clone());
        Effect::ReadSnapshot { transfer, after, max_bytes: SNAPSHOT_PART }
    }

    /// Makes rows a part; says what is wrong with them if they cannot be one.
    fn part(
        &mut self,
        position: Position,
        rows: Vec<Row>,
        end: bool,
    ) -> Result<SnapshotPart, String> {
        if *self.position.get_or_insert(position) != position {
            return Err(format!("the store went on to position {position} amid a snapshot"));
        }
        let last = rows.last().map(|row| (row.table, row.key.clone()));
        if last.is_none() && !end {
            return Err("the store says that rows follow, and gives none".to_owned());
        }
        self.after = last.or_else(|| self.after.take());
        self.note_facts(&rows)?;
        let end = end.then(|| self.name(position)).transpose()?;
        let part = self.next_part;
        self.next_part += 1;
        Ok(SnapshotPart { transfer: self.id, part, rows, end })
    }

    /// The chain hash and the engine's mark are rows like any other, and the snapshot's name as well.
    fn note_facts(&mut self, rows: &[Row]) -> Result<(), String> {
        let hash = stored_hash(rows).map_err(|error| error.to_string())?;
        self.hash = hash.or(self.hash);
        if let Some(mark) = stored_mark(rows) {
            self.mark = mark;
        }
        Ok(())
    }

    fn name(&self, position: Position) -> Result<SnapshotName, String> {
        let hash = self.hash.ok_or("the store holds no chain hash")?;
        Ok(SnapshotName { position, hash, mark: self.mark.clone() })
    }
}

fn send(kind: ServiceKind, id: ReplicaId, part: &SnapshotPart) -> Effect {
    Effect::Send { to: ServiceId { kind, id }, message: Message::SnapshotPart(part.clone()) }
}
