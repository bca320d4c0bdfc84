//! The body: everything of Bazaar that touches the world.

pub mod links;
