//! What the disk keeps: notes, in the sequence in which things became true, and now and then a digest of all that still counts.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::log::{Log, RequestId};
use super::message::{Ballot, Part, Unreadable, decode};
use super::view::{Frontier, Life, Run, View, count};
use crate::contract::{Command, Incarnation, Position};

/// First byte of a note and of a mark, so that a later layout is known as such.
const LAYOUT: u8 = 1;

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// These Requests are here.
    Requests(Part),
    /// This Sequence is here; it follows the one before, and replaces all that followed that so far.
    Sequence {
        /// Its number.
        number: u64,
        /// What it covers.
        runs: Vec<Run>,
    },
    /// Nothing below this ballot is taken part in any more.
    Ballot(Ballot),
    /// The newest disks known.
    Disks(Vec<Incarnation>),
    /// A view was installed: of the list so much stays, and these follow.
    Installed {
        /// The view.
        view: View,
        /// The Sequences up to this one stay.
        keep: u64,
        /// What each of those after it covers.
        sequences: Vec<Vec<Run>>,
    },
    /// Everything.
    Digest(Box<Digest>),
}

/// All that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The promise.
    pub ballot: Ballot,
    /// The view last installed.
    pub view: Option<View>,
    /// The newest disks known.
    pub disks: Vec<Incarnation>,
    /// Every Sequence up to this one was forgotten.
    pub floor: u64,
    /// The position that the last command of that one has.
    pub position: Position,
    /// How far everything was covered by then.
    pub frontier: Frontier,
    /// What each Sequence after that one covers.
    pub sequences: Vec<Vec<Run>>,
    /// The Requests that are here, and that no Sequence up to that one covers.
    pub requests: Vec<Part>,
}

/// What stands beside a store: the Sequence that its last command belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Its number.
    pub(super) number: u64,
    /// The position before its first command.
    pub(super) start: Position,
    /// What it covers.
    pub(super) runs: Vec<Run>,
    /// How far everything was covered before it.
    pub(super) before: Frontier,
}

impl Note {
    pub(super) fn encode(&self) -> Bytes {
        encode(self)
    }

    /// Reads a note, for whoever wants to know what a disk holds. Total: any bytes give a note or an error.
    ///
    /// # Errors
    /// The bytes are no note of this layout.
    pub fn decode(bytes: &[u8]) -> Result<Note, Unreadable> {
        open(bytes)
    }
}

impl Mark {
    pub(super) fn encode(&self) -> Bytes {
        encode(self)
    }

    /// Total; `size` is the group's.
    pub(super) fn decode(bytes: &[u8], size: usize) -> Result<Self, Unreadable> {
        let mark: Mark = open(bytes)?;
        let sound = mark.number > 0
            && mark.before.0.len() == size
            && mark.runs.iter().all(|run| usize::from(run.member) < size && run.from < run.upto);
        sound.then_some(mark).ok_or(Unreadable::Contradiction("a mark of another group"))
    }

    /// Is the last of its commands at or below this position?
    pub(super) fn whole_at(&self, position: Position) -> bool {
        self.start + count(&self.runs) <= position
    }

    pub(super) fn after(&self) -> Frontier {
        let mut frontier = self.before.clone();
        frontier.cover(&self.runs);
        frontier
    }
}

fn encode(value: &impl Serialize) -> Bytes {
    postcard::to_extend(value, vec![LAYOUT]).expect("memory takes any note").into()
}

fn open<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unreadable> {
    match bytes.split_first() {
        Some((&LAYOUT, rest)) => decode(rest),
        _ => Err(Unreadable::Contradiction("a layout that is not known")),
    }
}

/// The durable facts, in memory.
pub(super) struct Kept {
    pub(super) ballot: Ballot,
    pub(super) view: Option<View>,
    /// The newest disk known of every member; 0 for none.
    pub(super) disks: Vec<Incarnation>,
    pub(super) log: Log,
}

