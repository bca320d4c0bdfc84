//! The secret that the key of the customers' datagrams is made from.

use std::fs;
use std::path::PathBuf;

use super::types::CustomersGroup;

/// Shortest secret, in bytes: 16 random letters and digits are more than anybody tries.
pub(super) const LEAST_SECRET: usize = 16;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Nobody named one.
    #[error("the customers' group has no secret: name a file under `customers.secret_file`")]
    Missing,
    /// The file cannot be read.
    #[error("the secret of the customers' group cannot be read from {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Anybody could guess it.
    #[error("the secret of the customers' group has {0} bytes, and needs {LEAST_SECRET} at least")]
    Short(usize),
}

/// Reads the secret, without the blanks and line ends around it: members of one group may have got it in different ways.
pub fn read_secret(customers: &CustomersGroup) -> Result<Vec<u8>, SecretError> {
    let secret = match (&customers.secret, &customers.secret_file) {
        (Some(secret), _) => secret.clone().into_bytes(),
        (None, Some(path)) => fs::read(path)
            .map_err(|source| SecretError::Unreadable { path: path.clone(), source })?,
        (None, None) => return Err(SecretError::Missing),
    };
    let secret = secret.trim_ascii();
    if secret.len() < LEAST_SECRET {
        return Err(SecretError::Short(secret.len()));
    }
    Ok(secret.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_same_however_it_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, "0123456789abcdef\n").unwrap();
        let file = CustomersGroup { secret_file: Some(path.clone()), ..Default::default() };
        let text = CustomersGroup { secret: Some("0123456789abcdef".into()), ..Default::default() };
        assert_eq!(read_secret(&file).unwrap(), read_secret(&text).unwrap());
        fs::write(&path, "0123456789abcde \n").unwrap();
        assert!(matches!(read_secret(&file), Err(SecretError::Short(15))));
        fs::remove_file(&path).unwrap();
        assert!(matches!(read_secret(&file), Err(SecretError::Unreadable { .. })));
        assert!(matches!(read_secret(&Default::default()), Err(SecretError::Missing)));
    }
}
