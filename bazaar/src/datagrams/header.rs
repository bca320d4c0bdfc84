//! The head of every datagram: of fixed length and layout, so that it can be judged before anything is parsed.
//!
//! ```text
//! magic 4 | version 1 | from 1 | to 1 | zero 1 | cluster 8 | incarnation 8 | boot 8 | number 8     little-endian
//! ```

/// Bytes of a head.
pub(super) const HEAD: usize = 40;
const MAGIC: [u8; 4] = *b"BZdg";
const VERSION: u8 = 1;
/// Recipient of what is for everybody.
pub(super) const EVERYBODY: u8 = 0;

/// Which start of which disk of a member sends. A later one is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life {
    /// Of the disk.
    pub incarnation: u64,
    /// Of the start.
    pub boot: u64,
}

/// What a datagram says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Who sends it.
    pub from: u8,
    /// To whom: a member, or [`EVERYBODY`].
    pub to: u8,
    /// Which life of the sender.
    pub life: Life,
    /// Number of the datagram in that life, from 1.
    pub number: u64,
}

impl Head {
    /// Writes the head over the first bytes of a datagram.
    pub(super) fn write(&self, cluster: [u8; 8], datagram: &mut [u8]) {
        datagram[..4].copy_from_slice(&MAGIC);
        datagram[4..8].copy_from_slice(&[VERSION, self.from, self.to, 0]);
        datagram[8..16].copy_from_slice(&cluster);
        datagram[16..24].copy_from_slice(&self.life.incarnation.to_le_bytes());
        datagram[24..32].copy_from_slice(&self.life.boot.to_le_bytes());
        datagram[32..40].copy_from_slice(&self.number.to_le_bytes());
    }

    /// Reads a head; `None` if these bytes are nothing of this cluster's.
    pub(super) fn read(cluster: [u8; 8], datagram: &[u8; HEAD]) -> Option<Head> {
        let ours = datagram[..5] == [MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3], VERSION]
            && datagram[7] == 0
            && datagram[8..16] == cluster;
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&datagram[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let life = Life { incarnation: word(16), boot: word(24) };
        ours.then(|| Head { from: datagram[5], to: datagram[6], life, number: word(32) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_and_a_strange_one_does_not() {
        let life = Life { incarnation: 1 << 50, boot: 77 };
        let head = Head { from: 3, to: 5, life, number: 1 << 40 };
        let mut bytes = [9; HEAD];
        head.write(*b"clusters", &mut bytes);
        assert_eq!(Head::read(*b"clusters", &bytes), Some(head));
        assert_eq!(Head::read(*b"clusterS", &bytes), None);
        for at in [0, 1, 2, 3, 4, 7, 8, 15] {
            let mut bad = bytes;
            bad[at] ^= 1;
            assert_eq!(Head::read(*b"clusters", &bad), None, "byte {at}");
        }
    }
}
