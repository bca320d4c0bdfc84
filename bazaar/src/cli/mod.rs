//! The commands of the one binary.

pub mod audit;
pub mod broadcast;
mod catalogs;
pub mod config_check;
pub mod member;
pub mod status;
pub mod trade;
pub mod up;
