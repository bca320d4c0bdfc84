//! What pure code must not even name. The lints of each crate say the same with types resolved; this rule also sees
//! code behind a `cfg`, and needs no build.

use std::path::Path;

use super::{line_of, words};
use crate::tree::Source;
use crate::{lexer, tree};

/// A word that pure code must not use, and what to do instead.
struct Forbidden {
    words: &'static [&'static str],
    instead: &'static str,
}

const CLOCK: Forbidden = Forbidden {
    words: &["Instant", "SystemTime", "std::time"],
    instead: "time comes in as an argument (`Time`, `Now`), never from a clock",
};
const HASHES: Forbidden = Forbidden {
    words: &["HashMap", "HashSet", "RandomState"],
    instead: "iteration must be the same everywhere: use BTreeMap, BTreeSet or VecDeque",
};
const THREADS: Forbidden = Forbidden {
    words: &["thread::", "std::thread", "std::sync::mpsc", "Mutex", "RwLock", "Condvar"],
    instead: "a pure room is driven from outside, by one caller at a time: no threads, no locks",
};
const ASYNC: Forbidden = Forbidden {
    words: &["tokio", "async fn", "async move", ".await", "futures"],
    instead: "ask for it with an effect and take the result as an input; async lives in `bazaar`",
};
const INPUT_OUTPUT: Forbidden = Forbidden {
    words: &["std::fs", "std::net", "std::io", "std::env", "std::process", "println!", "eprintln!"],
    instead: "ask for it with an effect; files, sockets and terminals live in `bazaar`",
};
const CHANCE: Forbidden = Forbidden {
    words: &["rand", "rand_chacha", "getrandom", "Uuid"],
    instead: "chance comes in as an argument (a seed, an id made by the driver)",
};

/// Rules per folder.
fn rules(path: &str) -> &'static [&'static Forbidden] {
    match path.split('/').next() {
        Some("market" | "replication" | "node") => {
            &[&CLOCK, &HASHES, &THREADS, &ASYNC, &INPUT_OUTPUT, &CHANCE]
        }
        // A world of the simulator is as pure as what it runs, but for its seeded generator. Its front door
        // (arguments, a pool of threads over seeds, output) is not part of any world.
        Some("sim") if path == "sim/src/main.rs" || path.starts_with("sim/src/run/") => &[],
        Some("sim") => &[&CLOCK, &HASHES, &THREADS, &ASYNC],
        _ => &[],
    }
}

/// Every forbidden word in shipped code.
pub(crate) fn check(root: &Path) -> Vec<String> {
    ["market/src", "replication/src", "node/src", "sim/src"]
        .iter()
        .flat_map(|folder| tree::files(root, folder, ".rs"))
        .filter(|source| !source.is_test())
        .flat_map(|source| check_source(&source))
        .collect()
}

fn check_source(source: &Source) -> Vec<String> {
    let code = lexer::shipped_code(&source.text);
    let mut complaints = Vec::new();
    for forbidden in rules(&source.path) {
        for word in forbidden.words {
            for offset in words(&code, word) {
                complaints.push(format!(
                    "{}:{}: `{word}` in a pure room; {}",
                    source.path,
                    line_of(&code, offset),
                    forbidden.instead
                ));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_found_in_code_but_not_in_tests_or_comments() {
        let text = "//! Instant\nuse std::collections::HashMap;\nfn f() { operand(); Instants(); }\n#[cfg(test)]\nmod tests { use std::time::Instant; }\n";
        let path = "node/src/x.rs".to_owned();
        let found = check_source(&Source { path, text: text.to_owned() });
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("node/src/x.rs:2: `HashMap`"));
        assert!(found[0].contains("BTreeMap"));
    }

    #[test]
    fn the_body_may_do_as_it_likes() {
        let source =
            Source { path: "bazaar/src/x.rs".to_owned(), text: "tokio::spawn();".to_owned() };
        assert!(check_source(&source).is_empty());
    }
}
