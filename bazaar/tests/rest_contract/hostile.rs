//! Clients that are slow, greedy, rude or broken.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use bazaar::rest::Limits;

use crate::host::{Client, Host};
use crate::stub::{Mood, Stub};

const BUY: &str = r#"{"name":"GameStart","quantity":1}"#;

/// Times short enough to be waited for.
fn hasty() -> Limits {
    Limits {
        header_timeout: Duration::from_millis(150),
        idle_timeout: Duration::from_millis(400),
        request_timeout: Duration::from_millis(600),
        body_grace: Duration::from_millis(150),
        drain: Duration::from_secs(5),
        ..Limits::default()
    }
}

fn host(limits: Limits) -> Host {
    Host::with(limits, Stub::new(true))
}

/// Sends a byte now and then until the server has enough of it.
fn drip(client: &mut Client, byte: u8) -> Duration {
    let started = Instant::now();
    let pause = Some(Duration::from_millis(20));
    client.socket.set_read_timeout(pause).expect("timeout");
    loop {
        assert!(started.elapsed() < Duration::from_secs(10), "never cut");
        if client.socket.write_all(&[byte]).is_err() {
            break;
        }
        let mut peeked = [0; 1];
        match client.socket.peek(&mut peeked) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            _ => break,
        }
    }
    client.socket.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
    started.elapsed()
}

