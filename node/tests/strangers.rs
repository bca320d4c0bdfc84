//! Whatever is said to a catalog, an order replica or a member of the customers' group, by whomever, it neither panics nor stops.

use bytes::Bytes;
use market::customers::{self, Action, Owner, PasswordHash, PurchaseId, SessionId};
use market::item::{Category, ItemId};
use market::listing::{Kind, NewListing};
use market::name::Name;
use market::order::Order;
use market::rows::{Row, Table};
use market::trade::{Key, Side, Trade, TradeRefusal, WallTime};
use node::catalog::{CatalogConfig, CatalogProcess, Protocol};
use node::customers::{CustomersConfig, CustomersProcess};
use node::message::*;
use node::orders::{OrdersConfig, OrdersProcess};
use node::process::{Effect, HistoryPurpose, Input, Now, Process};
use node::service::ServiceId;
use proptest::collection::vec;
use proptest::prelude::*;
use replication::contract::{ChainHash, Message as Engines, Recovered, SnapshotName};
use replication::raft;
use replication::register::{Configuration, Refusal, RegisterCommand};
use replication::time::{Span, Time};

/// Small numbers meet often; the largest find overflows.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..6_u64, 1 => Just(u64::MAX), 1 => any::<u64>()]
}

fn id() -> impl Strategy<Value = u8> {
    prop_oneof![4 => 1..4_u8, 1 => any::<u8>()]
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![Just("Tux"), Just("Gnu"), Just("Nobody")]
        .prop_map(|text| Name::new(text).expect("a good name"))
}

fn trade() -> impl Strategy<Value = Trade> {
    (number(), name(), any::<bool>(), number()).prop_map(|(key, name, buys, quantity)| Trade {
        key: Key(u128::from(key)),
        born: None,
        name,
        side: if buys { Side::Buy } else { Side::Sell },
        quantity,
    })
}

fn order() -> impl Strategy<Value = Order> {
    (number(), trade()).prop_map(|(number, trade)| Order {
        number,
        key: trade.key,
        name: trade.name,
        side: trade.side,
        quantity: trade.quantity,
        unit_price: "1.00".parse().expect("a good price"),
        decided_at: WallTime(1),
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        number().prop_map(Outcome::Order),
        Just(Outcome::Refused(TradeRefusal::UnknownListing)),
    ]
}

fn configuration() -> impl Strategy<Value = Configuration> {
    (number(), number(), proptest::option::of(id()), vec(id(), 0..4)).prop_map(
        |(version, epoch, leader, in_sync)| Configuration {
            version,
            epoch,
            leader,
            incarnations: in_sync.iter().map(|id| (*id, u64::from(*id) * 11)).collect(),
            in_sync: in_sync.into_iter().collect(),
        },
    )
}

fn wish() -> impl Strategy<Value = RegisterCommand> {
    let elect = (number(), id(), number(), proptest::option::of(id()));
    let alter = (number(), number(), vec(id(), 0..4));
    let enrol = (id(), number(), number());
    prop_oneof![
        elect.prop_map(|(expect, candidate, log_end, drop)| RegisterCommand::Elect {
            expect,
            candidate,
            incarnation: u64::from(candidate) * 11,
            log_end,
            drop,
        }),
        alter.prop_map(|(expect, epoch, in_sync)| RegisterCommand::AlterInSync {
            expect,
            epoch,
            in_sync: in_sync.into_iter().collect(),
            added: None,
        }),
        enrol.prop_map(|(replica, incarnation, epoch)| RegisterCommand::Enrol {
            replica,
            incarnation,
            epoch,
        }),
    ]
}

/// Rows of a store, also such as no store has.
fn row() -> impl Strategy<Value = Row> {
    let key = prop_oneof![Just("chain"), Just("mark"), Just("law"), Just("register"), Just("Tux")];
    let value = prop_oneof![2 => Just(vec![0; 16]), 1 => vec(any::<u8>(), 0..20)];
    (0..Table::ALL.len(), key, value).prop_map(|(table, key, value)| Row {
        table: Table::ALL[table],
        key: key.as_bytes().to_vec(),
        value,
    })
}

fn snapshot_name() -> impl Strategy<Value = SnapshotName> {
    let mark = prop_oneof![Just(Vec::new()), vec(any::<u8>(), 0..20)];
    (number(), mark).prop_map(|(position, mark)| SnapshotName {
        position,
        hash: ChainHash::EMPTY,
        mark: mark.into(),
    })
}

fn envelope() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..12).prop_map(Bytes::from)
}

