//! Two leaders of different terms, one peer, their stores, and a network between them that does what a test says.

use std::collections::{BTreeMap, VecDeque};

use market::rows::{Row, Table};
use replication::contract::{ChainHash, Position, ReplicaId, SnapshotName};
use replication::time::{Span, Time};

use crate::message::{Message, SnapshotPart, SnapshotTaken};
use crate::process::{Effect, Event};
use crate::service::{ServiceId, ServiceKind};
use crate::snapshot::{Receiver, Sender};

pub(super) const PEER: ReplicaId = 2;

/// Something under way, from or to a leader.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Flight {
    Part(ReplicaId, SnapshotPart),
    Taken(ReplicaId, SnapshotTaken),
}

/// A question to a store: of which transfer, and after which row.
type Read = (u64, Option<(Table, Vec<u8>)>);

/// A leader and its store.
#[derive(Debug)]
pub(super) struct Leader {
    pub(super) sender: Sender,
    pub(super) position: Position,
    /// What each transfer's first question fixed.
    pub(super) pinned: BTreeMap<u64, (Position, Vec<Row>)>,
    /// Questions to the store.
    pub(super) reads: VecDeque<Read>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Net {
    pub(super) now: Time,
    pub(super) leaders: BTreeMap<ReplicaId, Leader>,
    pub(super) receiver: Receiver,
    pub(super) flying: Vec<Flight>,
    /// What the senders said is staged.
    pub(super) told: Vec<SnapshotName>,
    pub(super) notes: Vec<&'static str>,
    next_life: u64,
}

pub(super) fn row(table: Table, key: &[u8], value: &[u8]) -> Row {
    Row { table, key: key.to_vec(), value: value.to_vec() }
}

fn hash(position: Position) -> [u8; 16] {
    let mut hash = [0; 16];
    hash[..8].copy_from_slice(&position.to_be_bytes());
    hash
}

/// The state that every store has at a position: some rows differ from position to position, one is there now and then.
pub(super) fn state(position: Position) -> Vec<Row> {
    let mut rows = vec![
        row(Table::Facts, b"chain", &hash(position)),
        row(Table::Facts, b"mark", &[(position / 4) as u8]),
        row(Table::Listings, b"Gnu", b"3"),
        row(Table::Listings, b"Tux", &position.to_be_bytes()),
    ];
    if position.is_multiple_of(2) {
        rows.push(row(Table::Outbox, &position.to_be_bytes(), b"an order"));
    }
    rows
}

pub(super) fn name(position: Position) -> SnapshotName {
    let mark = vec![(position / 4) as u8].into();
    SnapshotName { position, hash: ChainHash(hash(position)), mark }
}

impl Leader {
    pub(super) fn new(first_transfer: u64, position: Position) -> Self {
        Leader {
            sender: Sender::new(ServiceKind::Catalog, first_transfer),
            position,
            pinned: BTreeMap::new(),
            reads: VecDeque::new(),
        }
    }
}

impl Net {
    /// Leader 1 at position 9, in an earlier term than leader 3 at position 14.
    pub(super) fn new() -> Self {
        let leaders = BTreeMap::from([(1, Leader::new(1 << 32, 9)), (3, Leader::new(2 << 32, 14))]);
        Net {
            now: Time(0),
            leaders,
            receiver: Receiver::new(ServiceKind::Catalog),
            flying: Vec::new(),
            told: Vec::new(),
            notes: Vec::new(),
            next_life: 3,
        }
    }

