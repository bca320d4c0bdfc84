//! What is said arrives as it was said; what is not well-formed is refused, never a panic.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;
use wire::{DecodeError, cost, decode_batch, decode_bytes, encode_batch, encode_hello, limits, v1};

use node::message::Message;
use node::service::ServiceId;
use support::{any_of, message, order, trade};

proptest! {
    #[test]
    fn every_message_survives_the_wire(messages in vec(message(), 0..5)) {
        let bytes = encode_batch(messages.clone()).encode_to_vec();
        prop_assert!(messages.iter().all(wire::fits));
        let received = decode_bytes(&bytes).expect("what was encoded decodes");
        prop_assert_eq!(received.messages, messages);
        prop_assert_eq!(received.hello, None);
    }

    #[test]
    fn cost_is_an_upper_bound(message in message()) {
        let bound = cost(&message);
        let encoded = encode_batch([message]).encoded_len();
        prop_assert!(encoded <= bound, "{} bytes, estimated {}", encoded, bound);
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = decode_bytes(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(
        messages in vec(message(), 1..4),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = encode_batch(messages).encode_to_vec();
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(received) = decode_bytes(&bytes) {
            // Whatever was understood can be said again.
            let again = encode_batch(received.messages.clone());
            prop_assert_eq!(decode_batch(again).expect("valid").messages, received.messages);
        }
    }

    #[test]
    fn cut_messages_never_panic(messages in vec(message(), 1..4), at in any::<prop::sample::Index>()) {
        let bytes = encode_batch(messages).encode_to_vec();
        let _ = decode_bytes(&bytes[..at.index(bytes.len())]);
    }
}

/// Says one message in a batch of its own.
fn one(kind: v1::message::Kind) -> Result<wire::Received, DecodeError> {
    decode_batch(v1::Batch { hello: None, messages: vec![v1::Message { kind: Some(kind) }] })
}

fn decide(trade: v1::Trade) -> Result<wire::Received, DecodeError> {
    one(v1::message::Kind::Decide(v1::Decide { epoch: 1, batch: 1, trades: vec![trade] }))
}

fn decided(order: v1::Order) -> Result<wire::Received, DecodeError> {
    let outcomes = Vec::new();
    one(v1::message::Kind::Decided(v1::Decided {
        epoch: 1,
        batch: 1,
        outcomes,
        orders: vec![order],
    }))
}

#[test]
fn enums_outside_their_range_are_refused() {
    let good: v1::Trade = any_of(trade()).into();
    assert!(decide(good.clone()).is_ok());
    for side in [0, 3, -1, i32::MAX] {
        let refused = decide(v1::Trade { side, ..good.clone() });
        assert_eq!(refused, Err(DecodeError::OutOfRange { what: "side", value: side.into() }));
    }
}

#[test]
fn names_and_prices_outside_the_law_are_refused() {
    let good: v1::Order = any_of(order()).into();
    assert!(decided(good.clone()).is_ok());
    for name in ["", " a", "a\n", &"x".repeat(33)] {
        let refused = decided(v1::Order { name: name.to_owned(), ..good.clone() });
        assert!(matches!(refused, Err(DecodeError::Name(_))), "{name:?}");
    }
    let unit_price_minor = market::limits::MAX_PRICE_MINOR + 1;
    let refused = decided(v1::Order { unit_price_minor, ..good.clone() });
    assert!(matches!(refused, Err(DecodeError::Price(_))));
    let refused = decided(v1::Order { key: None, ..good });
    assert_eq!(refused, Err(DecodeError::Missing("idempotency key")));
}

#[test]
fn ids_of_zero_or_over_a_byte_are_refused() {
    for id in [0, 256, u32::MAX] {
        let configuration = v1::Configuration { leader: Some(id), ..Default::default() };
        let refused = one(v1::message::Kind::Configuration(configuration));
        let expected = DecodeError::OutOfRange { what: "replica", value: id.into() };
        assert_eq!(refused, Err(expected));
        let service = Some(v1::Service { kind: v1::ServiceKind::Orders.into(), id });
        let hello = v1::Hello { service, peer: service, ..Default::default() };
        let refused = decode_batch(v1::Batch { hello: Some(hello), messages: Vec::new() });
        assert!(matches!(refused, Err(DecodeError::OutOfRange { what: "service id", .. })));
    }
    let pong = v1::Pong { incarnation: 0, ..Default::default() };
    let refused = one(v1::message::Kind::Pong(pong));
    assert_eq!(refused, Err(DecodeError::OutOfRange { what: "incarnation", value: 0 }));
}

#[test]
fn too_much_of_anything_is_refused() {
    let ping = || Message::Ping { nonce: 0 };
    let many = |count| decode_batch(encode_batch(std::iter::repeat_with(ping).take(count)));
    assert!(many(limits::MAX_BATCH_MESSAGES).is_ok());
    let (count, limit) = (limits::MAX_BATCH_MESSAGES + 1, limits::MAX_BATCH_MESSAGES);
    assert_eq!(many(count), Err(DecodeError::TooMany { what: "messages", count, limit }));

    let reads = vec![(1, 1); limits::MAX_ITEMS + 1];
    let refused = decode_batch(encode_batch([Message::ReadOrders { epoch: 1, reads }]));
    assert!(matches!(refused, Err(DecodeError::TooMany { what: "reads", .. })));

    let refused = decode_bytes(&vec![0; limits::MAX_BATCH_BYTES + 1]);
    assert!(matches!(refused, Err(DecodeError::TooLong { .. })));
}

/// The largest and the smallest that does not fit, of some lists.
#[test]
fn what_fits_is_taken_and_what_does_not_is_refused() {
    let reads = |count| Message::ReadOrders { epoch: 1, reads: vec![(1, 1); count] };
    let numbers = |count| {
        Message::Invalidated(node::message::Invalidated { session: 1, numbers: vec![1; count] })
    };
    let orders = |count| {
        let orders = vec![any_of(order()); count];
        Message::Decided(node::message::Decided { epoch: 1, batch: 1, outcomes: vec![], orders })
    };
    let cases: [(&dyn Fn(usize) -> Message, usize); 3] = [
        (&reads, limits::MAX_ITEMS),
        (&numbers, limits::MAX_NUMBERS),
        (&orders, limits::MAX_ORDERS),
    ];
    for (message, limit) in cases {
        assert!(wire::fits(&message(limit)));
        assert!(decode_batch(encode_batch([message(limit)])).is_ok());
        assert!(!wire::fits(&message(limit + 1)));
        assert!(decode_batch(encode_batch([message(limit + 1)])).is_err());
    }
}

#[test]
fn a_message_of_an_unknown_kind_is_refused() {
    let refused =
        decode_batch(v1::Batch { hello: None, messages: vec![v1::Message { kind: None }] });
    assert_eq!(refused, Err(DecodeError::Missing("kind of a message")));
}

#[test]
fn a_hello_names_both_sides_and_is_checked() {
    let (gateway, orders) = (ServiceId::gateway(1), ServiceId::orders(3));
    let hello = wire::Hello::new(gateway, orders, "shop");
    let bytes = encode_hello(hello.clone()).encode_to_vec();
    let received = decode_bytes(&bytes).expect("a hello").hello.expect("it is in there");
    assert_eq!(received, hello);
    assert_eq!(received.check(orders, "shop"), Ok(()));
    let refused = |hello: &wire::Hello, us, cluster| hello.check(us, cluster).expect_err("refused");
    assert!(refused(&hello, orders, "other").to_string().contains("\"shop\""));
    assert!(
        refused(&hello, ServiceId::orders(2), "shop").to_string().contains("looks for orders-3")
    );
    let newer = wire::Hello { protocol: 9, oldest_protocol: 8, ..hello };
    assert!(refused(&newer, orders, "shop").to_string().contains("protocol 8 to 9"));
}
