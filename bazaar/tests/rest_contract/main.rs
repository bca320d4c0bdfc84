//! The trading surface against its contract: every row, every failure, and clients that mean harm.

mod contract;
mod host;
mod hostile;
mod measure;
mod odd;
mod stub;
mod trade;
