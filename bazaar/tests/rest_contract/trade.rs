//! The load client against the surface: it passes when all is well, waits when nobody answers, and notices what is wrong.

use std::time::{Duration, Instant};

use bazaar::cli::trade::{RunType, SideChoice, TradeArgs};

use crate::host::Host;
use crate::stub::{Mood, Spoil, Stub};

fn hot(host: &Host) -> TradeArgs {
    let mut args = TradeArgs::against(host.public.to_string());
    args.listing = Some("GameStart".to_owned());
    args
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_good_run_passes_and_counts() {
    let host = Host::with(Default::default(), Stub::new(false));
    let mut args = hot(&host);
    (args.clients, args.requests, args.probability) = (4, 50, 1.0);
    let report = host.trade(args);
    assert!(report.passed(), "{report:?}");
    assert_eq!((report.rounds, report.orders, report.refusals), (200, 100, 100));
    assert_eq!((report.retries, report.pauses, report.connections), (0, 0, 4));
    let counts: Vec<_> = report.latencies.iter().map(|l| (l.kind, l.count)).collect();
    assert_eq!(counts, [("lookup", 200), ("order", 200), ("check", 100)]);
    let order = &report.latencies[1];
    assert!(order.p50_ms <= order.p99_ms && order.p99_ms <= order.max_ms * 1.01);
    assert_eq!(host.stub.shelf.lock().orders.len(), 100);
}

#[test]
fn the_same_seed_makes_the_same_choices() {
    let traded = |seed| {
        let host = Host::new();
        let mut args = hot(&host);
        (args.seed, args.side, args.run_type) = (seed, SideChoice::Both, RunType::Session);
        assert!(host.trade(args).passed());
        let shelf = host.stub.shelf.lock();
        shelf.trades.iter().map(|trade| trade.side).collect::<Vec<_>>()
    };
    assert_eq!(traded(5), traded(5));
    assert_ne!(traded(5), traded(6));
}

#[test]
fn run_types() {
    let host = Host::new();
    let mut args = hot(&host);
    (args.run_type, args.probability) = (RunType::Query, 1.0);
    let report = host.trade(args.clone());
    assert_eq!((report.orders, report.latencies.len(), report.checked), (0, 1, false));
    (args.run_type, args.duration) = (RunType::Session, Some(Duration::from_millis(200)));
    let report = host.trade(args);
    assert!(report.seconds >= 0.2 && report.orders == 100, "{report:?}");
    assert!(!report.checked && report.passed());
}

#[test]
fn a_missing_listing_is_an_error() {
    let host = Host::new();
    let mut args = TradeArgs::against(host.public.to_string());
    args.run_type = RunType::Query;
    let report = host.trade(args);
    assert!(!report.passed());
    assert_eq!(report.mismatches, 0);
    assert!(report.problems[0].contains("404"), "{:?}", report.problems);
}

#[test]
fn a_pause_is_waited_out_with_the_same_key() {
    for mood in [Mood::Unavailable, Mood::Unknown, Mood::Busy, Mood::Silent] {
        let host = Host::new();
        host.stub.shelf.lock().mood = mood.clone();
        let mut args = hot(&host);
        (args.clients, args.requests, args.probability) = (2, 5, 1.0);
        args.timeout = Duration::from_millis(100);
        let asked = || host.stub.shelf.lock().asked;
        let run = host.begin_trade(args);
        until("orders are repeated", || asked() >= 8);
        host.stub.shelf.lock().mood = Mood::Fine;
        let report = host.wait(run);
        assert!(report.passed(), "{mood:?}: {report:?}");
        assert_eq!((report.orders, report.pauses), (10, 2), "{mood:?}");
        assert!(report.retries >= 6 && report.longest_pause_ms > 0.0, "{report:?}");
    }
}

#[test]
fn an_answer_that_got_lost_makes_no_second_order() {
    let host = Host::new();
    host.stub.shelf.lock().mood = Mood::Forgetful;
    let mut args = hot(&host);
    (args.requests, args.probability) = (20, 1.0);
    let report = host.trade(args);
    assert!(report.passed(), "{report:?}");
    assert_eq!((report.orders, report.pauses), (20, 20));
    assert_eq!(host.stub.shelf.lock().orders.len(), 20, "one each, although asked for twice");
}

#[test]
fn a_restarted_server_is_found_again() {
    let mut host = Host::new();
    let mut args = hot(&host);
    (args.clients, args.duration, args.side) = (4, Some(Duration::from_secs(1)), SideChoice::Both);
    let run = host.begin_trade(args);
    for _ in 0..3 {
        let before = host.stub.shelf.lock().orders.len();
        until("orders are made", || host.stub.shelf.lock().orders.len() > before + 5);
        let stopping = host.begin_stop();
        host.wait(stopping);
        host.restart();
    }
    let report = host.wait(run);
    assert!(report.passed(), "{report:?}");
    assert!(report.pauses > 0 && report.connections > 4, "{report:?}");
}

#[test]
fn clients_move_on_to_another_gateway() {
    let mut dead = Host::new();
    dead.stop();
    let host = Host::new();
    let mut args = hot(&host);
    args.target.push(dead.public.to_string());
    args.clients = 8;
    let report = host.trade(args);
    assert!(report.passed(), "{report:?}");
    assert_eq!(report.rounds, 800);
}

#[test]
fn patience_ends() {
    let host = Host::new();
    host.stub.shelf.lock().mood = Mood::Unavailable;
    let mut args = hot(&host);
    (args.requests, args.probability, args.patience) = (1, 1.0, Duration::from_millis(100));
    let report = host.trade(args);
    assert_eq!((report.errors, report.mismatches, report.orders), (1, 0, 0));
    assert!(!report.passed());
    assert!(report.problems[0].contains("out of patience: status 503"), "{:?}", report.problems);
}

#[test]
fn wrong_answers_are_noticed() {
    let spoils: [(&str, Spoil); 4] = [
        ("lost", |shelf| drop(shelf.orders.pop())),
        ("quantity", |shelf| shelf.orders[3].quantity += 1),
        ("name", |shelf| shelf.orders[3].name = market::name::Name::new("Tux").expect("name")),
        ("side", |shelf| shelf.orders[3].side = market::trade::Side::Sell),
    ];
    for (what, spoil) in spoils {
        let host = Host::new();
        host.stub.shelf.lock().spoil = Some((10, spoil));
        let mut args = hot(&host);
        (args.requests, args.probability) = (10, 1.0);
        let report = host.trade(args);
        assert_eq!((report.mismatches, report.errors), (1, 0), "{what}: {report:?}");
    }
    let host = Host::new();
    host.stub.shelf.lock().spoil = Some((10, |shelf| shelf.orders.clear()));
    let mut args = hot(&host);
    (args.requests, args.probability, args.run_type) = (20, 1.0, RunType::Session);
    let report = host.trade(args);
    assert_eq!(report.mismatches, 10, "numbers given twice: {report:?}");
}
