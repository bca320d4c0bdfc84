//! What the journal keeps, and what it keeps when its disk does what disks do.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use market::bank::{Amount, Card, Entry, Odds, PaymentKey, Terms, Wish, decide};
use market::trade::WallTime;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::journal::*;
use crate::storage::store::StoreError;

const TERMS: Terms = Terms { odds: Odds { approved_ppm: 800_000, seed: 1 }, secret: [3; 32] };
const FOREVER: WallTime = WallTime(u64::MAX);

fn key(number: u64) -> PaymentKey {
    format!("key-{number}").parse().unwrap()
}

fn authorize() -> Wish {
    let card = Card::new("Ada", "4111111111111111", "04/2031", "123");
    Wish::Authorize { card, amount: Amount::from_minor(500).unwrap() }
}

type Done = Result<(), StoreError>;

fn act(rows: &mut Rows<'_>, key: &PaymentKey, wish: &Wish, now: u64) -> Done {
    let entry = rows.get(key)?;
    let decision = decide(key, entry.as_ref(), wish, &TERMS, WallTime(now));
    decision.remember.map_or(Ok(()), |remember| rows.put(key, entry.as_ref(), &remember))
}

fn entries(journal: &Journal) -> BTreeMap<PaymentKey, Entry> {
    let mut all = BTreeMap::new();
    journal.each(|key, entry| assert!(all.insert(key, entry).is_none())).unwrap();
    all
}

/// The list of open authorisations says the same as the entries do.
fn check_open(journal: &Journal) {
    let listed = journal.work(|rows| rows.open_until(FOREVER, None, usize::MAX)).unwrap();
    let mut expected: Vec<_> = entries(journal)
        .into_iter()
        .filter_map(|(key, entry)| Some((entry.open_since()?, key, entry.clone())))
        .collect();
    expected.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let expected: Vec<_> =
        expected.into_iter().map(|(_, key, entry)| OpenEntry { key, entry }).collect();
    assert_eq!(listed, expected);
}

#[test]
fn what_was_written_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/payment");
    let (journal, secret) = Journal::open(&path, false).unwrap();
    journal
        .work(|rows| (0..5).try_for_each(|n| act(rows, &key(n), &authorize(), 100 + n)))
        .unwrap();
    journal.work(|rows| act(rows, &key(1), &Wish::Capture, 200)).unwrap();
    let before = entries(&journal);
    assert_eq!(before.len(), 5);
    drop(journal);
    let (journal, again) = Journal::open(&path, false).unwrap();
    assert_eq!((entries(&journal), again), (before, secret));
    check_open(&journal);
    drop(journal);
    let (journal, other) = Journal::open(&path, true).unwrap();
    assert!(entries(&journal).is_empty(), "it was to begin afresh");
    assert_eq!(other, secret);
}

#[test]
fn a_batch_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), false).unwrap();
    let failed = journal.work(|rows| {
        act(rows, &key(1), &authorize(), 1)?;
        Err::<(), _>(StoreError::Damaged("a test".into()))
    });
    assert!(failed.is_err());
    assert!(entries(&journal).is_empty());
}

#[test]
fn pages_of_open_authorisations_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), false).unwrap();
    // Three at each time, so that pages end between keys of one time.
    journal.work(|rows| (0..30).try_for_each(|n| act(rows, &key(n), &authorize(), n / 3))).unwrap();
    let all = journal.work(|rows| rows.open_until(WallTime(7), None, usize::MAX)).unwrap();
    let mut behind: Option<Behind> = None;
    let mut found = Vec::new();
    loop {
        let page = journal.work(|rows| rows.open_until(WallTime(7), behind.as_ref(), 4)).unwrap();
        let Some(last) = page.last() else { break };
        let asked_at = last.entry.open_since().unwrap();
        behind = Some(Behind { asked_at, key: last.key.clone() });
        found.extend(page);
    }
    assert_eq!(found, all);
    assert!(
        all.iter().all(|open| open.entry.open_since().unwrap() <= WallTime(7)) && all.len() > 10
    );
    let late = Some(Behind { asked_at: WallTime(8), key: key(1) });
    assert!(
        journal.work(|rows| rows.open_until(WallTime(7), late.as_ref(), 4)).unwrap().is_empty()
    );
}

#[test]
fn one_process_at_a_time_and_never_without_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), false).unwrap();
    assert!(matches!(Journal::open(folder.path(), false), Err(JournalError::InUse(_))));
    drop(journal);
    let secret = folder.path().join("card.secret");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&secret).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "nobody else may read it");
    let good = std::fs::read(&secret).unwrap();
    std::fs::remove_file(&secret).unwrap();
    assert!(matches!(Journal::open(folder.path(), false), Err(JournalError::Secret(_))));
    std::fs::write(&secret, [1; 32]).unwrap();
    assert!(matches!(Journal::open(folder.path(), false), Err(JournalError::Secret(_))));
    std::fs::write(&secret, [1; 31]).unwrap();
    assert!(matches!(Journal::open(folder.path(), false), Err(JournalError::Secret(_))));
    std::fs::write(&secret, good).unwrap();
    assert!(Journal::open(folder.path(), false).is_ok());
}

