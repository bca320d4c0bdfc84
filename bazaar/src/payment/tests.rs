//! The teller: decisions shared by one commit, and its end when the disk fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use market::bank::{Amount, Card, Odds, PaymentKey, Receipt, Refusal, Standing, Terms, Wish};
use market::trade::WallTime;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::soap::{Answer, OpenPage, Request};
use super::teller::Silent;
use super::*;

/// The 15th of March 2027.
const NOW: u64 = 1_805_068_800_000;

fn terms(secret: [u8; 32]) -> Terms {
    Terms { odds: Odds { approved_ppm: 1_000_000, seed: 1 }, secret }
}

fn key(text: &str) -> PaymentKey {
    text.parse().unwrap()
}

fn request(at: &str, wish: Wish) -> Request {
    Request::Wish { key: key(at), wish }
}

fn process(minor: u64) -> Wish {
    let card = Card::new("Ada", "4111111111111111", "04/27", "123");
    Wish::Process { card, amount: Amount::from_minor(minor).unwrap() }
}

fn authorize() -> Wish {
    let Wish::Process { card, amount } = process(500) else { unreachable!() };
    Wish::Authorize { card, amount }
}

fn standing(answer: Result<Answer, Refusal>) -> Standing {
    match answer.unwrap() {
        Answer::Receipt { receipt: Receipt { standing, .. }, .. } => standing,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_hundred_retries_at_once_are_one_charge() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, secret) = Journal::open(folder.path(), false).unwrap();
    let teller = Teller::spawn(journal, terms(secret), || WallTime(NOW)).unwrap();
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..100 {
        let teller = teller.clone();
        // One of them means something else; whoever comes first wins, and never both.
        asking.spawn(async move { teller.ask(request("k", process(500 + n / 99))).await });
    }
    let answers = asking.join_all().await;
    let captured = answers.iter().filter(|it| matches!(it, Ok(Ok(_)))).count();
    let refused = answers.iter().filter(|it| **it == Ok(Err(Refusal::KeyReused))).count();
    assert_eq!(captured + refused, 100, "{answers:?}");
    assert!(captured == 99 || captured == 1, "{captured}");
    teller.close().await;
    let (journal, _) = Journal::open(folder.path(), false).unwrap();
    let mut entries = 0;
    journal.each(|_, _| entries += 1).unwrap();
    assert_eq!(entries, 1);
}

#[tokio::test]
async fn open_authorisations_are_listed_by_age_and_page() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, secret) = Journal::open(folder.path(), false).unwrap();
    let time = Arc::new(std::sync::atomic::AtomicU64::new(NOW));
    let clock = time.clone();
    let now = move || WallTime(clock.load(Ordering::Relaxed));
    let teller = Teller::spawn(journal, terms(secret), now).unwrap();
    for n in 0..60 {
        teller.ask(request(&format!("k{n:02}"), authorize())).await.unwrap().unwrap();
    }
    teller.ask(request("k07", Wish::Capture)).await.unwrap().unwrap();
    let list = |behind| {
        let request = Request::ListOpen { older_than_seconds: 10, behind };
        let teller = teller.clone();
        async move {
            match teller.ask(request).await.unwrap().unwrap() {
                Answer::Open(page) => page,
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(list(None).await, OpenPage::default(), "none is old enough");
    time.store(NOW + 10_000, Ordering::Relaxed);
    let first = list(None).await;
    assert_eq!(first.charges.len(), 50);
    let second = list(first.next.clone()).await;
    assert_eq!((second.charges.len(), &second.next), (9, &None));
    let keys: Vec<_> =
        first.charges.iter().chain(&second.charges).map(|it| it.key.to_string()).collect();
    let expected: Vec<_> = (0..60).filter(|n| *n != 7).map(|n| format!("k{n:02}")).collect();
    assert_eq!(keys, expected);
    // A clock that was set back makes nothing old.
    time.store(0, Ordering::Relaxed);
    assert_eq!(list(None).await, OpenPage::default());
}

/// A disk that fails on demand.
#[derive(Debug)]
struct Failing {
    inner: InMemoryBackend,
    fails: Arc<AtomicBool>,
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("a failed sync"));
        }
        self.inner.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }
}

#[tokio::test]
async fn a_sync_that_fails_ends_the_teller_without_an_answer() {
    let fails = Arc::new(AtomicBool::new(false));
    let journal =
        Journal::on(Failing { inner: InMemoryBackend::new(), fails: fails.clone() }).unwrap();
    let teller = Teller::spawn(journal, terms([1; 32]), || WallTime(NOW)).unwrap();
    assert_eq!(standing(teller.ask(request("k", process(500))).await.unwrap()), Standing::Captured);
    fails.store(true, Ordering::Relaxed);
    assert_eq!(teller.ask(request("l", process(500))).await, Err(Silent::Gone));
    let why =
        tokio::time::timeout(std::time::Duration::from_secs(20), teller.failure()).await.unwrap();
    assert!(why.contains("cannot write"), "{why}");
    assert!(!teller.is_open());
    assert_eq!(teller.ask(request("m", process(500))).await, Err(Silent::Gone));
}
