//! The rule of recovery: what a majority's States say about everything that may have been delivered.
//!
//! Whatever was delivered in a view was on the disks of a majority *of the universe* in that view. Any majority of States has one
//! of those members among them, stopped after it said so; so what was delivered is in the list of a member of the highest view.

use std::collections::{BTreeMap, BTreeSet};

use super::message::{Ballot, State};
use super::view::{Life, Run, count};
use crate::contract::{Incarnation, Position};

/// A State, and who said it.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) life: Life,
    /// The view that it last installed.
    pub(super) view: Ballot,
    pub(super) state: State,
}

/// Mistakes to make on purpose; none without the feature `mutants`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mistakes {
    /// Old disks count beside the new ones.
    pub(super) old_disks: bool,
    /// Disks that lost everything count.
    pub(super) amnesia: bool,
    /// The longest list wins, of whatever view.
    pub(super) any_view: bool,
    /// What only some have is forgotten.
    pub(super) forgets: bool,
}

/// The States that count. Of a disk that somebody knows to be replaced none does: what it promised was forgotten with it. Of a
/// member that never was in a view it counts only if its disk is one that the group was founded with, so that it forgot nothing.
pub(super) fn counted<'a>(
    words: &'a BTreeMap<usize, Word>,
    disks: &[Incarnation],
    mistakes: Mistakes,
) -> BTreeMap<usize, &'a Word> {
    let newest = newest_disks(words, disks);
    let known = |(index, word): &(&usize, &Word)| {
        mistakes.old_disks || word.life.incarnation >= newest[**index]
    };
    let known: BTreeMap<usize, &Word> =
        words.iter().filter(known).map(|(index, word)| (*index, word)).collect();
    let highest = known.values().max_by_key(|word| word.view);
    let Some(founders) = highest.map(|word| word.state.founders.clone()).filter(|f| !f.is_empty())
    else {
        return known;
    };
    let remembers = |(index, word): &(usize, &Word)| {
        let founder = founders.get(*index) == Some(&word.life.incarnation);
        mistakes.amnesia || word.view != Ballot::NONE || founder
    };
    known.into_iter().filter(remembers).collect()
}

/// The newest disk that anybody knows of every member.
pub(super) fn newest_disks(
    words: &BTreeMap<usize, Word>,
    disks: &[Incarnation],
) -> Vec<Incarnation> {
    let mut newest = disks.to_vec();
    for (index, word) in words {
        newest[*index] = newest[*index].max(word.life.incarnation);
        for (known, said) in newest.iter_mut().zip(&word.state.disks) {
            *known = (*known).max(*said);
        }
    }
    newest
}

/// What the next view begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    /// The view it was recovered from.
    pub(super) parent: Ballot,
    pub(super) founders: Vec<Incarnation>,
    /// Up to here one member has everything.
    pub(super) reach: u64,
    pub(super) tail: Vec<Vec<Run>>,
    /// The position of the last command.
    pub(super) position: Position,
    /// Who is so near that it need not be waited for.
    pub(super) level: BTreeSet<usize>,
}

impl Prefix {
    pub(super) fn base(&self) -> u64 {
        self.reach + self.tail.len() as u64
    }
}

/// The longest list of the highest view, cut at the first entry whose Requests nobody of that view has. `near` is how far behind a
/// member may be to be level. `None` without any word of a member of a view.
pub(super) fn prefix(
    counted: &BTreeMap<usize, &Word>,
    near: u64,
    mistakes: Mistakes,
) -> Option<Prefix> {
    let end = |word: &Word| word.state.durable + word.state.tail.len() as u64;
    let parent = match mistakes.any_view {
        true => counted.values().max_by_key(|word| end(word))?.view,
        false => counted.values().map(|word| word.view).max()?,
    };
    let here: Vec<&State> =
        counted.values().filter(|word| word.view == parent).map(|word| &word.state).collect();
    let best = match mistakes.forgets {
        true => here.iter().min_by_key(|state| state.durable)?,
        false => here.iter().max_by_key(|state| state.durable)?,
    };
    let tail = if mistakes.forgets { Vec::new() } else { tail(&here, best.durable) };
    let level = |word: &Word| word.state.durable + near >= best.durable;
    let level = counted.iter().filter(|(_, word)| level(word)).map(|(index, _)| *index).collect();
    let position = best.position + tail.iter().map(|runs| count(runs)).sum::<u64>();
    let (reach, founders) = (best.durable, best.founders.clone());
    (parent != Ballot::NONE).then_some(Prefix { parent, founders, reach, tail, position, level })
}

