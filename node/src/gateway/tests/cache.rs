//! The cache: one test per race of the protocol, exactness of the LRU, bounds and deadlines.

use market::listing::Kind;
use replication::time::Span;

use super::harness::{Bench, CATALOG, config, listing, name};
use crate::gateway::limits::MAX_FILLS;
use crate::gateway::{CacheAction, ClientRequest, ClientResponse, GatewayConfig};
use crate::message::{Invalidate, Lease, Message};
use crate::process::{Effect, Event, Input};

const TTL: Span = Span::millis(300);

/// Healthy, with session 5 and a fresh lease.
fn leased(config: GatewayConfig) -> Bench {
    let mut bench = Bench::healthy(config);
    bench.grant(5, TTL);
    bench
}

fn sized(cache_size: usize) -> GatewayConfig {
    GatewayConfig { cache_size, ..config() }
}

#[test]
fn a_miss_fills_and_the_next_read_hits() {
    let mut bench = leased(config());
    assert_eq!(bench.hit("Tux"), None);
    bench.warm(5, listing("Tux", 10, 1));
    assert_eq!(bench.hit("Tux"), Some(10));
    bench.read(1, "Tux");
    assert_eq!(bench.reply(1), Some(ClientResponse::Listing(listing("Tux", 10, 1))));
    assert!(bench.fills().is_empty());
    let status = bench.gateway.status(bench.now()).cache;
    assert_eq!((status.hits, status.misses, status.fills, status.len), (2, 1, 1, 1));
}

/// Race 1: the invalidation overtakes the fill's answer.
#[test]
fn a_stale_fill_answers_its_readers_but_is_not_kept() {
    let mut bench = leased(config());
    bench.read(1, "Tux");
    let fill = bench.fills().pop().unwrap();
    bench.invalidate(5, 1, "Tux");
    assert_eq!(bench.confirmed(), [(5, vec![1])]);
    // A client that asks after the invalidation must not join the voided question.
    bench.read(2, "Tux");
    let second = bench.fills().pop().expect("a question of its own");
    bench.fill(&fill, 5, Some(listing("Tux", 10, 1)), true);
    assert_eq!(bench.reply(1), Some(ClientResponse::Listing(listing("Tux", 10, 1))));
    assert_eq!(bench.reply(2), None);
    assert_eq!(bench.hit("Tux"), None);
    bench.fill(&second, 5, Some(listing("Tux", 9, 2)), true);
    assert_eq!(bench.reply(2), Some(ClientResponse::Listing(listing("Tux", 9, 2))));
    assert_eq!(bench.hit("Tux"), Some(9));
}

/// Race 1, other half: the answer came first, the invalidation drops it.
#[test]
fn an_invalidation_drops_the_entry_and_is_confirmed() {
    let mut bench = leased(config());
    bench.warm(5, listing("Tux", 10, 1));
    bench.warm(5, listing("Whale", 3, 1));
    bench.invalidate(5, 7, "Tux");
    assert_eq!(bench.hit("Tux"), None);
    assert_eq!(bench.hit("Whale"), Some(3));
    assert_eq!(bench.confirmed(), [(5, vec![7])]);
    // Doubled, or in another sequence: confirmed again, harmless.
    bench.invalidate(5, 7, "Tux");
    bench.invalidate(5, 6, "Fox");
    assert_eq!(bench.confirmed(), [(5, vec![7]), (5, vec![6])]);
}

/// Race 2: what the catalog does not call cacheable (a write is pending) is not kept.
#[test]
fn an_answer_during_a_pending_write_is_not_kept() {
    let mut bench = leased(config());
    bench.read(1, "Tux");
    let fill = bench.fills().pop().unwrap();
    bench.fill(&fill, 5, Some(listing("Tux", 10, 1)), false);
    assert!(matches!(bench.reply(1), Some(ClientResponse::Listing(_))));
    assert_eq!(bench.hit("Tux"), None);
}