#[test]
fn a_silent_newcomer_is_cut() {
    let host = host(hasty());
    let started = Instant::now();
    let mut client = host.client();
    let answer = client.answer().expect("a last word");
    assert_eq!((answer.status, answer.reason().as_str()), (408, "request_timeout"));
    client.assert_closed();
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[test]
fn a_dripping_head_is_cut() {
    let host = host(hasty());
    let mut client = host.client();
    client.send("GET /stocks/GameStart HTTP/1.1\r\nX-Slow: ");
    assert!(drip(&mut client, b'a') >= Duration::from_millis(140));
    assert_eq!(client.answer().expect("a last word").status, 408);
    client.assert_closed();
}

#[test]
fn a_dripping_head_is_cut_on_a_used_connection_too() {
    let host = host(Limits { idle_timeout: Duration::from_secs(60), ..hasty() });
    let mut client = host.client();
    assert_eq!(client.get("/healthz").status, 200);
    client.send("GET / HTTP/1.1\r\nX-Slow: ");
    assert!(drip(&mut client, b'a') < Duration::from_secs(5), "not the time of silence");
    assert_eq!(client.answer().expect("a last word").status, 408);
}

#[test]
fn silence_between_requests_ends_without_a_word() {
    let host = host(hasty());
    let mut client = host.client();
    assert_eq!(client.get("/healthz").status, 200);
    let started = Instant::now();
    client.assert_closed();
    assert!(started.elapsed() >= Duration::from_millis(350), "longer than a head may take");
}

#[test]
fn a_dripping_body_is_cut() {
    let host = host(hasty());
    for head in ["Content-Length: 60000", "Transfer-Encoding: chunked"] {
        let mut client = host.client();
        client.send(format!("POST /orders HTTP/1.1\r\nHost: b\r\n{head}\r\n\r\n"));
        let took = drip(&mut client, b'0');
        assert!((140..3000).contains(&took.as_millis()), "{head}: {took:?}");
        let answer = client.answer().expect("a last word");
        assert!(answer.status == 408 || answer.status == 400, "{head}: {}", answer.body);
        client.assert_closed();
    }
    assert!(host.stub.shelf.lock().trades.is_empty());
}

#[test]
fn a_large_body_is_refused_before_it_is_read() {
    let host = host(Limits::default());
    let mut client = host.client();
    client.send("POST /orders HTTP/1.1\r\nHost: b\r\nContent-Length: 10737418240\r\n\r\n");
    let answer = client.answer().expect("an answer to the mere announcement");
    assert_eq!((answer.status, answer.reason().as_str()), (413, "body_too_large"));
    assert_eq!(answer.header("connection"), Some("close"));
    let mut polite = host.client();
    polite.send("POST /orders HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\n");
    polite.send("Content-Length: 65537\r\n\r\n");
    assert_eq!(polite.answer().expect("not 100").status, 413);
}

#[test]
fn an_endless_chunked_body_is_cut_at_the_limit() {
    let host = host(Limits::default());
    let mut client = host.client();
    client.send("POST /orders HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("400\r\n{}\r\n", " ".repeat(1024));
    let mut sent = 0;
    // The server must stop reading: a gigabyte would never fit the sockets' buffers.
    while sent < 1 << 20 && client.socket.write_all(chunk.as_bytes()).is_ok() {
        sent += 1;
    }
    assert!(sent < 1 << 20, "read on for ever");
    if let Some(answer) = client.answer() {
        assert_eq!(answer.status, 413);
    }
    client.assert_closed();
}

#[test]
fn a_body_just_over_the_limit_is_answered() {
    let host = host(Limits::default());
    for size in [65_536, 65_537, 100_000] {
        let mut client = host.client();
        let mut body = BUY.to_owned();
        body.push_str(&" ".repeat(size - body.len()));
        let answer = client.order(&body);
        assert_eq!(answer.status, if size == 65_536 { 200 } else { 413 }, "{size}");
        let mut chunked = host.client();
        chunked.send("POST /orders HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n");
        chunked.send(format!("{size:x}\r\n{body}\r\n0\r\n\r\n"));
        assert_eq!(chunked.answer().expect("answer").status, answer.status, "{size} chunked");
    }
}

#[test]
fn bodies_share_a_budget() {
    let host = host(Limits { max_bodies: 100, ..Limits::default() });
    let deadline = Instant::now() + Duration::from_secs(10);
    // An order may take its share first and get the half-sent body refused: then another one must hold the budget.
    let holder = loop {
        let mut holder = host.client();
        holder.send("POST /orders HTTP/1.1\r\nHost: b\r\nContent-Length: 100\r\n\r\n");
        holder.send(" ".repeat(90));
        if (0..20).any(|_| host.client().order(BUY).status == 429) {
            break holder;
        }
        assert!(Instant::now() < deadline, "the budget is never used up");
    };
    drop(holder);
    while host.client().order(BUY).status != 200 {
        assert!(Instant::now() < deadline, "the budget is never given back");
    }
}

#[test]
fn heads_have_limits() {
    let host = host(Limits::default());
    let many: String = (0..101).map(|index| format!("X-{index}: 1\r\n")).collect();
    let large = format!("X-Large: {}\r\n", "x".repeat(17 << 10));
    for (target, headers, status, reason) in [
        ("/healthz", many.as_str(), 431, "headers_too_large"),
        ("/healthz", large.as_str(), 431, "headers_too_large"),
        (&format!("/stocks/{}", "x".repeat(3000)), "", 414, "uri_too_long"),
        (&format!("/stocks/{}", "x".repeat(70_000)), "", 431, "headers_too_large"),
        ("/healthz", "No colon\r\n", 400, "malformed_request"),
        ("/healthz", "X: a\0b\r\n", 400, "malformed_request"),
        ("/healthz", "Content-Length: -1\r\n", 400, "malformed_request"),
        ("/healthz", "Content-Length: 1\r\nContent-Length: 2\r\n", 400, "malformed_request"),
    ] {
        let mut client = host.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: b\r\n{headers}\r\n"));
        let answer = client.answer().expect("an answer");
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{headers:.40}");
        if status != 414 {
            client.assert_closed();
        }
    }
    let some: String = (0..90).map(|index| format!("X-{index}: 1\r\n")).collect();
    let mut client = host.client();
    client.send(format!("GET /healthz HTTP/1.1\r\nHost: b\r\n{some}\r\n"));
    assert_eq!(client.answer().expect("an answer").status, 200);
}

#[test]
fn garbage_is_answered_and_cut() {
    let host = host(Limits::default());
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0",
        b"<?xml version=\"1.0\"?>\r\n\r\n",
        b"GET / stocks HTTP/1.1\r\n\r\n",
    ] {
        let mut client = host.client();
        client.send(garbage);
        let shown = String::from_utf8_lossy(garbage);
        let answer = client.answer().unwrap_or_else(|| panic!("no answer to {shown:?}"));
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            (400, "malformed_request"),
            "{shown}"
        );
        client.assert_closed();
    }
    let mut client = host.client();
    client.send("GET /stocks/GameStart HTTP/1.1\r\nHost: b\r\n\r\nGARBAGE\r\n\r\n");
    assert_eq!(client.answer().expect("the good one first").status, 200);
    assert_eq!(client.answer().expect("then the bad one").status, 400);
    client.assert_closed();
}

