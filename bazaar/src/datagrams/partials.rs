//! Long messages whose pieces have not all come, within bounds.

use std::collections::BTreeMap;
use std::time::Instant;

use super::items::Piece;
use super::limits::{MESSAGE_BYTES, PARTIAL_AGE, PARTIAL_BYTES, PARTIALS};

/// A message with holes.
#[derive(Debug)]
struct Partial {
    pieces: Vec<Option<Box<[u8]>>>,
    missing: usize,
    /// Of the pieces that came.
    length: usize,
    /// With what it takes to keep them.
    bytes: usize,
    since: Instant,
}

impl Partial {
    fn new(count: u16, since: Instant) -> Partial {
        let pieces: Vec<_> = (0..count).map(|_| None).collect();
        let bytes = pieces.len() * size_of::<Option<Box<[u8]>>>();
        Partial { missing: pieces.len(), pieces, length: 0, bytes, since }
    }
}

/// The unfinished messages of one sender. When there are too many, the oldest goes: its pieces are the ones that were lost.
#[derive(Debug, Default)]
pub(super) struct Partials {
    messages: BTreeMap<u64, Partial>,
    bytes: usize,
    /// Messages that were given up since somebody asked.
    lost: u64,
}

impl Partials {
    /// Takes a piece; gives the message if it was the last one. Pieces that contradict earlier ones are ignored.
    pub(super) fn take(&mut self, now: Instant, piece: Piece<'_>) -> Option<Vec<u8>> {
        self.expire(now);
        let partial = self.messages.entry(piece.message).or_insert_with(|| {
            let partial = Partial::new(piece.count, now);
            self.bytes += partial.bytes;
            partial
        });
        if partial.pieces.len() != usize::from(piece.count) {
            return None;
        }
        let place = &mut partial.pieces[usize::from(piece.index)];
        if place.is_none() {
            *place = Some(piece.bytes.into());
            partial.missing -= 1;
            partial.length += piece.bytes.len();
            partial.bytes += piece.bytes.len();
            self.bytes += piece.bytes.len();
        }
        if partial.length > MESSAGE_BYTES {
            self.give_up(piece.message);
            return None;
        }
        if partial.missing == 0 {
            let whole = self.remove(piece.message)?;
            let pieces: Vec<Box<[u8]>> = whole.pieces.into_iter().flatten().collect();
            return Some(pieces.concat());
        }
        self.shrink();
        None
    }

    /// Gives up what waited too long.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((number, oldest)) = self.messages.first_key_value() {
            if now.saturating_duration_since(oldest.since) < PARTIAL_AGE {
                return;
            }
            let number = *number;
            self.give_up(number);
        }
    }

    /// Gives up everything: the sender began anew.
    pub(super) fn clear(&mut self) {
        self.lost += self.messages.len() as u64;
        self.messages.clear();
        self.bytes = 0;
    }

    /// How many messages were given up since the last call.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    fn shrink(&mut self) {
        while self.messages.len() > PARTIALS || self.bytes > PARTIAL_BYTES {
            let Some((number, _)) = self.messages.first_key_value() else { return };
            let number = *number;
            self.give_up(number);
        }
    }

    fn give_up(&mut self, message: u64) {
        self.lost += u64::from(self.remove(message).is_some());
    }

    fn remove(&mut self, message: u64) -> Option<Partial> {
        let partial = self.messages.remove(&message)?;
        self.bytes -= partial.bytes;
        Some(partial)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(message: u64, index: u16, count: u16, bytes: &[u8]) -> Piece<'_> {
        Piece { message, index, count, bytes }
    }

    #[test]
    fn what_waits_too_long_is_given_up_and_what_came_since_is_not() {
        let (mut partials, start) = (Partials::default(), Instant::now());
        assert_eq!(partials.take(start, piece(1, 0, 2, b"a")), None);
        let later = start + PARTIAL_AGE / 2;
        assert_eq!(partials.take(later, piece(2, 0, 2, b"c")), None);
        let late = start + PARTIAL_AGE;
        assert_eq!(partials.take(late, piece(2, 1, 2, b"d")), Some(b"cd".to_vec()));
        assert_eq!(partials.take_lost(), 1);
        assert_eq!(partials.take(late, piece(1, 1, 2, b"b")), None, "its other half is gone");
        assert_eq!(partials.messages.len(), 1);
    }

    #[test]
    fn a_sender_that_never_finishes_takes_bounded_memory() {
        let (mut partials, now) = (Partials::default(), Instant::now());
        let bytes = vec![1; 8_000];
        for message in 0..5_000 {
            for index in 0..20 {
                partials.take(now, piece(message, index, u16::MAX, &bytes));
                assert!(partials.bytes <= PARTIAL_BYTES && partials.messages.len() <= PARTIALS);
            }
        }
        let kept: usize = partials.messages.values().map(|partial| partial.bytes).sum();
        assert_eq!(kept, partials.bytes);
        assert!(partials.take_lost() > 4_000);
    }

    #[test]
    fn a_message_that_never_ends_is_given_up() {
        let (mut partials, now) = (Partials::default(), Instant::now());
        let bytes = vec![1; 8_000];
        for index in 0..1_000 {
            assert_eq!(partials.take(now, piece(1, index, 2_000, &bytes)), None);
        }
        assert!(partials.take_lost() >= 1 && partials.bytes <= 2 * MESSAGE_BYTES);
    }

    #[test]
    fn pieces_that_contradict_each_other_do_no_harm() {
        let (mut partials, now) = (Partials::default(), Instant::now());
        assert_eq!(partials.take(now, piece(1, 0, 2, b"a")), None);
        assert_eq!(partials.take(now, piece(1, 2, 3, b"x")), None);
        assert_eq!(partials.take(now, piece(1, 0, 2, b"other")), None);
        assert_eq!(partials.take(now, piece(1, 1, 2, b"b")), Some(b"ab".to_vec()));
        assert_eq!((partials.bytes, partials.messages.len()), (0, 0));
    }

    proptest! {
        /// Pieces of several messages in any sequence, doubled at will.
        #[test]
        fn every_message_comes_out_once_and_whole(
            lengths in prop::collection::vec(2usize..60, 1..8),
            order in prop::collection::vec(any::<prop::sample::Index>(), 1..600),
        ) {
            let messages: Vec<Vec<u8>> =
                lengths.iter().enumerate().map(|(m, n)| (0..*n).map(|i| (m * 31 + i) as u8).collect()).collect();
            let (mut partials, now) = (Partials::default(), Instant::now());
            let mut all: Vec<(usize, usize)> =
                (0..messages.len()).flat_map(|m| (0..messages[m].len()).map(move |i| (m, i))).collect();
            let (mut out, mut done) = (Vec::new(), vec![false; messages.len()]);
            let drawn: Vec<_> = order.iter().map(|index| all[index.index(all.len())]).collect();
            all.splice(0..0, drawn);
            for (m, i) in all {
                if done[m] {
                    continue;
                }
                let count = messages[m].len() as u16;
                let taken = partials.take(now, piece(m as u64, i as u16, count, &messages[m][i..i + 1]));
                if let Some(whole) = taken {
                    done[m] = true;
                    out.push((m, whole));
                }
            }
            out.sort();
            prop_assert_eq!(out, messages.into_iter().enumerate().collect::<Vec<_>>());
            prop_assert_eq!(partials.bytes, 0);
        }
    }
}