/// Races 3 and 4: the entry is gone before the confirmation goes out, which is what the catalog's answers wait for.
#[test]
fn nothing_is_confirmed_before_it_is_dropped() {
    use crate::process::Process;
    let mut bench = leased(config());
    bench.warm(5, listing("Tux", 10, 1));
    let names = vec![name("Tux")];
    let message = Message::Invalidate(Invalidate { session: 5, number: 1, names });
    let mut effects = Vec::new();
    let now = bench.now();
    bench.gateway.handle(now, Input::Received { from: CATALOG, message }, &mut effects);
    assert!(effects.is_empty(), "confirmed only when the burst ends");
    assert_eq!(bench.hit("Tux"), None);
    bench.gateway.flush(now, &mut effects);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Send { message: Message::Invalidated(_), .. }))
    );
}

/// Race 5: a gateway that is cut off or paused stops serving hits when its lease is over.
#[test]
fn no_hit_after_the_lease() {
    let mut bench = leased(config());
    bench.warm(5, listing("Tux", 10, 1));
    let left = bench.gateway.status(bench.now()).cache.lease_left;
    bench.time = bench.time + left - Span(1);
    assert_eq!(bench.hit("Tux"), Some(10), "the last moment counts");
    bench.time = bench.time + Span(1);
    assert_eq!(bench.hit("Tux"), None, "the lease counts from the renewal's sending");
    // The same session goes on: the entry is good again.
    bench.grant(5, TTL);
    assert_eq!(bench.hit("Tux"), Some(10));
}

/// Race 5: a new session empties the cache and voids what is under way before it is adopted.
#[test]
fn a_new_session_empties_everything_first() {
    let mut bench = leased(config());
    bench.warm(5, listing("Tux", 10, 1));
    bench.read(1, "Whale");
    let old = bench.fills().pop().unwrap();
    bench.grant(6, TTL);
    assert_eq!(bench.hit("Tux"), None);
    assert!(bench.gateway.cache_keys().is_empty());
    // Whatever session the answer claims, the question was of the old one.
    bench.fill(&old, 6, Some(listing("Whale", 1, 1)), true);
    assert!(bench.reply(1).is_some());
    assert_eq!(bench.hit("Whale"), None);
    // Invalidations of the old session are neither carried out nor confirmed.
    bench.confirmed();
    bench.warm(6, listing("Fox", 2, 2));
    bench.invalidate(5, 9, "Fox");
    assert!(bench.confirmed().is_empty());
    bench.invalidate(6, 1, "Fox");
    assert_eq!(bench.confirmed(), [(6, vec![1])]);
}

#[test]
fn late_unasked_and_empty_grants_do_nothing() {
    let mut bench = Bench::healthy(config());
    bench.run(60);
    let sent_at = bench.time;
    bench.sent.clear();
    // Never asked for.
    let odd = sent_at - Span(1);
    bench.receive(CATALOG, Message::Lease(Lease { session: 4, sent_at: odd, ttl: TTL }));
    assert_eq!(bench.gateway.status(bench.now()).cache.session, 0);
    // No session.
    bench.run(60);
    bench.grant(0, TTL);
    assert_eq!(bench.gateway.status(bench.now()).cache.session, 0);
    // Zero time: the session is adopted, but nothing may be served.
    bench.grant(5, Span(0));
    let status = bench.gateway.status(bench.now()).cache;
    assert_eq!((status.session, status.lease_left), (5, Span(0)));
}

#[test]
fn a_late_grant_of_a_replaced_session_is_ignored() {
    let mut bench = Bench::healthy(config());
    bench.run(120);
    let asked: Vec<_> = bench.take(|_, message| match message {
        Message::Renew(renew) => Some(renew.sent_at),
        _ => None,
    });
    let [first, .., last] = asked[..] else { panic!("two renewals in 120 ms") };
    bench.receive(CATALOG, Message::Lease(Lease { session: 6, sent_at: last, ttl: TTL }));
    bench.warm(6, listing("Tux", 1, 1));
    bench.receive(CATALOG, Message::Lease(Lease { session: 5, sent_at: first, ttl: TTL }));
    assert_eq!(bench.gateway.status(bench.now()).cache.session, 6);
    assert_eq!(bench.hit("Tux"), Some(1));
}

