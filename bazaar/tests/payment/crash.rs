//! SIGKILL at any moment: the same key gets the same answer, and money moves once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bazaar::payment::{Approval, Journal, Settings, Settled};
use market::bank::{Entry, Receipt, Standing, State};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::bank::{Bank, PATIENT, VISA, amount, card, key, message, of_key, process};

/// Clients that charge on and on while the service is killed again and again. Whatever any of them was told is true afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_before_a_kill_is_told_after_it() {
    let mut bank = Bank::with(|payment| payment.approve = 0.7.try_into().unwrap()).await;
    let told: Arc<Mutex<BTreeMap<String, Standing>>> = Arc::default();
    let mut clients = JoinSet::new();
    for number in 0..4 {
        let (client, told) = (bank.client(PATIENT), told.clone());
        clients.spawn(async move {
            for n in 0.. {
                let name = format!("client-{number}-{n}");
                let key = key(&name);
                let standing = match client.authorize(&key, &card(VISA), amount(n)).await {
                    Approval::Approved => Standing::Authorized,
                    Approval::Declined(reason) => Standing::Declined(reason),
                    other => panic!("{name}: {other:?}"),
                };
                told.lock().insert(name.clone(), standing);
                let end =
                    if n % 2 == 0 { client.capture(&key).await } else { client.void(&key).await };
                let standing = match (standing, end) {
                    (_, Settled::Done(Receipt { standing, .. })) => standing,
                    (Standing::Declined(_), Settled::Refused(_)) => standing,
                    (_, other) => panic!("{name}: {other:?}"),
                };
                told.lock().insert(name, standing);
            }
        });
    }
    for round in 1..=8 {
        let enough = told.lock().len() + 10;
        while told.lock().len() < enough {
            assert!(clients.try_join_next().is_none(), "a client ended in round {round}");
            sleep(Duration::from_millis(5)).await;
        }
        bank.kill().await;
        bank.start(&[]).await;
    }
    clients.shutdown().await;
    let told = told.lock().clone();
    let client = bank.client(PATIENT);
    for (name, standing) in &told {
        let Settled::Done(found) = client.lookup(&key(name)).await else { panic!("{name}") };
        // The last wish of each client may have been done without its hearing of it.
        let went_on = *standing == Standing::Authorized;
        assert!(found.standing == *standing || went_on, "{name}: {standing:?}, then {found:?}");
    }
    bank.stop().await;
    let (journal, _) = Journal::open(&bank.data(), false).unwrap();
    let mut entries = 0;
    journal.each(|_, _| entries += 1).unwrap();
    assert!((told.len()..=told.len() + 4).contains(&entries), "{entries} for {}", told.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_retries_of_one_key_through_a_kill_charge_once() {
    let mut bank = Bank::generous().await;
    let mut asking = JoinSet::new();
    for _ in 0..100 {
        let client = bank.client(PATIENT);
        asking.spawn(async move {
            let approval = client.authorize(&key("k"), &card(VISA), amount(700)).await;
            assert_eq!(approval, Approval::Approved);
            client.capture(&key("k")).await
        });
    }
    let first = asking.join_next().await;
    bank.kill().await;
    bank.start(&[]).await;
    let expected =
        Settled::Done(Receipt { standing: Standing::Captured, amount: Some(amount(700)) });
    let all: Vec<_> =
        first.map(Result::unwrap).into_iter().chain(asking.join_all().await).collect();
    assert_eq!(all.len(), 100);
    assert!(all.iter().all(|settled| *settled == expected), "{all:?}");
    bank.stop().await;
    let (journal, _) = Journal::open(&bank.data(), false).unwrap();
    let mut charged = Vec::new();
    journal
        .each(|key, entry| match entry {
            Entry::Asked(asked) if matches!(asked.state, State::Captured { .. }) => {
                charged.push((key.to_string(), asked.amount));
            }
            other => panic!("{key}: {other:?}"),
        })
        .unwrap();
    assert_eq!(charged, [("k".to_owned(), amount(700))]);
}

/// Neither the journal nor the log, at its most talkative, knows a card; and a bad message is not repeated either.
#[tokio::test]
async fn no_card_is_written_down_anywhere() {
    let mut bank = Bank::generous().await;
    let client = bank.client(Settings::default());
    client.authorize(&key("k"), &card(VISA), amount(700)).await;
    client.authorize(&key("k"), &card("5555555555554444"), amount(700)).await;
    client.authorize(&key("l"), &card("4111111111111112"), amount(700)).await;
    bank.post(message(&process("m", VISA, "7")).as_bytes()).await;
    bank.post(message(&process("m", VISA, "x")).as_bytes()).await;
    bank.post(message(&process("m", VISA, "7").repeat(2)).as_bytes()).await;
    bank.post(message(&process("m", &format!("{VISA}<x/>"), "7")).as_bytes()).await;
    bank.post(message(&of_key("Lookup", VISA).replace("Lookup", &format!("L{VISA}"))).as_bytes())
        .await;
    bank.stop().await;
    let mut looked_at = vec![("the log".to_owned(), bank.log().into_bytes())];
    for file in std::fs::read_dir(bank.data()).unwrap() {
        let path = file.unwrap().path();
        looked_at.push((path.display().to_string(), std::fs::read(path).unwrap()));
    }
    assert!(looked_at.len() >= 3, "log, journal, secret");
    assert!(looked_at[0].1.len() > 100, "it says something at all");
    for (name, bytes) in looked_at {
        for part in [VISA, "5555555555554444", "4111111111111112", "Lovelace", "04/2039", "04/39"] {
            let found = bytes.windows(part.len()).any(|window| window == part.as_bytes());
            assert!(!found, "{part} in {name}");
        }
    }
}

#[tokio::test]
async fn one_service_at_a_time_has_the_journal() {
    let mut bank = Bank::generous().await;
    assert_eq!(bank.fails(&[]).await, Some(2));
    assert!(bank.log().contains("another process uses"), "{}", bank.log());
    bank.stop().await;
    std::fs::remove_file(bank.data().join("card.secret")).unwrap();
    assert_eq!(bank.fails(&[]).await, Some(2));
    assert!(bank.log().contains("card.secret"), "{}", bank.log());
    bank.start(&["--fresh"]).await;
}