#[test]
fn a_wrongly_chunked_body_is_refused() {
    let host = host(Limits::default());
    for body in ["zz\r\nabc\r\n0\r\n\r\n", "ffffffffffffffffff\r\n", "3\r\nabcdef\r\n0\r\n\r\n"] {
        let mut client = host.client();
        client.send("POST /orders HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(body);
        let answer = client.answer().expect("an answer");
        assert_eq!((answer.status, answer.reason().as_str()), (400, "broken_body"), "{body}");
        client.assert_closed();
    }
}

#[test]
fn pipelined_requests_are_answered_in_turn() {
    let host = host(Limits::default());
    let mut client = host.client();
    let get = "GET /stocks/GameStart HTTP/1.1\r\nHost: b\r\n\r\n";
    let length = BUY.len();
    let post = format!("POST /orders HTTP/1.1\r\nHost: b\r\nContent-Length: {length}\r\n\r\n{BUY}");
    let bytes: String = (0..50).map(|_| format!("{get}{post}")).collect();
    client.send(bytes);
    for turn in 0..50_u64 {
        assert_eq!(client.answer().expect("lookup").json()["data"]["quantity"], 100 - turn);
        assert_eq!(client.answer().expect("order").json()["data"]["order_number"], turn);
    }
}

#[test]
fn many_requests_share_a_connection() {
    let host = host(Limits::default());
    let mut client = host.client();
    for turn in 0..5_000 {
        let target = if turn % 2 == 0 { "/stocks/GameStart" } else { "/stocks/Nothing" };
        let status = client.get(target).status;
        assert_eq!(status, if turn % 2 == 0 { 200 } else { 404 });
    }
}

#[test]
fn a_refused_body_ends_the_connection_and_a_refused_order_does_not() {
    let host = host(Limits::default());
    let mut client = host.client();
    assert_eq!(client.order("{}").header("connection"), None);
    assert_eq!(client.get("/healthz").status, 200);
    let answer = client.call("DELETE", "/stocks/GameStart", &[], "some body");
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("connection"), Some("close"));
    client.assert_closed();
}