#[test]
fn an_older_version_is_never_kept() {
    let mut bench = leased(config());
    bench.warm(5, listing("Tux", 9, 2));
    bench.invalidate(5, 1, "Tux");
    bench.warm(5, listing("Tux", 10, 1));
    assert_eq!(bench.hit("Tux"), None);
    bench.warm(5, listing("Tux", 8, 3));
    assert_eq!(bench.hit("Tux"), Some(8));
}

#[test]
fn exactly_the_least_recently_used_goes() {
    let mut bench = leased(sized(3));
    for text in ["A", "B", "C"] {
        bench.warm(5, listing(text, 1, 1));
    }
    assert!(bench.hit("A").is_some());
    bench.warm(5, listing("D", 1, 1));
    assert_eq!(bench.gateway.cache_keys(), ["D", "A", "C"].map(name));
    bench.read(1, "C");
    bench.warm(5, listing("E", 1, 1));
    assert_eq!(bench.gateway.cache_keys(), ["E", "C", "D"].map(name));
    let status = bench.gateway.status(bench.now()).cache;
    assert_eq!((status.len, status.size, status.evictions), (3, 3, 2));
}

#[test]
fn size_zero_keeps_nothing_and_holds_no_lease() {
    let mut bench = Bench::healthy(sized(0));
    bench.run(200);
    assert!(!bench.sent.iter().any(|(_, message)| matches!(message, Message::Renew(_))));
    for id in 1..=2 {
        bench.read(id, "Tux");
        let fill = bench.fills().pop().expect("each read asks");
        assert_eq!(fill.session, 0);
        bench.fill(&fill, 0, Some(listing("Tux", id, id)), true);
        assert!(matches!(bench.reply(id), Some(ClientResponse::Listing(it)) if it.quantity == id));
    }
    bench.ask(3, ClientRequest::Ready);
    assert_eq!(bench.reply(3), Some(ClientResponse::Ready));
}

#[test]
fn readers_share_a_question_only_while_that_is_safe() {
    let mut bench = leased(config());
    bench.read(1, "Tux");
    bench.read(2, "Tux");
    let fill = bench.fills();
    assert_eq!(fill.len(), 1, "one question for both");
    // Without a lease nothing would void the question: a newcomer asks for itself.
    bench.time = bench.time + TTL;
    bench.read(3, "Tux");
    let own: Vec<_> = bench.fills().into_iter().filter(|it| it.token != fill[0].token).collect();
    assert_eq!(own.len(), 1);
    bench.fill(&fill[0], 5, Some(listing("Tux", 10, 1)), true);
    assert!(bench.reply(1).is_some() && bench.reply(2).is_some());
    assert!(bench.reply(3).is_none());
    bench.fill(&own[0], 5, None, true);
    assert_eq!(bench.reply(3), Some(ClientResponse::NoListing));
}

/// The write is pending when the question is read, and visible when the second client joins.
#[test]
fn a_late_reader_gets_no_uncacheable_answer() {
    let mut bench = leased(config());
    bench.invalidate(5, 1, "Tux");
    bench.read(1, "Tux");
    let fill = bench.fills().pop().unwrap();
    bench.read(2, "Tux");
    assert!(bench.fills().is_empty(), "joined");
    bench.fill(&fill, 5, Some(listing("Tux", 10, 1)), false);
    assert_eq!(bench.reply(1), Some(ClientResponse::Listing(listing("Tux", 10, 1))));
    assert_eq!(bench.reply(2), None);
    let again = bench.fills().pop().expect("asked once more");
    assert_ne!(again.token, fill.token);
    bench.fill(&again, 5, Some(listing("Tux", 9, 2)), false);
    assert_eq!(bench.reply(2), Some(ClientResponse::Listing(listing("Tux", 9, 2))));
}

