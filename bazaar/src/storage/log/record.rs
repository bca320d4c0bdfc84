//! What a frame of the log says, in bytes: a versioned, little-endian list of log writes.
//!
//! An own codec rather than a derived one, because these bytes outlive the program that wrote them: the layout must
//! not change by accident when a type of the engines does.

use bytes::Bytes;
use replication::contract::{ChainHash, Entry, HardState, LogWrite};

/// Version of this layout; the first byte of every payload.
const VERSION: u8 = 3;
/// Read as well: no notes, no digests.
const WITHOUT_NOTES: u8 = 2;
/// Read as well: no votes and no resets either.
const WITHOUT_VOTES: u8 = 1;
/// Version and count.
const HEADER: usize = 1 + 4;
/// The shortest write: a truncation. Bounds what a count may claim, so that decoding never allocates
/// more than a few times its input.
const SHORTEST: usize = 1 + 8;
/// Bytes of an append besides its command.
const APPEND: usize = 1 + 8 + 16 + 4;

const TAG_APPEND: u8 = 1;
const TAG_TRUNCATE: u8 = 2;
const TAG_STATE: u8 = 3;
const TAG_RESET: u8 = 4;
const TAG_NOTE: u8 = 5;
const TAG_DIGEST: u8 = 6;

/// Bytes that are no list of log writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordError {
    /// Written by another version of this program.
    #[error("the record has layout version {0}, this program reads up to version {VERSION}")]
    Version(u8),
    /// The bytes end before the record does.
    #[error("the record ends too early")]
    Short,
    /// A write of a kind that does not exist.
    #[error("the record holds a write of unknown kind {0}")]
    Kind(u8),
    /// More bytes than the record needs.
    #[error("the record is followed by {0} bytes that do not belong to it")]
    Trailing(usize),
}

/// How many bytes [`encode`] adds for one write.
pub(super) fn encoded_len(write: &LogWrite) -> usize {
    match write {
        LogWrite::Append(entry) => APPEND + entry.command.len(),
        LogWrite::Truncate(_) => SHORTEST,
        LogWrite::Reset { .. } => 1 + 8 + 16,
        LogWrite::State(_) => 1 + 8 + 1 + 8,
        LogWrite::Note(note) | LogWrite::Digest(note) => SHORTEST + note.len(),
    }
}

/// Appends the encoding of some writes to a buffer. A command longer than `u32::MAX` is the caller's to refuse.
pub(super) fn encode(writes: &[LogWrite], out: &mut Vec<u8>) {
    out.push(VERSION);
    out.extend_from_slice(&(writes.len() as u32).to_le_bytes());
    for write in writes {
        encode_one(write, out);
    }
}

fn encode_one(write: &LogWrite, out: &mut Vec<u8>) {
    match write {
        LogWrite::Append(entry) => {
            out.push(TAG_APPEND);
            out.extend_from_slice(&entry.position.to_le_bytes());
            out.extend_from_slice(&entry.hash.0);
            out.extend_from_slice(&(entry.command.len() as u32).to_le_bytes());
            out.extend_from_slice(&entry.command);
        }
        LogWrite::Truncate(position) => {
            out.push(TAG_TRUNCATE);
            out.extend_from_slice(&position.to_le_bytes());
        }
        LogWrite::Reset { position, hash } => {
            out.push(TAG_RESET);
            out.extend_from_slice(&position.to_le_bytes());
            out.extend_from_slice(&hash.0);
        }
        LogWrite::State(state) => {
            out.push(TAG_STATE);
            out.extend_from_slice(&state.epoch.to_le_bytes());
            out.push(state.vote);
            out.extend_from_slice(&state.commit.to_le_bytes());
        }
        LogWrite::Note(note) => encode_note(TAG_NOTE, note, out),
        LogWrite::Digest(note) => encode_note(TAG_DIGEST, note, out),
    }
}

fn encode_note(tag: u8, note: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&(note.len() as u64).to_le_bytes());
    out.extend_from_slice(note);
}

/// Reads what [`encode`] wrote, or its forerunners. Total: any input gives writes or an error.
pub(super) fn decode(input: &[u8]) -> Result<Vec<LogWrite>, RecordError> {
    let mut reader = Reader(input);
    let version = reader.byte()?;
    if !(WITHOUT_VOTES..=VERSION).contains(&version) {
        return Err(RecordError::Version(version));
    }
    let count = reader.u32()? as usize;
    if count > input.len().saturating_sub(HEADER) / SHORTEST {
        return Err(RecordError::Short);
    }
    let mut writes = Vec::with_capacity(count);
    for _ in 0..count {
        writes.push(decode_one(version, &mut reader)?);
    }
    match reader.0.len() {
        0 => Ok(writes),
        more => Err(RecordError::Trailing(more)),
    }
}

fn decode_one(version: u8, reader: &mut Reader<'_>) -> Result<LogWrite, RecordError> {
    match reader.byte()? {
        TAG_APPEND => {
            let position = reader.u64()?;
            let hash = ChainHash(reader.array()?);
            let length = reader.u32()? as usize;
            let command = Bytes::copy_from_slice(reader.take(length)?);
            Ok(LogWrite::Append(Entry { position, hash, command }))
        }
        TAG_TRUNCATE => Ok(LogWrite::Truncate(reader.u64()?)),
        TAG_STATE => {
            let epoch = reader.u64()?;
            let vote = if version == WITHOUT_VOTES { 0 } else { reader.byte()? };
            Ok(LogWrite::State(HardState { epoch, vote, commit: reader.u64()? }))
        }
        TAG_RESET if version >= WITHOUT_NOTES => {
            Ok(LogWrite::Reset { position: reader.u64()?, hash: ChainHash(reader.array()?) })
        }
        TAG_NOTE if version >= VERSION => Ok(LogWrite::Note(reader.note()?)),
        TAG_DIGEST if version >= VERSION => Ok(LogWrite::Digest(reader.note()?)),
        other => Err(RecordError::Kind(other)),
    }
}

