//! Random commands, the model beside the customers, and everything that must hold after each of them.

use proptest::prelude::*;

use super::model::{Model, thumbs};
use super::*;
use crate::limits::{
    CHECKOUT_MS, CUSTOMER_KEY_AHEAD_MS, CUSTOMER_KEY_HORIZON_MS, MAX_QUANTITY, MAX_SESSION_MS,
};

/// Mostly seconds apart, so that keys and sessions live for a while; at times at an edge, or anywhere.
fn a_step() -> impl Strategy<Value = u64> {
    let edges = vec![CUSTOMER_KEY_HORIZON_MS, IDLE, IDLE / 16, CHECKOUT_MS, MAX_SESSION_MS];
    prop_oneof![
        30 => 0..5_000u64,
        3 => (prop::sample::select(edges), 0..3u64).prop_map(|(edge, more)| edge + more - 1),
        1 => 0..2_000_000u64,
    ]
}

fn a_session() -> impl Strategy<Value = SessionId> {
    (1..6u8).prop_map(session)
}

fn a_quantity() -> impl Strategy<Value = u64> {
    prop_oneof![12 => 1..6u64, 1 => Just(0), 1 => Just(MAX_QUANTITY), 1 => any::<u64>()]
}

fn an_owner() -> impl Strategy<Value = Owner> {
    let side = prop_oneof![1 => Just(Side::Seller), 4 => Just(Side::Buyer)];
    (side, 1..4u64).prop_map(|(side, id)| Owner { side, id })
}

fn some_lines() -> impl Strategy<Value = Vec<PurchaseLine>> {
    let line = (1..5u64, a_quantity(), 1..3u64)
        .prop_map(|(id, quantity, seller)| PurchaseLine { seller, ..line(id, quantity) });
    prop::collection::vec(line, 0..4).prop_map(|mut lines| {
        lines.sort_by_key(|line| line.item);
        lines.dedup_by_key(|line| line.item);
        lines
    })
}

fn a_purchase() -> impl Strategy<Value = Purchase> {
    (1..8u128, 1..4u64, some_lines(), prop::bool::weighted(0.2)).prop_map(
        |(id, buyer, lines, reversed)| Purchase { reversed, ..purchase(id, buyer, lines) },
    )
}

fn a_login() -> impl Strategy<Value = Name> {
    prop::sample::select(vec!["jo", "al", "Ünïcödé & Söhne"]).prop_map(name)
}

fn an_action() -> impl Strategy<Value = Action> {
    let people = prop_oneof![
        2 => (an_owner(), a_login()).prop_map(|(Owner { side, .. }, login)| Action::Open {
            side, login, name: name("Jo"), password: password(),
        }),
        6 => (an_owner(), a_session(), prop_oneof![8 => Just(IDLE), 1 => any::<u64>()])
            .prop_map(|(owner, session, idle_ms)| Action::SignIn { owner, session, idle_ms }),
        3 => a_login().prop_map(|login| Action::SignInFailed { side: Side::Buyer, login }),
        1 => a_session().prop_map(|session| Action::SignOut { session }),
        1 => a_session().prop_map(|session| Action::SignOutEverywhere { session }),
        3 => (a_session(), 1..5u64, any::<bool>()).prop_map(|(session, id, up)| Action::Vote {
            session, item: item(id), vote: if up { Vote::Up } else { Vote::Down },
        }),
    ];
    let carts = prop_oneof![
        6 => (a_session(), 1..5u64, a_quantity(), 1..20u64).prop_map(
            |(session, id, quantity, available)| Action::AddToCart {
                session, item: item(id), quantity, available,
            }),
        2 => (a_session(), 1..5u64, prop::option::of(a_quantity())).prop_map(
            |(session, id, quantity)| Action::TakeFromCart { session, item: item(id), quantity }),
        2 => a_session().prop_map(|session| Action::SaveCart { session }),
        1 => a_session().prop_map(|session| Action::ClearCart { session }),
        2 => (a_session(), 1..8u128, some_lines()).prop_map(|(session, id, lines)| Action::CheckOut {
            session, purchase: PurchaseId(id), lines,
        }),
        1 => (a_session(), 1..8u128).prop_map(|(session, id)| Action::GiveUp {
            session, purchase: PurchaseId(id),
        }),
    ];
    prop_oneof![people, carts]
}

/// What a step of a history says; times, and what a cart really holds, are filled in as it runs.
#[derive(Clone, Debug)]
enum Step {
    Wish {
        key: u128,
        age: i64,
        action: Action,
    },
    /// The whole cart of a session, as it is.
    BuyAll {
        session: SessionId,
        id: u128,
        record: bool,
    },
    Record(Purchase, Option<u64>),
    Touch(Vec<SessionId>),
    Pass,
    /// An earlier command comes again, as it was.
    Again(prop::sample::Index),
}