/// What a stranger might make of Raft.
fn raft() -> impl Strategy<Value = raft::Message> {
    let places = (number(), number(), number(), number(), number());
    let entries = vec((number(), envelope()), 0..3);
    let kind = (0..raft::Kind::ALL.len(), any::<bool>(), proptest::option::of(snapshot_name()));
    (kind, places, entries, prop_oneof![Just(0), Just(22), number()]).prop_map(
        |(
            (kind, reject, snapshot),
            (term, log_term, index, commit, commit_term),
            entries,
            disk,
        )| {
            let entry = |(position, envelope)| raft::LogEntry { position, envelope };
            raft::Message {
                kind: raft::Kind::ALL[kind],
                incarnation: disk,
                to_incarnation: 0,
                term,
                log_term,
                index,
                commit,
                commit_term,
                entries: entries.into_iter().map(entry).collect(),
                reject,
                reject_hint: commit,
                context: Bytes::new(),
                snapshot,
            }
        },
    )
}

/// What replicas of one group say about snapshots, and who leads the catalog.
fn for_a_replica() -> impl Strategy<Value = Message> {
    prop_oneof![
        number().prop_map(|term| Message::Leads(Leads { term })),
        (number(), number(), vec(row(), 0..3), proptest::option::of(snapshot_name())).prop_map(
            |(transfer, part, rows, end)| {
                Message::SnapshotPart(SnapshotPart { transfer, part, rows, end })
            }
        ),
        (number(), proptest::option::of(number())).prop_map(|(transfer, next)| {
            Message::SnapshotTaken(SnapshotTaken { transfer, next })
        }),
        raft().prop_map(|message| Message::Replication(Engines::Raft(message))),
    ]
}

/// What a catalog is told.
fn for_a_catalog() -> impl Strategy<Value = Message> {
    prop_oneof![
        (number(), number())
            .prop_map(|(session, at)| Message::Renew(Renew { session, sent_at: Time(at) })),
        (number(), vec(number(), 0..4))
            .prop_map(|(session, numbers)| Message::Invalidated(Invalidated { session, numbers })),
        (number(), number(), name()).prop_map(|(session, token, name)| Message::Fill(Fill {
            session,
            token,
            name
        })),
        (number(), proptest::option::of(number()))
            .prop_map(|(version, leads)| Message::Heartbeat(Heartbeat { version, leads })),
        wish().prop_map(Message::Configure),
        (number(), number(), vec(trade(), 0..300))
            .prop_map(|(epoch, batch, trades)| Message::Decide(Decide { epoch, batch, trades })),
        (number(), number(), number()).prop_map(|(epoch, question, from)| {
            Message::ReadOutbox(ReadOutbox { epoch, question, from })
        }),
        (number(), number(), number()).prop_map(|(epoch, version, keep_from)| {
            Message::Trim(Trim { epoch, version, keep_from })
        }),
    ]
}

/// What an order replica is told.
fn for_an_order_replica() -> impl Strategy<Value = Message> {
    prop_oneof![
        number().prop_map(|nonce| Message::Ping { nonce }),
        (number(), vec((number(), trade()), 0..40))
            .prop_map(|(epoch, trades)| Message::Trades { epoch, trades }),
        (number(), vec((number(), number()), 0..40))
            .prop_map(|(epoch, reads)| Message::ReadOrders { epoch, reads }),
        (number(), number(), vec(outcome(), 0..40), vec(order(), 0..6)).prop_map(
            |(epoch, batch, outcomes, orders)| {
                Message::Decided(Decided { epoch, batch, outcomes, orders })
            }
        ),
        (number(), number(), number(), vec(order(), 0..6)).prop_map(
            |(epoch, question, next, orders)| {
                // An outbox that begins above a leader's log stops it, as it must.
                Message::Outbox(Outbox { epoch, question, first: 0, next, orders })
            }
        ),
        configuration().prop_map(Message::Configuration),
        configuration().prop_map(Message::Fenced),
        (number(), configuration()).prop_map(|(version, configuration)| {
            let refusal = Refusal::Stale { version, expected: 0 };
            Message::Refused { refusal, configuration }
        }),
    ]
}

