//! The commands of the binary.

pub mod config_check;
pub mod up;
