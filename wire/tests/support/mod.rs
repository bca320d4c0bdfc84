//! Generators of every message there is.

// Each test file uses its own part of this.
#![allow(dead_code, unreachable_pub)]

use bytes::Bytes;
use market::customers::{
    Action, Cart, Checkout, Outcome as CustomerOutcome, Owner, PasswordHash, Purchase, PurchaseId,
    PurchaseLine, Refusal as CustomerRefusal, SessionId, Side as CustomerSide, Thumbs, Vote,
};
use market::item::{Category, ItemId};
use market::listing::{Kind, Listing};
use market::money::Price;
use market::name::Name;
use market::order::Order;
use market::rows::{Row, Table};
use market::trade::{Key, Side, Trade, TradeRefusal, WallTime};
use node::message::*;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use replication::contract::{ChainHash, Entry, SnapshotName};
use replication::primary_backup;
use replication::raft;
use replication::register::{Configuration, Refusal, RegisterCommand};
use replication::time::{Span, Time};

/// Names of every length, with characters of up to four bytes.
pub fn name() -> impl Strategy<Value = Name> {
    let text = prop_oneof![
        "[a-zA-Z0-9]{1,32}",
        "[!-~ä€😀]{1}([ -~ä€😀]{0,30}[!-~ä€😀])?",
        Just("😀".repeat(32)),
    ];
    text.prop_map(|text| Name::new(&text).expect("a valid name"))
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![any::<u128>(), Just(0), Just(u128::MAX)].prop_map(Key)
}

fn price() -> impl Strategy<Value = Price> {
    (0..=market::limits::MAX_PRICE_MINOR)
        .prop_map(|minor| Price::from_minor(minor).expect("a valid price"))
}

pub fn trade() -> impl Strategy<Value = Trade> {
    (key(), option::of(any::<u64>()), name(), side(), any::<u64>()).prop_map(
        |(key, born, name, side, quantity)| Trade {
            key,
            born: born.map(WallTime),
            name,
            side,
            quantity,
        },
    )
}

pub fn order() -> impl Strategy<Value = Order> {
    (any::<u64>(), key(), name(), side(), any::<u64>(), price(), any::<u64>()).prop_map(
        |(number, key, name, side, quantity, unit_price, at)| Order {
            number,
            key,
            name,
            side,
            quantity,
            unit_price,
            decided_at: WallTime(at),
        },
    )
}

pub fn listing() -> impl Strategy<Value = Listing> {
    let kind = prop_oneof![Just(Kind::Stock), Just(Kind::Toy)];
    (name(), kind, price(), any::<[u64; 7]>(), any::<bool>()).prop_map(
        |(name, kind, price, n, restock)| Listing {
            name,
            kind,
            price,
            quantity: n[0],
            volume: n[1],
            initial: n[2],
            restocked: n[3],
            sold: n[4],
            bought: n[5],
            restock,
            version: n[6],
        },
    )
}