/// What a customer wishes.
fn action() -> impl Strategy<Value = Action> {
    let session = || (0..4_u8).prop_map(|token| SessionId([token; 32]));
    let category = Category::try_from(3).expect("a digit");
    let item = move || number().prop_map(move |id| ItemId { category, id });
    let purchase = || number().prop_map(|id| PurchaseId(u128::from(id)));
    prop_oneof![
        name().prop_map(|login| Action::Open {
            side: customers::Side::Buyer,
            name: login.clone(),
            login,
            password: PasswordHash::new("$hash").expect("a good hash"),
        }),
        (number(), session(), prop_oneof![Just(60_000), number()]).prop_map(
            |(id, session, idle_ms)| {
                let owner = Owner { side: customers::Side::Buyer, id };
                Action::SignIn { owner, session, idle_ms }
            }
        ),
        (session(), item(), number(), number()).prop_map(|(session, item, quantity, available)| {
            Action::AddToCart { session, item, quantity, available }
        }),
        (session(), item(), proptest::option::of(number()))
            .prop_map(|(session, item, quantity)| Action::TakeFromCart { session, item, quantity }),
        (session(), purchase()).prop_map(|(session, purchase)| {
            Action::CheckOut { session, purchase, lines: Vec::new() }
        }),
        session().prop_map(|session| Action::SignOutEverywhere { session }),
    ]
}

/// What a member of the customers' group is told.
fn for_a_member() -> impl Strategy<Value = Message> {
    let wish = (number(), number(), action()).prop_map(|(key, born, action)| CustomerRequest::Do {
        key: Key(u128::from(key)),
        born: WallTime(born),
        action,
    });
    let session = || (0..4_u8).prop_map(|token| SessionId([token; 32]));
    let question = prop_oneof![
        session().prop_map(|session| CustomerQuestion::Cart { session }),
        (session(), proptest::option::of(number()), any::<u32>())
            .prop_map(|(session, below, max)| CustomerQuestion::Purchases { session, below, max }),
        name().prop_map(|login| CustomerQuestion::Credentials {
            side: customers::Side::Buyer,
            login
        }),
    ];
    let read = (question, any::<bool>())
        .prop_map(|(question, fresh)| CustomerRequest::Read { question, fresh });
    vec((number(), prop_oneof![4 => wish, 1 => read]), 0..40).prop_map(Message::AskCustomers)
}

fn from() -> impl Strategy<Value = ServiceId> {
    prop_oneof![
        id().prop_map(ServiceId::catalog),
        id().prop_map(ServiceId::orders),
        id().prop_map(ServiceId::customers),
        id().prop_map(ServiceId::gateway),
    ]
}

fn input(message: impl Strategy<Value = Message>) -> impl Strategy<Value = Input> {
    prop_oneof![
        2 => (from(), for_a_replica())
            .prop_map(|(from, message)| Input::Received { from, message }),
        12 => (from(), message).prop_map(|(from, message)| Input::Received { from, message }),
        1 => from().prop_map(Input::LinkUp),
        1 => from().prop_map(Input::LinkDown),
        2 => Just(Input::Tick),
        1 => (number(), number(), vec(row(), 0..3), any::<bool>()).prop_map(
            |(transfer, position, rows, end)| Input::SnapshotRows { transfer, position, rows, end }
        ),
        1 => number().prop_map(Input::Replaced),
        1 => number().prop_map(|read| Input::History {
            purpose: HistoryPurpose::Order { read },
            entries: Vec::new(),
        }),
    ]
}

/// Gives a process everything, with disk writes done at once or late; says whether it stopped.
fn feed(process: &mut dyn Process, inputs: Vec<(Input, u16)>) -> bool {
    let (mut time, mut stopped) = (Time(1), false);
    let mut ticket = None;
    for (input, pause) in inputs {
        time = time + Span(u64::from(pause) * 4);
        let now = Now { time, wall: WallTime(time.0) };
        let mut effects = Vec::new();
        process.handle(now, input, &mut effects);
        if pause % 3 == 0
            && let Some(ticket) = ticket.take()
        {
            process.handle(now, Input::Persisted(ticket), &mut effects);
        }
        process.flush(now, &mut effects);
        for effect in effects {
            match effect {
                Effect::Persist { ticket: new, .. } => ticket = Some(new),
                Effect::Halt(_) => stopped = true,
                _ => {}
            }
        }
    }
    stopped
}

