//! The trading surface, row by row and error by error, against everything behind it.

use serde_json::json;

use crate::harness::{Client, Deployment};

const BUY: &str = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_of_the_surface_answers_to_the_letter() {
    let deployment = Deployment::up(1).await;
    let mut client = deployment.client(1);
    listings(&mut client).await;
    orders(&mut client).await;
    health(&mut client).await;
    internal(&deployment).await;
    deployment.audit().await;
}

async fn listings(client: &mut Client) {
    let stocks = [
        ("GameStart", "15.99"),
        ("RottenFishCo", "2.50"),
        ("BoarCo", "7.11"),
        ("MenhirCo", "20.00"),
        ("CaesarTech", "1.00"),
        ("Reneium", "14.99"),
        ("Goscinnyium", "22.50"),
        ("PiloteCo", "17.11"),
        ("DogmatixCo", "20.00"),
        ("LutetiaTech", "11.00"),
    ];
    for (name, price) in stocks {
        let expected = format!(r#"{{"data":{{"name":"{name}","price":{price},"quantity":100}}}}"#);
        for target in ["/stocks/", "/stocks?name=", "/stocks?stock_name="] {
            let answer = client.get(&format!("{target}{name}")).await;
            assert_eq!((answer.status, &answer.body), (200, &expected), "{target}{name}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
    let toys =
        ["Tux", "Whale", "Elephant", "Fox", "Python", "Dolphin", "Bird", "Yoyo", "Kite", "Puzzle"];
    for name in toys {
        let answer = client.get(&format!("/products/{name}")).await;
        let data = &answer.json()["data"];
        assert_eq!((answer.status, &data["name"]), (200, &json!(name)));
        assert_eq!(data["quantity"], 100);
        assert!(data["price"].is_number());
    }
    assert_eq!(client.get("/stocks/%47ameStart").await.status, 200);
}

/// Numbers are dense from 0, and only successes get one.
async fn orders(client: &mut Client) {
    let first = client.order(BUY).await;
    assert_eq!(first.body, r#"{"data":{"transaction_number":0,"order_number":0}}"#);
    let refused = client.order(r#"{"name":"GameStart","quantity":100}"#).await;
    assert_eq!(refused.failure(), (400, "insufficient_quantity".to_owned()));
    assert_eq!(refused.json()["error"]["message"], "insufficient quantity");
    assert_eq!(client.quantity("GameStart").await, 99, "a refusal changes nothing");
    assert_eq!(client.trade("sell", "GameStart", 6).await, 1);
    assert_eq!(client.quantity("GameStart").await, 105, "a sale raises the quantity");
    let default = client.order(r#"{"quantity":105,"name":"GameStart"}"#).await;
    assert_eq!(default.number(), 2, "without a type it is a purchase");
    assert_eq!(client.quantity("GameStart").await, 0);
    assert_eq!(client.order(BUY).await.failure().1, "insufficient_quantity");
    assert_eq!(client.trade("buy", "Tux", 1).await, 3, "toys are traded, too");
    for (number, expected) in [
        (0, r#"{"data":{"number":0,"name":"GameStart","type":"buy","quantity":1"#),
        (1, r#"{"data":{"number":1,"name":"GameStart","type":"sell","quantity":6"#),
        (2, r#"{"data":{"number":2,"name":"GameStart","type":"buy","quantity":105"#),
        (3, r#"{"data":{"number":3,"name":"Tux","type":"buy","quantity":1"#),
    ] {
        let answer = client.get(&format!("/orders/{number}")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.starts_with(expected), "{}", answer.body);
    }
}

async fn health(client: &mut Client) {
    let leader = client.get("/leader").await;
    let data = &leader.json()["data"];
    assert_eq!((leader.status, &data["in_sync"]), (200, &json!([1, 2, 3])));
    assert!(data["leader"].as_u64().is_some_and(|id| (1..=3).contains(&id)), "{leader:?}");
    assert!(data["epoch"].as_u64().is_some_and(|epoch| epoch > 0), "{leader:?}");
    assert_eq!(client.get("/healthz").await.status, 200);
    assert_eq!(client.get("/readyz").await.status, 200);
    let metrics = client.get("/metrics").await;
    assert!(metrics.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    for figure in
        ["bazaar_cache_misses_total", "bazaar_http_requests_total", "service=\"gateway-1\""]
    {
        assert!(metrics.body.contains(figure), "{figure} is missing in\n{}", metrics.body);
    }
}

/// Operators have handles on the cache; clients have not.
async fn internal(deployment: &Deployment) {
    let mut operator = deployment.operator(1);
    let mut client = deployment.client(1);
    let gone = r#"{"data":{"name":"BoarCo","removed":false}}"#;
    let there = r#"{"data":{"name":"BoarCo","removed":true}}"#;
    for (method, target) in [("POST", "/invalidation/BoarCo"), ("GET", "/rm?name=BoarCo")] {
        client.get("/stocks/BoarCo").await;
        assert_eq!(operator.call(method, target, &[], "").await.body, there);
        assert_eq!(operator.call(method, target, &[], "").await.body, gone);
        let outside = client.call(method, target, &[], "").await;
        assert_eq!(outside.failure(), (404, "no_such_path".to_owned()));
    }
    assert_eq!(operator.get("/stocks/BoarCo").await.status, 200);
    assert_eq!(operator.get("/metrics").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_of_the_surface_has_its_status_and_changes_nothing() {
    let deployment = Deployment::up(1).await;
    let mut client = deployment.client(1);
    failing_reads(&mut client).await;
    failing_orders(&mut client).await;
    failing_calls(&mut client).await;
    assert_eq!(deployment.catalog().await.next_number, 0, "nothing was traded");
    assert_eq!(client.order(BUY).await.number(), 0, "numbers still begin at 0");
    deployment.audit().await;
}

async fn failing_reads(client: &mut Client) {
    for (target, code, message) in [
        ("/stocks/Nothing", 404, "stock not found"),
        ("/stocks?name=Nothing", 404, "stock not found"),
        ("/stocks/Tux", 404, "stock not found"),
        ("/products/Nothing", 404, "product not found"),
        ("/products/GameStart", 404, "product not found"),
        ("/orders/0", 404, "order not found"),
        ("/orders/18446744073709551615", 404, "order not found"),
        ("/orders/99999999999999999999999", 404, "order not found"),
        ("/orders/seven", 400, ""),
        ("/orders/-1", 400, ""),
        ("/orders/1.5", 400, ""),
        ("/stocks", 400, ""),
        ("/stocks/%zz", 400, ""),
        ("/nowhere", 404, ""),
        ("/", 404, ""),
    ] {
        let answer = client.get(target).await;
        assert_eq!(answer.failure().0, code, "{target}");
        if !message.is_empty() {
            assert_eq!(answer.json()["error"]["message"], message, "{target}");
        }
    }
}

async fn failing_orders(client: &mut Client) {
    for (body, code, reason) in [
        (r#"{"name":"Nothing","quantity":1}"#, 404, "unknown_listing"),
        ("", 400, "empty_body"),
        ("{", 400, "bad_json"),
        ("[]", 400, "not_an_object"),
        (r#"{"quantity":1}"#, 400, "missing_field"),
        (r#"{"name":"GameStart"}"#, 400, "missing_field"),
        (r#"{"name":7,"quantity":1}"#, 400, "name_not_a_string"),
        (r#"{"name":"GameStart","quantity":"1"}"#, 400, "quantity_not_a_number"),
        (r#"{"name":"GameStart","quantity":1.5}"#, 400, "quantity_not_an_integer"),
        (r#"{"name":"GameStart","quantity":0}"#, 400, "quantity_out_of_range"),
        (r#"{"name":"GameStart","quantity":-1}"#, 400, "quantity_out_of_range"),
        (r#"{"name":"GameStart","quantity":1000001}"#, 400, "quantity_out_of_range"),
        (r#"{"name":"GameStart","quantity":1,"type":"hold"}"#, 400, "unknown_type"),
        (r#"{"name":"GameStart","quantity":1,"type":1}"#, 400, "type_not_a_string"),
        (r#"{"name":"GameStart","quantity":101}"#, 400, "insufficient_quantity"),
    ] {
        let answer = client.order(body).await;
        assert_eq!(answer.failure(), (code, reason.to_owned()), "{body}");
    }
    assert_eq!(client.quantity("GameStart").await, 100);
}

async fn failing_calls(client: &mut Client) {
    for (method, target) in [("DELETE", "/orders/1"), ("GET", "/orders"), ("POST", "/stocks/Tux")] {
        assert_eq!(
            client.call(method, target, &[], "").await.failure().0,
            405,
            "{method} {target}"
        );
    }
    let key = "k".repeat(65);
    assert_eq!(client.keyed(&key, BUY).await.failure().1, "bad_idempotency_key");
    let large = format!(r#"{{"name":"{}","quantity":1}}"#, "x".repeat(100_000));
    assert_eq!(client.order(&large).await.failure().0, 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_order_replicas_trades_are_answered_503_with_retry_after_and_listings_are_still_served()
 {
    let deployment = Deployment::with(1, |config| {
        config.request.deadline = bazaar::config::Period::millis(500);
    })
    .await;
    let mut client = deployment.client(1);
    for id in deployment.replicas() {
        deployment.kill(node::service::ServiceId::orders(id)).await;
    }
    let answer = client.attempt("POST", "/orders", &[], BUY).await.expect("an answer");
    assert!(matches!(answer.failure().0, 503 | 504), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    let key = answer.header("idempotency-key").expect("so that it can be repeated").to_owned();
    let answer = client.attempt("GET", "/orders/0", &[], "").await.expect("an answer");
    assert_eq!(answer.failure().0, 503);
    assert_eq!(client.quantity("GameStart").await, 100);
    assert_eq!(client.get("/healthz").await.status, 200);
    crate::harness::until("readiness to end", async || {
        let answer = client.attempt("GET", "/readyz", &[], "").await.ok()?;
        (answer.status == 503).then_some(())
    })
    .await;
    deployment.start_all();
    assert_eq!(client.keyed(&key, BUY).await.number(), 0);
    assert_eq!(client.keyed(&key, BUY).await.number(), 0);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_catalog_nothing_is_served_that_might_be_old_and_nothing_is_guessed() {
    let deployment = Deployment::with(1, |config| {
        config.request.deadline = bazaar::config::Period::millis(500);
        crate::harness::single(config);
    })
    .await;
    let mut client = deployment.client(1);
    client.trade("buy", "GameStart", 1).await;
    client.quantity("GameStart").await;
    deployment.kill(node::service::ServiceId::catalog(1)).await;
    // While the lease stands, the cache may answer.
    let refused = crate::harness::until("reads to be refused", async || {
        let answer = client.attempt("GET", "/stocks/GameStart", &[], "").await.ok()?;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(refused.failure().0, 503);
    let key = crate::harness::new_key();
    let headers = [("Idempotency-Key", key.as_str())];
    let answer = client.attempt("POST", "/orders", &headers, BUY).await.expect("an answer");
    assert!(matches!(answer.failure().0, 503 | 504), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    deployment.start_all();
    let number = client.keyed(&key, BUY).await.number();
    assert_eq!(client.keyed(&key, BUY).await.number(), number);
    assert_eq!(client.quantity("GameStart").await, 98, "one trade under one key");
    deployment.settled().await;
}