/// What the longest list has beyond `reach`, as far as its Requests are among those that these members have.
fn tail(here: &[&State], reach: u64) -> Vec<Vec<Run>> {
    let longest = here.iter().max_by_key(|state| state.durable + state.tail.len() as u64);
    let Some(longest) = longest else { return Vec::new() };
    let has = |run: &Run| {
        let have = |state: &&State| state.has.get(usize::from(run.member)).copied();
        here.iter().filter_map(have).max().unwrap_or(0) >= run.upto
    };
    let beyond = longest.tail.iter().skip((reach - longest.durable) as usize);
    beyond.take_while(|runs| runs.iter().all(has)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::view::Frontier;
    use super::*;

    /// The word of a member of a group of five that was founded with disks 1: its view's round, what it has, and what it knows.
    fn word(round: u64, disk: u64, durable: u64, tail: &[u64], knows: [u64; 5]) -> Word {
        let run = |upto: &u64| {
            vec![Run { member: 0, life: Life::default(), from: upto - 1, upto: *upto }]
        };
        let founders = if round == 0 { Vec::new() } else { vec![1; 5] };
        let view = match round {
            0 => Ballot::NONE,
            _ => Ballot { round, proposer: 1, incarnation: 1 },
        };
        let state = State {
            ballot: Ballot { round: 9, proposer: 1, incarnation: 1 },
            disks: knows.to_vec(),
            founders,
            durable,
            position: durable,
            frontier: Frontier::new(5),
            has: vec![durable, 0, 0, 0, 0],
            tail: tail.iter().map(run).collect(),
        };
        Word { life: Life { incarnation: disk, boot: 1 }, view, state }
    }

    fn base(words: &BTreeMap<usize, Word>, mistakes: Mistakes) -> u64 {
        let counted = counted(words, &[1; 5], mistakes);
        prefix(&counted, 0, mistakes).expect("somebody was in a view").base()
    }

    #[test]
    fn the_highest_view_counts_however_short_its_list() {
        let words = [
            (0, word(2, 1, 7, &[], [1; 5])),
            (1, word(3, 1, 5, &[], [1; 5])),
            (2, word(3, 1, 4, &[], [1; 5])),
        ];
        let words = words.into();
        assert_eq!(base(&words, Mistakes::default()), 5);
        assert_eq!(base(&words, Mistakes { any_view: true, ..Mistakes::default() }), 7);
        assert_eq!(base(&words, Mistakes { forgets: true, ..Mistakes::default() }), 4);
    }

    #[test]
    fn the_list_ends_before_the_first_request_that_nobody_has() {
        let mut words: BTreeMap<usize, Word> = [
            (0, word(3, 1, 4, &[5, 6, 7, 8], [1; 5])),
            (1, word(3, 1, 5, &[], [1; 5])),
            (2, word(3, 1, 2, &[3], [1; 5])),
        ]
        .into();
        assert_eq!(base(&words, Mistakes::default()), 5);
        words.get_mut(&2).expect("it is there").state.has[0] = 7;
        assert_eq!(base(&words, Mistakes::default()), 7, "what one lacks another has");
    }

    #[test]
    fn a_disk_that_was_replaced_counts_for_nothing() {
        // 1 promised before its disk was lost; 2 was asked by the new one since.
        let words: BTreeMap<usize, Word> = [
            (0, word(3, 1, 4, &[], [1; 5])),
            (1, word(3, 1, 4, &[], [1; 5])),
            (2, word(3, 1, 4, &[], [1, 2, 1, 1, 1])),
        ]
        .into();
        let counts = |mistakes| counted(&words, &[1; 5], mistakes).len();
        assert_eq!(counts(Mistakes::default()), 2, "no majority of five");
        assert_eq!(counts(Mistakes { old_disks: true, ..Mistakes::default() }), 3);
    }

    #[test]
    fn who_never_was_in_a_view_counts_only_with_a_founding_disk() {
        let words: BTreeMap<usize, Word> = [
            (0, word(3, 1, 4, &[], [1; 5])),
            (1, word(0, 1, 0, &[], [1; 5])),
            (2, word(0, 2, 0, &[], [1, 1, 2, 1, 1])),
        ]
        .into();
        let counts = |mistakes| counted(&words, &[1; 5], mistakes).len();
        assert_eq!(counts(Mistakes::default()), 2);
        assert_eq!(counts(Mistakes { amnesia: true, ..Mistakes::default() }), 3);
    }
}
