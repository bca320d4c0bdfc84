//! The law: what may be bought and sold, and what each command does to catalog, orders, customers
//! and the bank.
//!
//! Deterministic state machines: commands in, replies and row changes out. No clock, no randomness, no I/O, no
//! `HashMap`; total on any input (a command that makes no sense is refused, never a panic).

pub mod audit;
pub mod bank;
pub mod catalog;
pub mod chain;
pub mod codec;
pub mod customers;
pub mod item;
mod keys;
pub mod limits;
pub mod listing;
pub mod money;
pub mod name;
pub mod order;
pub mod orders;
mod outbox;
pub mod rows;
pub mod trade;
