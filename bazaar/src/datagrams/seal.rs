//! The seal: who does not have the cluster's key can neither make a datagram nor change one.

use std::fmt;

/// Bytes of a seal: nobody guesses 128 bits.
pub(super) const SEAL: usize = 16;

/// What seals are derived for; never to be used for anything else.
const SEALS: &str = "bazaar 2026 seals of datagrams v1";
/// What the public name of a cluster is derived for.
const NAMES: &str = "bazaar 2026 names of clusters in datagrams v1";

/// The key of one cluster.
#[derive(Clone)]
pub struct Key {
    seals: [u8; 32],
    cluster: [u8; 8],
}

impl Key {
    /// The key of a cluster, out of its name and a secret. Two clusters with the same secret have different keys.
    pub fn derive(cluster: &str, secret: &[u8]) -> Key {
        let mut material = blake3::Hasher::new_derive_key(SEALS);
        material.update(&(cluster.len() as u64).to_le_bytes());
        material.update(cluster.as_bytes());
        material.update(secret);
        let name = blake3::derive_key(NAMES, cluster.as_bytes());
        let mut short = [0; 8];
        short.copy_from_slice(&name[..8]);
        Key { seals: *material.finalize().as_bytes(), cluster: short }
    }

    /// The cluster, for a glance before a seal is computed. No secret.
    pub(super) fn cluster(&self) -> [u8; 8] {
        self.cluster
    }

    /// The seal of some bytes.
    pub(super) fn seal(&self, bytes: &[u8]) -> [u8; SEAL] {
        let mut seal = [0; SEAL];
        seal.copy_from_slice(&blake3::keyed_hash(&self.seals, bytes).as_bytes()[..SEAL]);
        seal
    }

    /// Is this the seal of these bytes? Takes as long for a bad one as for a good one.
    pub(super) fn fits(&self, bytes: &[u8], seal: &[u8; SEAL]) -> bool {
        let ours = self.seal(bytes);
        let difference = ours.iter().zip(seal).fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(difference) == 0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_fits_its_own_bytes_and_key_only() {
        let key = Key::derive("bazaar", b"secret");
        let mut seal = key.seal(b"some bytes");
        assert!(key.fits(b"some bytes", &seal));
        assert!(!key.fits(b"some byteS", &seal));
        for other in [Key::derive("bazaar", b"Secret"), Key::derive("bazaars", b"ecret")] {
            assert!(!other.fits(b"some bytes", &seal));
        }
        for at in 0..SEAL {
            seal[at] ^= 1;
            assert!(!key.fits(b"some bytes", &seal), "byte {at}");
            seal[at] ^= 1;
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", Key::derive("bazaar", b"secret")), "Key(..)");
    }

    #[test]
    fn a_clusters_name_needs_no_secret() {
        let name = |cluster: &str, secret: &[u8]| Key::derive(cluster, secret).cluster();
        assert_eq!(name("a", b"x"), name("a", b"y"));
        assert_ne!(name("a", b"x"), name("b", b"x"));
    }
}
