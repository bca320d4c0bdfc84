//! Where a value of the configuration comes from: a line of the file, a variable, a flag, or nowhere (a default).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::de::{DeTable, DeValue};

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum Place {
    /// In a file; line and column count from 1.
    File {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
    },
    /// In an environment variable.
    Environment {
        /// The variable.
        variable: String,
    },
    /// On the command line.
    Flag {
        /// The flag.
        flag: String,
    },
    /// Nobody said anything; it is the default.
    Nowhere,
}

impl Place {
    /// A file as a whole.
    pub(super) fn whole_file(file: &Path) -> Self {
        Place::File { file: file.to_owned(), line: 1, column: 1 }
    }

    /// A byte offset of a text.
    pub(super) fn offset(file: &Path, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Place::File {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Place::Environment { variable } => write!(f, "environment {variable}"),
            Place::Flag { flag } => write!(f, "flag {flag}"),
            Place::Nowhere => f.write_str("default"),
        }
    }
}

/// Where each value stands, by its path (`orders.replicas.0.address`).
#[derive(Debug, Default)]
pub(super) struct Places {
    by_path: BTreeMap<String, Place>,
}

impl Places {
    /// The places of a file's values. Empty for a text that is no TOML.
    pub(super) fn of(file: &Path, text: &str) -> Self {
        let mut places = Places::default();
        if let Ok(table) = DeTable::parse(text) {
            places.table(file, text, "", table.get_ref());
        }
        places
    }

    /// Remembers that a value comes from elsewhere.
    pub(super) fn set(&mut self, path: &str, place: Place) {
        self.by_path.insert(path.to_owned(), place);
    }

    /// Where a value stands; for one that nobody wrote, where what encloses it stands.
    pub(super) fn get(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.by_path.get(path) {
                return place.clone();
            }
            match path.rsplit_once('.') {
                Some((enclosing, _)) => path = enclosing,
                None => return Place::Nowhere,
            }
        }
    }

    fn table(&mut self, file: &Path, text: &str, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            let path = join(prefix, key.get_ref());
            // A key says where a section stands, a value where a setting stands.
            let start = match value.get_ref() {
                DeValue::Table(_) | DeValue::Array(_) => key.span().start,
                _ => value.span().start,
            };
            self.value(file, text, &path, start, value.get_ref());
        }
    }

    fn value(&mut self, file: &Path, text: &str, path: &str, start: usize, value: &DeValue<'_>) {
        self.by_path.insert(path.to_owned(), Place::offset(file, text, start));
        match value {
            DeValue::Table(table) => self.table(file, text, path, table),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = join(path, &index.to_string());
                    self.value(file, text, &path, item.span().start, item.get_ref());
                }
            }
            _ => {}
        }
    }
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_lines_and_columns_of_nested_values() {
        let text = "cluster = \"x\"\n[orders]\nreplicas = [\n  { id = 1, address = \"é\" },\n]\n[[gateways]]\nid = 7\n";
        let places = Places::of(Path::new("f"), text);
        let at = |path: &str| places.get(path).to_string();
        assert_eq!(at("cluster"), "f:1:11");
        assert_eq!(at("orders.replicas.0.id"), "f:4:10");
        assert_eq!(at("orders.replicas.0.address"), "f:4:23");
        assert_eq!(at("gateways.0.id"), "f:7:6");
        assert_eq!(at("orders.ack"), at("orders"));
        assert_eq!(at("cache.size"), "default");
    }
}