fn a_moved_step() -> impl Strategy<Value = (u64, Step)> {
    let far = prop::sample::select(vec![
        CUSTOMER_KEY_HORIZON_MS as i64,
        CUSTOMER_KEY_HORIZON_MS as i64 + 1,
        -(CUSTOMER_KEY_AHEAD_MS as i64),
        -(CUSTOMER_KEY_AHEAD_MS as i64) - 1,
    ]);
    let age = prop_oneof![16 => 0..2_000i64, 2 => -2_000..0i64, 1 => far];
    let step = prop_oneof![
        20 => (0..60u128, age, an_action())
            .prop_map(|(key, age, action)| Step::Wish { key, age, action }),
        4 => (a_session(), 1..8u128, any::<bool>())
            .prop_map(|(session, id, record)| Step::BuyAll { session, id, record }),
        3 => (a_purchase(), prop::option::of(0..100u64)).prop_map(|(it, told)| Step::Record(it, told)),
        2 => prop::collection::vec(a_session(), 0..4).prop_map(Step::Touch),
        1 => Just(Step::Pass),
        4 => any::<prop::sample::Index>().prop_map(Step::Again),
    ];
    (a_step(), step)
}

fn a_history() -> impl Strategy<Value = (Limits, Vec<(u64, Step)>)> {
    let limits = prop_oneof![
        1 => (1..6usize, 1..4usize, 1..6usize, 1..40usize).prop_map(
            |(accounts, sessions, purchases, keys)| Limits { accounts, sessions, purchases, keys }
        ),
        3 => Just(Limits::default()),
    ];
    (limits, prop::collection::vec(a_moved_step(), 0..60))
}

/// The commands of a step, given how things stand.
fn commands(step: &Step, at: u64, past: &[Command], customers: &Customers) -> Vec<Command> {
    let now = WallTime(at);
    let wish =
        |key, born, action| Command::Do { key: Key(key), born: WallTime(born), at: now, action };
    match step {
        Step::Wish { key, age, action } => {
            vec![wish(*key, at.saturating_add_signed(-age), action.clone())]
        }
        Step::BuyAll { session, id, record } => {
            let cart = customers.cart(*session).cloned().unwrap_or_default();
            let lines = cart
                .lines
                .iter()
                .map(|(item, quantity)| PurchaseLine { item: *item, ..line(1, *quantity) });
            let (purchase, lines): (_, Vec<_>) = (PurchaseId(*id), lines.collect());
            let action = Action::CheckOut { session: *session, purchase, lines: lines.clone() };
            let mut out = vec![wish(1_000 + u128::from(at), at, action)];
            if let Some(session) = customers.session(*session, now).filter(|_| *record) {
                let purchase = super::purchase(*id, session.owner.id, lines);
                out.push(Command::Record { at: now, purchase, told_below: None });
            }
            out
        }
        Step::Record(purchase, told_below) => {
            vec![Command::Record { at: now, purchase: purchase.clone(), told_below: *told_below }]
        }
        Step::Touch(sessions) => vec![Command::Touch { at: now, sessions: sessions.clone() }],
        Step::Pass => vec![Command::Pass { at: now }],
        Step::Again(index) if !past.is_empty() => vec![index.get(past).clone()],
        Step::Again(_) => vec![],
    }
}

fn same_as_model(customers: &Customers, model: &Model) {
    assert_eq!(customers.time().0, model.time);
    assert_eq!(customers.told_below(), model.told_below);
    assert_eq!(customers.keys_len(), model.keys.len());
    assert_eq!(customers.accounts_len(), model.accounts.len());
    assert_eq!(customers.sessions_len(), model.visits.len());
    assert_eq!(customers.purchases_len(), model.purchases.len());
    for known in &model.accounts {
        let (owner, account) = customers.by_login(known.owner.side, &known.login).expect("known");
        assert_eq!(owner, known.owner);
        assert_eq!((account.items, account.thumbs), model.tally(owner));
    }
    for visit in &model.visits {
        assert_eq!(customers.session(visit.id, WallTime(0)), Some(&visit.session));
        let cart = customers.cart(visit.id).cloned().unwrap_or_default();
        assert_eq!(cart, visit.cart);
    }
    for buyer in 1..4 {
        let saved = model.saved.iter().find(|(id, _)| *id == buyer).map(|(_, cart)| cart.clone());
        let cart = customers.saved_cart(buyer).cloned().unwrap_or_default();
        assert_eq!(cart, saved.unwrap_or_default());
        let mine = model.purchases.iter().rev().filter(|it| it.buyer == buyer);
        assert!(customers.purchases(buyer, None, 100).map(|(_, it)| it).eq(mine));
    }
    for id in 1..5 {
        let votes = model.votes.iter().filter(|it| it.1 == item(id)).map(|it| it.3);
        assert_eq!(customers.item_thumbs(item(id)), thumbs(votes));
    }
}

