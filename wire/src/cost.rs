//! How many bytes a message takes at most, without encoding it.
//!
//! The queue of a link counts with this: it is known where the message is made, while the encoding happens later, on another
//! thread. Never less than the truth (a property test holds it to that).

use market::listing::Listing;
use market::order::Order;
use market::rows::Row;
use market::trade::Trade;
use node::message::{CustomerReply, CustomerRequest, Message, OrderReply, TradeReply};
use replication::contract::{self, Entry, SnapshotName};
use replication::primary_backup;
use replication::raft::{self, LogEntry};
use replication::register::Configuration;

use crate::limits::{
    MAX_COMMAND_BYTES, MAX_CONTEXT_BYTES, MAX_CUSTOMER_BYTES, MAX_ENTRIES, MAX_ENVELOPE_BYTES,
    MAX_ITEMS, MAX_MARK_BYTES, MAX_MESSAGE_COST, MAX_NAMES, MAX_NUMBERS, MAX_ORDERS, MAX_REPLICAS,
    MAX_ROW_KEY_BYTES, MAX_ROW_VALUE_BYTES, MAX_ROWS,
};

/// Any message without lists: at most six numbers of 11 bytes, and the framing.
const PLAIN: usize = 96;
/// A trade, an order, an entry, a listing without its variable part.
const TRADE: usize = 64;
const ORDER: usize = 80;
const ENTRY: usize = 48;
const LISTING: usize = 112;
/// An outcome, or an answer without its order or configuration, with its id.
const OUTCOME: usize = 48;
/// The id and the framing of a request to the customers, or of a reply.
const NAMED: usize = 24;
/// A read, or a number.
const READ: usize = 28;
const NUMBER: usize = 11;
/// A name without its bytes.
const NAME: usize = 4;
/// What a Raft message has beyond the plain, without its variable parts: eight numbers, and the framing of three levels.
const RAFT: usize = 96;
const RAFT_ENTRY: usize = 24;
/// A position and a hash, without the mark.
const SNAPSHOT_NAME: usize = 48;
/// A row without its bytes.
const ROW: usize = 20;
/// A replica in a set, and in the list of disks.
const MEMBER: usize = 4;
const DISK: usize = 20;

/// An upper bound on the encoded size of a message, in bytes.
pub fn cost(message: &Message) -> usize {
    PLAIN + variable(message)
}

/// Would a receiver take this message? One that does not fit must not be sent: it would break the link, again and again.
pub fn fits(message: &Message) -> bool {
    lists_fit(message) && cost(message) <= MAX_MESSAGE_COST
}

fn lists_fit(message: &Message) -> bool {
    match message {
        Message::Invalidate(invalidate) => invalidate.names.len() <= MAX_NAMES,
        Message::Invalidated(invalidated) => invalidated.numbers.len() <= MAX_NUMBERS,
        Message::Decide(decide) => decide.trades.len() <= MAX_ITEMS,
        Message::Decided(decided) => {
            decided.outcomes.len() <= MAX_ITEMS && decided.orders.len() <= MAX_ORDERS
        }
        Message::Outbox(outbox) => outbox.orders.len() <= MAX_ORDERS,
        Message::Trades { trades, .. } => trades.len() <= MAX_ITEMS,
        Message::Traded(replies) => replies.len() <= MAX_ITEMS,
        Message::ReadOrders { reads, .. } => reads.len() <= MAX_ITEMS,
        Message::OrdersRead(replies) => replies.len() <= MAX_ITEMS,
        Message::AskCustomers(requests) => {
            let short = |(_, it): &(u64, CustomerRequest)| it.cost() <= MAX_CUSTOMER_BYTES;
            requests.len() <= MAX_ITEMS && requests.iter().all(short)
        }
        Message::CustomersAnswer(replies) => {
            let short = |(_, it): &(u64, CustomerReply)| it.cost() <= MAX_CUSTOMER_BYTES;
            replies.len() <= MAX_ITEMS && replies.iter().all(short)
        }
        Message::Replication(contract::Message::PrimaryBackup(
            primary_backup::Message::Append { entries, .. },
        )) => {
            let short = |entry: &Entry| entry.command.len() <= MAX_COMMAND_BYTES;
            entries.len() <= MAX_ENTRIES && entries.iter().all(short)
        }
        Message::Replication(contract::Message::Raft(message)) => raft_fits(message),
        Message::SnapshotPart(part) => {
            part.rows.len() <= MAX_ROWS
                && part.rows.iter().all(row_fits)
                && part.end.as_ref().is_none_or(name_fits)
        }
        // Without lists, or with sets of replicas, of which there are never too many.
        _ => true,
    }
}

