//! The list in memory: which Sequences there are, what they cover, and the Requests themselves.

use std::collections::BTreeMap;

use super::view::{Frontier, Life, Run, count};
use crate::contract::{Command, Position};

/// Names one Request: never used twice, whatever is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RequestId {
    pub(super) member: u8,
    pub(super) life: Life,
    pub(super) number: u64,
}

/// One Sequence, resolved: its number says where it stands in the list, this says what it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) runs: Vec<Run>,
    /// Position of its last command.
    pub(super) end: Position,
}

/// The list after its floor, gapless, and all Requests that it or somebody still needs.
#[derive(Clone, Debug)]
pub(super) struct Log {
    floor: u64,
    floor_position: Position,
    floor_frontier: Frontier,
    batches: BTreeMap<u64, Batch>,
    /// After the last Sequence.
    frontier: Frontier,
    requests: BTreeMap<RequestId, Command>,
    bytes: usize,
}

impl Log {
    pub(super) fn new(floor: u64, position: Position, frontier: Frontier) -> Self {
        Log {
            floor,
            floor_position: position,
            floor_frontier: frontier.clone(),
            batches: BTreeMap::new(),
            frontier,
            requests: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Everything up to this number was forgotten.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// The last number.
    pub(super) fn end(&self) -> u64 {
        self.floor + self.batches.len() as u64
    }

    pub(super) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Bytes of all commands here.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Position of the last command of this number.
    pub(super) fn position(&self, number: u64) -> Option<Position> {
        if number == self.floor {
            return Some(self.floor_position);
        }
        self.batches.get(&number).map(|batch| batch.end)
    }

    /// The greatest number whose last command stands at or below this position.
    pub(super) fn number_at(&self, from: u64, position: Position) -> u64 {
        let within = |(_, batch): &(&u64, &Batch)| batch.end <= position;
        let last = self.batches.range(from + 1..).take_while(within).last();
        last.map_or(from.max(self.floor), |(number, _)| *number)
    }

    pub(super) fn runs(&self, number: u64) -> Option<&[Run]> {
        self.batches.get(&number).map(|batch| &batch.runs[..])
    }

    /// How far everything is covered by the Sequences up to this one.
    pub(super) fn frontier_at(&self, number: u64) -> Frontier {
        if number >= self.end() {
            return self.frontier.clone();
        }
        let mut frontier = self.floor_frontier.clone();
        for batch in self.batches.range(..=number).map(|(_, batch)| batch) {
            frontier.cover(&batch.runs);
        }
        frontier
    }

    /// The next Sequence.
    pub(super) fn append(&mut self, runs: Vec<Run>) {
        let number = self.end() + 1;
        let before = self.position(number - 1).expect("the list is gapless");
        self.frontier.cover(&runs);
        self.batches.insert(number, Batch { end: before + count(&runs), runs });
    }

    /// Forgets every Sequence after this number. The Requests stay.
    pub(super) fn truncate(&mut self, keep: u64) {
        if keep < self.end() {
            self.frontier = self.frontier_at(keep);
            self.batches.split_off(&(keep + 1));
        }
    }

    /// Forgets the Sequences up to this number and their Requests.
    pub(super) fn release(&mut self, floor: u64) {
        while self.floor < floor.min(self.end()) {
            let Some((number, batch)) = self.batches.pop_first() else { return };
            self.floor_frontier.cover(&batch.runs);
            (self.floor, self.floor_position) = (number, batch.end);
            batch.runs.iter().for_each(|run| self.forget(*run));
        }
    }

    fn forget(&mut self, run: Run) {
        for number in run.from..run.upto {
            let id = RequestId { member: run.member, life: run.life, number };
            if let Some(command) = self.requests.remove(&id) {
                self.bytes -= command.len();
            }
        }
    }

    /// Takes a Request; false if it was here.
    pub(super) fn insert(&mut self, id: RequestId, command: Command) -> bool {
        let length = command.len();
        let new = !self.requests.contains_key(&id);
        if new {
            self.requests.insert(id, command);
            self.bytes += length;
        }
        new
    }

    /// The numbers of a run that are here, ascending.
    fn present(&self, run: Run) -> impl Iterator<Item = (u64, &Command)> {
        let id = |number| RequestId { member: run.member, life: run.life, number };
        let range = id(run.from)..id(run.upto.max(run.from));
        self.requests.range(range).map(|(id, command)| (id.number, command))
    }

    /// The commands of a run, as far as they are here without a gap.
    pub(super) fn commands(&self, run: Run) -> impl Iterator<Item = &Command> {
        let gapless = self.present(run).zip(run.from..);
        gapless.take_while(|((number, _), next)| number == next).map(|((_, command), _)| command)
    }

    /// The Requests of a run that are here.
    pub(super) fn entries(&self, run: Run) -> impl Iterator<Item = (RequestId, &Command)> {
        let id = move |number| RequestId { member: run.member, life: run.life, number };
        self.present(run).map(move |(number, command)| (id(number), command))
    }

    /// The highest number here of a life.
    pub(super) fn last(&self, member: usize, life: Life) -> Option<u64> {
        let id = |number| RequestId { member: member as u8, life, number };
        self.requests.range(id(0)..id(u64::MAX)).next_back().map(|(id, _)| id.number)
    }

    /// Is all of it here?
    pub(super) fn holds(&self, run: Run) -> bool {
        self.present(run).count() as u64 == run.len()
    }

    /// The first number at or after `from` that is not here.
    pub(super) fn contiguous(&self, member: usize, life: Life, from: u64) -> u64 {
        let run = Run { member: member as u8, life, from, upto: u64::MAX };
        from + self.commands(run).count() as u64
    }

    /// What of a run is not here, as at most so many runs.
    pub(super) fn missing(&self, run: Run, most: usize) -> Vec<Run> {
        let mut gaps = Vec::new();
        let mut next = run.from;
        for (number, _) in self.present(run) {
            if number > next {
                gaps.push(Run { from: next, upto: number, ..run });
            }
            next = number + 1;
            if gaps.len() >= most {
                return gaps;
            }
        }
        if next < run.upto {
            gaps.push(Run { from: next, ..run });
        }
        gaps
    }

    /// Forgets Requests that no Sequence covers and that `keep` does not want.
    pub(super) fn forget_loose(&mut self, keep: impl Fn(RequestId) -> bool) {
        let frontier = &self.frontier;
        let bytes = &mut self.bytes;
        self.requests.retain(|id, command| {
            let covered = id.number < frontier.next(usize::from(id.member), id.life);
            let stays = covered || keep(*id);
            if !stays {
                *bytes -= command.len();
            }
            stays
        });
    }

    /// Every Request here, ascending.
    #[cfg(feature = "mutants")]
    pub(super) fn requests(&self) -> impl DoubleEndedIterator<Item = (&RequestId, &Command)> {
        self.requests.iter()
    }

    /// Every Request that no Sequence up to this one covers.
    pub(super) fn requests_after(&self, floor: u64) -> Vec<(RequestId, Command)> {
        let frontier = self.frontier_at(floor);
        let after = |(id, _): &(&RequestId, &Command)| {
            id.number >= frontier.next(usize::from(id.member), id.life)
        };
        self.requests.iter().filter(after).map(|(id, command)| (*id, command.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(member: u8, boot: u64, from: u64, upto: u64) -> Run {
        Run { member, life: Life { incarnation: 1, boot }, from, upto }
    }

    fn filled() -> Log {
        let mut log = Log::new(0, 0, Frontier::new(2));
        for number in [0, 1, 2, 4] {
            let life = Life { incarnation: 1, boot: 1 };
            log.insert(RequestId { member: 0, life, number }, Command::from_static(b"x"));
        }
        log
    }

    #[test]
    fn what_is_missing_and_what_is_gapless() {
        let log = filled();
        assert_eq!(log.contiguous(0, Life { incarnation: 1, boot: 1 }, 0), 3);
        assert_eq!(log.missing(run(0, 1, 0, 7), 9), vec![run(0, 1, 3, 4), run(0, 1, 5, 7)]);
        assert_eq!(log.missing(run(0, 1, 1, 3), 9), vec![]);
        assert!(log.holds(run(0, 1, 0, 3)) && !log.holds(run(0, 1, 0, 4)));
        assert_eq!(log.commands(run(0, 1, 0, 7)).count(), 3);
    }

    #[test]
    fn positions_frontiers_and_the_floor_follow_the_list() {
        let mut log = filled();
        log.append(vec![run(0, 1, 0, 2)]);
        log.append(vec![run(0, 1, 2, 3), run(1, 1, 0, 2)]);
        log.append(vec![run(1, 2, 0, 1)]);
        assert_eq!((log.end(), log.position(2), log.position(3)), (3, Some(5), Some(6)));
        assert_eq!((log.number_at(0, 4), log.number_at(0, 5), log.number_at(2, 9)), (1, 2, 3));
        let (old, new) = (Life { incarnation: 1, boot: 1 }, Life { incarnation: 1, boot: 2 });
        assert_eq!((log.frontier().next(1, new), log.frontier().next(1, old)), (1, u64::MAX));
        log.truncate(2);
        assert_eq!((log.frontier().next(1, new), log.frontier().next(1, old)), (0, 2));
        log.release(1);
        assert_eq!((log.floor(), log.end(), log.position(1), log.bytes()), (1, 2, Some(2), 2));
        assert_eq!(log.requests_after(2).len(), 1, "only number 4 is covered by nothing");
        log.forget_loose(|_| false);
        assert_eq!(log.bytes(), 1);
    }
}