    /// Lets a leader do something, and performs what it wants.
    pub(super) fn at<R>(
        &mut self,
        id: ReplicaId,
        act: impl FnOnce(&mut Sender, Time, &mut Vec<Effect>) -> R,
    ) -> R {
        let leader = self.leaders.get_mut(&id).expect("a leader");
        let mut effects = Vec::new();
        let result = act(&mut leader.sender, self.now, &mut effects);
        for effect in effects {
            match effect {
                Effect::ReadSnapshot { transfer, after, .. } => {
                    let position = leader.position;
                    let fixed = leader.pinned.entry(transfer);
                    let fresh = fixed.or_insert_with(|| (position, state(position)));
                    assert!(after.is_some() || fresh.0 == position, "a transfer begins once");
                    leader.reads.push_back((transfer, after));
                }
                Effect::CloseSnapshot { transfer } => {
                    assert!(leader.pinned.remove(&transfer).is_some(), "closed once");
                }
                Effect::Send { message: Message::SnapshotPart(part), .. } => {
                    self.flying.push(Flight::Part(id, part));
                }
                Effect::Event(Event::Note { slug, .. }) => self.notes.push(slug),
                other => panic!("{other:?}"),
            }
        }
        result
    }

    pub(super) fn wish(&mut self, id: ReplicaId) {
        self.at(id, |sender, now, effects| sender.wanted(now, PEER, effects));
    }

    /// A leader's store answers its oldest question with so many rows at the most.
    pub(super) fn read(&mut self, id: ReplicaId, most: usize) -> bool {
        let leader = self.leaders.get_mut(&id).expect("a leader");
        let Some((transfer, after)) = leader.reads.pop_front() else { return false };
        let Some((position, rows)) = leader.pinned.get(&transfer).cloned() else { return true };
        let begun =
            |row: &Row| after.as_ref().is_none_or(|at| (row.table, &row.key) > (at.0, &at.1));
        let mut rest: Vec<Row> = rows.into_iter().filter(begun).collect();
        let end = rest.len() <= most;
        rest.truncate(most);
        self.at(id, |sender, now, effects| {
            sender.rows(now, transfer, position, rest, end, effects);
        });
        true
    }

    /// Takes something out of the air and brings it where it goes.
    pub(super) fn deliver(&mut self, at: usize) {
        let flight = self.flying.remove(at);
        self.arrive(flight);
    }

    pub(super) fn arrive(&mut self, flight: Flight) {
        match flight {
            Flight::Part(from, part) => {
                let mut effects = Vec::new();
                self.receiver.part(self.now, from, part, &mut effects);
                for effect in effects {
                    match effect {
                        Effect::Send { to, message: Message::SnapshotTaken(taken) } => {
                            assert_eq!(to, ServiceId::catalog(from), "whoever sent it is answered");
                            self.flying.push(Flight::Taken(from, taken));
                        }
                        Effect::Event(Event::Note { slug, .. }) => self.notes.push(slug),
                        other => panic!("{other:?}"),
                    }
                }
            }
            Flight::Taken(to, taken) => {
                let told = self.at(to, |sender, now, out| sender.taken(now, PEER, taken, out));
                self.told.extend(told);
            }
        }
    }

    pub(super) fn pass(&mut self, span: Span) {
        self.now = self.now + span;
        for id in [1, 3] {
            self.at(id, |sender, now, effects| sender.tick(now, effects));
        }
        self.receiver.tick(self.now);
    }

    /// Another life of a leader, in a new term.
    pub(super) fn restart(&mut self, id: ReplicaId) {
        let position = self.leaders[&id].position;
        self.leaders.insert(id, Leader::new(self.next_life << 32, position));
        self.next_life += 1;
    }

    pub(super) fn restart_peer(&mut self) {
        self.receiver = Receiver::new(ServiceKind::Catalog);
    }

    /// Everything gets through until nothing happens any more.
    pub(super) fn settle(&mut self) {
        for _ in 0..1_000 {
            let read = self.read(1, 1) | self.read(3, 1);
            if !self.flying.is_empty() {
                self.deliver(0);
            } else if !read {
                return;
            }
        }
        panic!("never quiet");
    }
}

/// Just short of this.
pub(super) fn almost(span: Span) -> Span {
    Span(span.0 - 1)
}