#[test]
fn old_and_closing_clients() {
    let host = host(Limits::default());
    let mut client = host.client();
    client.send("GET /stocks/GameStart HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer().expect("answer").status, 200);
    client.assert_closed();
    let mut client = host.client();
    client.send("GET /orders/7 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n");
    client.socket.shutdown(Shutdown::Write).expect("half closed");
    assert_eq!(client.answer().expect("answer").status, 404);
    client.assert_closed();
}

#[test]
fn a_silent_market_is_answered_in_time() {
    let host = host(hasty());
    host.stub.shelf.lock().mood = Mood::Silent;
    let mut client = host.client();
    let answer = client.order(BUY);
    assert_eq!((answer.status, answer.reason().as_str()), (504, "outcome_unknown"));
    let answer = client.get("/orders/0");
    assert_eq!((answer.status, answer.reason().as_str()), (503, "timeout"));
}

#[test]
fn too_many_requests_in_flight_are_shed() {
    let host = host(Limits { max_in_flight: 2, ..Limits::default() });
    host.stub.shelf.lock().mood = Mood::Silent;
    let mut clients: Vec<Client> = (0..3).map(|_| host.client()).collect();
    for client in &mut clients {
        client.send("GET /orders/0 HTTP/1.1\r\nHost: b\r\n\r\n");
        client.socket.set_read_timeout(Some(Duration::from_millis(10))).expect("timeout");
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    let answered = |client: &mut Client| client.socket.peek(&mut [0]).is_ok();
    let shed = loop {
        if let Some(index) = clients.iter_mut().position(answered) {
            break index;
        }
        assert!(Instant::now() < deadline, "nothing is shed");
    };
    let mut client = clients.swap_remove(shed);
    client.socket.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
    let answer = client.answer().expect("an answer");
    assert_eq!((answer.status, answer.reason().as_str()), (429, "busy"));
    assert_eq!(client.get("/stocks/GameStart").status, 200, "hits cost nothing");
    assert_eq!(client.get("/healthz").status, 200);
}

#[test]
fn one_address_has_its_share_of_connections() {
    let host = host(Limits { max_per_address: 2, ..Limits::default() });
    let mut first = host.client();
    let mut second = host.client();
    assert_eq!(first.get("/healthz").status, 200);
    assert_eq!(second.get("/healthz").status, 200);
    let mut third = host.client();
    let answer = third.answer().expect("turned away with a word");
    assert_eq!((answer.status, answer.reason().as_str()), (429, "too_many_connections"));
    assert_eq!(host.operator().get("/healthz").status, 200, "another door");
    drop(second);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut again = host.client();
        again.send("GET /healthz HTTP/1.1\r\nHost: b\r\n\r\n");
        if again.answer().is_some_and(|answer| answer.status == 200) {
            break;
        }
        assert!(Instant::now() < deadline, "a place is never given back");
    }
}

#[test]
fn a_full_door_says_so() {
    let host = host(Limits { max_connections: 1, ..Limits::default() });
    let mut first = host.client();
    assert_eq!(first.get("/healthz").status, 200);
    let answer = host.client().answer().expect("turned away with a word");
    assert_eq!((answer.status, answer.reason().as_str()), (503, "too_many_connections"));
}

#[test]
fn who_does_not_read_answers_is_cut() {
    let host = host(hasty());
    let mut client = host.client();
    client.socket.set_write_timeout(Some(Duration::from_secs(10))).expect("timeout");
    let get = "GET /stocks/GameStart HTTP/1.1\r\nHost: b\r\n\r\n".repeat(1000);
    let started = Instant::now();
    loop {
        match client.socket.write_all(get.as_bytes()) {
            Ok(()) => assert!(started.elapsed() < Duration::from_secs(10), "reads on for ever"),
            Err(error) => {
                let stuck = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(!stuck, "neither served nor cut");
                break;
            }
        }
    }
}

#[test]
fn stopping_finishes_what_is_under_way() {
    let mut host = host(Limits { request_timeout: Duration::from_secs(1), ..Limits::default() });
    host.stub.shelf.lock().mood = Mood::Silent;
    let mut idle = host.client();
    assert_eq!(idle.get("/healthz").status, 200);
    let mut busy = host.client();
    busy.send("GET /healthz HTTP/1.1\r\nHost: b\r\n\r\nGET /orders/1 HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_eq!(busy.answer().expect("answer").status, 200);
    let stopping = host.begin_stop();
    idle.assert_closed();
    // The stub says nothing, so the answer is that of the deadline: but an answer.
    assert_eq!(busy.answer().expect("an answer, although the server stops").status, 503);
    busy.assert_closed();
    host.wait(stopping);
    assert!(std::net::TcpStream::connect(host.public).is_err(), "not listening any more");
    host.stop();
}
