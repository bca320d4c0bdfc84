//! The payment service as a process: killed, asked by hostile clients, by its own, and by one that was not written here.
//!
//! The last one is zeep, which the test installs from the package index with Python's own tools; it fails, and says so, where that
//! cannot be done.

#![allow(clippy::unwrap_used)] // a test that unwraps and fails says where

mod bank;
mod calls;
mod crash;
mod hostile;
mod stock_client;
mod surface;
