//! What stands between head and seal: whole messages and pieces of long ones, one after the other.
//!
//! ```text
//! whole   1 | length 2 | bytes
//! piece   2 | message 8 | index 2 | count 2 | length 2 | bytes                                      little-endian
//! ```

/// Bytes of a whole message besides itself.
pub(super) const WHOLE: usize = 1 + 2;
/// Bytes of a piece besides itself.
pub(super) const PIECE: usize = 1 + 8 + 2 + 2 + 2;

const TAG_WHOLE: u8 = 1;
const TAG_PIECE: u8 = 2;

/// A message, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A message.
    Whole(&'a [u8]),
    /// A part of a message that is longer than a datagram.
    Piece(Piece<'a>),
}

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Number of the message among its sender's long ones.
    pub message: u64,
    /// Which part, from 0.
    pub index: u16,
    /// How many parts there are: at least 2.
    pub count: u16,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Bytes that are no items: a bug of whoever sealed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Item<'_> {
    /// Appends the item. What is longer than 65,535 bytes is the caller's to cut.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Item::Whole(bytes) => {
                out.push(TAG_WHOLE);
                out.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
                out.extend_from_slice(bytes);
            }
            Item::Piece(piece) => {
                out.push(TAG_PIECE);
                out.extend_from_slice(&piece.message.to_le_bytes());
                for number in [piece.index, piece.count, piece.bytes.len() as u16] {
                    out.extend_from_slice(&number.to_le_bytes());
                }
                out.extend_from_slice(piece.bytes);
            }
        }
    }

    /// Reads the item at the start of some bytes, and what follows it. Total.
    pub(super) fn read(bytes: &[u8]) -> Result<(Item<'_>, &[u8]), Malformed> {
        let (tag, rest) = bytes.split_first().ok_or(Malformed)?;
        match *tag {
            TAG_WHOLE => {
                let (length, rest) = number(rest)?;
                let (bytes, rest) = take(rest, length)?;
                Ok((Item::Whole(bytes), rest))
            }
            TAG_PIECE => {
                let (message, rest) = rest.split_first_chunk().ok_or(Malformed)?;
                let message = u64::from_le_bytes(*message);
                let (index, rest) = number(rest)?;
                let (count, rest) = number(rest)?;
                let (length, rest) = number(rest)?;
                let (bytes, rest) = take(rest, length)?;
                // An empty piece could cost more to keep than it took to send.
                if count < 2 || index >= count || bytes.is_empty() {
                    return Err(Malformed);
                }
                Ok((Item::Piece(Piece { message, index, count, bytes }), rest))
            }
            _ => Err(Malformed),
        }
    }
}

fn number(bytes: &[u8]) -> Result<(u16, &[u8]), Malformed> {
    let (number, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    Ok((u16::from_le_bytes(*number), rest))
}

fn take(bytes: &[u8], length: u16) -> Result<(&[u8], &[u8]), Malformed> {
    bytes.split_at_checked(usize::from(length)).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_comes_back(
            bytes in prop::collection::vec(any::<u8>(), 1..300),
            (message, index, more) in any::<(u64, u16, u8)>(),
            behind in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let count = index.saturating_add(2 + u16::from(more));
            let index = index.min(count - 1);
            let piece = Piece { message, index, count, bytes: &bytes };
            for (item, head) in [(Item::Whole(&bytes), WHOLE), (Item::Piece(piece), PIECE)] {
                let mut out = Vec::new();
                item.write(&mut out);
                prop_assert_eq!(out.len(), head + bytes.len());
                for end in 0..out.len() {
                    prop_assert_eq!(Item::read(&out[..end]), Err(Malformed));
                }
                out.extend_from_slice(&behind);
                prop_assert_eq!(Item::read(&out), Ok((item, &behind[..])));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok((item, rest)) = Item::read(&bytes) {
                let mut again = Vec::new();
                item.write(&mut again);
                again.extend_from_slice(rest);
                prop_assert_eq!(again, bytes);
            }
        }
    }

    #[test]
    fn impossible_pieces_are_refused() {
        for (index, count, bytes) in
            [(0, 1, b"x".as_slice()), (2, 2, b"x"), (0, 0, b"x"), (0, 2, b"")]
        {
            let mut out = Vec::new();
            Item::Piece(Piece { message: 1, index, count, bytes }).write(&mut out);
            assert_eq!(Item::read(&out), Err(Malformed), "{index} of {count}");
        }
    }
}
