//! One case for each arrow of the law, and for each that does not exist.

use super::*;
use crate::limits::{MAX_PAYMENT_ENTRY_BYTES, MAX_TOTAL_MINOR};

fn receipt(standing: Standing, minor: u64) -> Result<Receipt, Refusal> {
    Ok(Receipt { standing, amount: Some(amount(minor)) })
}

#[test]
fn a_charge_is_authorised_and_captured_once() {
    let mut bank = Bank::generous();
    for _ in 0..3 {
        assert_eq!(bank.ask("k", &authorize(VISA, 500)), receipt(Standing::Authorized, 500));
    }
    for _ in 0..3 {
        assert_eq!(bank.ask("k", &Wish::Capture), receipt(Standing::Captured, 500));
    }
    assert_eq!(bank.ask("k", &authorize(VISA, 500)), receipt(Standing::Captured, 500));
    assert_eq!(bank.ask("k", &process(VISA, 500)), receipt(Standing::Captured, 500));
    assert_eq!(bank.ask("k", &Wish::Void), Err(Refusal::Captured));
    assert_eq!(bank.standing("k"), Standing::Captured);
}

#[test]
fn a_charge_in_one_call_is_the_same_charge() {
    let mut bank = Bank::generous();
    assert_eq!(bank.ask("k", &process(VISA, 500)), receipt(Standing::Captured, 500));
    assert_eq!(bank.ask("k", &process(VISA, 500)), receipt(Standing::Captured, 500));
    assert_eq!(bank.ask("l", &authorize(VISA, 500)), receipt(Standing::Authorized, 500));
    assert_eq!(bank.ask("l", &process(VISA, 500)), receipt(Standing::Captured, 500));
    assert_eq!(bank.ask("l", &process(VISA, 501)), Err(Refusal::KeyReused));
}

#[test]
fn a_voided_charge_stays_voided() {
    let mut bank = Bank::generous();
    bank.ask("k", &authorize(VISA, 500)).unwrap();
    for _ in 0..3 {
        assert_eq!(bank.ask("k", &Wish::Void), receipt(Standing::Voided, 500));
    }
    assert_eq!(bank.ask("k", &Wish::Capture), Err(Refusal::Voided));
    assert_eq!(bank.ask("k", &authorize(VISA, 500)), Err(Refusal::Voided));
    assert_eq!(bank.ask("k", &process(VISA, 500)), Err(Refusal::Voided));
    assert_eq!(bank.ask("k", &authorize(VISA, 501)), Err(Refusal::KeyReused));
}

#[test]
fn a_key_voided_first_is_barred_for_what_comes_late() {
    let mut bank = Bank::generous();
    let barred = Ok(Receipt { standing: Standing::Voided, amount: None });
    assert_eq!(bank.ask("k", &Wish::Void), barred);
    assert_eq!(bank.ask("k", &Wish::Void), barred);
    assert_eq!(bank.ask("k", &authorize(VISA, 500)), Err(Refusal::Voided));
    assert_eq!(bank.ask("k", &process(VISA, 500)), Err(Refusal::Voided));
    assert_eq!(bank.ask("k", &Wish::Capture), Err(Refusal::Voided));
    assert_eq!(bank.ask("k", &Wish::Lookup), barred);
}

#[test]
fn a_declined_charge_stays_declined_and_holds_nothing() {
    let mut bank = Bank::with_odds(0);
    let declined = bank.ask("k", &authorize(VISA, 500)).unwrap();
    assert!(matches!(declined.standing, Standing::Declined(_)));
    bank.terms.odds.approved_ppm = 1_000_000;
    for wish in [authorize(VISA, 500), process(VISA, 500), Wish::Void, Wish::Lookup] {
        assert_eq!(bank.ask("k", &wish), Ok(declined), "remembered, whatever the odds are now");
    }
    assert_eq!(bank.ask("k", &Wish::Capture), Err(Refusal::Declined));
    assert_eq!(bank.entries[&key("k")].open_since(), None);
}

