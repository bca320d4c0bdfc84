//! Names: of listings, items, accounts.

use std::sync::Arc;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::limits::MAX_NAME_CHARS;

/// A name (of a listing, an item or an account; a login name, too): 1 to 32 characters, no control characters, no blanks at either end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Why a text is no name.
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

// By hand, not through `String`: names are written and read with every order, and this way needs no copy.
impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Name, E> {
        Name::new(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_to_thirty_two_characters() {
        assert_eq!(Name::new(""), Err(NameError::Length));
        assert!(Name::new(&"ü".repeat(32)).is_ok(), "characters count, not bytes");
        assert_eq!(Name::new(&"a".repeat(33)), Err(NameError::Length));
    }

    #[test]
    fn control_characters_and_outer_blanks_are_refused() {
        for text in [" a", "a ", "a\nb", "\u{7f}x", "a\u{a0}"] {
            assert_eq!(Name::new(text), Err(NameError::Characters), "{text:?}");
        }
        assert!(Name::new("Rotten Fish & Co").is_ok());
    }

    #[test]
    fn reading_a_name_checks_it() {
        let bytes = postcard::to_allocvec("two\nlines").unwrap();
        assert!(postcard::from_bytes::<Name>(&bytes).is_err());
        let bytes = postcard::to_allocvec(&Name::new("Tux").unwrap()).unwrap();
        assert_eq!(postcard::from_bytes::<Name>(&bytes).unwrap().as_str(), "Tux");
    }
}