pub fn refusal() -> impl Strategy<Value = TradeRefusal> {
    prop_oneof![
        Just(TradeRefusal::UnknownListing),
        any::<u64>().prop_map(|available| TradeRefusal::InsufficientQuantity { available }),
        Just(TradeRefusal::QuantityOutOfRange),
        Just(TradeRefusal::KeyReused),
        Just(TradeRefusal::KeyExpired),
        Just(TradeRefusal::Overloaded),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![any::<u64>().prop_map(Outcome::Order), refusal().prop_map(Outcome::Refused)]
}

fn replica() -> impl Strategy<Value = u8> {
    1..=u8::MAX
}

fn incarnation() -> impl Strategy<Value = u64> {
    1..=u64::MAX
}

pub fn configuration() -> impl Strategy<Value = Configuration> {
    (
        any::<u64>(),
        any::<u64>(),
        option::of(replica()),
        btree_set(replica(), 0..9),
        btree_map(replica(), incarnation(), 0..9),
    )
        .prop_map(|(version, epoch, leader, in_sync, incarnations)| Configuration {
            version,
            epoch,
            leader,
            in_sync,
            incarnations,
        })
}

fn register_command() -> impl Strategy<Value = RegisterCommand> {
    let added = option::of((replica(), incarnation()));
    prop_oneof![
        (any::<u64>(), replica(), incarnation(), any::<u64>(), option::of(replica())).prop_map(
            |(expect, candidate, incarnation, log_end, drop)| RegisterCommand::Elect {
                expect,
                candidate,
                incarnation,
                log_end,
                drop
            }
        ),
        (any::<u64>(), any::<u64>(), btree_set(replica(), 0..300), added).prop_map(
            |(expect, epoch, in_sync, added)| RegisterCommand::AlterInSync {
                expect,
                epoch,
                in_sync,
                added
            }
        ),
        (replica(), incarnation(), any::<u64>()).prop_map(|(replica, incarnation, epoch)| {
            RegisterCommand::Enrol { replica, incarnation, epoch }
        }),
    ]
}

fn register_refusal() -> impl Strategy<Value = Refusal> {
    let pair = || (any::<u64>(), any::<u64>());
    prop_oneof![
        pair().prop_map(|(version, expected)| Refusal::Stale { version, expected }),
        pair().prop_map(|(epoch, current)| Refusal::Fenced { epoch, current }),
        replica().prop_map(|candidate| Refusal::Ineligible { candidate }),
        replica().prop_map(|replica| Refusal::OtherDisk { replica }),
        Just(Refusal::BadSet),
        (replica(), any::<u64>(), any::<u64>()).prop_map(|(replica, epoch, current)| {
            Refusal::RegisterLostData { replica, epoch, current }
        }),
    ]
}

fn hash() -> impl Strategy<Value = ChainHash> {
    any::<[u8; 16]>().prop_map(ChainHash)
}

fn entry() -> impl Strategy<Value = Entry> {
    (1..=u64::MAX, hash(), vec(any::<u8>(), 0..200)).prop_map(|(position, hash, command)| Entry {
        position,
        hash,
        command: Bytes::from(command),
    })
}

fn replication_message() -> impl Strategy<Value = Message> {
    let append = (any::<u64>(), any::<u64>(), hash(), vec(entry(), 0..9), any::<u64>()).prop_map(
        |(epoch, previous, previous_hash, entries, commit)| primary_backup::Message::Append {
            epoch,
            previous,
            previous_hash,
            entries,
            commit,
        },
    );
    let ack =
        (any::<u64>(), incarnation(), any::<u64>()).prop_map(|(epoch, incarnation, matched)| {
            primary_backup::Message::Ack { epoch, incarnation, matched }
        });
    let nack = (any::<u64>(), any::<u64>())
        .prop_map(|(epoch, hint)| primary_backup::Message::Nack { epoch, hint });
    let primary_backup =
        prop_oneof![append, ack, nack].prop_map(replication::contract::Message::PrimaryBackup);
    let raft = raft_message().prop_map(replication::contract::Message::Raft);
    prop_oneof![primary_backup, raft].prop_map(Message::Replication)
}

fn bytes(longest: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=longest).prop_map(Bytes::from)
}

fn snapshot_name() -> impl Strategy<Value = SnapshotName> {
    (any::<u64>(), hash(), bytes(40)).prop_map(|(position, hash, mark)| SnapshotName {
        position,
        hash,
        mark,
    })
}

pub fn raft_message() -> impl Strategy<Value = raft::Message> {
    let entry = (1..=u64::MAX, bytes(200))
        .prop_map(|(position, envelope)| raft::LogEntry { position, envelope });
    let numbers = (incarnation(), any::<[u64; 7]>());
    let parts = (vec(entry, 0..9), bytes(wire::limits::MAX_CONTEXT_BYTES), any::<bool>());
    (select(raft::Kind::ALL.to_vec()), numbers, parts, option::of(snapshot_name())).prop_map(
        |(kind, (incarnation, n), (entries, context, reject), snapshot)| raft::Message {
            kind,
            incarnation,
            to_incarnation: n[0],
            term: n[1],
            log_term: n[2],
            index: n[3],
            commit: n[4],
            commit_term: n[5],
            entries,
            reject,
            reject_hint: n[6],
            context,
            snapshot,
        },
    )
}

