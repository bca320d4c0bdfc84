//! Why a role changed, one name per transition.

/// The first entry of its reign is delivered here: it may decide.
pub const ELECTED: &str = "elected, and the first entry of its term is delivered";
/// It lost the majority, was removed, or somebody leads a newer term.
pub const DEPOSED: &str = "no longer leads: a newer term, or no majority within reach";
/// It belongs to a group now.
pub const MEMBER: &str = "belongs to a group";
/// No configuration yet.
pub const WAITING: &str = "waits until a leader adds it";
