//! Who may see whom: the arrows of ARCHITECTURE.md, read off the manifests.

use std::path::Path;

use super::{line_of, words};
use crate::{lexer, manifest, tree};

/// What one crate may depend on.
struct Room {
    name: &'static str,
    /// Other rooms.
    sees: &'static [&'static str],
    /// Crates from outside that may be shipped in it; `None` for any.
    outside: Option<&'static [&'static str]>,
}

/// The arrows. A pure room also lists every foreign crate it may ship: a runtime, a clock or a random generator would
/// come in by that door.
const ROOMS: [Room; 8] = [
    Room {
        name: "market",
        sees: &[],
        outside: Some(&["blake3", "postcard", "serde", "thiserror"]),
    },
    Room {
        name: "replication",
        sees: &[],
        outside: Some(&["blake3", "bytes", "postcard", "raft", "serde", "slog", "thiserror"]),
    },
    Room {
        name: "node",
        sees: &["market", "replication"],
        outside: Some(&["blake3", "bytes", "lru", "postcard", "serde", "thiserror"]),
    },
    Room { name: "wire", sees: &["market", "replication", "node"], outside: None },
    Room { name: "bazaar", sees: &["market", "replication", "node", "wire"], outside: None },
    Room {
        name: "bench",
        sees: &["market", "replication", "node", "wire", "bazaar"],
        outside: None,
    },
    Room { name: "sim", sees: &["market", "replication", "node"], outside: None },
    Room { name: "xtask", sees: &[], outside: None },
];

/// What `wire` may use of `node`: what services say to each other, not how they decide it.
const NODE_MODULES_FOR_WIRE: [&str; 3] = ["message", "service", "process"];

/// Every arrow that is not allowed.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    for room in &ROOMS {
        let path = format!("{}/Cargo.toml", room.name);
        match std::fs::read_to_string(root.join(&path)) {
            Ok(text) => complaints.extend(check_manifest(room, &path, &text)),
            Err(error) => complaints.push(format!("{path}: {error}; every room has a manifest")),
        }
    }
    for source in tree::files(root, "wire/src", ".rs") {
        complaints.extend(check_wire(&source.path, &source.text));
    }
    complaints
}

fn check_manifest(room: &Room, path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for dependency in manifest::dependencies(text) {
        let name = dependency.name.as_str();
        let at = format!("{path}:{}", dependency.line);
        if tree::CRATES.contains(&name) {
            if !room.sees.contains(&name) {
                complaints.push(format!(
                    "{at}: `{}` must not see `{name}`; move what you need to a room that both see, or pass it in (ARCHITECTURE.md, arrows)",
                    room.name
                ));
            }
        } else if !dependency.dev && room.outside.is_some_and(|list| !list.contains(&name)) {
            complaints.push(format!(
                "{at}: `{}` is pure and may not ship `{name}`; do it in `bazaar` and pass the result in, or, if the crate is pure itself, add it to ROOMS in xtask/src/rules/layering.rs with a decision record",
                room.name
            ));
        }
    }
    complaints
}

/// `wire` names only a few modules of `node`.
fn check_wire(path: &str, text: &str) -> Vec<String> {
    let code = lexer::shipped_code(text);
    let mut complaints = Vec::new();
    for offset in words(&code, "node::") {
        if code[..offset].ends_with("::") {
            continue; // another module that happens to be called `node`
        }
        for module in modules(&code[offset + "node::".len()..]) {
            if !NODE_MODULES_FOR_WIRE.contains(&module.as_str()) {
                complaints.push(format!(
                    "{path}:{}: `wire` may only use node::{{{}}}, not `node::{module}`; the speech knows words, not decisions",
                    line_of(&code, offset),
                    NODE_MODULES_FOR_WIRE.join(", ")
                ));
            }
        }
    }
    complaints
}

/// The modules named right after `node::`: one, or those at the top level of a group.
fn modules(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let mut found = vec![word(group)];
    let mut depth = 0_usize;
    for (offset, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(word(&group[offset + 1..])),
            _ => {}
        }
    }
    found.retain(|module| !module.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_arrow_and_a_runtime_in_a_pure_room_are_found() {
        let text = "[dependencies]\nreplication.workspace = true\ntokio = \"1\"\nserde = \"1\"\n[dev-dependencies]\nproptest = \"1\"\n";
        let found = check_manifest(&ROOMS[0], "market/Cargo.toml", text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("market/Cargo.toml:2: `market` must not see `replication`"));
        assert!(found[1].contains("may not ship `tokio`"));
    }

    #[test]
    fn wire_may_use_messages_but_no_decisions() {
        let text = "use node::message::{Message, Decide};\nuse node::{service::{A, B}, gateway::Cache};\nfn f() { node::limits::X; self::node::limits::Y; }\n#[cfg(test)]\nmod tests { use node::orders::Z; }\n";
        let found = check_wire("wire/src/x.rs", text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains(":2:") && found[0].contains("node::gateway"));
        assert!(found[1].contains(":3:") && found[1].contains("node::limits"));
    }
}