fn variable(message: &Message) -> usize {
    match message {
        Message::Invalidate(invalidate) => {
            sum(&invalidate.names, |name| NAME + name.as_str().len())
        }
        Message::Invalidated(invalidated) => invalidated.numbers.len() * NUMBER,
        Message::Fill(fill) => NAME + fill.name.as_str().len(),
        Message::Filled(filled) => {
            NAME + filled.name.as_str().len() + filled.listing.as_ref().map_or(0, listing)
        }
        Message::Configuration(part) | Message::Fenced(part) => configuration(part),
        Message::Configure(_) => register_set(),
        Message::Refused { configuration: part, .. } => configuration(part),
        Message::Decide(decide) => sum(&decide.trades, trade),
        Message::Decided(decided) => decided.outcomes.len() * OUTCOME + sum(&decided.orders, order),
        Message::Outbox(outbox) => sum(&outbox.orders, order),
        Message::Trades { trades, .. } => sum(trades, |(_, part)| 16 + trade(part)),
        Message::Traded(replies) => sum(replies, |(_, reply)| trade_reply(reply)),
        Message::ReadOrders { reads, .. } => reads.len() * READ,
        Message::OrdersRead(replies) => sum(replies, |(_, reply)| order_reply(reply)),
        Message::AskCustomers(requests) => sum(requests, |(_, request)| NAMED + request.cost()),
        Message::CustomersAnswer(replies) => sum(replies, |(_, reply)| NAMED + reply.cost()),
        Message::Replication(contract::Message::PrimaryBackup(message)) => primary_backup(message),
        Message::Replication(contract::Message::Raft(message)) => raft(message),
        Message::Replication(contract::Message::RotatingSequencer(message)) => {
            message.encode().len()
        }
        Message::SnapshotPart(part) => {
            sum(&part.rows, row) + part.end.as_ref().map_or(0, snapshot_name)
        }
        Message::Leads(_)
        | Message::SnapshotTaken(_)
        | Message::Renew(_)
        | Message::Lease(_)
        | Message::Heartbeat(_)
        | Message::ReadOutbox(_)
        | Message::Trim(_)
        | Message::Ping { .. }
        | Message::Pong(_) => 0,
    }
}

fn raft_fits(message: &raft::Message) -> bool {
    let short = |entry: &LogEntry| entry.envelope.len() <= MAX_ENVELOPE_BYTES;
    message.entries.len() <= MAX_ENTRIES
        && message.entries.iter().all(short)
        && message.context.len() <= MAX_CONTEXT_BYTES
        && message.snapshot.as_ref().is_none_or(name_fits)
}

fn row_fits(row: &Row) -> bool {
    row.key.len() <= MAX_ROW_KEY_BYTES && row.value.len() <= MAX_ROW_VALUE_BYTES
}

fn name_fits(name: &SnapshotName) -> bool {
    name.mark.len() <= MAX_MARK_BYTES
}

fn sum<T>(items: &[T], cost: impl Fn(&T) -> usize) -> usize {
    items.iter().map(cost).sum()
}

fn trade(trade: &Trade) -> usize {
    TRADE + trade.name.as_str().len()
}

fn order(order: &Order) -> usize {
    ORDER + order.name.as_str().len()
}

fn listing(listing: &Listing) -> usize {
    LISTING + listing.name.as_str().len()
}

fn configuration(part: &Configuration) -> usize {
    PLAIN + part.in_sync.len() * MEMBER + part.incarnations.len() * DISK
}

/// A change of the register names at most every replica there can be.
const fn register_set() -> usize {
    MAX_REPLICAS * MEMBER
}

fn trade_reply(reply: &TradeReply) -> usize {
    match reply {
        TradeReply::Done(_) | TradeReply::Busy => OUTCOME,
        TradeReply::NotLeader(part) => OUTCOME + configuration(part),
    }
}

fn order_reply(reply: &OrderReply) -> usize {
    match reply {
        OrderReply::Found(found) => OUTCOME + order(found),
        OrderReply::NotLeader(part) => OUTCOME + configuration(part),
        OrderReply::NotFound | OrderReply::Busy => OUTCOME,
    }
}

fn primary_backup(message: &primary_backup::Message) -> usize {
    match message {
        primary_backup::Message::Append { entries, .. } => {
            sum(entries, |entry: &Entry| ENTRY + entry.command.len())
        }
        primary_backup::Message::Ack { .. } | primary_backup::Message::Nack { .. } => 0,
    }
}

fn raft(message: &raft::Message) -> usize {
    RAFT + message.context.len()
        + sum(&message.entries, |entry| RAFT_ENTRY + entry.envelope.len())
        + message.snapshot.as_ref().map_or(0, snapshot_name)
}

fn snapshot_name(name: &SnapshotName) -> usize {
    SNAPSHOT_NAME + name.mark.len()
}

fn row(row: &Row) -> usize {
    ROW + row.key.len() + row.value.len()
}
