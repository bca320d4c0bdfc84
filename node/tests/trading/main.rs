//! A whole deployment in memory: the path of a trade from end to end, and what a client is told, whatever stops or restarts.

mod basics;
mod catalogs;
mod electing;
mod gateways;
mod restarts;
mod weather;
mod world;
