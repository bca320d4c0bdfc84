//! Tests of the gateway: scripts of inputs and the effects they must have.

mod cache;
mod catalogs;
mod coherence;
mod harness;
mod selection;
mod trades;
