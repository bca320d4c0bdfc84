//! Accounts, sessions and carts, one rule at a time.

use super::*;
use crate::limits::{
    CUSTOMER_KEY_AHEAD_MS, CUSTOMER_KEY_HORIZON_MS, FAILED_SIGN_INS_MS, MAX_CART_LINES,
    MAX_FAILED_SIGN_INS, MAX_SESSION_MS, MAX_SESSIONS_PER_ACCOUNT, TOUCH_FRACTION,
};

fn shop() -> Shop {
    Shop::new(Limits::default())
}

#[test]
fn ids_count_from_one_and_login_names_are_unique_within_their_kind() {
    let mut shop = shop();
    assert_eq!(shop.wish(open(Side::Seller, "jo")), Outcome::Opened(1));
    assert_eq!(shop.wish(open(Side::Buyer, "jo")), Outcome::Opened(1));
    assert_eq!(shop.wish(open(Side::Buyer, "al")), Outcome::Opened(2));
    assert_eq!(shop.refused(open(Side::Buyer, "jo")), Refusal::NameTaken);
    let (owner, account) = shop.customers.by_login(Side::Buyer, &name("al")).unwrap();
    assert_eq!((owner.id, account.items, account.thumbs), (2, 0, Thumbs::default()));
    assert!(shop.customers.by_login(Side::Seller, &name("al")).is_none());
}

#[test]
fn a_session_unused_ends_a_sixteenth_after_its_idle_time() {
    let mut shop = shop();
    let owner = shop.enter(Side::Buyer, "jo", 1);
    let end = WallTime(shop.at + IDLE + IDLE / TOUCH_FRACTION);
    assert_eq!(shop.customers.session(session(1), end).unwrap().owner, owner);
    assert!(shop.customers.session(session(1), WallTime(end.0 + 1)).is_none());
    shop.at = end.0 + 1;
    assert_eq!(shop.refused(add(1, 1, 1)), Refusal::NoSession);
    assert_eq!(shop.customers.sessions_len(), 0, "removed as time passed");
}

#[test]
fn a_session_in_use_lives_on_until_its_longest_life_is_over() {
    let mut shop = shop();
    shop.enter(Side::Buyer, "jo", 1);
    let begun = shop.at;
    while shop.at + IDLE < begun + MAX_SESSION_MS {
        shop.at += IDLE;
        let now = WallTime(shop.at);
        assert!(shop.customers.session(session(1), now).unwrap().wants_touch(now));
        shop.apply(&Command::Touch { at: now, sessions: vec![session(1), session(9)] });
        assert!(!shop.customers.session(session(1), now).unwrap().wants_touch(now));
    }
    assert!(shop.customers.session(session(1), WallTime(begun + MAX_SESSION_MS)).is_some());
    assert!(shop.customers.session(session(1), WallTime(begun + MAX_SESSION_MS + 1)).is_none());
}

#[test]
fn a_touch_does_not_bring_back_what_is_over() {
    let mut shop = shop();
    shop.enter(Side::Buyer, "jo", 1);
    shop.at += 2 * IDLE;
    let at = WallTime(shop.at);
    // More sessions that are over than one command removes must not matter, so the law is asked, not the table.
    assert!(shop.customers.session(session(1), at).is_none());
    shop.apply(&Command::Touch { at, sessions: vec![session(1)] });
    assert!(shop.customers.session(session(1), WallTime(0)).is_none());
}

#[test]
fn sessions_that_are_over_go_in_batches_and_their_carts_with_them() {
    let mut shop = shop();
    for token in 1..=200 {
        shop.enter(Side::Buyer, &format!("jo{token}"), token);
        shop.wish(add(token, 1, 1));
    }
    let at = WallTime(shop.at + 2 * IDLE);
    let left: Vec<usize> = (0..4)
        .map(|_| {
            shop.apply(&Command::Pass { at });
            shop.customers.sessions_len()
        })
        .collect();
    assert_eq!(left, [136, 72, 8, 0]);
    assert!(!shop.store.rows().any(|row| matches!(row.table, Table::Sessions | Table::Carts)));
}

#[test]
fn time_never_goes_back() {
    let mut shop = shop();
    shop.enter(Side::Buyer, "jo", 1);
    shop.apply(&Command::Pass { at: WallTime(7_000_000) });
    shop.apply(&Command::Pass { at: WallTime(6) });
    assert_eq!(shop.customers.time(), WallTime(7_000_000));
    assert!(shop.customers.session(session(1), WallTime(0)).is_none(), "the law's time counts");
}

#[test]
fn the_session_unused_for_longest_makes_room() {
    let mut shop = shop();
    let owner = shop.enter(Side::Buyer, "jo", 1);
    for token in 2..=MAX_SESSIONS_PER_ACCOUNT as u8 {
        shop.at += 10;
        shop.wish(sign_in(owner, token));
    }
    shop.at += 10;
    shop.wish(add(1, 1, 1));
    assert_eq!(shop.wish(sign_in(owner, 100)), Outcome::SignedIn(1));
    assert_eq!(shop.customers.sessions_len(), MAX_SESSIONS_PER_ACCOUNT);
    let stands = |token| shop.customers.session(session(token), WallTime(0)).is_some();
    assert!(stands(1) && !stands(2) && stands(3) && stands(100));
}

