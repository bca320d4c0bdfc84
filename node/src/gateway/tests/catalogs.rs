//! Several catalogs: which one is talked to, what happens when another leads, and whose leases count.

use replication::register::RegisterCommand;
use replication::time::{Span, Time};

use super::harness::{Bench, config, listing};
use crate::gateway::limits::SESSION_SILENCE;
use crate::gateway::{ClientRequest, ClientResponse, GatewayConfig};
use crate::message::{Fill, Leads, Lease, Message};
use crate::process::Input;
use crate::service::ServiceId;

const TTL: Span = Span::millis(300);
/// The bench's own, which is where [`Bench::healthy`] finds its configuration.
const FIRST: ServiceId = ServiceId::catalog(1);
const SECOND: ServiceId = ServiceId::catalog(2);
const THIRD: ServiceId = ServiceId::catalog(3);

/// A session of a term.
const fn session(term: u64, number: u64) -> u64 {
    (term << 32) + number
}

/// Healthy, linked to three catalogs of which none has said that it leads.
fn bench() -> Bench {
    let config = GatewayConfig { catalogs: vec![1, 2, 3], ..config() };
    let mut bench = Bench::healthy(config);
    for catalog in [SECOND, THIRD] {
        bench.input(Input::LinkUp(catalog));
    }
    bench.run(20);
    quiet(&mut bench);
    bench
}

fn quiet(bench: &mut Bench) {
    bench.sent.clear();
    bench.asked.clear();
}

fn leads(bench: &mut Bench, catalog: ServiceId, term: u64) {
    bench.receive(catalog, Message::Leads(Leads { term }));
}

/// Questions for listings: to whom, and which.
fn fills(bench: &mut Bench) -> Vec<(ServiceId, Fill)> {
    bench.take(|to, message| match message {
        Message::Fill(fill) => Some((*to, fill.clone())),
        _ => None,
    })
}

/// Renewals: to whom, and when they were sent.
fn renewals(bench: &mut Bench) -> Vec<(ServiceId, Time)> {
    bench.take(|to, message| match message {
        Message::Renew(renew) => Some((*to, renew.sent_at)),
        _ => None,
    })
}

/// Who is asked for a listing now.
fn asked(bench: &mut Bench, id: u64) -> Vec<ServiceId> {
    bench.read(id, &format!("N{id}"));
    fills(bench).into_iter().map(|(to, _)| to).collect()
}

/// A catalog grants this session, on the newest renewal or on one sent at this time.
fn grant(bench: &mut Bench, from: ServiceId, session: u64, sent_at: Time) {
    bench.receive(from, Message::Lease(Lease { session, sent_at, ttl: TTL }));
}

fn held(bench: &Bench) -> u64 {
    bench.gateway.status(bench.now()).cache.session
}

#[test]
fn the_catalog_of_the_highest_term_is_asked() {
    let mut bench = bench();
    assert_eq!(asked(&mut bench, 1), [FIRST], "nobody said anything");
    leads(&mut bench, THIRD, 7);
    bench.sent.clear();
    assert_eq!(asked(&mut bench, 2), [THIRD]);
    leads(&mut bench, SECOND, 6);
    assert_eq!(asked(&mut bench, 3), [THIRD], "an earlier term");
    leads(&mut bench, SECOND, 8);
    bench.sent.clear();
    assert_eq!(asked(&mut bench, 4), [SECOND]);
}

#[test]
fn only_a_catalog_can_say_that_it_leads() {
    let mut bench = bench();
    leads(&mut bench, SECOND, 7);
    bench.sent.clear();
    leads(&mut bench, ServiceId::orders(3), 9);
    leads(&mut bench, ServiceId::gateway(2), 9);
    assert_eq!(asked(&mut bench, 1), [SECOND]);
}

#[test]
fn answers_do_not_make_a_leader() {
    let mut bench = bench();
    leads(&mut bench, THIRD, 7);
    let told = bench.configuration.clone().unwrap();
    bench.receive(SECOND, Message::Configuration(told));
    bench.sent.clear();
    assert_eq!(asked(&mut bench, 1), [THIRD]);
}

#[test]
fn without_a_link_to_the_leader_another_is_tried() {
    let mut bench = bench();
    leads(&mut bench, THIRD, 7);
    assert_eq!(asked(&mut bench, 1), [THIRD]);
    bench.input(Input::LinkDown(THIRD));
    assert_eq!(fills(&mut bench)[0].0, FIRST, "at once");
    bench.input(Input::LinkUp(THIRD));
    assert_eq!(fills(&mut bench)[0].0, THIRD, "over the new link");
    assert_eq!(asked(&mut bench, 2), [THIRD]);
    for catalog in [FIRST, SECOND, THIRD] {
        bench.input(Input::LinkDown(catalog));
    }
    assert!(!bench.gateway.status(bench.now()).catalog_linked);
}

