//! What the log holds at one place: `kind (1 byte) | term (varint) | payload`.
//!
//! The library's own fields of an entry do not exist on disk or in messages of ours; these three are all there is, and
//! the chain hash covers them. The payload is a slice of the envelope, never a copy.

use bytes::Bytes;

use crate::contract::Epoch;

/// What an entry is about. The number is its name on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// Somebody's command.
    Command = 1,
    /// The first entry of a term.
    Empty = 2,
    /// A change of members (`facts::Change`).
    Members = 3,
    /// Who belongs to the group and with which disks (`facts::Roll`).
    Roll = 4,
}

/// An envelope, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) kind: EntryKind,
    pub(super) term: Epoch,
    pub(super) payload: Bytes,
}

/// Longest header: kind and a varint of 64 bits.
const HEADER: usize = 11;

pub(super) fn seal(kind: EntryKind, term: Epoch, payload: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.push(kind as u8);
    let mut rest = term;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes.extend_from_slice(payload);
    Bytes::from(bytes)
}

/// `None` if this is no envelope, or not the one way to write it.
pub(super) fn open(bytes: &Bytes) -> Option<Envelope> {
    let kind = match bytes.first()? {
        1 => EntryKind::Command,
        2 => EntryKind::Empty,
        3 => EntryKind::Members,
        4 => EntryKind::Roll,
        _ => return None,
    };
    let (mut term, mut at) = (0_u64, 1);
    loop {
        let byte = *bytes.get(at)?;
        let shift = 7 * (at - 1);
        let bits = u64::from(byte & 0x7F);
        if shift >= 64 || (bits << shift) >> shift != bits || (byte == 0 && at > 1) {
            return None;
        }
        term |= bits << shift;
        at += 1;
        if byte < 0x80 {
            break;
        }
    }
    let payload = bytes.slice(at..);
    (kind != EntryKind::Empty || payload.is_empty()).then_some(Envelope { kind, term, payload })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_sealed_opens(kind in 1_u8..5, term: u64, payload: Vec<u8>) {
            let kind = [EntryKind::Command, EntryKind::Empty, EntryKind::Members, EntryKind::Roll][usize::from(kind) - 1];
            let payload = if kind == EntryKind::Empty { Vec::new() } else { payload };
            let opened = open(&seal(kind, term, &payload));
            prop_assert_eq!(opened, Some(Envelope { kind, term, payload: Bytes::from(payload) }));
        }

        #[test]
        fn whatever_opens_is_written_one_way(bytes: Vec<u8>) {
            let bytes = Bytes::from(bytes);
            if let Some(envelope) = open(&bytes) {
                prop_assert_eq!(seal(envelope.kind, envelope.term, &envelope.payload), bytes);
            }
        }
    }
}