#[test]
fn other_kind_is_not_found_and_unknown_names_are_not_kept() {
    let mut bench = leased(config());
    bench.warm(5, listing("Tux", 10, 1));
    bench.ask(1, ClientRequest::Listing { name: name("Tux"), kind: Kind::Toy });
    assert_eq!(bench.reply(1), Some(ClientResponse::NoListing));
    bench.read(2, "Nobody");
    let fill = bench.fills().pop().unwrap();
    bench.fill(&fill, 5, None, true);
    assert_eq!(bench.reply(2), Some(ClientResponse::NoListing));
    assert_eq!(bench.gateway.cache_keys().len(), 1);
}

#[test]
fn lost_questions_are_asked_again_and_deadlines_kept() {
    let mut bench = leased(config());
    bench.read(1, "Tux");
    let first = bench.fills().pop().unwrap();
    bench.run(110);
    let again = bench.fills();
    assert_eq!(again, std::slice::from_ref(&first), "the same token");
    bench.run(1_880);
    assert_eq!(bench.reply(1), None);
    bench.run(20);
    assert!(matches!(bench.reply(1), Some(ClientResponse::Unavailable { .. })));
    bench.fill(&first, 5, Some(listing("Tux", 10, 1)), true);
    let status = bench.gateway.status(bench.now()).cache;
    assert_eq!((status.len, status.readers, status.fills_under_way), (0, 0, 0));
}

#[test]
fn a_returning_catalog_is_asked_at_once() {
    let mut bench = leased(config());
    bench.input(Input::LinkDown(CATALOG));
    bench.read(1, "Tux");
    bench.run(300);
    assert!(bench.fills().is_empty(), "nobody to ask");
    bench.input(Input::LinkUp(CATALOG));
    let fill = bench.fills().pop().expect("asked in the same burst");
    let renewed = bench.take(|_, it| matches!(it, Message::Renew(_)).then_some(()));
    assert!(!renewed.is_empty(), "and renewed");
    bench.fill(&fill, 9, Some(listing("Tux", 10, 1)), true);
    assert!(bench.reply(1).is_some());
}

#[test]
fn too_many_questions_are_shed() {
    let mut bench = leased(config());
    for id in 0..=MAX_FILLS as u64 {
        bench.read(id, &format!("N{id}"));
    }
    assert_eq!(bench.reply(MAX_FILLS as u64), Some(ClientResponse::Busy));
    // Gone clients make room.
    for id in 0..MAX_FILLS as u64 {
        bench.input(Input::ClientGone(id));
    }
    let status = bench.gateway.status(bench.now());
    assert_eq!((status.cache.readers, status.cache.fills_under_way, status.shed), (0, 0, 1));
}

#[test]
fn an_operator_drops_an_entry() {
    let mut bench = leased(config());
    bench.warm(5, listing("Tux", 10, 1));
    for (id, existed) in [(1, true), (2, false)] {
        bench.ask(id, ClientRequest::Invalidate(name("Tux")));
        assert_eq!(bench.reply(id), Some(ClientResponse::Invalidated { existed }));
    }
}

#[test]
fn events_are_said_only_if_wanted() {
    let mut bench = leased(GatewayConfig { cache_events: true, ..sized(1) });
    bench.others.clear();
    bench.warm(5, listing("A", 1, 1));
    bench.read(1, "A");
    bench.warm(5, listing("B", 1, 1));
    bench.invalidate(5, 1, "B");
    let said: Vec<_> = bench
        .others
        .iter()
        .filter_map(|effect| match effect {
            Effect::Event(Event::Cache(event)) => Some((event.action, event.name.to_string())),
            _ => None,
        })
        .collect();
    use CacheAction::{Evict, Fill, Hit, Invalidate, Miss};
    let wanted = [
        (Miss, "A"),
        (Fill, "A"),
        (Hit, "A"),
        (Miss, "B"),
        (Evict, "A"),
        (Fill, "B"),
        (Invalidate, "B"),
    ];
    assert_eq!(said, wanted.map(|(action, text)| (action, text.to_owned())));
    let mut quiet = leased(sized(1));
    quiet.others.clear();
    quiet.warm(5, listing("A", 1, 1));
    assert!(quiet.others.is_empty());
}
