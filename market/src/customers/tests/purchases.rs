//! Purchases and feedback, one rule at a time.

use super::*;
use crate::limits::{CHECKOUT_MS, MAX_CART_LINES, MAX_PRICE_MINOR, MAX_QUANTITY};

/// A seller, and a buyer (session 1) with 3 of item 5 and 2 of item 6 in the cart.
fn shop() -> Shop {
    let mut shop = Shop::new(Limits::default());
    shop.enter(Side::Seller, "seller", 100);
    shop.enter(Side::Buyer, "jo", 1);
    shop.wish(add(1, 5, 3));
    shop.wish(add(1, 6, 2));
    shop
}

fn check_out(id: u128, lines: Vec<PurchaseLine>) -> Action {
    Action::CheckOut { session: session(1), purchase: PurchaseId(id), lines }
}

fn cart_lines() -> Vec<PurchaseLine> {
    vec![line(5, 3), line(6, 2)]
}

impl Shop {
    fn record(&mut self, purchase: &Purchase) -> Outcome {
        let (at, purchase) = (WallTime(self.at), purchase.clone());
        self.apply(&Command::Record { at, told_below: Some(purchase.order + 1), purchase })
    }

    fn items(&self, side: Side) -> u64 {
        self.customers.account(Owner { side, id: 1 }).expect("an account").items
    }

    fn vote(&mut self, id: u64, vote: Vote) -> Outcome {
        self.wish(Action::Vote { session: session(1), item: item(id), vote })
    }
}

#[test]
fn a_purchase_tried_again_has_the_lines_it_began_with() {
    let mut shop = shop();
    assert_eq!(shop.wish(check_out(7, cart_lines())), Outcome::CheckedOut);
    shop.wish(add(1, 5, 1));
    let mut dearer = cart_lines();
    dearer[0].unit_price = Price::from_minor(999).unwrap();
    assert_eq!(shop.wish(check_out(7, dearer)), Outcome::CheckedOut);
    assert_eq!(shop.customers.checkout(session(1)).unwrap().lines, cart_lines());
    assert_eq!(shop.refused(check_out(8, cart_lines())), Refusal::CheckOutUnderWay);
}

#[test]
fn only_the_whole_cart_is_bought() {
    let mut shop = shop();
    let wrong =
        [vec![], vec![line(5, 3)], vec![line(6, 2), line(5, 3)], vec![line(5, 3), line(6, 1)]];
    for lines in wrong {
        assert_eq!(shop.refused(check_out(7, lines)), Refusal::CartChanged);
    }
    shop.wish(Action::ClearCart { session: session(1) });
    assert_eq!(shop.refused(check_out(7, vec![])), Refusal::CartEmpty);
}

#[test]
fn a_purchase_that_came_to_nothing_or_takes_too_long_makes_room() {
    let mut shop = shop();
    shop.wish(check_out(7, cart_lines()));
    let other = Action::GiveUp { session: session(1), purchase: PurchaseId(8) };
    shop.wish(other);
    assert!(
        shop.customers.checkout(session(1)).is_some(),
        "another purchase's end is not this one's"
    );
    shop.wish(Action::GiveUp { session: session(1), purchase: PurchaseId(7) });
    assert_eq!(shop.wish(check_out(8, cart_lines())), Outcome::CheckedOut);
    for _ in 0..4 {
        shop.at += CHECKOUT_MS / 4;
        shop.apply(&Command::Touch { at: WallTime(shop.at), sessions: vec![session(1)] });
    }
    assert_eq!(shop.refused(check_out(9, cart_lines())), Refusal::CheckOutUnderWay);
    shop.at += 1;
    assert_eq!(shop.wish(check_out(9, cart_lines())), Outcome::CheckedOut);
}

#[test]
fn recording_takes_what_was_bought_out_of_the_carts_and_counts_it_once() {
    let mut shop = shop();
    shop.wish(Action::SaveCart { session: session(1) });
    shop.wish(check_out(7, cart_lines()));
    shop.wish(add(1, 5, 4));
    let bought = purchase(7, 1, cart_lines());
    for _ in 0..2 {
        assert_eq!(shop.record(&bought), Outcome::Done);
        assert_eq!(shop.lines(1), [(item(5), 4)], "what came later stays");
        assert_eq!(shop.customers.saved_cart(1), None);
        assert_eq!((shop.items(Side::Seller), shop.items(Side::Buyer)), (5, 5));
    }
    assert_eq!(shop.customers.checkout(session(1)), None);
    assert_eq!(shop.wish(check_out(7, vec![])), Outcome::Bought(70), "the name is known for ever");
    assert_eq!(shop.customers.told_below(), 71);
    let others = purchase(7, 1, vec![line(5, 1)]);
    assert_eq!(shop.record(&others), Outcome::Refused(Refusal::PurchaseTaken));
}