#[test]
fn a_key_means_one_card_and_one_amount() {
    let mut bank = Bank::generous();
    bank.ask("k", &authorize(VISA, 500)).unwrap();
    assert_eq!(bank.ask("k", &authorize(VISA, 501)), Err(Refusal::KeyReused));
    assert_eq!(bank.ask("k", &authorize(MASTER, 500)), Err(Refusal::KeyReused));
    assert_eq!(bank.ask("k", &authorize("4", 500)), Err(Refusal::KeyReused), "even of none");
    assert_eq!(bank.standing("k"), Standing::Authorized, "nothing changed");
}

#[test]
fn an_invalid_card_leaves_the_key_as_it_was() {
    let mut bank = Bank::generous();
    let bad = Err(Refusal::InvalidCard(CardError::Number));
    assert_eq!(bank.ask("k", &authorize("4111111111111112", 500)), bad);
    assert_eq!(bank.ask("k", &process("4111111111111112", 500)), bad);
    assert_eq!(bank.standing("k"), Standing::Unknown);
    assert_eq!(bank.ask("k", &authorize(VISA, 500)), receipt(Standing::Authorized, 500));
}

#[test]
fn a_retry_is_answered_though_the_card_expired_meanwhile() {
    let mut bank = Bank::generous();
    let first = bank.ask("k", &authorize(VISA, 500));
    bank.now = WallTime(NOW.0 + 366 * 24 * 60 * 60 * 1_000);
    assert_eq!(bank.ask("k", &authorize(VISA, 500)), first);
    let expired = Err(Refusal::InvalidCard(CardError::Expired));
    assert_eq!(bank.ask("l", &authorize(VISA, 500)), expired);
}

#[test]
fn nothing_is_captured_that_nobody_asked_for() {
    let mut bank = Bank::generous();
    assert_eq!(bank.ask("k", &Wish::Capture), Err(Refusal::UnknownKey));
    let unknown = Ok(Receipt { standing: Standing::Unknown, amount: None });
    assert_eq!(bank.ask("k", &Wish::Lookup), unknown);
    assert!(bank.entries.is_empty());
}

#[test]
fn an_authorisation_is_open_until_it_is_captured_or_voided() {
    let mut bank = Bank::generous();
    bank.ask("k", &authorize(VISA, 500)).unwrap();
    bank.ask("l", &authorize(VISA, 500)).unwrap();
    bank.now = WallTime(NOW.0 + 1);
    bank.ask("k", &authorize(VISA, 500)).unwrap();
    assert_eq!(bank.entries[&key("k")].open_since(), Some(NOW), "since it was asked for first");
    bank.ask("k", &Wish::Capture).unwrap();
    bank.ask("l", &Wish::Void).unwrap();
    assert!(bank.entries.values().all(|entry| entry.open_since().is_none()));
}

#[test]
fn entries_hold_nothing_of_the_card_and_fit_their_limit() {
    let mut bank = Bank::generous();
    bank.now = WallTime(u64::MAX / 2_000);
    let card = Card::new("Adalbert", VISA, "04/9999", "987");
    let wish = Wish::Process { card, amount: amount(MAX_TOTAL_MINOR) };
    // The furthest times that the calendar of cards still reaches are far beyond any clock.
    bank.now = WallTime(253_000_000_000_000);
    bank.ask("k", &wish).unwrap();
    let bytes = bank.entries[&key("k")].encode();
    assert!(bytes.len() <= MAX_PAYMENT_ENTRY_BYTES, "{}", bytes.len());
    for part in ["Adalbert", VISA, "1111", "04/9999", "987"] {
        assert!(!bytes.windows(part.len()).any(|window| window == part.as_bytes()), "{part}");
    }
    assert!(Entry::decode(&bytes[..bytes.len() - 1]).is_err());
    assert!(Entry::decode(&[&bytes[..], &[0]].concat()).is_err());
}