fn catalog(config: CatalogConfig) -> CatalogProcess {
    let listing = |text: &str| NewListing {
        name: Name::new(text).expect("a good name"),
        kind: Kind::Stock,
        price: "1.00".parse().expect("a good price"),
        quantity: 3,
        restock: true,
    };
    let now = Now { time: Time(1), wall: WallTime(1) };
    let first = vec![listing("Tux"), listing("Gnu")];
    let started =
        CatalogProcess::start(config, now, 1, 11, Recovered::default(), Vec::new(), first);
    started.expect("an empty disk is sound")
}

fn of_three() -> CatalogConfig {
    CatalogConfig {
        catalogs: vec![1, 2, 3],
        protocol: Protocol::Raft,
        ..CatalogConfig::alone(1, vec![1, 2, 3])
    }
}

/// The library takes a place past the end of its log for one that has no term, and would commit it.
#[test]
fn what_is_said_to_follow_a_place_without_a_term_is_not_taken() {
    let message = raft::Message {
        kind: raft::Kind::Append,
        incarnation: 22,
        to_incarnation: 0,
        term: 3,
        log_term: 0,
        index: 1,
        commit: 4,
        commit_term: 1,
        entries: Vec::new(),
        reject: false,
        reject_hint: 0,
        context: Bytes::new(),
        snapshot: None,
    };
    let message = Message::Replication(Engines::Raft(message));
    let mut catalog = catalog(of_three());
    let stopped = feed(
        &mut catalog,
        vec![(Input::Received { from: ServiceId::catalog(2), message }, 0), (Input::Tick, 0)],
    );
    assert_eq!((stopped, catalog.status().commit, catalog.applied()), (false, 0, 0));
}

fn member(config: CustomersConfig) -> CustomersProcess {
    let now = Now { time: Time(1), wall: WallTime(1) };
    let started = CustomersProcess::start(config, now, 1, 11, Recovered::default(), Vec::new());
    started.expect("an empty disk is sound")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_member_alone_takes_anything(
        inputs in vec((input(for_a_member()), any::<u16>()), 0..200)
    ) {
        let mut member = member(CustomersConfig::new(1, vec![1]));
        prop_assert!(!feed(&mut member, inputs));
        let law = member.law().clone();
        prop_assert_eq!(customers::Customers::load(law.rows()), Ok(law));
    }

    #[test]
    fn a_member_of_a_group_takes_anything(
        inputs in vec((input(for_a_member()), any::<u16>()), 0..200),
        by_raft in any::<bool>(),
    ) {
        let mut config = CustomersConfig::new(1, vec![1, 2, 3]);
        if by_raft {
            config.protocol = node::customers::Protocol::Raft;
        }
        prop_assert!(!feed(&mut member(config), inputs));
    }

    #[test]
    fn a_catalog_takes_anything(inputs in vec((input(for_a_catalog()), any::<u16>()), 0..200)) {
        let mut catalog = catalog(CatalogConfig::alone(1, vec![1, 2, 3]));
        prop_assert!(!feed(&mut catalog, inputs));
        let law = &catalog.state().law;
        for listing in law.listings() {
            let came = listing.initial + listing.restocked + listing.sold;
            prop_assert_eq!(came - listing.bought, listing.quantity);
        }
    }

    #[test]
    fn a_catalog_of_a_group_takes_anything(
        inputs in vec((input(for_a_catalog()), any::<u16>()), 0..200)
    ) {
        prop_assert!(!feed(&mut catalog(of_three()), inputs));
    }

    #[test]
    fn an_order_replica_takes_anything(
        inputs in vec((input(for_an_order_replica()), any::<u16>()), 0..200)
    ) {
        let now = Now { time: Time(1), wall: WallTime(1) };
        let config = OrdersConfig::new(3, vec![1, 2, 3], vec![1]);
        let started = OrdersProcess::start(config, now, 33, Recovered::default(), Vec::new());
        let mut orders = started.expect("an empty disk is sound");
        prop_assert!(!feed(&mut orders, inputs));
    }

    #[test]
    fn an_order_replica_of_a_group_that_elects_takes_anything(
        inputs in vec((input(for_an_order_replica()), any::<u16>()), 0..200)
    ) {
        let now = Now { time: Time(1), wall: WallTime(1) };
        let config = OrdersConfig {
            protocol: node::orders::Protocol::Raft,
            ..OrdersConfig::new(3, vec![1, 2, 3], vec![1])
        };
        let started = OrdersProcess::start(config, now, 33, Recovered::default(), Vec::new());
        let mut orders = started.expect("an empty disk is sound");
        prop_assert!(!feed(&mut orders, inputs));
    }
}
