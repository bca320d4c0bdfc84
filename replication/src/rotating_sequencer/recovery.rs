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
