//! What gateways and the customers say to each other.

use node::message::{CustomerReply, CustomerRequest};

use crate::convert::{each, no_longer};
use crate::error::DecodeError;
use crate::limits::{MAX_CUSTOMER_BYTES, MAX_ITEMS};
use crate::v1;

pub(crate) fn encode_asked(requests: Vec<(u64, CustomerRequest)>) -> v1::AskCustomers {
    let named = |(id, it): (u64, CustomerRequest)| v1::CustomerRequest { id, request: it.encode() };
    v1::AskCustomers { requests: requests.into_iter().map(named).collect() }
}

pub(crate) fn decode_asked(
    asked: v1::AskCustomers,
) -> Result<Vec<(u64, CustomerRequest)>, DecodeError> {
    each(asked.requests, MAX_ITEMS, "requests", |named| {
        no_longer(named.request.len(), MAX_CUSTOMER_BYTES, "a request")?;
        Ok::<_, DecodeError>((named.id, CustomerRequest::decode(&named.request)?))
    })
}

pub(crate) fn encode_answer(replies: Vec<(u64, CustomerReply)>) -> v1::CustomersAnswer {
    let named = |(id, it): (u64, CustomerReply)| v1::CustomerReply { id, reply: it.encode() };
    v1::CustomersAnswer { replies: replies.into_iter().map(named).collect() }
}

pub(crate) fn decode_answer(
    answer: v1::CustomersAnswer,
) -> Result<Vec<(u64, CustomerReply)>, DecodeError> {
    each(answer.replies, MAX_ITEMS, "answers", |named| {
        no_longer(named.reply.len(), MAX_CUSTOMER_BYTES, "an answer")?;
        Ok::<_, DecodeError>((named.id, CustomerReply::decode(&named.reply)?))
    })
}
