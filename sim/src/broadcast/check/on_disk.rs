//! What a member's disk would give back if power failed now, read from its durable notes as they come in.
//!
//! The engine's own reading of notes is what is under test, so this is another one: it follows each note and keeps only what
//! judges ask for.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use replication::contract::Position;
use replication::rotating_sequencer::{Ballot, Life, Note, Part, Run};

/// A Request: member (by index), life, number.
type Request = (u8, Life, u64);

/// The durable part of one member's list.
#[derive(Default)]
pub struct OnDisk {
    /// How much of the notes was read: a number that changes when they begin anew, and how many.
    read: (u64, usize),
    /// The promise.
    pub ballot: Ballot,
    /// The view last installed.
    pub view: Ballot,
    /// Each Sequence: what it covers, and the position of its last command.
    sequences: BTreeMap<u64, (Vec<Run>, Position)>,
    requests: BTreeSet<Request>,
    /// Everything up to this Sequence is here with all its Requests, and the position of its last command.
    whole: (u64, Position),
    /// Where the list begins.
    floor: (u64, Position),
}

impl OnDisk {
    /// Reads the notes that came since the last time. What the store reflects, up to `stored`, needs no Requests here.
    pub fn read(
        &mut self,
        (digests, notes): (u64, &[Bytes]),
        stored: Position,
    ) -> Result<(), String> {
        if digests != self.read.0 || notes.len() < self.read.1 {
            *self = OnDisk { read: (digests, 0), ..OnDisk::default() };
        }
        for note in &notes[self.read.1..] {
            let note = Note::decode(note).map_err(|why| format!("a note cannot be read: {why}"))?;
            self.take(note);
        }
        self.read.1 = notes.len();
        self.advance(stored);
        Ok(())
    }

    /// Everything up to this Sequence is on the disk.
    pub fn durable(&self) -> u64 {
        self.whole.0
    }

    /// The position that this gives.
    pub fn position(&self) -> Position {
        self.whole.1
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::Requests(part) => self.fill(&part),
            Note::Sequence { number, runs } => self.follow(number - 1, vec![runs]),
            Note::Ballot(ballot) => self.ballot = self.ballot.max(ballot),
            Note::Disks(_) => {}
            Note::Installed { view, keep, sequences } => {
                self.follow(keep, sequences);
                self.ballot = self.ballot.max(view.ballot);
                self.view = view.ballot;
            }
            Note::Digest(digest) => {
                self.ballot = digest.ballot;
                self.view = digest.view.as_ref().map_or(Ballot::NONE, |view| view.ballot);
                self.floor = (digest.floor, digest.position);
                (self.whole, self.sequences, self.requests) =
                    (self.floor, BTreeMap::new(), BTreeSet::new());
                self.follow(digest.floor, digest.sequences);
                digest.requests.iter().for_each(|part| self.fill(part));
            }
        }
    }

    fn fill(&mut self, part: &Part) {
        let numbers = part.first..part.first + part.commands.len() as u64;
        self.requests.extend(numbers.map(|number| (part.member, part.life, number)));
    }

    /// After `keep` come these, and nothing of what came there before.
    fn follow(&mut self, keep: u64, sequences: Vec<Vec<Run>>) {
        self.sequences.split_off(&(keep + 1));
        if self.whole.0 > keep {
            self.whole = (keep, self.end_of(keep));
        }
        let (mut number, mut position) = (keep, self.end_of(keep));
        for runs in sequences {
            number += 1;
            position += runs.iter().map(Run::len).sum::<u64>();
            self.sequences.insert(number, (runs, position));
        }
    }

    fn end_of(&self, number: u64) -> Position {
        self.sequences.get(&number).map_or(self.floor.1, |(_, position)| *position)
    }

    fn advance(&mut self, stored: Position) {
        while let Some((runs, position)) = self.sequences.get(&(self.whole.0 + 1)) {
            let here = |run: &Run| {
                (run.from..run.upto)
                    .all(|number| self.requests.contains(&(run.member, run.life, number)))
            };
            if *position > stored && !runs.iter().all(here) {
                return;
            }
            self.whole = (self.whole.0 + 1, *position);
        }
    }
}
