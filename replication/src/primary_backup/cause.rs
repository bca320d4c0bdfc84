//! Why a role changed: one name per transition, stable, for logs and for the node above.

/// The register shows this replica's disk: what it holds counts from now on.
pub const ENROLLED: &str = "the register knows this disk";
/// The register shows another disk for this replica, or none.
pub const NOT_ENROLLED: &str = "the register does not know this disk";
/// The register named this replica; it leads as soon as the epoch is on its disk.
pub const NAMED: &str = "named by the register, about to lead";
/// The register named this replica, and its epoch is durable here.
pub const ELECTED: &str = "elected by the register";
/// The register names another leader, or none.
pub const DEPOSED: &str = "the register no longer names this replica";
/// A follower knows a newer epoch.
pub const FENCED: &str = "a follower refused this epoch as over";
/// A newer leader spoke.
pub const NEWER_LEADER: &str = "a leader of a newer epoch spoke";
/// The register shows a newer epoch.
pub const NEWER_EPOCH: &str = "the register shows a newer epoch";
/// The leader's sequence contradicts what is known committed here. A promise was broken somewhere: this replica
/// keeps what it has and acknowledges nothing more in this epoch.
pub const DIVERGED: &str = "the leader contradicts a committed prefix";
