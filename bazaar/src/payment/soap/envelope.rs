//! The envelope around every message.

use super::SOAP;
use crate::payment::xml::{Element, XmlError, read};

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    /// No document that is read here.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// An envelope of another SOAP.
    #[error("this is no envelope of SOAP 1.1")]
    Version,
    /// A header that must be understood, and is not.
    #[error("a header must be understood that is not known here")]
    MustUnderstand,
    /// Not an envelope with at most one header, one body, and nothing else; or a part of SOAP inside a header.
    #[error("a message is an envelope with one body, after one header at the most")]
    Form,
    /// Nothing, or more than one thing, in the body.
    #[error("a body holds exactly one element")]
    Body,
}

/// Opens an envelope and answers with the one element in its body.
pub(crate) fn unwrap(bytes: &[u8]) -> Result<Element, EnvelopeError> {
    let envelope = read(bytes)?;
    if !envelope.is(SOAP, "Envelope") {
        let other = envelope.name == "Envelope";
        return Err(if other { EnvelopeError::Version } else { EnvelopeError::Form });
    }
    let mut parts = envelope.children.into_iter();
    let mut part = parts.next().ok_or(EnvelopeError::Form)?;
    if part.is(SOAP, "Header") {
        check_headers(&part)?;
        part = parts.next().ok_or(EnvelopeError::Form)?;
    }
    if !part.is(SOAP, "Body") || parts.next().is_some() {
        return Err(EnvelopeError::Form);
    }
    let mut content = part.children.into_iter();
    match (content.next(), content.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(EnvelopeError::Body),
    }
}

/// Nobody here knows any header: those that need not be understood are left alone.
fn check_headers(header: &Element) -> Result<(), EnvelopeError> {
    for entry in &header.children {
        // A second body that hides in a header is for whoever looks for bodies anywhere.
        if entry.namespace.is_none() || entry.holds(SOAP) {
            return Err(EnvelopeError::Form);
        }
        if matches!(entry.attribute(SOAP, "mustUnderstand"), Some("1" | "true")) {
            return Err(EnvelopeError::MustUnderstand);
        }
    }
    Ok(())
}
