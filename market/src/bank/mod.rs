//! The bank's law: what becomes of a charge that is authorised, captured or voided under one key.
//!
//! It plays the bank behind the payment service, not the protocol in front of it. Every key is an account of its own, so the law is one
//! function, [`decide`]: what is remembered under a key and what is wanted now give an answer, and what is to be remembered from
//! now on. Whoever calls it must make that durable before the answer leaves.
//!
//! ```text
//!              Authorize           Capture
//!   nothing ───────────► authorised ──────► captured      (ProcessTransaction does both at once)
//!      │  └────► declined    │
//!      │ Void                │ Void
//!      └─────────► barred    └──────► voided
//! ```
//!
//! - Whatever is repeated under its key is answered as before and does nothing more, after a restart as well: whether a charge is
//!   approved follows from seed and key alone.
//! - The same key with another card or amount is refused. So is a capture of what was voided, and a voiding of what was captured.
//! - A key that is voided before it was ever authorised is *barred*: an authorisation that was late on its way finds it shut, so nobody
//!   has to wait for it.
//! - Card numbers enter as arguments and leave no trace: what is remembered is a digest under a secret of the bank.

mod amount;
mod card;
mod chance;
mod decide;
mod entry;
mod key;
mod month;
#[cfg(test)]
mod tests;

pub use amount::{Amount, AmountError};
pub use card::{Card, CardDigest, CardError};
pub use chance::{DeclineReason, Odds};
pub use decide::{Decision, Receipt, Refusal, Standing, Terms, Wish, decide};
pub use entry::{Authorisation, Entry, State};
pub use key::{PaymentKey, PaymentKeyError};