#[test]
fn a_token_belongs_to_one_account() {
    let mut shop = shop();
    let owner = shop.enter(Side::Buyer, "jo", 1);
    let other = shop.enter(Side::Buyer, "al", 2);
    assert_eq!(shop.refused(sign_in(other, 1)), Refusal::TokenTaken);
    assert_eq!(shop.wish(sign_in(owner, 1)), Outcome::SignedIn(owner.id), "tried again");
    let nobody = Owner { side: Side::Seller, id: 1 };
    assert_eq!(shop.refused(sign_in(nobody, 3)), Refusal::NoAccount);
}

#[test]
fn signing_out_ends_one_session_or_all_of_an_account() {
    let mut shop = shop();
    let owner = shop.enter(Side::Buyer, "jo", 1);
    shop.wish(sign_in(owner, 2));
    shop.wish(sign_in(owner, 3));
    shop.enter(Side::Buyer, "al", 4);
    assert_eq!(shop.wish(Action::SignOut { session: session(1) }), Outcome::Done);
    assert_eq!(shop.wish(Action::SignOut { session: session(1) }), Outcome::Done, "again");
    assert_eq!(shop.wish(Action::SignOutEverywhere { session: session(2) }), Outcome::Done);
    assert_eq!(shop.customers.sessions_len(), 1);
    assert_eq!(shop.refused(Action::SignOutEverywhere { session: session(3) }), Refusal::NoSession);
}

#[test]
fn an_account_refuses_after_too_many_failures_until_they_are_old() {
    let mut shop = shop();
    let owner = shop.enter(Side::Buyer, "jo", 1);
    let failed = || Action::SignInFailed { side: Side::Buyer, login: name("jo") };
    for _ in 1..MAX_FAILED_SIGN_INS {
        shop.wish(failed());
    }
    assert_eq!(shop.wish(sign_in(owner, 2)), Outcome::SignedIn(1), "a success forgets them");
    for _ in 0..MAX_FAILED_SIGN_INS {
        shop.wish(failed());
    }
    assert_eq!(shop.refused(sign_in(owner, 3)), Refusal::Locked);
    shop.at += FAILED_SIGN_INS_MS;
    assert_eq!(shop.wish(sign_in(owner, 4)), Outcome::SignedIn(1));
    let unknown = Action::SignInFailed { side: Side::Seller, login: name("jo") };
    assert_eq!(shop.wish(unknown), Outcome::Done, "nobody is told who there is");
}

#[test]
fn a_cart_never_holds_more_than_there_is_nor_less_than_nothing() {
    let mut shop = shop();
    shop.enter(Side::Buyer, "jo", 1);
    assert_eq!(shop.wish(add(1, 5, 7)), Outcome::Done);
    assert_eq!(shop.refused(add(1, 5, 4)), Refusal::StockShort { available: 10 });
    assert_eq!(shop.wish(add(1, 5, 3)), Outcome::Done);
    assert_eq!(shop.refused(add(1, 6, 0)), Refusal::OutOfRange);
    assert_eq!(shop.refused(add(1, 6, u64::MAX)), Refusal::OutOfRange);
    let take =
        |id, quantity| Action::TakeFromCart { session: session(1), item: item(id), quantity };
    shop.wish(take(5, Some(4)));
    assert_eq!(shop.lines(1), [(item(5), 6)]);
    shop.wish(take(6, Some(4)));
    shop.wish(take(5, Some(u64::MAX)));
    assert_eq!(shop.lines(1), []);
    shop.wish(add(1, 5, 7));
    shop.wish(take(5, None));
    assert_eq!(shop.customers.cart(session(1)), None, "nothing held, nothing kept");
}

#[test]
fn a_full_cart_takes_more_of_what_it_holds() {
    let mut shop = shop();
    shop.enter(Side::Buyer, "jo", 1);
    for id in 0..MAX_CART_LINES as u64 {
        assert_eq!(shop.wish(add(1, id, 1)), Outcome::Done);
    }
    assert_eq!(shop.refused(add(1, 1_000, 1)), Refusal::CartFull);
    assert_eq!(shop.wish(add(1, 1, 1)), Outcome::Done);
}

#[test]
fn sellers_have_no_carts() {
    let mut shop = shop();
    shop.enter(Side::Seller, "jo", 1);
    assert_eq!(shop.refused(add(1, 1, 1)), Refusal::NotABuyer);
    assert_eq!(shop.refused(Action::SaveCart { session: session(1) }), Refusal::NotABuyer);
}

