//! The client against banks that lie, break, or say nothing. A real one is asked in the tests of processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use market::bank::{Card, Refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::payment::soap::{Fault, Operation, Reason};

/// For doubt that does not pass.
const QUICK: Settings =
    Settings { attempt: Duration::from_millis(200), patience: Duration::from_millis(400) };

/// For answers that come, however busy the machine is.
const PATIENT: Settings =
    Settings { attempt: Duration::from_secs(10), patience: Duration::from_secs(20) };

/// A bank that answers every request with the same bytes; it counts them.
struct Liar {
    address: String,
    asked: Arc<AtomicUsize>,
}

impl Liar {
    /// `None`: it takes the request and says nothing.
    async fn saying(answer: Option<Vec<u8>>) -> Liar {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let mut taken = vec![0; 16 << 10];
                let _ = socket.read(&mut taken).await;
                match &answer {
                    Some(bytes) => drop(socket.write_all(bytes).await),
                    None => held.push(socket),
                }
            }
        });
        Liar { address, asked }
    }

    async fn with(status: &str, body: &str) -> Liar {
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Liar::saying(Some([head.as_bytes(), body.as_bytes()].concat())).await
    }

    async fn answering(answer: &Answer, operation: Operation) -> Liar {
        Liar::with("200 OK", &answer.write(operation)).await
    }

    async fn authorize(&self, settings: Settings) -> Approval {
        let client = PaymentClient::new(&self.address, settings);
        let card = Card::new("Ada", "4111111111111111", "04/31", "123");
        client.authorize(&key(), &card, amount(500)).await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn key() -> PaymentKey {
    "k".parse().unwrap()
}

fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

fn receipt(of: &str, standing: Standing, minor: Option<u64>) -> Answer {
    let receipt = Receipt { standing, amount: minor.map(amount) };
    Answer::Receipt { key: of.parse().unwrap(), receipt }
}

#[tokio::test]
async fn an_honest_answer_is_believed_at_once() {
    let authorized = receipt("k", Standing::Authorized, Some(500));
    let bank = Liar::answering(&authorized, Operation::Authorize).await;
    assert_eq!((bank.authorize(PATIENT).await, bank.asked()), (Approval::Approved, 1));
    let reason = DeclineReason::DoNotHonour;
    let declined = receipt("k", Standing::Declined(reason), Some(500));
    let bank = Liar::answering(&declined, Operation::Authorize).await;
    assert_eq!(bank.authorize(PATIENT).await, Approval::Declined(reason));
    let fault = |refusal| Fault::refused(refusal).write();
    let invalid = fault(Refusal::InvalidCard(CardError::Expired));
    let bank = Liar::with("500 Internal Server Error", &invalid).await;
    assert_eq!(bank.authorize(PATIENT).await, Approval::InvalidCard(CardError::Expired));
    let bank = Liar::with("500 Internal Server Error", &fault(Refusal::Voided)).await;
    assert_eq!(
        (bank.authorize(PATIENT).await, bank.asked()),
        (Approval::Refused(Refusal::Voided), 1)
    );
}

#[tokio::test]
async fn an_answer_to_another_question_is_none() {
    for (answer, operation) in [
        (receipt("l", Standing::Authorized, Some(500)), Operation::Authorize),
        (receipt("k", Standing::Authorized, Some(501)), Operation::Authorize),
        (receipt("k", Standing::Authorized, None), Operation::Authorize),
        (receipt("k", Standing::Unknown, None), Operation::Authorize),
        (receipt("k", Standing::Voided, Some(500)), Operation::Authorize),
        (receipt("k", Standing::Captured, Some(500)), Operation::Capture),
    ] {
        let bank = Liar::answering(&answer, operation).await;
        let outcome = bank.authorize(PATIENT).await;
        assert!(matches!(outcome, Approval::Unknown(_)), "{answer:?}: {outcome:?}");
    }
    let capture = |standing| async move {
        let bank = Liar::answering(&receipt("k", standing, Some(500)), Operation::Capture).await;
        PaymentClient::new(&bank.address, PATIENT).capture(&key()).await
    };
    assert!(matches!(capture(Standing::Captured).await, Settled::Done(_)));
    for standing in [Standing::Authorized, Standing::Voided, Standing::Unknown] {
        assert!(matches!(capture(standing).await, Settled::Unknown(_)), "{standing:?}");
    }
}

#[tokio::test]
async fn whatever_is_no_answer_leaves_it_unknown() {
    let good = receipt("k", Standing::Authorized, Some(500)).write(Operation::Authorize);
    let refused = Fault::refused(Refusal::KeyReused).write();
    let entity = good.replace("<s:Envelope", "<!DOCTYPE a [<!ENTITY b 'c'>]><s:Envelope");
    let long = format!("{good}{}", " ".repeat(64 << 10));
    for (status, body) in [
        ("200 OK", ""),
        ("200 OK", "<html/>"),
        ("200 OK", entity.as_str()),
        ("200 OK", long.as_str()),
        ("200 OK", &good[..good.len() - 5]),
        ("500 Internal Server Error", good.as_str()),
        ("404 Not Found", good.as_str()),
        // A refusal that does not come as the bank says it.
        ("200 OK", refused.as_str()),
        ("400 Bad Request", refused.as_str()),
    ] {
        let bank = Liar::with(status, body).await;
        let outcome = bank.authorize(QUICK).await;
        assert!(matches!(outcome, Approval::Unknown(_)), "{status} {body:.80}: {outcome:?}");
    }
}

#[tokio::test]
async fn doubt_that_may_pass_is_tried_away_within_the_patience() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let began = Instant::now();
    let outcome = PaymentClient::new(nobody, QUICK).void(&key()).await;
    assert!(matches!(&outcome, Settled::Unknown(why) if why.contains("connect")), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
    for reason in [Reason::Busy, Reason::OutcomeUnknown] {
        let bank =
            Liar::with("503 Service Unavailable", &Fault::new(reason, "later").write()).await;
        let some = Settings { patience: Duration::from_secs(3), ..PATIENT };
        assert_eq!(bank.authorize(some).await, Approval::Unknown("later".to_owned()));
        assert!(bank.asked() > 2, "asked again: {}", bank.asked());
    }
    let silent = Liar::saying(None).await;
    let unknown = Approval::Unknown("no answer in time".to_owned());
    assert_eq!(silent.authorize(QUICK).await, unknown);
    // What stays as it is is not asked for again.
    let bad = Fault::new(Reason::BadMessage, "no").write();
    let bank = Liar::with("400 Bad Request", &bad).await;
    assert_eq!(
        (bank.authorize(PATIENT).await, bank.asked()),
        (Approval::Unknown("no".to_owned()), 1)
    );
}
