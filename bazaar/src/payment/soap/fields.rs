//! The fields of a request or an answer: elements with a text, each at most once.

use super::PAYMENTS;
use crate::payment::limits::MAX_VALUE_BYTES;
use crate::payment::xml::Element;

/// Why an element has not the fields it should have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FieldError {
    /// A field that is not known, or of another namespace.
    #[error("an element that does not belong there")]
    Unknown,
    /// One that comes twice.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// One that holds elements, or more text than any field.
    #[error("{0} does not hold a short text")]
    Form(&'static str),
    /// One that is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
}

/// The texts of some fields.
pub(crate) struct Fields<'e> {
    found: Vec<(&'static str, &'e str)>,
}

impl<'e> Fields<'e> {
    /// Reads an element all of whose children are among the known ones, in any sequence.
    pub(crate) fn of(
        element: &'e Element,
        known: &[&'static str],
    ) -> Result<Fields<'e>, FieldError> {
        if element.children.is_empty() && !element.text.trim().is_empty() {
            return Err(FieldError::Unknown);
        }
        let mut found: Vec<(&'static str, &'e str)> = Vec::new();
        for child in &element.children {
            let name = known.iter().copied().find(|name| child.is(PAYMENTS, name));
            let name = name.ok_or(FieldError::Unknown)?;
            if found.iter().any(|(known, _)| *known == name) {
                return Err(FieldError::Twice(name));
            }
            found.push((name, text(child, name)?));
        }
        Ok(Fields { found })
    }

    /// A field, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&'e str> {
        self.found.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// A field that must be there.
    pub(crate) fn need(&self, name: &'static str) -> Result<&'e str, FieldError> {
        self.get(name).ok_or(FieldError::Missing(name))
    }
}

/// Blanks around a value do not count (`xs:token`).
fn text<'e>(child: &'e Element, name: &'static str) -> Result<&'e str, FieldError> {
    let text = child.text.trim_matches([' ', '\t', '\n', '\r']);
    if child.children.is_empty() && text.len() <= MAX_VALUE_BYTES {
        Ok(text)
    } else {
        Err(FieldError::Form(name))
    }
}
