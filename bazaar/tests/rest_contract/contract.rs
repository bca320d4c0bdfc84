//! Every row of the contract, and every failure it names.

use market::trade::{TradeRefusal, WallTime};

use crate::host::Host;
use crate::stub::{Mood, Stub};

const BUY: &str = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;

#[test]
fn listings_to_the_letter() {
    for cached in [true, false] {
        let host = Host::with(Default::default(), Stub::new(cached));
        let mut client = host.client();
        for (target, body) in [
            ("/stocks/GameStart", r#"{"data":{"name":"GameStart","price":15.99,"quantity":100}}"#),
            (
                "/stocks?name=GameStart",
                r#"{"data":{"name":"GameStart","price":15.99,"quantity":100}}"#,
            ),
            (
                "/stocks?stock_name=RottenFishCo",
                r#"{"data":{"name":"RottenFishCo","price":2.50,"quantity":100}}"#,
            ),
            (
                "/stocks/%47ameStart",
                r#"{"data":{"name":"GameStart","price":15.99,"quantity":100}}"#,
            ),
            (
                "http://bazaar/stocks/GameStart",
                r#"{"data":{"name":"GameStart","price":15.99,"quantity":100}}"#,
            ),
            (
                "/stocks/Fish%20%26%20%22Chips%22%20%E2%82%AC%2F%25",
                r#"{"data":{"name":"Fish & \"Chips\" €/%","price":0.07,"quantity":100}}"#,
            ),
            (
                "/stocks?name=Fish+%26+%22Chips%22+%E2%82%AC/%25&x=1",
                r#"{"data":{"name":"Fish & \"Chips\" €/%","price":0.07,"quantity":100}}"#,
            ),
            ("/products/Tux", r#"{"data":{"name":"Tux","price":10000000000.00,"quantity":100}}"#),
            (
                "/products?name=Tux",
                r#"{"data":{"name":"Tux","price":10000000000.00,"quantity":100}}"#,
            ),
        ] {
            let answer = client.get(target);
            assert_eq!((answer.status, answer.body.as_str()), (200, body), "{target}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
}

#[test]
fn lookups_that_fail() {
    let host = Host::new();
    let mut client = host.client();
    let long = format!("/stocks/{}", "x".repeat(33));
    for (target, status, reason, message) in [
        ("/stocks/Nothing", 404, "not_found", "stock not found"),
        ("/stocks/gamestart", 404, "not_found", "stock not found"),
        ("/stocks/Tux", 404, "not_found", "stock not found"),
        ("/stocks/", 404, "not_found", "stock not found"),
        (long.as_str(), 404, "not_found", "stock not found"),
        ("/stocks/a%00b", 404, "not_found", "stock not found"),
        ("/products/GameStart", 404, "not_found", "product not found"),
        ("/stocks?name=Nothing", 404, "not_found", "stock not found"),
        ("/stocks", 400, "missing_parameter", ""),
        ("/stocks?name=", 400, "missing_parameter", ""),
        ("/stocks?name=A&name=B", 400, "duplicate_parameter", ""),
        ("/stocks/%zz", 400, "bad_encoding", ""),
        ("/stocks/%ff", 400, "bad_encoding", ""),
        ("/stocks/%", 400, "bad_encoding", ""),
        ("/stocks/a/b", 404, "no_such_path", ""),
        ("/", 404, "no_such_path", ""),
        ("/Stocks/GameStart", 404, "no_such_path", ""),
        ("/stocks/../etc/passwd", 404, "no_such_path", ""),
        ("/nowhere?x=1", 404, "no_such_path", ""),
        ("/orders/abc", 400, "not_a_number", ""),
        ("/orders/-1", 400, "not_a_number", ""),
        ("/orders/1.0", 400, "not_a_number", ""),
        ("/orders/", 400, "not_a_number", ""),
        ("/orders/0", 404, "not_found", "order not found"),
        ("/orders/18446744073709551615", 404, "not_found", "order not found"),
        ("/orders/99999999999999999999999", 404, "not_found", "order not found"),
    ] {
        let answer = client.get(target);
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{target}");
        if !message.is_empty() {
            assert_eq!(answer.json()["error"]["message"], message, "{target}");
        }
    }
}

#[test]
fn orders_to_the_letter() {
    let host = Host::new();
    let mut client = host.client();
    let answer = client.order(BUY);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, r#"{"data":{"transaction_number":0,"order_number":0}}"#);
    assert_eq!(client.order(r#"{"quantity":3,"name":"Tux","type":"sell"}"#).status, 200);
    let third = client.order(r#"{"name":"RottenFishCo","quantity":2}"#);
    assert_eq!(third.body, r#"{"data":{"transaction_number":2,"order_number":2}}"#);
    let order = client.get("/orders/2");
    let start = r#"{"data":{"number":2,"name":"RottenFishCo","type":"buy","quantity":2"#;
    assert!(order.body.starts_with(start), "{}", order.body);
    assert!(order.body.contains(r#","price":2.50"#), "{}", order.body);
    assert_eq!(client.get("/orders/1").json()["data"]["type"], "sell");
    assert_eq!(client.get("/orders/000").json()["data"]["number"], 0);
    assert_eq!(client.get("/stocks/GameStart").json()["data"]["quantity"], 99);
    assert_eq!(client.get("/products/Tux").json()["data"]["quantity"], 103);
}

#[test]
fn refused_trades_change_nothing() {
    let host = Host::new();
    let mut client = host.client();
    let answer = client.order(r#"{"name":"GameStart","quantity":101}"#);
    assert_eq!((answer.status, answer.reason().as_str()), (400, "insufficient_quantity"));
    assert_eq!(answer.json()["error"]["message"], "insufficient quantity");
    let answer = client.order(r#"{"name":"Nothing","quantity":1}"#);
    assert_eq!((answer.status, answer.reason().as_str()), (404, "unknown_listing"));
    assert_eq!(client.get("/stocks/GameStart").json()["data"]["quantity"], 100);
    assert!(host.stub.shelf.lock().orders.is_empty());
}

#[test]
fn every_refusal_has_its_status() {
    let host = Host::new();
    let mut client = host.client();
    for (mood, status, reason) in [
        (Mood::Refuses(TradeRefusal::QuantityOutOfRange), 400, "quantity_out_of_range"),
        (Mood::Refuses(TradeRefusal::KeyReused), 422, "key_reused"),
        (Mood::Refuses(TradeRefusal::KeyExpired), 400, "key_expired"),
        (Mood::Refuses(TradeRefusal::Overloaded), 503, "overloaded"),
        (Mood::Unavailable, 503, "unavailable"),
        (Mood::Unknown, 504, "outcome_unknown"),
        (Mood::Busy, 429, "busy"),
    ] {
        host.stub.shelf.lock().mood = mood;
        let answer = client.order(BUY);
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason));
        assert!(answer.header("idempotency-key").is_some(), "so that it can be repeated");
    }
}

#[test]
fn keys_make_one_trade_of_many_requests() {
    let host = Host::new();
    let mut client = host.client();
    let keyed = |client: &mut crate::host::Client, key: &str, body: &str| {
        client.call("POST", "/orders", &[("Idempotency-Key", key)], body)
    };
    let first = keyed(&mut client, "k-1", BUY);
    assert_eq!(first.header("idempotency-key"), Some("k-1"));
    assert_eq!(keyed(&mut client, "k-1", BUY).body, first.body);
    assert_eq!(keyed(&mut host.client(), "k-1", BUY).body, first.body);
    let other = keyed(&mut client, "k-1", r#"{"name":"GameStart","quantity":2}"#);
    assert_eq!((other.status, other.reason().as_str()), (422, "key_reused"));
    assert_eq!(keyed(&mut client, "K-1", BUY).json()["data"]["order_number"], 1);
    for bad in ["", "a b", &"k".repeat(65), "k\u{e9}"] {
        let answer = keyed(&mut client, bad, BUY);
        assert_eq!((answer.status, answer.reason().as_str()), (400, "bad_idempotency_key"));
    }
    let twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    assert_eq!(client.call("POST", "/orders", &twice, BUY).status, 400);
}

#[test]
fn a_made_key_comes_back_and_works() {
    let host = Host::new();
    let mut client = host.client();
    let first = client.order(BUY);
    let key = first.header("idempotency-key").expect("a key").to_owned();
    let again = client.call("POST", "/orders", &[("Idempotency-Key", &key)], BUY);
    assert_eq!(again.body, first.body);
    assert_ne!(client.order(BUY).header("idempotency-key"), Some(key.as_str()));
    let trades = host.stub.shelf.lock().trades.clone();
    assert_eq!(trades[0], trades[1]);
    assert_eq!(trades[0].born, Some(crate::stub::NOW));
    assert_ne!(trades[0].key, trades[2].key);
}

#[test]
fn keys_with_a_time_say_when_they_were_born() {
    let host = Host::new();
    let mut client = host.client();
    let born = Some(WallTime(0x0199_c000_0000));
    for (key, expected) in
        [("0199c000-0000-7abc-8000-000000000000", born), ("opaque-0199c000", None)]
    {
        client.call("POST", "/orders", &[("Idempotency-Key", key)], BUY);
        let last = host.stub.shelf.lock().trades.last().cloned().expect("a trade");
        assert_eq!(last.born, expected, "{key}");
    }
}

#[test]
fn who_leads_and_how_it_is() {
    let host = Host::new();
    let mut client = host.client();
    assert_eq!(client.get("/leader").body, r#"{"data":{"leader":3,"epoch":7,"in_sync":[1,2,3]}}"#);
    assert_eq!(client.get("/healthz").status, 200);
    assert_eq!(client.get("/readyz").status, 200);
    let metrics = client.get("/metrics");
    assert_eq!((metrics.status, metrics.body.as_str()), (200, "up 1\n"));
    assert!(metrics.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    host.stub.shelf.lock().mood = Mood::Leaderless;
    let nobody = client.get("/leader");
    assert_eq!((nobody.status, nobody.reason().as_str()), (503, "no_leader"));
    host.stub.shelf.lock().mood = Mood::Unavailable;
    for target in ["/leader", "/readyz", "/orders/0", "/stocks/Nothing"] {
        let answer = client.get(target);
        assert_eq!((answer.status, answer.reason().as_str()), (503, "unavailable"), "{target}");
    }
    assert_eq!(client.get("/healthz").status, 200, "alive all the same");
    assert_eq!(client.get("/stocks/GameStart").status, 200, "a hit asks nobody");
}

#[test]
fn the_cache_has_handles_inside_only() {
    let host = Host::new();
    let mut operator = host.operator();
    let there = r#"{"data":{"name":"GameStart","removed":true}}"#;
    assert_eq!(operator.call("POST", "/invalidation/GameStart", &[], "").body, there);
    assert_eq!(operator.get("/rm?name=GameStart").body, there);
    let absent = operator.get("/rm?name=Tux");
    assert_eq!(absent.body, r#"{"data":{"name":"Tux","removed":false}}"#);
    let odd = operator.call("POST", "/invalidation/a%00", &[], "");
    assert_eq!(odd.body, r#"{"data":{"name":"a\u0000","removed":false}}"#);
    assert_eq!(operator.get("/rm").status, 400);
    assert_eq!(operator.get("/invalidation/GameStart").header("allow"), Some("POST"));
    assert_eq!(operator.get("/metrics").status, 200);
    assert_eq!(operator.get("/stocks/GameStart").status, 200);
    let mut client = host.client();
    for (method, target) in [
        ("POST", "/invalidation/GameStart"),
        ("GET", "/invalidation/GameStart"),
        ("GET", "/rm?name=GameStart"),
        ("DELETE", "/rm?name=GameStart"),
    ] {
        let answer = client.call(method, target, &[], "");
        assert_eq!((answer.status, answer.reason().as_str()), (404, "no_such_path"), "{target}");
    }
}

#[test]
fn methods() {
    let host = Host::new();
    let mut client = host.client();
    for (method, target, allow) in [
        ("POST", "/stocks/GameStart", "GET, HEAD"),
        ("DELETE", "/orders/1", "GET, HEAD"),
        ("OPTIONS", "/leader", "GET, HEAD"),
        ("FROB", "/healthz", "GET, HEAD"),
        ("GET", "/orders", "POST"),
        ("HEAD", "/orders", "POST"),
        ("PUT", "/orders", "POST"),
    ] {
        let answer = client.call(method, target, &[], "");
        assert_eq!(answer.status, 405, "{method} {target}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {target}");
        if method != "HEAD" {
            assert_eq!(answer.reason(), "method_not_allowed");
        }
    }
    for target in ["/stocks/GameStart", "/healthz", "/leader", "/stocks/Nothing", "/metrics"] {
        let full = client.get(target);
        let head = client.call("HEAD", target, &[], "");
        assert_eq!((head.status, head.body.as_str()), (full.status, ""), "{target}");
        assert_eq!(head.header("content-length"), full.header("content-length"), "{target}");
    }
}