/// Reads from the front of a slice, never past its end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(RecordError::Short)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(RecordError::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8, RecordError> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, RecordError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, RecordError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn note(&mut self) -> Result<Bytes, RecordError> {
        let length = usize::try_from(self.u64()?).map_err(|_| RecordError::Short)?;
        Ok(Bytes::copy_from_slice(self.take(length)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_write() -> impl Strategy<Value = LogWrite> {
        prop_oneof![
            (any::<u64>(), any::<[u8; 16]>(), prop::collection::vec(any::<u8>(), 0..80)).prop_map(
                |(position, hash, command)| LogWrite::Append(Entry {
                    position,
                    hash: ChainHash(hash),
                    command: command.into(),
                })
            ),
            any::<u64>().prop_map(LogWrite::Truncate),
            any::<(u64, u8, u64)>().prop_map(|(epoch, vote, commit)| LogWrite::State(HardState {
                epoch,
                vote,
                commit
            })),
            any::<(u64, [u8; 16])>()
                .prop_map(|(position, hash)| LogWrite::Reset { position, hash: ChainHash(hash) }),
            any_note().prop_map(LogWrite::Note),
            any_note().prop_map(LogWrite::Digest),
        ]
    }

    fn any_note() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..80).prop_map(Bytes::from)
    }

    fn is_note(write: &LogWrite) -> bool {
        matches!(write, LogWrite::Note(_) | LogWrite::Digest(_))
    }

    /// The same writes in the bytes of version 1: without votes.
    fn encode_without_votes(writes: &[LogWrite]) -> Vec<u8> {
        let mut out = vec![WITHOUT_VOTES];
        out.extend_from_slice(&(writes.len() as u32).to_le_bytes());
        for write in writes {
            let start = out.len();
            encode_one(write, &mut out);
            if matches!(write, LogWrite::State(_)) {
                out.remove(start + 1 + 8);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(writes in prop::collection::vec(any_write(), 0..20)) {
            let mut bytes = Vec::new();
            encode(&writes, &mut bytes);
            let expected: usize = HEADER + writes.iter().map(encoded_len).sum::<usize>();
            prop_assert_eq!(bytes.len(), expected);
            prop_assert_eq!(decode(&bytes).unwrap(), writes);
        }

        #[test]
        fn every_prefix_is_refused(writes in prop::collection::vec(any_write(), 0..6)) {
            let mut bytes = Vec::new();
            encode(&writes, &mut bytes);
            for end in 0..bytes.len() {
                prop_assert!(decode(&bytes[..end]).is_err());
            }
            bytes.push(0);
            prop_assert_eq!(decode(&bytes), Err(RecordError::Trailing(1)));
        }

        #[test]
        fn the_first_version_is_read(writes in prop::collection::vec(any_write(), 0..20)) {
            let writes: Vec<_> = writes
                .into_iter()
                .filter(|write| !matches!(write, LogWrite::Reset { .. }) && !is_note(write))
                .collect();
            let bytes = encode_without_votes(&writes);
            let without_vote = |write: &LogWrite| match write {
                LogWrite::State(state) => LogWrite::State(HardState { vote: 0, ..*state }),
                other => other.clone(),
            };
            let expected: Vec<_> = writes.iter().map(without_vote).collect();
            prop_assert_eq!(decode(&bytes).unwrap(), expected);
            for end in 0..bytes.len() {
                prop_assert!(decode(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn the_second_version_is_read(writes in prop::collection::vec(any_write(), 0..20)) {
            let known: Vec<_> = writes.iter().filter(|write| !is_note(write)).cloned().collect();
            let mut bytes = Vec::new();
            encode(&known, &mut bytes);
            bytes[0] = WITHOUT_NOTES;
            prop_assert_eq!(decode(&bytes).unwrap(), known);
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(first) = bytes.first_mut() { *first = VERSION; }
            if let Ok(writes) = decode(&bytes) {
                let mut again = Vec::new();
                encode(&writes, &mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }

    #[test]
    fn versions_know_their_own_kinds_only() {
        let reset = LogWrite::Reset { position: 7, hash: ChainHash([1; 16]) };
        let bytes = encode_without_votes(&[reset]);
        assert_eq!(decode(&bytes), Err(RecordError::Kind(TAG_RESET)));
        for (note, tag) in [
            (LogWrite::Note(Bytes::from_static(b"n")), TAG_NOTE),
            (LogWrite::Digest(Bytes::from_static(b"d")), TAG_DIGEST),
        ] {
            for older in [WITHOUT_VOTES, WITHOUT_NOTES] {
                let mut bytes = Vec::new();
                encode(std::slice::from_ref(&note), &mut bytes);
                bytes[0] = older;
                assert_eq!(decode(&bytes), Err(RecordError::Kind(tag)), "version {older}");
            }
        }
        for unknown in [0, VERSION + 1] {
            let mut bytes = Vec::new();
            encode(&[LogWrite::Truncate(1)], &mut bytes);
            bytes[0] = unknown;
            assert_eq!(decode(&bytes), Err(RecordError::Version(unknown)));
        }
    }

    #[test]
    fn a_count_alone_allocates_nothing() {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(decode(&bytes), Err(RecordError::Short));
    }
}
