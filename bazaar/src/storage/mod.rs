//! What a process keeps on its disk: a log for recovery, a store for everything that was delivered, and who it is.

pub mod files;
pub mod identity;
pub mod log;
mod recover;
pub mod store;

pub use recover::{CACHE_BYTES, Opened, Options, StorageError, recover};
