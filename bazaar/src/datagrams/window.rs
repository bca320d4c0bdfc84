//! What was seen of one sender: its latest life, and which of its last numbers.

use super::header::Life;
use super::limits::WINDOW;
use super::tally::Cause;

const WORDS: usize = (WINDOW / 64) as usize;

/// The window of one sender.
///
/// It is not durable: after a restart here, old datagrams are taken once more. Protocols take doubled and late messages
/// anyway; the window spares them the work, and takes the tool away from whoever records and repeats.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    life: Life,
    highest: u64,
    seen: [u64; WORDS],
}

impl Window {
    /// May a datagram of this life and number be new? Changes nothing: its seal was not checked yet.
    pub(super) fn judge(&self, life: Life, number: u64) -> Result<(), Cause> {
        if life < self.life {
            return Err(Cause::Stale);
        }
        if number == 0 || (life == self.life && self.has(number)) {
            return Err(Cause::Replayed);
        }
        Ok(())
    }

    /// Remembers a datagram whose seal is good. Says whether its life is new.
    pub(super) fn take(&mut self, life: Life, number: u64) -> bool {
        let new = life > self.life;
        if new {
            *self = Window { life, ..Window::default() };
        }
        if number > self.highest {
            self.forget(number);
            self.highest = number;
        }
        let (word, bit) = place(number);
        self.seen[word] |= bit;
        new
    }

    fn has(&self, number: u64) -> bool {
        let (word, bit) = place(number);
        match self.highest.checked_sub(number) {
            Some(below) => below >= WINDOW || self.seen[word] & bit != 0,
            None => false,
        }
    }

    /// Makes room for the numbers from the highest up to this one.
    fn forget(&mut self, number: u64) {
        if number - self.highest >= WINDOW {
            self.seen = [0; WORDS];
            return;
        }
        for fresh in self.highest + 1..=number {
            let (word, bit) = place(fresh);
            self.seen[word] &= !bit;
        }
    }
}

fn place(number: u64) -> (usize, u64) {
    let at = number % WINDOW;
    ((at / 64) as usize, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const FIRST: Life = Life { incarnation: 1, boot: 9 };

    #[test]
    fn a_later_life_ends_the_one_before() {
        let mut window = Window::default();
        assert!(window.take(FIRST, 5));
        assert_eq!(window.judge(FIRST, 5), Err(Cause::Replayed));
        for later in [Life { boot: 10, ..FIRST }, Life { incarnation: 2, boot: 3 }] {
            assert_eq!(window.judge(later, 5), Ok(()), "numbers begin anew");
            assert!(window.take(later, 5) && !window.take(later, 6));
            assert_eq!(window.judge(FIRST, 7), Err(Cause::Stale));
        }
    }

    #[test]
    fn no_number_is_too_great() {
        let mut window = Window::default();
        window.take(FIRST, 3);
        window.take(FIRST, u64::MAX);
        assert_eq!(window.judge(FIRST, u64::MAX), Err(Cause::Replayed));
        assert_eq!(window.judge(FIRST, u64::MAX - 1), Ok(()));
        assert_eq!(window.judge(FIRST, 3), Err(Cause::Replayed));
        assert_eq!(window.judge(FIRST, 0), Err(Cause::Replayed));
    }

    proptest! {
        /// Against a plain set of what was seen.
        #[test]
        fn a_window_is_a_set(steps in prop::collection::vec((any::<bool>(), 0u64..3_000), 1..400)) {
            let (mut window, mut seen, mut highest) = (Window::default(), BTreeSet::new(), 0u64);
            window.take(FIRST, 1);
            seen.insert(1);
            for (near, far) in steps {
                let number = if near { highest.saturating_sub(far % 40) + 2 } else { far };
                let known = number == 0 || number + WINDOW <= highest || seen.contains(&number);
                prop_assert_eq!(window.judge(FIRST, number).is_err(), known, "number {}", number);
                if !known {
                    window.take(FIRST, number);
                    seen.insert(number);
                    highest = highest.max(number);
                }
            }
        }
    }
}
