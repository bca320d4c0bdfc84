//! Idempotency keys: the client's, checked and digested, or one of our own.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::{HeaderMap, HeaderValue};
use market::trade::{Key, WallTime};

use super::answer::Fault;

/// The header's name.
pub(super) const HEADER: &str = "idempotency-key";

/// Most characters in a key.
const MAX_CHARS: usize = 64;

/// Keys belong to a principal. The trading surface has no sign-in, so all its clients are one.
const SCOPE: &[u8] = b"bazaar trading surface, key v1\0";

/// A time inside a key is believed from 2020 on, in milliseconds: an older one is chance, so the key is opaque.
const FIRST_BELIEVED: u64 = 1_577_836_800_000;

/// A time inside a key may be this far ahead of our clock, in milliseconds; further ahead it is chance.
const CLOCK_DRIFT: u64 = 5 * 60 * 1_000;

/// The key of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestKey {
    /// For the trade.
    pub(super) key: Key,
    /// When it was made, if it tells.
    pub(super) born: Option<WallTime>,
    /// As the client may send it again.
    pub(super) text: HeaderValue,
}

/// Makes keys nobody can guess and no two processes share: UUIDv7 with random bits from a keyed hash of a counter.
#[derive(Debug)]
pub(super) struct Keys {
    seed: [u8; 32],
    next: AtomicU64,
}

/// A fresh seed for a surface, from the system's generator.
pub fn entropy() -> std::io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}

impl Keys {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Keys { seed, next: AtomicU64::new(0) }
    }

    /// The request's key, or a new one.
    pub(super) fn of(&self, headers: &HeaderMap, wall: WallTime) -> Result<RequestKey, Fault> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(self.make(wall)) };
        if values.next().is_some() {
            return Err(Fault::bad("bad_idempotency_key", "more than one Idempotency-Key"));
        }
        let bytes = value.as_bytes();
        if !(1..=MAX_CHARS).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
            let message = "an Idempotency-Key is 1 to 64 visible ASCII characters";
            return Err(Fault::bad("bad_idempotency_key", message));
        }
        Ok(RequestKey { key: digest(bytes), born: born(bytes, wall), text: value.clone() })
    }

    fn make(&self, wall: WallTime) -> RequestKey {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let random = blake3::keyed_hash(&self.seed, &number.to_le_bytes());
        let mut bits = [0; 10];
        bits.copy_from_slice(&random.as_bytes()[..10]);
        let uuid = uuid::Builder::from_unix_timestamp_millis(wall.0, &bits).into_uuid();
        let text = uuid.hyphenated().to_string();
        let value = HeaderValue::from_str(&text).expect("a UUID is visible ASCII");
        RequestKey { key: digest(text.as_bytes()), born: Some(wall), text: value }
    }
}

fn digest(text: &[u8]) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(SCOPE).update(text);
    let mut out = [0; 16];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Key(u128::from_be_bytes(out))
}

/// The time inside a UUIDv7 or ULID, if it can be one.
fn born(text: &[u8], wall: WallTime) -> Option<WallTime> {
    let believed = FIRST_BELIEVED..=wall.0.saturating_add(CLOCK_DRIFT);
    uuid_time(text).or_else(|| ulid_time(text)).filter(|ms| believed.contains(ms)).map(WallTime)
}

fn uuid_time(text: &[u8]) -> Option<u64> {
    let uuid = uuid::Uuid::try_parse_ascii(text).ok().filter(|_| text.len() == 36)?;
    let v7 = uuid.get_version_num() == 7 && uuid.get_variant() == uuid::Variant::RFC4122;
    v7.then(|| u64::try_from(uuid.as_u128() >> 80).ok()).flatten()
}

fn ulid_time(text: &[u8]) -> Option<u64> {
    if text.len() != 26 || !(b'0'..=b'7').contains(&text[0]) {
        return None;
    }
    let mut time = 0;
    for (index, byte) in text.iter().enumerate() {
        let digit = crockford(*byte)?;
        if index < 10 {
            time = time << 5 | digit;
        }
    }
    Some(time)
}

fn crockford(byte: u8) -> Option<u64> {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let upper = byte.to_ascii_uppercase();
    ALPHABET.iter().position(|digit| *digit == upper).and_then(|digit| u64::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime(1_760_000_000_000);

    fn given(text: &str) -> Result<RequestKey, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(text).expect("header"));
        Keys::new([0; 32]).of(&headers, NOW)
    }

    #[test]
    fn keys_with_a_time_tell_it() {
        let uuid = given("0199c000-0000-7000-8000-000000000000").expect("good");
        assert_eq!(uuid.born, Some(WallTime(0x0199_c000_0000)));
        let ulid = given("01K71W0000ZZZZZZZZZZZZZZZZ").expect("good");
        assert!(ulid.born.is_some_and(|at| at.0 > FIRST_BELIEVED && at.0 < NOW.0 + CLOCK_DRIFT));
        for opaque in [
            "a",
            "0199c000-0000-4000-8000-000000000000", // version 4
            "0199c000-0000-7000-c000-000000000000", // another variant
            "0fffffff-0000-7000-8000-000000000000", // far ahead
            "00000000-0000-7000-8000-000000000000", // 1970
            "0199c000000070008000000000000000",     // not the canonical form
            "01K71W0000ZZZZZZZZZZZZZZZU",           // U is no Crockford digit
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        ] {
            assert_eq!(given(opaque).expect("good").born, None, "{opaque}");
        }
    }

    #[test]
    fn keys_are_short_and_visible() {
        assert!(given(&"k".repeat(64)).is_ok());
        for bad in [String::new(), "k".repeat(65), "a b".into(), "a\tb".into()] {
            assert_eq!(given(&bad).expect_err("bad").reason, "bad_idempotency_key");
        }
        let mut twice = HeaderMap::new();
        twice.append(HEADER, HeaderValue::from_static("a"));
        twice.append(HEADER, HeaderValue::from_static("a"));
        assert!(Keys::new([0; 32]).of(&twice, NOW).is_err());
    }

    #[test]
    fn a_made_key_is_the_same_when_sent_back() {
        let keys = Keys::new([7; 32]);
        let made = keys.of(&HeaderMap::new(), NOW).expect("made");
        assert_eq!(given(made.text.to_str().expect("ascii")).expect("good"), made);
        let next = keys.of(&HeaderMap::new(), NOW).expect("made");
        assert_ne!(next.key, made.key);
        let other = Keys::new([8; 32]).of(&HeaderMap::new(), NOW).expect("made");
        assert_ne!(other.key, made.key);
    }
}
