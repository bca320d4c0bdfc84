//! The files of the workspace.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// Crates of the workspace, in the order of their rooms.
pub(crate) const CRATES: [&str; 8] =
    ["market", "replication", "node", "wire", "bazaar", "bench", "sim", "xtask"];

/// A source file.
pub(crate) struct Source {
    /// Relative to the workspace, with forward slashes.
    pub(crate) path: String,
    /// Its contents.
    pub(crate) text: String,
}

impl Source {
    /// True for tests: whole files that are only compiled for tests.
    pub(crate) fn is_test(&self) -> bool {
        let folder = |part| matches!(part, "tests" | "tests.rs" | "benches");
        self.path.split('/').any(folder) || self.path.ends_with("_tests.rs")
    }

    /// True for code that a generator wrote.
    pub(crate) fn is_generated(&self) -> bool {
        self.path.split('/').any(|part| part == "generated")
    }
}

/// The folder of the workspace.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().map(Path::to_owned).context("the workshop lies inside the workspace")
}

/// All files under a folder of the workspace whose name ends with `suffix`, in a stable sequence.
pub(crate) fn files(root: &Path, under: &str, suffix: &str) -> Vec<Source> {
    let mut found = Vec::new();
    walk(root, &root.join(under), suffix, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(root: &Path, folder: &Path, suffix: &str, found: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            let skipped = name.starts_with('.') || name == "target" || name == "bazaar-data";
            if !skipped {
                walk(root, &path, suffix, found);
            }
        } else if name.ends_with(suffix)
            && let (Ok(text), Ok(relative)) =
                (std::fs::read_to_string(&path), path.strip_prefix(root))
        {
            let path = relative.to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}
