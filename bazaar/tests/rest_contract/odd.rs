//! Odd bodies, one by one and at random.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::host::Host;

#[test]
fn odd_bodies() {
    let host = Host::new();
    let mut client = host.client();
    let nested = format!(r#"{{"name":{}1{},"quantity":1}}"#, "[".repeat(9999), "]".repeat(9999));
    let fields: Vec<String> = (0..20).map(|index| format!(r#""f{index}":0"#)).collect();
    let many = format!("{{{}}}", fields.join(","));
    for (body, reason) in [
        ("", "empty_body"),
        (" \r\n", "empty_body"),
        ("{", "bad_json"),
        ("nonsense", "bad_json"),
        (r#"{"name":"GameStart","quantity":1}}"#, "bad_json"),
        (r#"{"name":"GameStart","quantity":1,}"#, "bad_json"),
        (r#"{'name':'GameStart'}"#, "bad_json"),
        (r#"{"name":"GameStart","quantity":01}"#, "bad_json"),
        (r#"{"name":"GameStart","quantity":+1}"#, "bad_json"),
        (r#"{"name":"GameStart","quantity":NaN}"#, "bad_json"),
        (r#"{"name":"GameStart","quantity":0x1}"#, "bad_json"),
        (r#"{"name":"GameStart","quantity":१}"#, "bad_json"),
        ("{\"name\":\"a\nb\",\"quantity\":1}", "bad_json"),
        (r#"{"name":"\ud800","quantity":1}"#, "bad_json"),
        ("\u{feff}{}", "bad_json"),
        (many.as_str(), "bad_json"),
        ("name=GameStart&quantity=1", "bad_json"),
        ("null", "not_an_object"),
        ("[]", "not_an_object"),
        ("7", "not_an_object"),
        (r#""GameStart""#, "not_an_object"),
        (r#"[{"name":"GameStart","quantity":1}]"#, "not_an_object"),
        ("{}", "missing_field"),
        (r#"{"name":"GameStart"}"#, "missing_field"),
        (r#"{"quantity":1}"#, "missing_field"),
        (r#"{"name":"GameStart","quantity":1,"name":"Tux"}"#, "duplicate_field"),
        (r#"{"name":"GameStart","quantity":1,"quantity":1}"#, "duplicate_field"),
        (r#"{"name":"GameStart","quantity":1,"n\u0061me":"Tux"}"#, "duplicate_field"),
        (r#"{"name":"GameStart","quantity":1,"price":1}"#, "unknown_field"),
        (r#"{"Name":"GameStart","quantity":1}"#, "unknown_field"),
        (r#"{"name":null,"quantity":1}"#, "name_not_a_string"),
        (r#"{"name":1,"quantity":1}"#, "name_not_a_string"),
        (r#"{"name":{"name":"GameStart"},"quantity":1}"#, "name_not_a_string"),
        (nested.as_str(), "name_not_a_string"),
        (r#"{"name":"","quantity":1}"#, "invalid_name"),
        (r#"{"name":" GameStart","quantity":1}"#, "invalid_name"),
        (r#"{"name":"a\u0000","quantity":1}"#, "invalid_name"),
        (r#"{"name":"123456789012345678901234567890123","quantity":1}"#, "invalid_name"),
        (r#"{"name":"GameStart","quantity":"1"}"#, "quantity_not_a_number"),
        (r#"{"name":"GameStart","quantity":null}"#, "quantity_not_a_number"),
        (r#"{"name":"GameStart","quantity":true}"#, "quantity_not_a_number"),
        (r#"{"name":"GameStart","quantity":[1]}"#, "quantity_not_a_number"),
        (r#"{"name":"GameStart","quantity":{}}"#, "quantity_not_a_number"),
        (r#"{"name":"GameStart","quantity":1.0}"#, "quantity_not_an_integer"),
        (r#"{"name":"GameStart","quantity":1.5}"#, "quantity_not_an_integer"),
        (r#"{"name":"GameStart","quantity":1e3}"#, "quantity_not_an_integer"),
        (r#"{"name":"GameStart","quantity":-0}"#, "quantity_not_an_integer"),
        (r#"{"name":"GameStart","quantity":0}"#, "quantity_out_of_range"),
        (r#"{"name":"GameStart","quantity":-1}"#, "quantity_out_of_range"),
        (r#"{"name":"GameStart","quantity":1000001}"#, "quantity_out_of_range"),
        (r#"{"name":"GameStart","quantity":2147483648}"#, "quantity_out_of_range"),
        (r#"{"name":"GameStart","quantity":9223372036854775808}"#, "quantity_out_of_range"),
        (r#"{"name":"GameStart","quantity":18446744073709551616}"#, "quantity_out_of_range"),
        (r#"{"name":"GameStart","quantity":1,"type":"hold"}"#, "unknown_type"),
        (r#"{"name":"GameStart","quantity":1,"type":"BUY"}"#, "unknown_type"),
        (r#"{"name":"GameStart","quantity":1,"type":""}"#, "unknown_type"),
        (r#"{"name":"GameStart","quantity":1,"type":null}"#, "type_not_a_string"),
        (r#"{"name":"GameStart","quantity":1,"type":1}"#, "type_not_a_string"),
    ] {
        let answer = client.order(body);
        assert_eq!((answer.status, answer.reason().as_str()), (400, reason), "{body:.120}");
    }
    let bad_utf8 = client.order(b"{\"name\":\"\xff\xfe\",\"quantity\":1}");
    assert_eq!((bad_utf8.status, bad_utf8.reason().as_str()), (400, "bad_json"));
    assert!(host.stub.shelf.lock().trades.is_empty(), "nothing of this reached the market");
    assert_eq!(client.order(r#"{"name":"GameStart","quantity":1}"#).status, 200, "still there");
}

/// Bodies near the real thing: right and wrong fields with right and wrong values.
fn near() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        Just("name".to_owned()),
        Just("quantity".to_owned()),
        Just("type".to_owned()),
        any::<String>()
    ];
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        (1..200_u64).prop_map(|number| number.to_string()),
        Just("\"GameStart\"".to_owned()),
        Just("\"sell\"".to_owned()),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        Just("[[{}]]".to_owned()),
        Just("null".to_owned()),
    ];
    proptest::collection::vec((field, value), 0..5).prop_map(|fields| {
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(field, value)| format!("{}:{value}", serde_json::Value::from(field)))
            .collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    })
}

#[test]
fn random_bodies_never_hurt() {
    let host = Host::new();
    let mut client = host.client();
    let bodies = prop_oneof![near(), proptest::collection::vec(any::<u8>(), 0..300)];
    let config = Config { cases: 2000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let client = std::cell::RefCell::new(&mut client);
    runner
        .run(&bodies, |body| {
            let answer = client.borrow_mut().order(&body);
            prop_assert!(matches!(answer.status, 200 | 400 | 404), "{}", answer.body);
            let key = if answer.status == 200 { "data" } else { "error" };
            prop_assert!(answer.json().get(key).is_some());
            Ok(())
        })
        .expect("no body does harm");
}

#[test]
fn random_targets_never_hurt() {
    let host = Host::new();
    let mut client = host.client();
    let target = proptest::collection::vec(0x21_u8..0x7f, 0..60);
    let prefix = prop_oneof![Just("/stocks/"), Just("/stocks?name="), Just("/orders/"), Just("/")];
    let config = Config { cases: 1000, failure_persistence: None, ..Config::default() };
    let client = std::cell::RefCell::new(&mut client);
    TestRunner::new(config)
        .run(&(prefix, target), |(prefix, target)| {
            let target = String::from_utf8(target).expect("ASCII");
            let answer = client.borrow_mut().get(&format!("{prefix}{target}"));
            prop_assert!((200..500).contains(&answer.status), "{target}: {}", answer.body);
            // hyper itself refuses a few characters, and the connection ends.
            if answer.header("connection") == Some("close") {
                **client.borrow_mut() = host.client();
            }
            Ok(())
        })
        .expect("no target does harm");
}