#[test]
fn the_saved_cart_is_copied_into_a_new_session_and_an_unsaved_one_is_gone() {
    let mut shop = shop();
    let owner = shop.enter(Side::Buyer, "jo", 1);
    shop.wish(add(1, 5, 7));
    shop.wish(Action::SaveCart { session: session(1) });
    shop.wish(add(1, 6, 1));
    shop.wish(Action::SignOut { session: session(1) });
    shop.wish(sign_in(owner, 2));
    assert_eq!(shop.lines(2), [(item(5), 7)]);
    shop.wish(Action::ClearCart { session: session(2) });
    assert_eq!(shop.lines(2), []);
    shop.wish(sign_in(owner, 3));
    assert_eq!(shop.lines(3), [(item(5), 7)], "emptying a cart leaves the saved one alone");
    shop.wish(Action::SaveCart { session: session(2) });
    assert_eq!(shop.customers.saved_cart(owner.id), None, "overwritten by an empty one");
}

#[test]
fn one_key_is_one_wish() {
    let mut shop = shop();
    shop.enter(Side::Buyer, "jo", 1);
    let at = WallTime(shop.at);
    let under =
        |key, born: u64, action| Command::Do { key: Key(key), born: WallTime(born), at, action };
    let (first, born) = (under(1, at.0, add(1, 5, 3)), at.0);
    assert_eq!(shop.apply(&first), Outcome::Done);
    assert_eq!(shop.apply(&first), Outcome::Done);
    assert_eq!(shop.lines(1), [(item(5), 3)], "done once");
    let other = under(1, born, add(1, 5, 4));
    assert_eq!(shop.apply(&other), Outcome::Refused(Refusal::KeyReused));
    let short = under(2, born, add(1, 5, 9));
    assert_eq!(shop.apply(&short), Outcome::Refused(Refusal::StockShort { available: 10 }));
    shop.wish(Action::ClearCart { session: session(1) });
    let again = Outcome::Refused(Refusal::StockShort { available: 10 });
    assert_eq!(shop.apply(&short), again, "a refusal is remembered");
}

#[test]
fn a_key_is_remembered_until_it_would_be_refused_for_its_age() {
    let mut shop = shop();
    shop.enter(Side::Buyer, "jo", 1);
    let born = shop.at + 1_000;
    let wish = |at: u64| Command::Do {
        key: Key(1),
        born: WallTime(born),
        at: WallTime(at),
        action: add(1, 5, 1),
    };
    assert_eq!(shop.apply(&wish(shop.at)), Outcome::Done);
    let last = born + CUSTOMER_KEY_HORIZON_MS;
    assert_eq!(shop.apply(&wish(last)), Outcome::Done);
    assert_eq!(shop.apply(&wish(last + 1)), Outcome::Refused(Refusal::KeyExpired));
    assert_eq!(shop.customers.keys_len(), 0, "and only then forgotten");
    assert_eq!(shop.lines(1), [(item(5), 1)]);
}

#[test]
fn a_key_from_too_far_ahead_is_refused() {
    let mut shop = shop();
    let at = WallTime(shop.at);
    let ahead = |by: u64| Command::Do {
        key: Key(u128::from(by)),
        born: WallTime(at.0 + CUSTOMER_KEY_AHEAD_MS + by),
        at,
        action: open(Side::Buyer, &format!("jo{by}")),
    };
    assert_eq!(shop.apply(&ahead(0)), Outcome::Opened(1));
    assert_eq!(shop.apply(&ahead(1)), Outcome::Refused(Refusal::KeyExpired));
}

#[test]
fn at_a_limit_nothing_is_done_and_nothing_remembered() {
    let mut shop = Shop::new(Limits { accounts: 1, sessions: 1, purchases: 1, keys: 4 });
    let owner = shop.enter(Side::Buyer, "jo", 1);
    assert_eq!(shop.refused(open(Side::Buyer, "al")), Refusal::Overloaded);
    assert_eq!(shop.refused(open(Side::Buyer, "jo")), Refusal::NameTaken, "it would be anyway");
    assert_eq!(shop.refused(sign_in(owner, 2)), Refusal::Overloaded);
    assert_eq!(shop.customers.keys_len(), 3);
    assert_eq!(shop.wish(add(1, 1, 1)), Outcome::Done);
    assert_eq!(shop.refused(add(1, 1, 1)), Refusal::Overloaded, "no room for another key");
    shop.at += CUSTOMER_KEY_HORIZON_MS + 1;
    assert_eq!(shop.wish(add(1, 1, 1)), Outcome::Done);
}

#[test]
fn a_password_hash_is_bounded_text_and_is_not_shown() {
    for text in ["", "$", "plain", "$a b", "$ä", &format!("${}", "a".repeat(160))] {
        assert_eq!(PasswordHash::new(text), Err(PasswordHashError), "{text:?}");
    }
    assert!(!format!("{:?}", open(Side::Buyer, "jo")).contains("aGFzaA"));
    assert!(postcard::from_bytes::<PasswordHash>(b"\x05plain").is_err(), "reading one checks it");
}