#[test]
fn history_is_read_newest_first_page_by_page() {
    let mut shop = shop();
    shop.enter(Side::Buyer, "al", 2);
    for id in 1..=6 {
        shop.record(&purchase(id, 1 + (id as u64 % 2), vec![line(5, 1)]));
    }
    let page = |below, max| -> Vec<(u64, u64)> {
        shop.customers.purchases(1, below, max).map(|(at, it)| (at, it.order)).collect()
    };
    assert_eq!(page(None, 2), [(5, 60), (3, 40)]);
    assert_eq!(page(Some(3), 2), [(1, 20)]);
    assert_eq!(shop.customers.purchase(PurchaseId(3)).map(|it| it.buyer), Some(2));
}

#[test]
fn a_purchase_taken_back_is_counted_back_once_and_cannot_be_rated() {
    let mut shop = shop();
    let bought = purchase(7, 1, cart_lines());
    let reversed = Purchase { reversed: true, ..bought.clone() };
    shop.record(&bought);
    for _ in 0..2 {
        assert_eq!(shop.record(&reversed), Outcome::Done);
        assert_eq!((shop.items(Side::Seller), shop.items(Side::Buyer)), (0, 0));
    }
    assert_eq!(shop.record(&bought), Outcome::Done, "a late word of it changes nothing");
    assert_eq!(shop.items(Side::Buyer), 0);
    assert_eq!(shop.vote(5, Vote::Up), Outcome::Refused(Refusal::NotBought));
    let over =
        Action::CheckOut { session: session(1), purchase: PurchaseId(7), lines: cart_lines() };
    assert_eq!(shop.refused(over), Refusal::CheckOutOver);
}

#[test]
fn what_was_taken_back_before_it_was_told_leaves_the_cart_alone() {
    let mut shop = shop();
    shop.wish(check_out(7, cart_lines()));
    shop.record(&Purchase { reversed: true, ..purchase(7, 1, cart_lines()) });
    assert_eq!(shop.lines(1), [(item(5), 3), (item(6), 2)]);
    assert_eq!(shop.customers.checkout(session(1)), None, "it may be bought under another name");
    assert_eq!(shop.items(Side::Seller), 0);
}

#[test]
fn only_what_was_bought_is_rated_and_once() {
    let mut shop = shop();
    assert_eq!(shop.vote(5, Vote::Up), Outcome::Refused(Refusal::NotBought));
    shop.record(&purchase(7, 1, cart_lines()));
    shop.record(&purchase(8, 1, cart_lines()));
    assert_eq!(shop.vote(5, Vote::Up), Outcome::Done);
    assert_eq!(shop.vote(5, Vote::Down), Outcome::Refused(Refusal::VotedBefore));
    assert_eq!(shop.vote(6, Vote::Down), Outcome::Done);
    assert_eq!(shop.customers.item_thumbs(item(5)), Thumbs { up: 1, down: 0 });
    assert_eq!(shop.customers.item_thumbs(item(7)), Thumbs::default());
    let seller = shop.customers.account(Owner { side: Side::Seller, id: 1 }).unwrap();
    assert_eq!(seller.thumbs, Thumbs { up: 1, down: 1 });
    assert_eq!(shop.customers.vote_of(1, item(6)), Some(Vote::Down));
}

#[test]
fn another_buyers_purchase_is_nobody_elses() {
    let mut shop = shop();
    shop.enter(Side::Buyer, "al", 2);
    shop.record(&purchase(7, 2, cart_lines()));
    assert_eq!(shop.refused(check_out(7, cart_lines())), Refusal::PurchaseTaken);
    assert_eq!(shop.vote(5, Vote::Up), Outcome::Refused(Refusal::NotBought));
    let nobody = purchase(9, 3, cart_lines());
    assert_eq!(shop.record(&nobody), Outcome::Refused(Refusal::NoAccount));
}

#[test]
fn totals_are_exact_or_refused() {
    let dear = |id, quantity| PurchaseLine {
        unit_price: Price::from_minor(MAX_PRICE_MINOR).unwrap(),
        ..line(id, quantity)
    };
    assert_eq!(total(&cart_lines()), Some(1_250));
    assert_eq!(total(&[dear(1, 9_007)]), Some(9_007 * MAX_PRICE_MINOR));
    let lines: Vec<_> = (0..MAX_CART_LINES as u64)
        .map(|id| PurchaseLine {
            item: ItemId { category: Category::try_from(0).unwrap(), id },
            ..dear(id, MAX_QUANTITY)
        })
        .collect();
    assert_eq!(total(&lines), None, "too much altogether, and no overflow");
    for lines in [vec![], vec![line(5, 0)], vec![line(5, MAX_QUANTITY + 1)], vec![line(5, 1); 2]] {
        assert_eq!(total(&lines), None, "{lines:?}");
    }
}
