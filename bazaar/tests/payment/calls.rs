//! The service's own client asks a real service.

use std::time::Duration;

use bazaar::config::Period;
use bazaar::payment::{Approval, Settings, Settled};
use market::bank::{CardError, Receipt, Refusal, Standing};

use crate::bank::{Bank, PATIENT, VISA, amount, card, key};

fn done(standing: Standing) -> Settled {
    Settled::Done(Receipt { standing, amount: Some(amount(1_250)) })
}

#[tokio::test]
async fn every_call_has_its_typed_answer() {
    let bank = Bank::generous().await;
    let client = bank.client(PATIENT);
    let (one, other) = (key("one"), key("other"));
    for _ in 0..2 {
        assert_eq!(client.authorize(&one, &card(VISA), amount(1_250)).await, Approval::Approved);
    }
    let reused = Approval::Refused(Refusal::KeyReused);
    assert_eq!(client.authorize(&one, &card(VISA), amount(1_251)).await, reused);
    let invalid = Approval::InvalidCard(CardError::Number);
    assert_eq!(client.authorize(&other, &card("4111111111111112"), amount(1)).await, invalid);
    assert_eq!(client.lookup(&one).await, done(Standing::Authorized));
    for _ in 0..2 {
        assert_eq!(client.capture(&one).await, done(Standing::Captured));
    }
    assert_eq!(client.void(&one).await, Settled::Refused(Refusal::Captured));
    assert_eq!(client.capture(&other).await, Settled::Refused(Refusal::UnknownKey));
    let barred = Settled::Done(Receipt { standing: Standing::Voided, amount: None });
    assert_eq!(client.void(&other).await, barred);
    let late = client.authorize(&other, &card(VISA), amount(1_250)).await;
    assert_eq!(late, Approval::Refused(Refusal::Voided));
    let nothing = Settled::Done(Receipt { standing: Standing::Unknown, amount: None });
    assert_eq!(client.lookup(&key("third")).await, nothing);
}

#[tokio::test]
async fn open_authorisations_are_listed_for_whoever_sweeps_them() {
    let bank = Bank::generous().await;
    let client = bank.client(PATIENT);
    for n in 0..55 {
        let approved =
            client.authorize(&key(&format!("k{n:02}")), &card(VISA), amount(100 + n)).await;
        assert_eq!(approved, Approval::Approved);
    }
    client.capture(&key("k03")).await;
    client.void(&key("k04")).await;
    let first = client.list_open(Duration::ZERO, None).await.unwrap();
    assert!(first.more && first.charges.len() == 50, "{first:?}");
    let second = client.list_open(Duration::ZERO, first.charges.last()).await.unwrap();
    assert!(!second.more, "{second:?}");
    let all: Vec<_> = first.charges.iter().chain(&second.charges).collect();
    let keys: Vec<_> = all.iter().map(|charge| charge.key.to_string()).collect();
    let expected: Vec<_> =
        (0..55).filter(|n| ![3, 4].contains(n)).map(|n| format!("k{n:02}")).collect();
    assert_eq!(keys, expected);
    assert_eq!(all[0].amount, amount(100));
    let old = client.list_open(Duration::from_secs(3_600), None).await.unwrap();
    assert_eq!(old.charges, []);
}

#[tokio::test]
async fn the_bank_declines_some_and_always_the_same() {
    let mut bank = Bank::with(|payment| payment.approve = 0.5.try_into().unwrap()).await;
    let ask = async |bank: &Bank| {
        let client = bank.client(PATIENT);
        let mut answers = Vec::new();
        for n in 0..20 {
            let key = key(&format!("k{n}"));
            answers.push(client.authorize(&key, &card(VISA), amount(100)).await);
        }
        answers
    };
    let first = ask(&bank).await;
    assert!(first.contains(&Approval::Approved), "{first:?}");
    assert!(first.iter().any(|it| matches!(it, Approval::Declined(_))), "{first:?}");
    bank.stop().await;
    bank.start(&["--set", "payment.approve=1", "--set", "payment.seed=9"]).await;
    assert_eq!(ask(&bank).await, first, "what was decided stays decided");
    bank.stop().await;
    bank.start(&["--fresh"]).await;
    assert_eq!(ask(&bank).await, first, "and would be decided so again");
}

/// A bank that did it and says so too late: nobody can tell until somebody asks.
#[tokio::test]
async fn an_answer_that_comes_too_late_is_unknown_and_then_found() {
    let mut bank = Bank::with(|payment| {
        payment.approve = 1.0.try_into().unwrap();
        Bank::delay(payment, Period::seconds(9));
    })
    .await;
    let hasty = Settings { attempt: Duration::from_millis(700), patience: Duration::from_secs(2) };
    let unknown = bank.client(hasty).authorize(&key("k"), &card(VISA), amount(1_250)).await;
    assert!(matches!(unknown, Approval::Unknown(_)), "{unknown:?}");
    bank.kill().await;
    bank.start(&["--set", "payment.delay=0s"]).await;
    let client = bank.client(PATIENT);
    assert_eq!(client.lookup(&key("k")).await, done(Standing::Authorized));
    assert_eq!(client.authorize(&key("k"), &card(VISA), amount(1_250)).await, Approval::Approved);
    assert_eq!(client.capture(&key("k")).await, done(Standing::Captured));
}