/// All commands of a history, as they come out on fresh customers.
fn run(limits: Limits, steps: &[(u64, Step)], mut each: impl FnMut(&mut Shop, &Command, Outcome)) {
    let mut shop = Shop::new(limits);
    let mut past: Vec<Command> = Vec::new();
    for (wait, step) in steps {
        shop.at += wait;
        for command in commands(step, shop.at, &past, &shop.customers) {
            let outcome = shop.apply(&command);
            each(&mut shop, &command, outcome);
            past.push(command);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_customers_do_what_the_model_does_and_their_rows_are_their_state((limits, steps) in a_history()) {
        let mut model = Model { limits, ..Model::default() };
        run(limits, &steps, |shop, command, outcome| {
            assert_eq!(outcome, model.apply(command), "{command:?}");
            same_as_model(&shop.customers, &model);
            let loaded = Customers::load(shop.store.rows()).expect("own rows").limited(limits);
            assert!(loaded == shop.customers, "the rows are the state");
            let rows = shop.customers.rows().map(|row| ((row.table, row.key), row.value));
            assert!(rows.collect::<BTreeMap<_, _>>() == shop.store.0, "the state is the rows");
            // What comes after a restart is what would have come without it.
            shop.customers = loaded;
        });
    }

    #[test]
    fn a_command_that_comes_twice_counts_once((limits, steps) in a_history()) {
        run(limits, &steps, |shop, command, outcome| {
            let before = people(&shop.customers);
            let again = shop.apply(command);
            let unsettled = Outcome::Refused(Refusal::Overloaded);
            if outcome != unsettled {
                assert_eq!(again, outcome, "{command:?}");
                assert_eq!(people(&shop.customers), before, "{command:?}");
            }
        });
    }

    #[test]
    fn a_replay_of_the_encoded_commands_ends_in_the_same_state((limits, steps) in a_history()) {
        let mut replica = Customers::new().limited(limits);
        run(limits, &steps, |shop, command, outcome| {
            let decoded = decode_command(&encode_command(command)).expect("own bytes");
            assert_eq!(&decoded, command);
            assert_eq!(replica.apply(&decoded, &mut Vec::new()), outcome);
            assert_eq!(replica.state_hash(), shop.customers.state_hash());
        });
    }

    #[test]
    fn any_bytes_are_decoded_or_refused_and_applied_without_a_panic(
        (limits, steps) in a_history(),
        noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 60),
    ) {
        let mut heard = Customers::new().limited(limits);
        let mut hear = |bytes: &[u8]| {
            if let Ok(command) = decode_command(bytes) {
                assert_eq!(decode_command(&encode_command(&command)).as_ref(), Ok(&command));
                heard.apply(&command, &mut Vec::new());
            }
        };
        noise.iter().for_each(|bytes| hear(bytes));
        let mut flips = flips.into_iter().cycle();
        run(limits, &steps, |_, command, _| {
            let mut bytes = encode_command(command);
            hear(&bytes);
            let (index, value) = flips.next().expect("there are some");
            let index = index.index(bytes.len());
            bytes[index] = value;
            hear(&bytes);
        });
        prop_assert!(Customers::load(heard.rows()).expect("own rows").limited(limits) == heard);
    }

    #[test]
    fn damaged_rows_are_refused_or_go_on_without_a_panic(
        (limits, steps) in a_history(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut rows = Vec::new();
        let mut past = Vec::new();
        run(limits, &steps, |shop, command, _| {
            rows = shop.store.rows().collect::<Vec<Row>>();
            past.push(command.clone());
        });
        for (row, byte, value) in damage {
            if rows.is_empty() {
                break;
            }
            let row = row.index(rows.len());
            let byte = byte.index(rows[row].value.len());
            rows[row].value[byte] = value;
        }
        if let Ok(customers) = Customers::load(rows) {
            let mut customers = customers.limited(limits);
            let before = customers.time();
            past.iter().for_each(|command| _ = customers.apply(command, &mut Vec::new()));
            prop_assert!(customers.time() >= before, "time never goes back");
        }
    }
}
