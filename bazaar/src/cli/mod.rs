//! The commands of the one binary.

pub mod audit;
pub mod config_check;
pub mod status;
pub mod trade;
pub mod up;
