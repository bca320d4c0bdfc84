//! Bytes of orders and commands (postcard). Decoding is total and bounded; an order has exactly one encoding.

use serde::Serialize;

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
    encode(command, 0)
}

/// The bytes of a value that is made of numbers and texts. `room` is about how many they are: they are written one by one, and a
/// vector that grows with them is copied again and again.
pub(crate) fn encode<T: Serialize>(value: &T, room: usize) -> Vec<u8> {
    let out = postcard::to_extend(value, Vec::with_capacity(room));
    out.expect("it holds nothing that postcard cannot write")
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Price;
    use crate::name::Name;
    use crate::trade::{Key, Side, WallTime};

    fn an_order() -> impl Strategy<Value = Order> {
        let name = "[^\\p{Cc}\\s]{1,32}".prop_filter_map("a name", |text| Name::new(&text).ok());
        let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
        let numbers = (any::<u64>(), any::<u128>(), any::<u64>(), any::<u64>());
        (numbers, name, side, 0..=crate::limits::MAX_PRICE_MINOR).prop_map(
            |((number, key, quantity, at), name, side, minor)| Order {
                number,
                key: Key(key),
                name,
                side,
                quantity,
                unit_price: Price::from_minor(minor).expect("in range"),
                decided_at: WallTime(at),
            },
        )
    }

    #[test]
    fn the_longest_order_is_within_the_limit() {
        let order = Order {
            number: u64::MAX,
            key: Key(u128::MAX),
            name: Name::new(&"\u{10FFFD}".repeat(32)).unwrap(),
            side: Side::Sell,
            quantity: u64::MAX,
            unit_price: Price::from_minor(crate::limits::MAX_PRICE_MINOR).unwrap(),
            decided_at: WallTime(u64::MAX),
        };
        assert!(encode_order(&order).len() <= 191);
    }

    #[test]
    fn a_second_way_to_write_an_order_is_refused() {
        let order = Order {
            number: 1,
            key: Key(2),
            name: Name::new("Tux").unwrap(),
            side: Side::Buy,
            quantity: 3,
            unit_price: Price::from_minor(4).unwrap(),
            decided_at: WallTime(5),
        };
        let bytes = encode_order(&order);
        assert_eq!(bytes[0], 1);
        let padded = [&[0x81, 0x00], &bytes[1..]].concat();
        assert!(decode_order(&padded).is_err(), "a number with needless bytes");
        let trailing = [&bytes[..], &[0]].concat();
        assert_eq!(decode_order(&trailing), Err(CodecError::Trailing(1)));
        assert!(matches!(decode_order(&[0; 300]), Err(CodecError::TooLong { length: 300, .. })));
    }

    #[test]
    fn a_claimed_length_costs_nothing() {
        // Trades at time 0, and 2^63 of them, of which none follows.
        let claim = [&[1, 0][..], &[0xff; 9], &[0x01]].concat();
        assert_eq!(decode_command(&claim), Err(CodecError::Malformed));
    }

    proptest! {
        #[test]
        fn orders_survive_their_encoding(order in an_order()) {
            prop_assert_eq!(decode_order(&encode_order(&order)), Ok(order));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(order) = decode_order(&bytes) {
                prop_assert_eq!(encode_order(&order), bytes.clone());
            }
            if let Ok(command) = decode_command(&bytes) {
                prop_assert_eq!(decode_command(&encode_command(&command)), Ok(command));
            }
        }

        #[test]
        fn a_flipped_bit_is_another_order_or_none(order in an_order(), bit in any::<prop::sample::Index>()) {
            let mut bytes = encode_order(&order);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode_order(&bytes) != Ok(order));
        }
    }
}
