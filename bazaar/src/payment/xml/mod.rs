//! XML from strangers, as a small tree, or refused.
//!
//! Nothing is expanded but the five entities that XML itself has and references to characters; nothing is fetched; a document type is
//! refused before anything is parsed. What a document may cost is bounded by its size, depth and count of elements
//! before a tree of it is made.

mod element;
mod read;
#[cfg(test)]
mod tests;

pub(crate) use element::Element;
pub(crate) use read::{XmlError, read};
