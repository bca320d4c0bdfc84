//! The cache, as its log shows it.

use std::collections::VecDeque;
use std::path::Path;

use bazaar::config::Config;
use serde_json::Value;

use crate::harness::{Client, Deployment, until};

/// The ten stocks.
const STOCKS: [&str; 10] = [
    "GameStart",
    "RottenFishCo",
    "BoarCo",
    "MenhirCo",
    "CaesarTech",
    "Reneium",
    "Goscinnyium",
    "PiloteCo",
    "DogmatixCo",
    "LutetiaTech",
];

/// What the cache did, in a line each: `hit GameStart`.
fn events(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let word = |line: &Value, field: &str| line[field].as_str().unwrap_or("?").to_owned();
    let lines = whole.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let time = word(&line, "time");
        assert!(time.len() == 24 && time.ends_with('Z'), "{line}");
        format!("{} {}", word(&line, "action"), word(&line, "name"))
    });
    lines.collect()
}

/// Everything that was logged from here on, once the reads are all in it. The log is written a moment later.
async fn events_of(log: &Path, reads: usize) -> Vec<String> {
    until("the cache log to show every read", async || {
        let events = events(log);
        let read = |event: &&String| event.starts_with("hit ") || event.starts_with("miss ");
        // A miss is followed by what it did; the read after the last one is the mark that all of it was written.
        (events.iter().filter(read).count() > reads).then_some(events)
    })
    .await
}

fn with_cache(size: usize) -> impl FnOnce(&mut Config) {
    move |config| {
        config.cache.size = size;
        config.cache.log = Some("cache.log".into());
    }
}

async fn read(client: &mut Client, names: &[&str]) {
    for name in names {
        client.quantity(name).await;
    }
}

/// Replays a log in a cache of our own: exactly as large, and always dropping what was used least recently.
struct Model {
    size: usize,
    entries: VecDeque<String>,
    largest: usize,
}

impl Model {
    fn replay(size: usize, events: &[String]) -> Model {
        let mut model = Model { size, entries: VecDeque::new(), largest: 0 };
        for (at, event) in events.iter().enumerate() {
            let (action, name) = event.split_once(' ').expect("two words");
            let near = &events[at.saturating_sub(8)..=at];
            assert!(model.allows(action, name), "{near:?} in {:?}", model.entries);
            model.largest = model.largest.max(model.entries.len());
        }
        model
    }

