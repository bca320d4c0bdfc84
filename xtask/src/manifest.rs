//! A reader of `Cargo.toml`, just good enough for the layering rule: the names under the dependency tables.

/// One dependency as a manifest names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The crate.
    pub(crate) name: String,
    /// True if only tests use it.
    pub(crate) dev: bool,
    /// Where it stands, from 1.
    pub(crate) line: usize,
}

/// The dependencies of a manifest: `name.workspace = true`, `name = …` and `[dependencies.name]`, also per target.
pub(crate) fn dependencies(text: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut table: Option<bool> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let at = index + 1;
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table = None;
            let header = header.replace('"', "");
            if let Some((dev, name)) = dependency_table(&header) {
                match name {
                    Some(name) => found.push(Dependency { name, dev, line: at }),
                    None => table = Some(dev),
                }
            }
        } else if let (Some(dev), Some(name)) = (table, key(line)) {
            found.push(Dependency { name, dev, line: at });
        }
    }
    found
}

/// For `dependencies`, `dev-dependencies.name`, `target.….dependencies`: is it for tests only, and the name at its end.
fn dependency_table(header: &str) -> Option<(bool, Option<String>)> {
    for (word, dev) in
        [("dev-dependencies", true), ("build-dependencies", false), ("dependencies", false)]
    {
        if header == word || header.ends_with(&format!(".{word}")) {
            return (!header.starts_with("workspace")).then_some((dev, None));
        }
        if let Some(name) = header.strip_prefix(&format!("{word}.")) {
            return Some((dev, Some(name.to_owned())));
        }
    }
    None
}

fn key(line: &str) -> Option<String> {
    let name: String = line
        .trim_start_matches('"')
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    (!name.is_empty() && line.contains('=')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_a_dependency() {
        let text = "[package]\nname = \"x\"\n[dependencies]\n# none\nserde.workspace = true\nbytes = \"1\"\n\n[dev-dependencies]\nproptest = { version = \"1\" }\n[target.'cfg(unix)'.dependencies]\nrustix = \"1\"\n[dependencies.tokio]\nversion = \"1\"\n[lints]\nworkspace = true\n";
        let found: Vec<(String, bool, usize)> =
            dependencies(text).into_iter().map(|d| (d.name, d.dev, d.line)).collect();
        let expected = [
            ("serde", false, 5),
            ("bytes", false, 6),
            ("proptest", true, 9),
            ("rustix", false, 11),
            ("tokio", false, 12),
        ];
        assert_eq!(found, expected.map(|(name, dev, line)| (name.to_owned(), dev, line)));
    }
}
