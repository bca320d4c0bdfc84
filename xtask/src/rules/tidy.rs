//! Sizes, headers, and notes to self.

use std::path::Path;

use super::line_of;
use crate::tree::{self, Source};

/// Longest source file, in lines. Most are far shorter; one that grows to this has more than one purpose.
const MAX_LINES: usize = 600;

/// Least lines of prose at the top of a protocol module: source, guarantees, a walk through one request.
const PROTOCOL_HEADER_LINES: usize = 5;

/// Notes to self that must not be committed: an unfinished thing is an issue, not a comment.
/// (Taken apart, so that this file passes its own rule.)
const NOTES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];

/// All complaints about sizes, headers and notes.
pub(crate) fn check(root: &Path) -> Vec<String> {
    tree::CRATES
        .iter()
        .flat_map(|name| tree::files(root, name, ".rs"))
        .filter(|source| !source.is_generated())
        .flat_map(|source| check_source(&source))
        .collect()
}

fn check_source(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let path = &source.path;
    let lines = source.text.lines().count();
    if lines > MAX_LINES {
        complaints.push(format!(
            "{path}: {lines} lines, the limit is {MAX_LINES}; split it by role or state, one purpose per file"
        ));
    }
    let header = source.text.lines().take_while(|line| line.starts_with("//!")).count();
    if header == 0 && path.contains("/src/") && !source.is_test() {
        complaints.push(format!(
            "{path}:1: no module header; begin with `//!` and one sentence that says what this file is for"
        ));
    } else if is_protocol(path) && !source.is_test() && header < PROTOCOL_HEADER_LINES {
        complaints.push(format!(
            "{path}:1: a protocol module opens with prose of at least {PROTOCOL_HEADER_LINES} lines: where it comes from, what it guarantees, how one request passes through"
        ));
    }
    for note in NOTES {
        for (offset, _) in source.text.match_indices(note) {
            complaints.push(format!(
                "{path}:{}: a note to self (`{note}`); finish it, or open an issue and remove the note",
                line_of(&source.text, offset)
            ));
        }
    }
    complaints
}

/// A module that holds a protocol: the register and each engine, each kind of process.
fn is_protocol(path: &str) -> bool {
    let engine = path.starts_with("replication/src/") && path.ends_with("/mod.rs");
    let process = path.starts_with("node/src/") && path.ends_with("/mod.rs");
    engine || process || path == "replication/src/register.rs"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> Vec<String> {
        check_source(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn long_files_missing_headers_and_notes_are_found() {
        let long = format!("//! Long.\n{}", "\n".repeat(MAX_LINES));
        assert!(complaints("bazaar/src/a.rs", &long)[0].contains("split it"));
        assert!(complaints("bazaar/src/a.rs", "fn a() {}\n")[0].contains("module header"));
        assert!(complaints("node/src/gateway/mod.rs", "//! Short.\n")[0].contains("prose"));
        let note = format!("//! A.\n\n// {}: later\n", NOTES[0]);
        assert!(complaints("bazaar/src/a.rs", &note)[0].starts_with("bazaar/src/a.rs:3:"));
    }

    #[test]
    fn a_tidy_file_passes() {
        assert!(complaints("bazaar/src/a.rs", "//! A.\n\nfn a() {}\n").is_empty());
        assert!(complaints("bazaar/tests/a.rs", "fn a() {}\n").is_empty());
        assert!(complaints("node/src/gateway/tests/mod.rs", "//! Tests.\n").is_empty());
        assert!(complaints("bazaar/src/storage/recover_tests.rs", "fn a() {}\n").is_empty());
    }
}
