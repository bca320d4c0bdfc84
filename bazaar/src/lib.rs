//! The body of Bazaar: files, sockets, clock, threads. It decides nothing; the processes of `node` do.

pub mod driver;
pub mod storage;