pub fn row() -> impl Strategy<Value = Row> {
    (select(Table::ALL.to_vec()), vec(any::<u8>(), 0..130), vec(any::<u8>(), 0..200))
        .prop_map(|(table, key, value)| Row { table, key, value })
}

fn snapshot_message() -> impl Strategy<Value = Message> {
    let n = any::<u64>;
    prop_oneof![
        (n(), n(), vec(row(), 0..9), option::of(snapshot_name())).prop_map(
            |(transfer, part, rows, end)| {
                Message::SnapshotPart(SnapshotPart { transfer, part, rows, end })
            }
        ),
        (n(), option::of(n())).prop_map(|(transfer, next)| {
            Message::SnapshotTaken(SnapshotTaken { transfer, next })
        }),
    ]
}

fn cache_message() -> impl Strategy<Value = Message> {
    let n = any::<u64>;
    prop_oneof![
        (n(), n())
            .prop_map(|(session, at)| { Message::Renew(Renew { session, sent_at: Time(at) }) }),
        (n(), n(), n()).prop_map(|(session, at, ttl)| {
            Message::Lease(Lease { session, sent_at: Time(at), ttl: Span(ttl) })
        }),
        (n(), n(), vec(name(), 0..9)).prop_map(|(session, number, names)| {
            Message::Invalidate(Invalidate { session, number, names })
        }),
        (n(), vec(n(), 0..9)).prop_map(|(session, numbers)| {
            Message::Invalidated(Invalidated { session, numbers })
        }),
        (n(), n(), name()).prop_map(|(session, token, name)| Message::Fill(Fill {
            session,
            token,
            name
        })),
        (n(), n(), name(), option::of(listing()), any::<bool>()).prop_map(
            |(session, token, name, listing, cacheable)| {
                Message::Filled(Filled { session, token, name, listing, cacheable })
            }
        ),
    ]
}

fn register_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        (any::<u64>(), option::of(any::<u64>()))
            .prop_map(|(version, leads)| Message::Heartbeat(Heartbeat { version, leads })),
        any::<u64>().prop_map(|term| Message::Leads(Leads { term })),
        configuration().prop_map(Message::Configuration),
        configuration().prop_map(Message::Fenced),
        register_command().prop_map(Message::Configure),
        (register_refusal(), configuration())
            .prop_map(|(refusal, configuration)| Message::Refused { refusal, configuration }),
    ]
}

fn decision_message() -> impl Strategy<Value = Message> {
    let n = any::<u64>;
    prop_oneof![
        (n(), n(), vec(trade(), 0..9)).prop_map(|(epoch, batch, trades)| Message::Decide(Decide {
            epoch,
            batch,
            trades
        })),
        (n(), n(), vec(outcome(), 0..9), vec(order(), 0..9)).prop_map(
            |(epoch, batch, outcomes, orders)| {
                Message::Decided(Decided { epoch, batch, outcomes, orders })
            }
        ),
        (n(), n(), n()).prop_map(|(epoch, question, from)| {
            Message::ReadOutbox(ReadOutbox { epoch, question, from })
        }),
        (n(), n(), n(), n(), vec(order(), 0..9)).prop_map(
            |(epoch, question, first, next, orders)| {
                Message::Outbox(Outbox { epoch, question, first, next, orders })
            }
        ),
        (n(), n(), n()).prop_map(|(epoch, version, keep_from)| {
            Message::Trim(Trim { epoch, version, keep_from })
        }),
    ]
}

fn trade_reply() -> impl Strategy<Value = TradeReply> {
    prop_oneof![
        outcome().prop_map(TradeReply::Done),
        configuration().prop_map(TradeReply::NotLeader),
        Just(TradeReply::Busy),
    ]
}

fn order_reply() -> impl Strategy<Value = OrderReply> {
    prop_oneof![
        order().prop_map(OrderReply::Found),
        Just(OrderReply::NotFound),
        configuration().prop_map(OrderReply::NotLeader),
        Just(OrderReply::Busy),
    ]
}

