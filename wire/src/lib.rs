//! The speech: what services say to each other, as protobuf.
//!
//! The definitions stand in `proto/bazaar/v1`, the code generated from them in [`v1`] (committed, guarded by a test). The
//! rest of this crate turns those messages into the ones of `node::message` and back. Encoding never fails. Decoding is
//! total and bounded: whatever bytes come in, the answer is a message or a [`DecodeError`].
//!
//! What is decoded here is well-formed, not sensible: whether a session, an epoch or a quantity makes sense is
//! judged by the process that receives it.

pub mod admin;
mod cache;
mod convert;
mod cost;
mod customers;
mod decisions;
mod error;
mod hello;
pub mod inspect;
pub mod limits;
mod link;
mod market_parts;
mod raft_parts;
mod register;
mod replication_parts;
mod snapshots;
mod trades;

/// Code generated from `proto/bazaar/v1`; see `tests/generated.rs`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used, rustdoc::all)]
pub mod v1 {
    include!("generated/bazaar.v1.rs");
}

pub use cost::{cost, fits};
pub use error::DecodeError;
pub use hello::{Hello, HelloError, OLDEST_PROTOCOL, PROTOCOL};
pub use link::{Received, decode_batch, decode_bytes, encode_batch, encode_hello};

/// Descriptors of everything in [`v1`], for the reflection service.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/bazaar.v1.bin");
