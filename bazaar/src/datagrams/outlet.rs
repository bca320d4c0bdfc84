//! From messages to sealed datagrams: many short messages share one, a long one takes several.

use super::header::{EVERYBODY, HEAD, Head, Life};
use super::items::{Item, PIECE, Piece, WHOLE};
use super::limits::MESSAGE_BYTES;
use super::seal::{Key, SEAL};
use super::tally::{Cause, Tally};

/// For whom a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    /// Every other member.
    All,
    /// This member.
    One(u8),
}

impl To {
    fn number(self) -> u8 {
        match self {
            To::All => EVERYBODY,
            To::One(member) => member,
        }
    }
}

/// A datagram ready to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) to: To,
    pub(super) bytes: Vec<u8>,
}

/// What makes datagrams of messages.
#[derive(Debug)]
pub(super) struct Outlet {
    us: u8,
    life: Life,
    key: Key,
    /// Size of the largest datagram, in bytes.
    size: usize,
    /// Number of the last datagram.
    number: u64,
    /// Number of the last message that was cut.
    cut: u64,
}

impl Outlet {
    pub(super) fn new(us: u8, life: Life, key: Key, size: usize) -> Outlet {
        Outlet { us, life, key, size, number: 0, cut: 0 }
    }

    /// Packs messages for one recipient, in their sequence.
    pub(super) fn pack<'a>(
        &mut self,
        to: To,
        messages: impl IntoIterator<Item = &'a [u8]>,
        out: &mut Vec<Sealed>,
        tally: &Tally,
    ) {
        let mut open = self.begin();
        for message in messages {
            if message.len() > MESSAGE_BYTES {
                tally.count_dropped(Cause::TooLong, 1);
                continue;
            }
            tally.count_packed(1);
            if WHOLE + message.len() > self.room(&open) && open.len() > HEAD {
                out.push(self.seal(to, std::mem::replace(&mut open, self.begin())));
            }
            if WHOLE + message.len() <= self.room(&open) {
                Item::Whole(message).write(&mut open);
            } else {
                open = self.cut(to, message, open, out);
            }
        }
        if open.len() > HEAD {
            out.push(self.seal(to, open));
        }
    }

    /// Cuts a message into pieces that fill datagrams; what comes next may join the last one.
    fn cut(&mut self, to: To, message: &[u8], mut open: Vec<u8>, out: &mut Vec<Sealed>) -> Vec<u8> {
        self.cut += 1;
        let pieces = message.chunks(self.room(&open) - PIECE);
        let count = pieces.len() as u16;
        for (bytes, index) in pieces.zip(0..) {
            if index > 0 {
                out.push(self.seal(to, std::mem::replace(&mut open, self.begin())));
            }
            Item::Piece(Piece { message: self.cut, index, count, bytes }).write(&mut open);
        }
        open
    }

    fn begin(&self) -> Vec<u8> {
        let mut open = Vec::with_capacity(self.size);
        open.resize(HEAD, 0);
        open
    }

    fn room(&self, open: &[u8]) -> usize {
        self.size - SEAL - open.len()
    }

    fn seal(&mut self, to: To, mut bytes: Vec<u8>) -> Sealed {
        self.number += 1;
        let head = Head { from: self.us, to: to.number(), life: self.life, number: self.number };
        head.write(self.key.cluster(), &mut bytes);
        let seal = self.key.seal(&bytes);
        bytes.extend_from_slice(&seal);
        Sealed { to, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::LEAST_BYTES;
    use super::*;

    fn outlet(size: usize) -> Outlet {
        Outlet::new(1, Life { incarnation: 1, boot: 1 }, Key::derive("c", b"s"), size)
    }

    fn pack(outlet: &mut Outlet, messages: &[Vec<u8>]) -> (Vec<Sealed>, Tally) {
        let (mut out, tally) = (Vec::new(), Tally::default());
        outlet.pack(To::All, messages.iter().map(Vec::as_slice), &mut out, &tally);
        (out, tally)
    }

    #[test]
    fn short_messages_share_a_datagram_and_none_is_too_large() {
        let (out, tally) = pack(&mut outlet(1_400), &vec![vec![7; 100]; 30]);
        assert_eq!(out.len(), 3, "13 of 103 bytes fit into 1,344");
        assert_eq!(tally.counts().messages_sent, 30);
        for size in [LEAST_BYTES, 1_400, 8_900] {
            let messages: Vec<_> = (0..40).map(|length| vec![1; length * 97]).collect();
            let (out, _) = pack(&mut outlet(size), &messages);
            assert!(out.iter().all(|datagram| datagram.bytes.len() <= size));
            let bytes: usize = messages.iter().map(Vec::len).sum();
            assert!(out.len() <= bytes / (size - 71) * 2 + 2, "{} of {size}", out.len());
        }
    }

    #[test]
    fn the_longest_message_can_be_cut_and_a_longer_one_is_not() {
        let (out, tally) = pack(&mut outlet(LEAST_BYTES), &[vec![3; MESSAGE_BYTES]]);
        assert_eq!(out.len(), MESSAGE_BYTES.div_ceil(LEAST_BYTES - HEAD - SEAL - PIECE));
        assert!(out.len() < usize::from(u16::MAX));
        assert_eq!(tally.dropped(Cause::TooLong), 0);
        let (out, tally) = pack(&mut outlet(1_400), &[vec![3; MESSAGE_BYTES + 1], vec![1]]);
        assert_eq!((out.len(), tally.dropped(Cause::TooLong)), (1, 1));
    }

    #[test]
    fn nothing_makes_no_datagram_and_an_empty_message_makes_one() {
        assert_eq!(pack(&mut outlet(1_400), &[]).0, []);
        assert_eq!(pack(&mut outlet(1_400), &[vec![]]).0.len(), 1);
    }
}
