//! Bytes of orders and commands (postcard). Decoding is total and bounded; an order has exactly one encoding.

use crate::catalog::Command;
use crate::limits::{MAX_COMMAND_BYTES, MAX_ORDER_BYTES};
use crate::order::Order;

/// Why bytes are no order or no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Longer than anything we write.
    #[error("{length} bytes, the limit is {limit}")]
    TooLong {
        /// How long.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// Not of the right form, or a value out of its range.
    #[error("malformed bytes")]
    Malformed,
    /// Something follows the end.
    #[error("{0} bytes too many at the end")]
    Trailing(usize),
    /// It means an order, but it is not how we write that order, so its hash would differ.
    #[error("not the canonical encoding")]
    NotCanonical,
}

/// The canonical bytes of an order: what the chain hash runs over, and the command of the orders group.
pub fn encode_order(order: &Order) -> Vec<u8> {
    let mut buffer = [0; MAX_ORDER_BYTES];
    encode_into(order, &mut buffer).to_vec()
}

/// Reads an order back. Refuses any bytes that [`encode_order`] would not have written.
pub fn decode_order(bytes: &[u8]) -> Result<Order, CodecError> {
    let order: Order = decode(bytes, MAX_ORDER_BYTES)?;
    let mut buffer = [0; MAX_ORDER_BYTES];
    if encode_into(&order, &mut buffer) == bytes {
        Ok(order)
    } else {
        Err(CodecError::NotCanonical)
    }
}

/// The bytes of a command of the catalog.
pub fn encode_command(command: &Command) -> Vec<u8> {
    postcard::to_allocvec(command).expect("a command holds nothing that postcard cannot write")
}

/// Reads a command of the catalog back.
pub fn decode_command(bytes: &[u8]) -> Result<Command, CodecError> {
    decode(bytes, MAX_COMMAND_BYTES)
}

fn encode_into<'a>(order: &Order, buffer: &'a mut [u8; MAX_ORDER_BYTES]) -> &'a [u8] {
    postcard::to_slice(order, buffer).expect("no order is longer than its limit")
}

/// Reads one value that fills the bytes to the end. Collections grow with the input, not with the length it claims.
pub(crate) fn decode<'a, T: serde::Deserialize<'a>>(
    bytes: &'a [u8],
    limit: usize,
) -> Result<T, CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLong { length: bytes.len(), limit });
    }
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(CodecError::Trailing(rest.len())),
        Err(_) => Err(CodecError::Malformed),
    }
}
