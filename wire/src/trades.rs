//! Trades and reads of orders: between gateway and order replicas.

use market::order::OrderNumber;
use market::trade::Trade;
use node::message::{OrderReply, Pong, TradeReply};
use replication::contract::Epoch;

use crate::convert::{each, incarnation, required};
use crate::error::DecodeError;
use crate::limits::MAX_ITEMS;
use crate::v1;

impl From<Pong> for v1::Pong {
    fn from(pong: Pong) -> Self {
        v1::Pong {
            nonce: pong.nonce,
            incarnation: pong.incarnation,
            epoch: pong.epoch,
            end: pong.end,
            leads: pong.leads,
            draining: pong.draining,
            version: pong.version,
        }
    }
}

impl TryFrom<v1::Pong> for Pong {
    type Error = DecodeError;

    fn try_from(pong: v1::Pong) -> Result<Self, DecodeError> {
        Ok(Pong {
            nonce: pong.nonce,
            incarnation: incarnation(pong.incarnation)?,
            epoch: pong.epoch,
            end: pong.end,
            leads: pong.leads,
            draining: pong.draining,
            version: pong.version,
        })
    }
}

pub(crate) fn encode_trades(epoch: Epoch, trades: Vec<(u64, Trade)>) -> v1::Trades {
    let named = |(id, trade): (u64, Trade)| v1::NamedTrade { id, trade: Some(trade.into()) };
    v1::Trades { epoch, trades: trades.into_iter().map(named).collect() }
}

pub(crate) fn decode_trades(trades: v1::Trades) -> Result<Vec<(u64, Trade)>, DecodeError> {
    each(trades.trades, MAX_ITEMS, "trades", |named| {
        Ok::<_, DecodeError>((named.id, required(named.trade, "trade")?.try_into()?))
    })
}

pub(crate) fn encode_reads(epoch: Epoch, reads: Vec<(u64, OrderNumber)>) -> v1::ReadOrders {
    let named = |(id, number)| v1::NamedRead { id, number };
    v1::ReadOrders { epoch, reads: reads.into_iter().map(named).collect() }
}

pub(crate) fn decode_reads(reads: v1::ReadOrders) -> Result<Vec<(u64, OrderNumber)>, DecodeError> {
    each(reads.reads, MAX_ITEMS, "reads", |named| Ok::<_, DecodeError>((named.id, named.number)))
}

fn encode_trade_reply((id, reply): (u64, TradeReply)) -> v1::TradeReply {
    use v1::trade_reply::Reply as Wire;
    let reply = match reply {
        TradeReply::Done(outcome) => Wire::Done(outcome.into()),
        TradeReply::NotLeader(configuration) => Wire::NotLeader(configuration.into()),
        TradeReply::Busy => Wire::Busy(v1::Empty {}),
    };
    v1::TradeReply { id, reply: Some(reply) }
}

fn decode_trade_reply(reply: v1::TradeReply) -> Result<(u64, TradeReply), DecodeError> {
    use v1::trade_reply::Reply as Wire;
    let decoded = match required(reply.reply, "answer to a trade")? {
        Wire::Done(outcome) => TradeReply::Done(outcome.try_into()?),
        Wire::NotLeader(configuration) => TradeReply::NotLeader(configuration.try_into()?),
        Wire::Busy(v1::Empty {}) => TradeReply::Busy,
    };
    Ok((reply.id, decoded))
}

pub(crate) fn encode_traded(replies: Vec<(u64, TradeReply)>) -> v1::Traded {
    v1::Traded { replies: replies.into_iter().map(encode_trade_reply).collect() }
}

pub(crate) fn decode_traded(traded: v1::Traded) -> Result<Vec<(u64, TradeReply)>, DecodeError> {
    each(traded.replies, MAX_ITEMS, "answers", decode_trade_reply)
}

fn encode_order_reply((id, reply): (u64, OrderReply)) -> v1::OrderReply {
    use v1::order_reply::Reply as Wire;
    let reply = match reply {
        OrderReply::Found(order) => Wire::Found(order.into()),
        OrderReply::NotFound => Wire::NotFound(v1::Empty {}),
        OrderReply::NotLeader(configuration) => Wire::NotLeader(configuration.into()),
        OrderReply::Busy => Wire::Busy(v1::Empty {}),
    };
    v1::OrderReply { id, reply: Some(reply) }
}

fn decode_order_reply(reply: v1::OrderReply) -> Result<(u64, OrderReply), DecodeError> {
    use v1::order_reply::Reply as Wire;
    let decoded = match required(reply.reply, "answer to a read")? {
        Wire::Found(order) => OrderReply::Found(order.try_into()?),
        Wire::NotFound(v1::Empty {}) => OrderReply::NotFound,
        Wire::NotLeader(configuration) => OrderReply::NotLeader(configuration.try_into()?),
        Wire::Busy(v1::Empty {}) => OrderReply::Busy,
    };
    Ok((reply.id, decoded))
}

pub(crate) fn encode_orders_read(replies: Vec<(u64, OrderReply)>) -> v1::OrdersRead {
    v1::OrdersRead { replies: replies.into_iter().map(encode_order_reply).collect() }
}

pub(crate) fn decode_orders_read(
    read: v1::OrdersRead,
) -> Result<Vec<(u64, OrderReply)>, DecodeError> {
    each(read.replies, MAX_ITEMS, "answers", decode_order_reply)
}
