//! The secret that digests of cards are made with: drawn once, beside the journal, readable by nobody else.
//!
//! It stands in a file of its own so that a copy of the journal alone says nothing about any card.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::journal::JournalError;
use crate::rest::entropy;
use crate::storage::files::{self, FileError};

/// Name of the file inside the journal's folder.
const FILE: &str = "card.secret";

/// Reads the secret, or draws it if there is none and `may_draw`.
pub(super) fn secret_in(folder: &Path, may_draw: bool) -> Result<[u8; 32], JournalError> {
    let path = folder.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| JournalError::Secret("the file card.secret does not hold 32 bytes")),
        Err(error) if error.kind() == ErrorKind::NotFound && may_draw => draw(&path),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(JournalError::Secret("the file card.secret beside the journal is missing"))
        }
        Err(error) => Err(FileError::at("cannot read", &path)(error).into()),
    }
}

fn draw(path: &Path) -> Result<[u8; 32], JournalError> {
    let secret = entropy().map_err(FileError::at("cannot read", Path::new("/dev/urandom")))?;
    let fresh = path.with_extension("new");
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&fresh)?;
        file.write_all(&secret)?;
        file.sync_all()
    };
    write().map_err(FileError::at("cannot write", &fresh))?;
    files::rename(&fresh, path)?;
    Ok(secret)
}
