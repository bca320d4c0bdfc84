//! Logs, to standard error: for a person on a terminal, JSON lines otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{LogConfig, LogFormat};

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The level is none.
    #[error("the log level `{level}` is none: {source}; write info, or info,bazaar=debug")]
    Level {
        /// What was asked for.
        level: String,
        /// Why it is none.
        source: ParseError,
    },
    /// This process logs already.
    #[error("logs are set up twice: {0}")]
    Twice(#[from] TryInitError),
}

/// Sets the logs of this process up, once.
pub fn init(config: &LogConfig) -> Result<(), LogsError> {
    let filter = EnvFilter::try_new(&config.level)
        .map_err(|source| LogsError::Level { level: config.level.clone(), source })?;
    let terminal = std::io::stderr().is_terminal();
    let human = match config.format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(human && terminal);
    if human {
        logs.finish().try_init()?;
    } else {
        logs.json().flatten_event(true).finish().try_init()?;
    }
    Ok(())
}
