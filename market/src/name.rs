//! A listing's name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_NAME_CHARS;

/// A listing's name: 1 to 32 characters, no control characters, no blanks at either end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

/// Why a text is no listing name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or longer than 32 characters.
    #[error("a name has 1 to {MAX_NAME_CHARS} characters")]
    Length,
    /// A control character, or a blank at either end.
    #[error("a name has no control characters and no blanks at either end")]
    Characters,
}

impl Name {
    /// Takes a text as a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let chars = text.chars().take(MAX_NAME_CHARS + 1).count();
        if chars == 0 || chars > MAX_NAME_CHARS {
            return Err(NameError::Length);
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err(NameError::Characters);
        }
        Ok(Name(Arc::from(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Name::new(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0.as_ref().to_owned()
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
