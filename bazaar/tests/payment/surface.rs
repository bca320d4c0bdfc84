//! What the service says to whom, to the letter.

use crate::bank::{Bank, VISA, message, of_key, process};

#[tokio::test]
async fn a_charge_and_its_repetition_are_answered_alike() {
    let bank = Bank::generous().await;
    let charge = message(&process("k", VISA, "12.50"));
    let first = bank.post(charge.as_bytes()).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert!(first.head.contains("content-type: text/xml; charset=utf-8"), "{}", first.head);
    for part in [
        "<p:ProcessTransactionResponse>",
        "<p:idempotency_key>k</p:idempotency_key>",
        "<p:result>approved</p:result>",
        "<p:state>captured</p:state>",
        "<p:amount>12.50</p:amount>",
    ] {
        assert!(first.body.contains(part), "{part} in {}", first.body);
    }
    assert_eq!(bank.post(charge.as_bytes()).await.body, first.body);
    let lookup = bank.post(message(&of_key("Lookup", "k")).as_bytes()).await;
    assert!(
        lookup.body.contains("<p:LookupResponse>") && lookup.body.contains("captured"),
        "{lookup:?}"
    );
}

#[tokio::test]
async fn faults_have_a_code_for_programs() {
    let bank = Bank::generous().await;
    bank.post(message(&process("k", VISA, "12.50")).as_bytes()).await;
    for (content, status, side, code) in [
        (process("l", "4111111111111112", "12.50"), 500, "s:Client", "invalid_card"),
        (process("l", VISA, "12.505"), 500, "s:Client", "invalid_value"),
        (process("a b", VISA, "12.50"), 500, "s:Client", "invalid_value"),
        (process("k", VISA, "12.51"), 500, "s:Client", "key_reused"),
        (of_key("Void", "k"), 500, "s:Client", "captured"),
        (of_key("Capture", "l"), 500, "s:Client", "unknown_key"),
        (of_key("Refund", "k"), 500, "s:Client", "unknown_operation"),
        (of_key("Capture", "k").repeat(2), 400, "s:Client", "bad_message"),
    ] {
        let answer = bank.post(message(&content).as_bytes()).await;
        assert_eq!(answer.status, status, "{content}: {answer:?}");
        assert!(answer.body.contains(&format!("<faultcode>{side}</faultcode>")), "{answer:?}");
        assert!(answer.body.contains(&format!("<p:code>{code}</p:code>")), "{answer:?}");
    }
    let other = message(&of_key("Lookup", "k"))
        .replace("schemas.xmlsoap.org/soap", "www.w3.org/2003/05/soap");
    let answer = bank.post(other.as_bytes()).await;
    assert!(answer.status == 500 && answer.body.contains("s:VersionMismatch"), "{answer:?}");
}

#[tokio::test]
async fn what_is_no_message_is_refused_for_what_it_is() {
    let bank = Bank::generous().await;
    let lookup = message(&of_key("Lookup", "k"));
    for (kind, status) in [
        ("text/xml", 200),
        ("Text/XML;charset=\"UTF-8\"", 200),
        ("application/soap+xml; charset=utf-8", 415),
        ("application/json", 415),
        ("text/xml; charset=utf-16", 400),
        ("text/xml; charset=utf-7", 400),
    ] {
        assert_eq!(bank.post_as(kind, lookup.as_bytes()).await.status, status, "{kind}");
    }
    let too_long = bank.post(&vec![b' '; 65 << 10]).await;
    assert_eq!(too_long.status, 413, "{too_long:?}");
    let request = |line: &str, headers: &str| {
        format!("{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\r\n", bank.address)
    };
    for (line, status) in [
        ("GET /", 405),
        ("PUT /", 405),
        ("DELETE /?wsdl", 405),
        ("POST /healthz", 405),
        ("GET /wsdl", 404),
        ("POST /payments", 404),
        ("GET /healthz", 200),
        ("GET /readyz", 200),
        ("GET /metrics", 200),
        ("HEAD /?wsdl", 200),
    ] {
        let answer = bank.send(request(line, "").as_bytes()).await.unwrap();
        assert_eq!(answer.status, status, "{line}: {answer:?}");
        assert_eq!(answer.head.contains("allow: "), status == 405, "{line}: {answer:?}");
    }
    let mislabelled = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: text/xml\r\nsoapaction: \
         \"urn:bazaar:payments:v1:Capture\"\r\ncontent-length: {}\r\n\r\n{lookup}",
        lookup.len()
    );
    let answer = bank.send(mislabelled.as_bytes()).await.unwrap();
    assert!(answer.status == 500 && answer.body.contains("SOAPAction"), "{answer:?}");
    let labelled = mislabelled.replace(":Capture", ":Lookup");
    assert_eq!(bank.send(labelled.as_bytes()).await.unwrap().status, 200);
    let garbage = bank.send(b"\x16\x03\x01 hello\r\n\r\n").await.unwrap();
    assert_eq!(garbage.status, 400, "{garbage:?}");
}

#[tokio::test]
async fn the_description_says_where_the_service_was_reached() {
    let bank = Bank::generous().await;
    let described = bank.get("/?WSDL").await.unwrap();
    assert!(described.head.contains("content-type: text/xml"), "{}", described.head);
    assert!(described.body.contains(&format!("location=\"http://{}/\"", bank.address)));
    let named = "GET /?wsdl HTTP/1.1\r\nhost: bank.example\r\nconnection: close\r\n\r\n";
    let named = bank.send(named.as_bytes()).await.unwrap();
    assert!(named.body.contains("location=\"http://bank.example/\""), "{}", named.body);
}

#[tokio::test]
async fn metrics_tell_what_was_answered() {
    let bank = Bank::generous().await;
    bank.post(message(&process("k", VISA, "1")).as_bytes()).await;
    bank.post(message(&of_key("Void", "k")).as_bytes()).await;
    let metrics = bank.get("/metrics").await.unwrap().body;
    for line in [
        "bazaar_payment_answers_total{service=\"payment\",operation=\"process_transaction\",outcome=\"answered\"} 1",
        "bazaar_payment_answers_total{service=\"payment\",operation=\"void\",outcome=\"captured\"} 1",
        "bazaar_payment_open{service=\"payment\"} 0",
        "bazaar_http_requests_total{service=\"payment\",route=\"soap\",status=\"500\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}