fn pong() -> impl Strategy<Value = Message> {
    (any::<[u64; 4]>(), incarnation(), any::<[bool; 2]>()).prop_map(|(n, incarnation, flags)| {
        Message::Pong(Pong {
            nonce: n[0],
            incarnation,
            epoch: n[1],
            end: n[2],
            leads: flags[0],
            draining: flags[1],
            version: n[3],
        })
    })
}

fn trade_message() -> impl Strategy<Value = Message> {
    let n = any::<u64>;
    prop_oneof![
        n().prop_map(|nonce| Message::Ping { nonce }),
        pong(),
        (n(), vec((n(), trade()), 0..9))
            .prop_map(|(epoch, trades)| Message::Trades { epoch, trades }),
        vec((n(), trade_reply()), 0..9).prop_map(Message::Traded),
        (n(), vec((n(), n()), 0..9))
            .prop_map(|(epoch, reads)| Message::ReadOrders { epoch, reads }),
        vec((n(), order_reply()), 0..9).prop_map(Message::OrdersRead),
    ]
}

fn session() -> impl Strategy<Value = SessionId> {
    any::<[u8; 32]>().prop_map(SessionId)
}

fn item() -> impl Strategy<Value = ItemId> {
    (0..=9u8, any::<u64>()).prop_map(|(category, id)| ItemId {
        category: Category::try_from(category).expect("a digit"),
        id,
    })
}

fn owner() -> impl Strategy<Value = Owner> {
    let side = prop_oneof![Just(CustomerSide::Seller), Just(CustomerSide::Buyer)];
    (side, any::<u64>()).prop_map(|(side, id)| Owner { side, id })
}

fn password() -> impl Strategy<Value = PasswordHash> {
    "[$][!-~]{1,159}".prop_map(|text| PasswordHash::new(&text).expect("a hash"))
}

fn lines() -> impl Strategy<Value = Vec<PurchaseLine>> {
    let line = (item(), name(), any::<u64>(), any::<u64>(), price()).prop_map(
        |(item, name, seller, quantity, unit_price)| PurchaseLine {
            item,
            name,
            seller,
            quantity,
            unit_price,
        },
    );
    vec(line, 0..9)
}

fn purchase() -> impl Strategy<Value = Purchase> {
    (any::<u128>(), any::<[u64; 3]>(), lines(), any::<bool>()).prop_map(
        |(id, n, lines, reversed)| Purchase {
            id: PurchaseId(id),
            buyer: n[0],
            order: n[1],
            lines,
            decided_at: WallTime(n[2]),
            reversed,
        },
    )
}

fn action() -> impl Strategy<Value = Action> {
    let n = any::<u64>;
    prop_oneof![
        (owner(), name(), name(), password()).prop_map(
            |(Owner { side, .. }, login, name, password)| {
                Action::Open { side, login, name, password }
            }
        ),
        (owner(), session(), n()).prop_map(|(owner, session, idle_ms)| Action::SignIn {
            owner,
            session,
            idle_ms
        }),
        (owner(), name())
            .prop_map(|(Owner { side, .. }, login)| Action::SignInFailed { side, login }),
        (session(), item(), n(), n()).prop_map(|(session, item, quantity, available)| {
            Action::AddToCart { session, item, quantity, available }
        }),
        (session(), item(), option::of(n()))
            .prop_map(|(session, item, quantity)| Action::TakeFromCart { session, item, quantity }),
        session().prop_map(|session| Action::SaveCart { session }),
        (session(), any::<u128>(), lines()).prop_map(|(session, id, lines)| Action::CheckOut {
            session,
            purchase: PurchaseId(id),
            lines
        }),
        (session(), item())
            .prop_map(|(session, item)| { Action::Vote { session, item, vote: Vote::Down } }),
    ]
}