    fn allows(&mut self, action: &str, name: &str) -> bool {
        let place = self.entries.iter().position(|entry| entry == name);
        let known = place.and_then(|place| self.entries.remove(place));
        let oldest = known.is_some() && place == Some(self.entries.len());
        match action {
            "hit" => known.map(|name| self.entries.push_front(name)).is_some(),
            "fill" => {
                self.entries.push_front(name.to_owned());
                self.entries.len() <= self.size
            }
            "evict" => oldest && self.entries.len() + 1 == self.size,
            "invalidate" => known.is_some(),
            "miss" => {
                // A miss of a cached listing happens while the lease has lapsed; the entry stays.
                if let Some((name, place)) = known.zip(place) {
                    self.entries.insert(place, name);
                }
                true
            }
            _ => false,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cache_drops_what_was_used_least_recently_and_is_exactly_as_large_as_told() {
    let deployment = Deployment::with(1, with_cache(3)).await;
    let log = deployment.folder().join("cache.log");
    let [a, b, c, d] = ["GameStart", "BoarCo", "MenhirCo", "Reneium"];
    let script = [a, b, c, a, d, b, a, d, b, c];
    let expected = [
        "miss a", "fill a", "miss b", "fill b", "miss c", "fill c", "hit a", "miss d", "evict b",
        "fill d", "miss b", "evict c", "fill b", "hit a", "hit d", "hit b", "miss c", "evict a",
        "fill c",
    ];
    let long = |short: &&str| {
        let (action, letter) = short.split_once(' ').expect("two words");
        let name = match letter {
            "a" => a,
            "b" => b,
            "c" => c,
            _ => d,
        };
        format!("{action} {name}")
    };
    let expected: Vec<String> = expected.iter().map(long).collect();
    let mut client = deployment.client(1);
    // On a machine so busy that the lease lapses in between, reads miss rightly; then the script starts afresh.
    until("the script to run without a lapse of the lease", async || {
        for name in STOCKS {
            deployment.operator(1).get(&format!("/rm?name={name}")).await;
        }
        let before = events(&log);
        let reads = before.iter().filter(|e| e.starts_with("hit") || e.starts_with("miss")).count();
        read(&mut client, &script).await;
        read(&mut client, &[c]).await;
        let all = events_of(&log, reads + script.len()).await;
        let start =
            all.iter().rposition(|event| event.starts_with("invalidate")).map_or(0, |at| at + 1);
        let seen = &all[start..];
        seen.starts_with(&expected).then_some(())
    })
    .await;
    Model::replay(3, &events(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cache_log_of_a_mixed_load_is_that_of_an_lru_cache() {
    let deployment = Deployment::with(1, with_cache(4)).await;
    let mut client = deployment.client(1);
    let mut place = 1_usize;
    for round in 0..400 {
        place = (place * 7 + round) % 23;
        let name = STOCKS[place.min(place % 5 + 3) % 10];
        if round % 17 == 0 {
            client.trade("sell", name, 1).await;
        } else {
            client.quantity(name).await;
        }
    }
    read(&mut client, &STOCKS).await;
    let log = deployment.folder().join("cache.log");
    let events = events_of(&log, 385).await;
    let model = Model::replay(4, &events);
    assert_eq!(model.largest, 4, "the cache is used whole");
    let count = |action: &str| events.iter().filter(|event| event.starts_with(action)).count();
    for action in ["hit", "miss", "fill", "evict", "invalidate"] {
        assert!(count(action) > 0, "no {action}");
    }
    let status = deployment.status(node::service::ServiceId::gateway(1)).await.expect("a status");
    assert_eq!((status.counters["cache_size"], status.counters["cache_entries"]), (4, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_of_size_0_is_off_and_trades_do_not_wait_for_it() {
    let deployment = Deployment::with(1, with_cache(0)).await;
    let mut client = deployment.client(1);
    for round in 1..=20 {
        client.trade("buy", "GameStart", 1).await;
        assert_eq!(client.quantity("GameStart").await, 100 - round);
    }
    let events = events_of(&deployment.folder().join("cache.log"), 19).await;
    assert!(events.iter().all(|event| event == "miss GameStart"), "{events:?}");
    let gone = deployment.operator(1).get("/rm?name=GameStart").await;
    assert_eq!(gone.json()["data"]["removed"], false);
    let catalog = deployment.status(deployment.catalog_leader().await).await.expect("a status");
    assert_eq!(catalog.counters["leased_gateways"], 0, "nobody holds a lease");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_removes_one_entry_from_one_gateway() {
    let deployment = Deployment::with(2, with_cache(5)).await;
    let log = |id: u8| deployment.folder().join(format!("cache-{id}.log"));
    until("a round without a lapse of the lease", async || {
        let before = events(&log(2)).len();
        for id in [1, 2] {
            read(&mut deployment.client(id), &["GameStart", "BoarCo"]).await;
        }
        let gone = deployment.operator(1).call("POST", "/invalidation/GameStart", &[], "").await;
        let there = gone.json()["data"]["removed"] == true;
        for id in [1, 2] {
            read(&mut deployment.client(id), &["GameStart", "BoarCo", "MenhirCo"]).await;
        }
        let [here, elsewhere] = [events(&log(1)), events(&log(2))];
        let removed = here.iter().any(|event| event == "invalidate GameStart");
        let hits = elsewhere[before..].iter().filter(|event| *event == "hit GameStart").count();
        (there && removed && hits > 0).then_some(())
    })
    .await;
}
