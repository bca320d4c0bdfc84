//! What happened in a world: always a running hash, and lines for a person only when asked.
//!
//! Two runs of one seed must have the same hash; the lines cost time and are kept only when a failure is shown.

use std::collections::VecDeque;

/// How much of the story is kept for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Only the hash.
    Nothing,
    /// The last so many lines.
    Last(usize),
}

/// The story of one world.
pub struct Trace {
    hash: u64,
    keep: Keep,
    lines: VecDeque<String>,
    dropped: u64,
}

impl Trace {
    /// An empty story.
    pub fn new(keep: Keep) -> Self {
        Trace { hash: 0xcbf2_9ce4_8422_2325, keep, lines: VecDeque::new(), dropped: 0 }
    }

    /// Folds a number into the hash (FNV-1a over whole words, with a rotation so that high bits matter).
    pub fn fold(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }

    /// Are lines wanted?
    pub fn wants_lines(&self) -> bool {
        self.keep != Keep::Nothing
    }

    /// Adds a line, built only if lines are wanted.
    pub fn line(&mut self, at: u64, build: impl FnOnce() -> String) {
        let Keep::Last(most) = self.keep else { return };
        if self.lines.len() >= most {
            self.lines.pop_front();
            self.dropped += 1;
        }
        let mut text = build();
        if let Some((cut, _)) = text.char_indices().nth(360) {
            text.truncate(cut);
            text.push('…');
        }
        self.lines.push_back(format!("{:>4}.{:06} {text}", at / 1_000_000, at % 1_000_000));
    }

    /// The hash so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines that were kept, and how many earlier ones were not.
    pub fn into_lines(self) -> (u64, Vec<String>) {
        (self.dropped, self.lines.into())
    }
}
