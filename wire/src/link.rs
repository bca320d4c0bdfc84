//! Batches and the messages in them.

use node::message::Message;
use prost::Message as _;

use crate::convert::{at_most, required};
use crate::customers;
use crate::error::DecodeError;
use crate::hello::Hello;
use crate::limits::{MAX_BATCH_BYTES, MAX_BATCH_MESSAGES};
use crate::register::configuration;
use crate::trades;
use crate::v1;
use v1::message::Kind;

/// A batch that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// Who speaks; only in the first batch of a direction.
    pub hello: Option<Hello>,
    /// What they say.
    pub messages: Vec<Message>,
}

/// A batch of messages.
pub fn encode_batch(messages: impl IntoIterator<Item = Message>) -> v1::Batch {
    v1::Batch { hello: None, messages: messages.into_iter().map(Into::into).collect() }
}

/// The first batch of a direction.
pub fn encode_hello(hello: Hello) -> v1::Batch {
    v1::Batch { hello: Some(hello.into()), messages: Vec::new() }
}

/// Takes a batch apart.
pub fn decode_batch(batch: v1::Batch) -> Result<Received, DecodeError> {
    at_most(batch.messages.len(), MAX_BATCH_MESSAGES, "messages")?;
    let messages: Result<_, _> = batch.messages.into_iter().map(Message::try_from).collect();
    Ok(Received { hello: batch.hello.map(TryInto::try_into).transpose()?, messages: messages? })
}

/// Takes the bytes of a batch apart.
pub fn decode_bytes(bytes: &[u8]) -> Result<Received, DecodeError> {
    crate::convert::no_longer(bytes.len(), MAX_BATCH_BYTES, "a batch")?;
    decode_batch(v1::Batch::decode(bytes)?)
}

impl From<Message> for v1::Message {
    fn from(message: Message) -> Self {
        v1::Message { kind: Some(encode_kind(message)) }
    }
}

fn encode_kind(message: Message) -> Kind {
    match message {
        Message::Renew(renew) => Kind::Renew(renew.into()),
        Message::Lease(lease) => Kind::Lease(lease.into()),
        Message::Invalidate(invalidate) => Kind::Invalidate(invalidate.into()),
        Message::Invalidated(invalidated) => Kind::Invalidated(invalidated.into()),
        Message::Fill(fill) => Kind::Fill(fill.into()),
        Message::Filled(filled) => Kind::Filled(filled.into()),
        Message::Leads(leads) => Kind::Leads(leads.into()),
        Message::Heartbeat(heartbeat) => Kind::Heartbeat(heartbeat.into()),
        Message::Configuration(configuration) => Kind::Configuration(configuration.into()),
        Message::Configure(command) => Kind::Configure(command.into()),
        Message::Refused { refusal, configuration } => Kind::Refused(v1::RegisterRefused {
            refusal: Some(refusal.into()),
            configuration: Some(configuration.into()),
        }),
        Message::Decide(decide) => Kind::Decide(decide.into()),
        Message::Decided(decided) => Kind::Decided(decided.into()),
        Message::ReadOutbox(read) => Kind::ReadOutbox(read.into()),
        Message::Outbox(outbox) => Kind::Outbox(outbox.into()),
        Message::Trim(trim) => Kind::Trim(trim.into()),
        Message::Fenced(configuration) => Kind::Fenced(configuration.into()),
        Message::Ping { nonce } => Kind::Ping(v1::Ping { nonce }),
        Message::Pong(pong) => Kind::Pong(pong.into()),
        Message::Trades { epoch, trades } => Kind::Trades(trades::encode_trades(epoch, trades)),
        Message::Traded(replies) => Kind::Traded(trades::encode_traded(replies)),
        Message::ReadOrders { epoch, reads } => {
            Kind::ReadOrders(trades::encode_reads(epoch, reads))
        }
        Message::OrdersRead(replies) => Kind::OrdersRead(trades::encode_orders_read(replies)),
        Message::AskCustomers(requests) => Kind::AskCustomers(customers::encode_asked(requests)),
        Message::CustomersAnswer(replies) => {
            Kind::CustomersAnswer(customers::encode_answer(replies))
        }
        Message::Replication(message) => Kind::Replication(message.into()),
        Message::SnapshotPart(part) => Kind::SnapshotPart(part.into()),
        Message::SnapshotTaken(taken) => Kind::SnapshotTaken(taken.into()),
    }
}

impl TryFrom<v1::Message> for Message {
    type Error = DecodeError;

    fn try_from(message: v1::Message) -> Result<Self, DecodeError> {
        Ok(match required(message.kind, "kind of a message")? {
            Kind::Renew(renew) => Message::Renew(renew.into()),
            Kind::Lease(lease) => Message::Lease(lease.into()),
            Kind::Invalidate(invalidate) => Message::Invalidate(invalidate.try_into()?),
            Kind::Invalidated(invalidated) => Message::Invalidated(invalidated.try_into()?),
            Kind::Fill(fill) => Message::Fill(fill.try_into()?),
            Kind::Filled(filled) => Message::Filled(filled.try_into()?),
            Kind::Leads(leads) => Message::Leads(leads.into()),
            Kind::Heartbeat(heartbeat) => Message::Heartbeat(heartbeat.into()),
            Kind::Configuration(part) => Message::Configuration(part.try_into()?),
            Kind::Configure(command) => Message::Configure(command.try_into()?),
            Kind::Refused(refused) => Message::Refused {
                refusal: required(refused.refusal, "refusal of the register")?.try_into()?,
                configuration: configuration(refused.configuration)?,
            },
            Kind::Decide(decide) => Message::Decide(decide.try_into()?),
            Kind::Decided(decided) => Message::Decided(decided.try_into()?),
            Kind::ReadOutbox(read) => Message::ReadOutbox(read.into()),
            Kind::Outbox(outbox) => Message::Outbox(outbox.try_into()?),
            Kind::Trim(trim) => Message::Trim(trim.into()),
            Kind::Fenced(part) => Message::Fenced(part.try_into()?),
            Kind::Ping(v1::Ping { nonce }) => Message::Ping { nonce },
            Kind::Pong(pong) => Message::Pong(pong.try_into()?),
            Kind::Trades(part) => {
                Message::Trades { epoch: part.epoch, trades: trades::decode_trades(part)? }
            }
            Kind::Traded(part) => Message::Traded(trades::decode_traded(part)?),
            Kind::ReadOrders(part) => {
                Message::ReadOrders { epoch: part.epoch, reads: trades::decode_reads(part)? }
            }
            Kind::OrdersRead(part) => Message::OrdersRead(trades::decode_orders_read(part)?),
            Kind::AskCustomers(part) => Message::AskCustomers(customers::decode_asked(part)?),
            Kind::CustomersAnswer(part) => {
                Message::CustomersAnswer(customers::decode_answer(part)?)
            }
            Kind::Replication(message) => Message::Replication(message.try_into()?),
            Kind::SnapshotPart(part) => Message::SnapshotPart(part.try_into()?),
            Kind::SnapshotTaken(taken) => Message::SnapshotTaken(taken.into()),
        })
    }
}