impl Kept {
    pub(super) fn new(size: usize) -> Self {
        Kept {
            ballot: Ballot::NONE,
            view: None,
            disks: vec![0; size],
            log: Log::new(0, 0, Frontier::new(size)),
        }
    }

    /// The name of the view last installed.
    pub(super) fn view_ballot(&self) -> Ballot {
        self.view.as_ref().map_or(Ballot::NONE, |view| view.ballot)
    }

    /// What a disk's notes say.
    pub(super) fn replay(size: usize, notes: &[Bytes]) -> Result<Self, Unreadable> {
        let mut kept = Kept::new(size);
        for bytes in notes {
            kept.take(open(bytes)?, size)?;
        }
        Ok(kept)
    }

    fn take(&mut self, note: Note, size: usize) -> Result<(), Unreadable> {
        match note {
            Note::Requests(part) => self.fill(part),
            Note::Sequence { number, runs } => self.follow(number.saturating_sub(1), vec![runs])?,
            Note::Ballot(ballot) => self.ballot = self.ballot.max(ballot),
            Note::Disks(disks) => self.disks = disks,
            Note::Installed { view, keep, sequences } => {
                self.follow(keep, sequences)?;
                self.ballot = self.ballot.max(view.ballot);
                self.view = Some(view);
            }
            Note::Digest(digest) => self.begin(*digest),
        }
        let sound = self.disks.len() == size && self.log.frontier().0.len() == size;
        let view = self.view.as_ref().is_none_or(|view| view.is_sound(size));
        (sound && view).then_some(()).ok_or(Unreadable::Contradiction("notes of another group"))
    }

    fn fill(&mut self, part: Part) {
        let Part { member, life, first, commands } = part;
        for (number, command) in (first..).zip(commands) {
            self.log.insert(RequestId { member, life, number }, command);
        }
    }

    fn follow(&mut self, keep: u64, sequences: Vec<Vec<Run>>) -> Result<(), Unreadable> {
        if keep < self.log.floor() || keep > self.log.end() {
            return Err(Unreadable::Contradiction("a gap in the list"));
        }
        self.log.truncate(keep);
        sequences.into_iter().for_each(|runs| self.log.append(runs));
        Ok(())
    }

    fn begin(&mut self, digest: Digest) {
        (self.ballot, self.view, self.disks) = (digest.ballot, digest.view, digest.disks);
        self.log = Log::new(digest.floor, digest.position, digest.frontier);
        digest.sequences.into_iter().for_each(|runs| self.log.append(runs));
        digest.requests.into_iter().for_each(|part| self.fill(part));
    }

    /// All that counts, of the list what follows this number.
    pub(super) fn digest(&self, floor: u64) -> Digest {
        let floor = floor.clamp(self.log.floor(), self.log.end());
        let sequences = (floor + 1..=self.log.end()).filter_map(|number| self.log.runs(number));
        Digest {
            ballot: self.ballot,
            view: self.view.clone(),
            disks: self.disks.clone(),
            floor,
            position: self.log.position(floor).expect("the list is gapless"),
            frontier: self.log.frontier_at(floor),
            sequences: sequences.map(<[Run]>::to_vec).collect(),
            requests: parts(self.log.requests_after(floor)),
        }
    }
}

/// Requests, gathered where they follow each other.
pub(super) fn parts(requests: impl IntoIterator<Item = (RequestId, Command)>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (RequestId { member, life, number }, command) in requests {
        match parts.last_mut() {
            Some(part)
                if (part.member, part.life) == (member, life)
                    && part.first + part.commands.len() as u64 == number =>
            {
                part.commands.push(command);
            }
            _ => parts.push(Part { member, life, first: number, commands: vec![command] }),
        }
    }
    parts
}

/// How far a list covers one life of one member: used where only the newest life counts.
pub(super) fn covered(frontier: &Frontier, member: usize, life: Life) -> u64 {
    match frontier.next(member, life) {
        u64::MAX => 0,
        next => next,
    }
}
