//! Frames: how a batch of log writes lies on disk.
//!
//! One frame is one synced batch, and is only written after the one before it was synced. That is what makes recovery
//! exact: of all frames only the last may be torn, so a bad frame with a good one after it was damaged later.

use crc32c::{crc32c, crc32c_append};

/// Frames begin at multiples of this: the sector size below which disks do not tear, so that writing a frame never
/// touches a sector of the one before it, which somebody relies on already.
pub(super) const ALIGN: usize = 512;
/// Bytes of a frame before its payload.
pub(super) const HEADER: usize = 32;
/// Marks the start of a frame.
const MAGIC: [u8; 4] = *b"BZfr";

/// A frame that passed its checksums.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Number of the batch, from 1, one more than the batch before.
    pub batch: u64,
    /// The encoded writes.
    pub payload: &'a [u8],
    /// Bytes the frame takes on disk, padding included.
    pub size: usize,
}

/// Bytes a frame with so long a payload takes on disk.
pub(super) fn size(payload: usize) -> usize {
    (HEADER + payload).next_multiple_of(ALIGN)
}

/// Makes room for a header at the start of an empty buffer; the payload is appended after it.
pub(super) fn start(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEADER, 0);
}

/// Pads a buffer that holds room for a header and a payload, and fills the header in.
///
/// The salt is the segment's random number: bytes of a client inside a command can therefore never look like a frame,
/// nor can what another segment left in a reused block.
pub(super) fn finish(buffer: &mut Vec<u8>, batch: u64, salt: u64) {
    let length = (buffer.len() - HEADER) as u32;
    buffer.resize(buffer.len().next_multiple_of(ALIGN), 0);
    let sum = crc32c_append(crc32c(&salt.to_le_bytes()), &buffer[HEADER..]);
    buffer[0..4].copy_from_slice(&MAGIC);
    buffer[4..8].copy_from_slice(&length.to_le_bytes());
    buffer[8..16].copy_from_slice(&batch.to_le_bytes());
    buffer[16..20].copy_from_slice(&sum.to_le_bytes());
    buffer[20..28].fill(0);
    let header_sum = crc32c_append(crc32c(&salt.to_le_bytes()), &buffer[..28]);
    buffer[28..32].copy_from_slice(&header_sum.to_le_bytes());
}

/// Reads the frame at the start of `data`, if a whole and good one is there.
pub(super) fn parse(data: &[u8], salt: u64) -> Option<Frame<'_>> {
    let (batch, length, sum) = header(data, salt)?;
    let body = data.get(HEADER..size(length))?;
    if crc32c_append(crc32c(&salt.to_le_bytes()), body) != sum {
        return None;
    }
    Some(Frame { batch, payload: &body[..length], size: size(length) })
}

/// Is there a good frame header anywhere in `data`, at a place where frames begin? A header alone is proof enough that
/// the frame before it was synced once.
pub(super) fn any_header(data: &[u8], salt: u64) -> bool {
    data.chunks(ALIGN).any(|chunk| header(chunk, salt).is_some())
}

/// Batch, payload length and payload checksum, if the header is good.
fn header(data: &[u8], salt: u64) -> Option<(u64, usize, u32)> {
    let head = data.first_chunk::<HEADER>()?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if head[..4] != MAGIC || crc32c_append(crc32c(&salt.to_le_bytes()), &head[..28]) != word(28) {
        return None;
    }
    let batch = u64::from(word(8)) | u64::from(word(12)) << 32;
    Some((batch, word(4) as usize, word(16)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(payload: &[u8]) -> Vec<u8> {
        let mut buffer = Vec::new();
        start(&mut buffer);
        buffer.extend_from_slice(payload);
        finish(&mut buffer, 7, 99);
        buffer
    }

    #[test]
    fn a_frame_comes_back() {
        for length in [0, 1, 480, 481, 2_000] {
            let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let bytes = sample(&payload);
            assert_eq!(bytes.len(), size(length));
            let frame = parse(&bytes, 99).unwrap();
            assert_eq!((frame.batch, frame.payload, frame.size), (7, &payload[..], bytes.len()));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = sample(b"some writes");
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                assert_eq!(parse(&bad, 99), None, "byte {at}, bit {bit}");
            }
            assert_eq!(parse(&bytes[..at], 99), None, "cut at {at}");
        }
    }

    #[test]
    fn another_segments_frame_is_not_ours() {
        let bytes = sample(b"left behind");
        assert_eq!(parse(&bytes, 98), None);
        assert!(any_header(&bytes, 99) && !any_header(&bytes, 98));
    }
}
