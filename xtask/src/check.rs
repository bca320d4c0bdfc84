//! `check` looks and never edits; `fix` edits.

use crate::rules::{layering, links, purity, tidy};
use crate::steps::Steps;

/// The read-only gate. Quick rules come first.
pub(crate) fn run(steps: &mut Steps) {
    steps.rule("layering", layering::check);
    steps.rule("purity", purity::check);
    steps.rule("sizes, headers, notes", tidy::check);
    steps.rule("links", links::check);
    if !steps.cargo("format", &["fmt", "--all", "--check"], &[]) {
        println!("cure: cargo xtask fix");
    }
    let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
    if !steps.cargo("lints", &clippy, &[]) {
        println!("cure: cargo xtask fix does what can be done by a machine; the rest by hand");
    }
    let doc = ["doc", "--workspace", "--no-deps", "--quiet"];
    if !steps.cargo("docs", &doc, &[("RUSTDOCFLAGS", "--deny warnings")]) {
        println!("cure: the message above names the comment that rustdoc cannot read");
    }
}

/// Everything a machine can put right.
pub(crate) fn fix(steps: &mut Steps) {
    steps.cargo(
        "generated protobuf code",
        &["test", "--package", "wire", "--test", "generated"],
        &[("BAZAAR_REGENERATE", "1")],
    );
    let clippy =
        ["clippy", "--workspace", "--all-targets", "--fix", "--allow-dirty", "--allow-staged"];
    steps.cargo("lints", &clippy, &[]);
    steps.cargo("format", &["fmt", "--all"], &[]);
}
