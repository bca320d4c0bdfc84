//! Known mistakes of the engines, switched on one at a time. A checker that catches none of them checks nothing.
//!
//! Only compiled with the feature `mutants`, which no shipped program enables. Each name is a row of the model that
//! was checked when the protocol was chosen; the hooks in the engine are one line each.

/// A mistake to make on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// Leader and followers count what is in memory as if it were on disk.
    AckBeforeDurable,
    /// A follower acknowledges the length of its log instead of the prefix that matched.
    AckLogLength,
    /// A crashed leader takes its own old epoch up again.
    ResumeOldEpoch,
    /// The commit stops counting a replica as soon as its removal was asked for.
    ShrinkBeforeKnown,
    /// Acknowledgements of a lost disk still count.
    OldIncarnationAcks,
    /// The register lets any enrolled replica lead: `Configuration::apply_electing_any_live`.
    ElectAnyLive,
    /// A replica is readmitted once it has what this epoch committed, whatever the log held at the election.
    ReadmitWithoutLeso,
    /// Raft: a leader passes barriers without asking whether it still leads.
    StaleLeaderReads,
    /// Raft: votes are not written, so a replica may vote twice in one term.
    VoteForgotten,
    /// Raft: a snapshot is taken, but the log on disk keeps what it held before.
    SnapshotWithoutReset,
    /// Raft: a wiped disk speaks for the one that was lost.
    EnrolmentIgnored,
    /// Raft: the first leader of a group needs a majority of its first voters, not all of them.
    FoundedByMajority,
}
