//! The body of Bazaar: processes, sockets, files, clock, entropy, HTTP, gRPC and the command line.
//!
//! No business or protocol rule lives here; those are in `market`, `replication` and `node`.

pub mod cli;
pub mod rest;
