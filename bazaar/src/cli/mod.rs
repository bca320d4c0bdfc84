//! The commands of the one binary.

pub mod config_check;
pub mod trade;
