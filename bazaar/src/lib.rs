//! The body of Bazaar: processes, sockets, files, clock, entropy, HTTP, gRPC and the command line.
//!
//! Nothing here decides what a trade means or who leads: that is the law's, the agreement's and the mind's. The body
//! performs the effects that `node` asks for.

pub mod cli;
pub mod config;
pub mod datagrams;
pub mod driver;
pub mod links;
pub mod payment;
pub mod rest;
pub mod service;
pub mod storage;
pub mod telemetry;
