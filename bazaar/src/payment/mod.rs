//! The payment service, and the client that buyers' servers ask it with.
//!
//! ```text
//!   client ── SOAP 1.1 over HTTP ──► counter ── request ──► teller ──► the bank's law (market::bank)
//!                                    (HTTP, XML)            (one thread,      │
//!                                                            one commit  ◄────┘
//!                                                            per batch)  ──► journal
//! ```
//!
//! It is a mock of a bank, not of a bank's protocol: stock SOAP clients call it from its WSDL, it remembers its keys for ever, on disk,
//! before it answers, and decides the same for the same key in every life. The trading service's listeners and limits
//! stand in front of it; its XML reader takes nothing on trust.

mod client;
mod counter;
mod journal;
#[cfg(test)]
mod journal_tests;
mod limits;
mod refused;
mod secret;
mod soap;
mod teller;
#[cfg(test)]
mod tests;
mod xml;

pub use client::{Approval, Listed, PaymentClient, Settings, Settled};
pub(crate) use counter::Counter;
pub use journal::{Journal, JournalError};
pub(crate) use limits::MAX_DELAY_SECONDS;
pub use soap::OpenCharge;
pub(crate) use teller::Teller;
