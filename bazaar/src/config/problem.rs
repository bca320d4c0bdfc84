//! What can be wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::place::Place;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It works, but hardly as meant.
    Warning,
    /// It cannot work.
    Error,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: String,
}

impl Problem {
    /// Something that cannot work.
    pub(super) fn error(place: Place, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Problem { severity: Severity::Error, place, message: message.into(), cure: cure.into() }
    }

    /// Something that works, but hardly as meant.
    pub(super) fn warning(
        place: Place,
        message: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(place, message, cure) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}: {severity}: {}; {}", self.place, self.message, self.cure)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No file was named, and none stands where one is looked for.
    #[error("no configuration: none of {} exists; name one with --config, or run `bazaar up`", list(.looked_at))]
    Missing {
        /// Where it was looked for.
        looked_at: Vec<PathBuf>,
    },
    /// The file cannot be read.
    #[error("{}: {source}; check that it exists and may be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It was read, and something in it is wrong.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
    /// The deployment has no payment service.
    #[error(
        "the configuration has no section [payment]; add one (its settings all have defaults), or say --set payment.address=127.0.0.1:8090"
    )]
    NoPayment,
    /// The deployment has no such service.
    #[error("the configuration has no {service}; it has {}", .known.join(", "))]
    UnknownService {
        /// Which one was asked for.
        service: String,
        /// Which ones there are.
        known: Vec<String>,
    },
}

impl ConfigError {
    /// The problems, each with its place; a file that cannot be read is one problem.
    pub fn problems(self) -> Vec<Problem> {
        match self {
            ConfigError::Invalid(problems) => problems,
            other => {
                let file = match &other {
                    ConfigError::Unreadable { file, .. } => Some(file.clone()),
                    _ => None,
                };
                let place = file.map_or(Place::Nowhere, |file| Place::whole_file(&file));
                vec![Problem::error(
                    place,
                    other.to_string(),
                    "name an existing file with --config",
                )]
            }
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