/// Whatever was asked may be lost with the leader before.
#[test]
fn a_new_leader_is_asked_everything_at_once() {
    let mut bench = bench();
    leads(&mut bench, SECOND, 7);
    bench.read(1, "Tux");
    let before = fills(&mut bench);
    bench.run(10);
    // A new leader, and the same one that led anew: it forgot what it had in hand.
    for (leader, term) in [(THIRD, 8), (THIRD, 9)] {
        quiet(&mut bench);
        leads(&mut bench, leader, term);
        let again = fills(&mut bench);
        assert_eq!(again, [(leader, before[0].1.clone())], "the same question");
        let now = bench.time;
        assert_eq!(renewals(&mut bench), [FIRST, SECOND, THIRD].map(|to| (to, now)));
        assert_eq!(bench.asked, [FIRST, SECOND, THIRD]);
        bench.run(10);
    }
    leads(&mut bench, SECOND, 10);
    quiet(&mut bench);
    leads(&mut bench, THIRD, 11);
    assert_eq!(bench.asked, [FIRST, SECOND, THIRD], "however soon after the last time");
    bench.run(10);
    quiet(&mut bench);
    leads(&mut bench, THIRD, 11);
    leads(&mut bench, SECOND, 10);
    assert_eq!((fills(&mut bench).len(), renewals(&mut bench).len()), (0, 0), "nothing new");
    assert_eq!(bench.asked, []);
}

#[test]
fn a_followers_link_costs_the_leader_nothing() {
    let mut bench = bench();
    leads(&mut bench, SECOND, 7);
    bench.read(1, "Tux");
    bench.run(10);
    quiet(&mut bench);
    bench.input(Input::LinkDown(THIRD));
    bench.input(Input::LinkUp(THIRD));
    assert_eq!(fills(&mut bench), []);
    assert!(bench.asked.contains(&THIRD), "it may lead unheard of");
}

#[test]
fn proposals_and_confirmations_go_to_the_leader() {
    let mut bench = bench();
    leads(&mut bench, SECOND, 7);
    bench.run(60);
    let sent_at = renewals(&mut bench).last().unwrap().1;
    grant(&mut bench, SECOND, session(7, 1), sent_at);
    bench.invalidate(session(7, 1), 4, "Tux");
    bench.replicas.remove(&3);
    bench.input(Input::LinkDown(ServiceId::orders(3)));
    let to = bench.take(|to, message| match message {
        Message::Invalidated(_) | Message::Configure(RegisterCommand::Elect { .. }) => Some(*to),
        _ => None,
    });
    assert_eq!(to, [SECOND, SECOND]);
}

#[test]
fn renewals_go_to_everybody_who_is_linked() {
    let mut bench = bench();
    leads(&mut bench, SECOND, 7);
    bench.input(Input::LinkDown(FIRST));
    quiet(&mut bench);
    bench.run(60);
    let to: Vec<ServiceId> = renewals(&mut bench).into_iter().map(|(to, _)| to).collect();
    assert_eq!(to[..2], [SECOND, THIRD]);
    assert!(!to.contains(&FIRST));
}

/// Two renewals went out; the leader of term 8 granted the first, that of term 7 the second, before the other was elected.
#[test]
fn a_session_is_not_replaced_by_one_of_an_earlier_reign() {
    let mut bench = bench();
    bench.run(120);
    let sent: Vec<Time> =
        renewals(&mut bench).into_iter().filter(|(to, _)| *to == FIRST).map(|it| it.1).collect();
    let [.., first, second] = sent[..] else { panic!("two renewals in 120 ms") };
    grant(&mut bench, THIRD, session(8, 1), first);
    assert_eq!(held(&bench), session(8, 1));
    bench.warm(session(8, 1), listing("Tux", 10, 1));
    grant(&mut bench, SECOND, session(7, 9), second);
    assert_eq!((held(&bench), bench.hit("Tux")), (session(8, 1), Some(10)));
    grant(&mut bench, THIRD, session(8, 2), second);
    assert_eq!((held(&bench), bench.hit("Tux")), (session(8, 2), None), "of the same reign it is");
}

#[test]
fn a_session_of_a_later_reign_empties_the_cache() {
    let mut bench = bench();
    bench.grant(session(7, 40), TTL);
    bench.warm(session(7, 40), listing("Tux", 10, 1));
    bench.grant(session(8, 1), TTL);
    assert_eq!((held(&bench), bench.hit("Tux")), (session(8, 1), None));
}

/// The reigns of a catalog that lost its disk begin anew.
#[test]
fn a_session_nobody_hears_of_yields_to_any_other() {
    let mut bench = bench();
    bench.grant(session(8, 1), TTL);
    bench.grant(session(8, 1), TTL);
    let heard = bench.time;
    while bench.time + Span::millis(70) < heard + SESSION_SILENCE {
        bench.grant(session(1, 1), TTL);
        assert_eq!(held(&bench), session(8, 1));
    }
    bench.run(70);
    bench.grant(session(1, 1), TTL);
    assert_eq!(held(&bench), session(1, 1));
}

#[test]
fn a_standing_lease_goes_on_while_nobody_leads() {
    let mut bench = bench();
    leads(&mut bench, SECOND, 7);
    bench.grant(session(7, 1), TTL);
    bench.warm(session(7, 1), listing("Tux", 10, 1));
    bench.input(Input::LinkDown(SECOND));
    assert_eq!(bench.hit("Tux"), Some(10), "it counts from what was granted");
    bench.run(TTL.0 / 1_000);
    assert_eq!(bench.hit("Tux"), None);
    bench.ask(1, ClientRequest::Ready);
    assert_eq!(bench.reply(1), Some(ClientResponse::Ready), "other catalogs are linked");
}
