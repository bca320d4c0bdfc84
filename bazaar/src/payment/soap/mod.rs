//! SOAP 1.1, document/literal: envelopes of both directions, the operations of the payment service, faults, and the service's
//! description.
//!
//! The service reads requests and writes answers, the client does the opposite; both go through the same reader, so neither trusts
//! the other's XML.

mod answer;
mod envelope;
mod fault;
mod fields;
mod operation;
mod request;
#[cfg(test)]
mod tests;
mod write;
mod wsdl;

pub use answer::OpenCharge;
pub(crate) use answer::{Answer, OpenPage};
pub(crate) use envelope::unwrap;
pub(crate) use fault::{Fault, Reason};
pub(crate) use operation::Operation;
pub(crate) use request::Request;
pub(crate) use wsdl::wsdl;

/// The namespace of SOAP 1.1.
pub(crate) const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// The namespace of the payment service.
pub(crate) const PAYMENTS: &str = "urn:bazaar:payments:v1";
