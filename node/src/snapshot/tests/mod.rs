//! Transfers from leaders to a peer.

mod net;
mod receiver;
mod sender;
mod transfers;
mod weather;
