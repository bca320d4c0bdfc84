//! What a process keeps on its disk.

pub mod files;
pub mod log;
