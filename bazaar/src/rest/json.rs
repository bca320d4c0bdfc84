//! The JSON that goes out, written by hand: exact prices (two decimals, never through a float), fields in the
//! contract's sequence, and no detour through a tree on the hot path.

use std::fmt::Write as _;

use market::listing::Listing;
use market::order::Order;
use market::trade::Side;
use replication::contract::ReplicaId;
use replication::register::Configuration;

/// `{"data":{"name":"GameStart","price":15.99,"quantity":100}}`
pub(super) fn listing(listing: &Listing) -> String {
    let mut out = String::with_capacity(128);
    out.push_str(r#"{"data":{"name":"#);
    text(&mut out, listing.name.as_str());
    put(
        &mut out,
        format_args!(r#","price":{},"quantity":{}}}}}"#, listing.price, listing.quantity),
    );
    out
}

/// `{"data":{"transaction_number":10,"order_number":10}}`
pub(super) fn traded(number: u64) -> String {
    format!(r#"{{"data":{{"transaction_number":{number},"order_number":{number}}}}}"#)
}

/// `{"data":{"number":10,"name":"GameStart","type":"buy","quantity":1,"price":15.99,"decided_at_ms":…}}`
pub(super) fn order(order: &Order) -> String {
    let mut out = String::with_capacity(160);
    put(&mut out, format_args!(r#"{{"data":{{"number":{},"name":"#, order.number));
    text(&mut out, order.name.as_str());
    let side = match order.side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    };
    let (price, at) = (order.unit_price, order.decided_at.0);
    put(&mut out, format_args!(r#","type":"{side}","quantity":{}"#, order.quantity));
    put(&mut out, format_args!(r#","price":{price},"decided_at_ms":{at}}}}}"#));
    out
}

/// `{"data":{"leader":3,"epoch":7,"in_sync":[1,2,3]}}`
pub(super) fn leader(leader: ReplicaId, configuration: &Configuration) -> String {
    let epoch = configuration.epoch;
    let mut out = format!(r#"{{"data":{{"leader":{leader},"epoch":{epoch},"in_sync":["#);
    for (index, replica) in configuration.in_sync.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        put(&mut out, format_args!("{comma}{replica}"));
    }
    out.push_str("]}}");
    out
}

/// `{"data":{"name":"GameStart","removed":true}}`
pub(super) fn removed(name: &str, existed: bool) -> String {
    let mut out = String::from(r#"{"data":{"name":"#);
    text(&mut out, name);
    put(&mut out, format_args!(r#","removed":{existed}}}}}"#));
    out
}

/// `{"error":{"code":404,"message":"stock not found","reason":"not_found"}}`
pub(super) fn error(code: u16, message: &str, reason: &str) -> String {
    let mut out = format!(r#"{{"error":{{"code":{code},"message":"#);
    text(&mut out, message);
    put(&mut out, format_args!(r#","reason":"{reason}"}}}}"#));
    out
}

fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("a String takes any text");
}

/// Writes a JSON string.
fn text(out: &mut String, text: &str) {
    out.push('"');
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push_str(text);
    } else {
        text.chars().for_each(|c| escaped(out, c));
    }
    out.push('"');
}

fn escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        c if c < ' ' => put(out, format_args!("\\u{:04x}", u32::from(c))),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back() {
        for sample in ["GameStart", "a\"b\\c", "\u{0}\u{1f}\n", "日本 \u{2028}", ""] {
            let mut out = String::new();
            text(&mut out, sample);
            let back: String = serde_json::from_str(&out).expect("valid JSON");
            assert_eq!(back, sample);
        }
    }
}