fn customer_request() -> impl Strategy<Value = CustomerRequest> {
    let question = prop_oneof![
        (owner(), name()).prop_map(|(Owner { side, .. }, login)| {
            CustomerQuestion::Credentials { side, login }
        }),
        session().prop_map(|session| CustomerQuestion::Session { session }),
        (session(), option::of(any::<u64>()), any::<u32>()).prop_map(|(session, below, max)| {
            CustomerQuestion::Purchases { session, below, max }
        }),
        any::<u128>().prop_map(|id| CustomerQuestion::Purchase { id: PurchaseId(id) }),
        vec(item(), 0..300).prop_map(|items| CustomerQuestion::Thumbs { items }),
    ];
    prop_oneof![
        (key(), any::<u64>(), action()).prop_map(|(key, born, action)| CustomerRequest::Do {
            key,
            born: WallTime(born),
            action
        }),
        (purchase(), option::of(any::<u64>()))
            .prop_map(|(purchase, told_below)| CustomerRequest::Record { purchase, told_below }),
        (question, any::<bool>())
            .prop_map(|(question, fresh)| CustomerRequest::Read { question, fresh }),
    ]
}

fn customer_answer() -> impl Strategy<Value = CustomerAnswer> {
    let n = any::<u64>;
    let thumbs = || (n(), n()).prop_map(|(up, down)| Thumbs { up, down });
    let cart = (vec((item(), n()), 0..9), option::of((any::<u128>(), n(), lines()))).prop_map(
        |(held, checkout)| Cart {
            lines: held.into_iter().collect(),
            checkout: checkout.map(|(id, at, lines)| Checkout {
                purchase: PurchaseId(id),
                at: WallTime(at),
                lines,
            }),
        },
    );
    prop_oneof![
        option::of((owner(), password(), any::<bool>())).prop_map(|found| {
            CustomerAnswer::Credentials(found.map(|(owner, password, locked)| Credentials {
                owner,
                password,
                locked,
            }))
        }),
        option::of((owner(), name())).prop_map(|seen| {
            CustomerAnswer::Session(seen.map(|(owner, name)| SessionSeen { owner, name }))
        }),
        option::of(cart).prop_map(CustomerAnswer::Cart),
        option::of(vec((n(), purchase()), 0..20)).prop_map(CustomerAnswer::Purchases),
        option::of(purchase()).prop_map(CustomerAnswer::Purchase),
        option::of((n(), name(), n(), thumbs())).prop_map(|seen| {
            CustomerAnswer::Account(seen.map(|(id, name, items, thumbs)| AccountSeen {
                id,
                name,
                items,
                thumbs,
            }))
        }),
        vec(thumbs(), 0..300).prop_map(CustomerAnswer::Thumbs),
        n().prop_map(CustomerAnswer::ToldBelow),
    ]
}

fn customer_reply() -> impl Strategy<Value = CustomerReply> {
    let outcome = prop_oneof![
        any::<u64>().prop_map(CustomerOutcome::Opened),
        any::<u64>().prop_map(CustomerOutcome::Bought),
        any::<u64>().prop_map(|available| {
            CustomerOutcome::Refused(CustomerRefusal::StockShort { available })
        }),
        Just(CustomerOutcome::Refused(CustomerRefusal::Overloaded)),
    ];
    prop_oneof![
        outcome.prop_map(CustomerReply::Done),
        customer_answer().prop_map(CustomerReply::Read),
        Just(CustomerReply::Busy),
        option::of(replica()).prop_map(|ask| CustomerReply::NotHere { ask }),
        Just(CustomerReply::Unknown),
    ]
}

fn customer_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        vec((any::<u64>(), customer_request()), 0..9).prop_map(Message::AskCustomers),
        vec((any::<u64>(), customer_reply()), 0..9).prop_map(Message::CustomersAnswer),
    ]
}

/// Every variant.
pub fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        cache_message(),
        register_message(),
        decision_message(),
        trade_message(),
        replication_message(),
        snapshot_message(),
        customer_message(),
    ]
}

/// One value of a generator, always the same.
pub fn any_of<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> T {
    strategy.new_tree(&mut TestRunner::deterministic()).expect("a value").current()
}