#[test]
fn a_file_of_something_else_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    drop(Journal::open(folder.path(), false).unwrap());
    std::fs::write(folder.path().join("entries"), vec![b'x'; 100_000]).unwrap();
    let error = Journal::open(folder.path(), false).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
}

/// What was asked of a disk.
#[derive(Clone, Debug)]
enum Asked {
    Write(u64, Vec<u8>),
    Resize(u64),
    Sync,
}

/// A disk that remembers everything that was asked of it, so that a crash can be made up at any moment of its life.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug, Default)]
struct Platter {
    now: Vec<u8>,
    asked: Vec<Asked>,
}

fn perform(bytes: &mut Vec<u8>, asked: &Asked) {
    match asked {
        Asked::Write(at, data) => {
            let (at, end) = (*at as usize, *at as usize + data.len());
            bytes.resize(bytes.len().max(end), 0);
            bytes[at..end].copy_from_slice(data);
        }
        Asked::Resize(length) => bytes.resize(*length as usize, 0),
        Asked::Sync => {}
    }
}

impl Disk {
    fn holding(bytes: Vec<u8>) -> Disk {
        Disk(Arc::new(Mutex::new(Platter { now: bytes, asked: Vec::new() })))
    }

    fn ask(&self, asked: Asked) {
        let mut platter = self.0.lock();
        perform(&mut platter.now, &asked);
        platter.asked.push(asked);
    }

    fn moments(&self) -> usize {
        self.0.lock().asked.len()
    }

    /// What a crash before the `moment`th thing leaves: everything up to the last sync, and of what came after it whatever the
    /// disk happened to write, sector by sector.
    fn after_crash(&self, moment: usize, chance: &mut ChaCha8Rng) -> Vec<u8> {
        let platter = self.0.lock();
        let before = &platter.asked[..moment];
        let synced =
            before.iter().rposition(|asked| matches!(asked, Asked::Sync)).map_or(0, |at| at + 1);
        let mut bytes = Vec::new();
        before[..synced].iter().for_each(|asked| perform(&mut bytes, asked));
        for asked in &before[synced..] {
            match asked {
                Asked::Write(at, data) => {
                    for (index, sector) in data.chunks(512).enumerate() {
                        if chance.random_bool(0.5) {
                            let at = at + 512 * index as u64;
                            perform(&mut bytes, &Asked::Write(at, sector.to_vec()));
                        }
                    }
                }
                Asked::Resize(_) if chance.random_bool(0.5) => perform(&mut bytes, asked),
                _ => {}
            }
        }
        bytes
    }
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.0.lock();
        let at = offset as usize;
        let part = platter.now.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.ask(Asked::Resize(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.ask(Asked::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.ask(Asked::Write(offset, data.to_vec()));
        Ok(())
    }
}

/// A life of batches, and a crash at many of its moments: what was answered is there, and of the batch under way all or nothing.
#[test]
fn whatever_was_answered_survives_a_crash_at_any_moment() {
    let mut chance = ChaCha8Rng::seed_from_u64(20_260_401);
    let disk = Disk::default();
    let journal = Journal::on(disk.clone()).unwrap();
    // After how many moments each state of the journal was vouched for.
    let mut vouched = vec![(disk.moments(), BTreeMap::new())];
    for now in 0..40 {
        journal
            .work(|rows| {
                for _ in 0..chance.random_range(1..8) {
                    let wish = match chance.random_range(0..4) {
                        0 => Wish::Capture,
                        1 => Wish::Void,
                        _ => authorize(),
                    };
                    act(rows, &key(chance.random_range(0..60)), &wish, now)?;
                }
                Ok(())
            })
            .unwrap();
        vouched.push((disk.moments(), entries(&journal)));
    }
    let (first, last) = (vouched[0].0, disk.moments());
    let mut torn = 0;
    for _ in 0..150 {
        let moment = chance.random_range(first..=last);
        let answered = vouched.iter().rposition(|(at, _)| *at <= moment).unwrap();
        let bytes = disk.after_crash(moment, &mut chance);
        let journal =
            Journal::on(Disk::holding(bytes)).unwrap_or_else(|error| panic!("{moment}: {error}"));
        let found = entries(&journal);
        let under_way = vouched.get(answered + 1).map(|(_, state)| state);
        let whole = found == vouched[answered].1 || Some(&found) == under_way;
        assert!(whole, "crash at {moment} after batch {answered}");
        torn += usize::from(Some(&found) != under_way && moment > vouched[answered].0);
        check_open(&journal);
        // It goes on from there.
        journal.work(|rows| act(rows, &key(1_000), &authorize(), 99)).unwrap();
        assert!(entries(&journal).contains_key(&key(1_000)));
    }
    assert!(torn > 20, "most crashes tear something: {torn}");
}
