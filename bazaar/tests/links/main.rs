//! Link layers talking to each other over real sockets on this machine.
//!
//! Every wait is for a condition, with a deadline.

mod exchange;
mod services;
mod support;
