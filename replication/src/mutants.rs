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
    /// Rotating sequencer: condition 1 dropped; a member takes its turn after the highest number it heard of.
    SequenceBeyondGap,
    /// Rotating sequencer: condition 2 dropped; a member says a number although it lacks Requests of those below.
    SequenceIncomplete,
    /// Rotating sequencer: a member covers Requests that it only heard of.
    SequenceUnheard,
    /// Rotating sequencer: condition 3 dropped; a member covers the highest Request it has of a sender, holes or not.
    SequenceAcrossGap,
    /// Rotating sequencer: delivers what it has, whoever else has it.
    DeliverBeforeMajority,
    /// Rotating sequencer: counts majorities of the view instead of the universe.
    MajorityOfTheView,
    /// Rotating sequencer: acknowledges Sequences whose Requests it lacks.
    AckWithoutRequest,
    /// Rotating sequencer: numbers its Requests from 0 again after a restart, as the same life.
    NumbersUsedAgain,
    /// Rotating sequencer: goes on in its view after it promised a newer one.
    NoWedge,
    /// Rotating sequencer: recovers the longest list, of whatever view.
    LongestListOfAnyView,
    /// Rotating sequencer: counts what a disk says that was never in a view.
    AmnesiacAnswers,
    /// Rotating sequencer: recovers only what everybody asked has.
    RecoveryForgets,
    /// Rotating sequencer: believes disks that were replaced.
    NoIncarnationVectors,
    /// Rotating sequencer: asks nobody but the original sender for what is missing.
    NackOnlyTheSender,
    /// Rotating sequencer: says nothing when it has nothing to say.
    NoIdleStatus,
    /// Raft: a wiped disk speaks for the one that was lost.
    EnrolmentIgnored,
    /// Raft: the first leader of a group needs a majority of its first voters, not all of them.
    FoundedByMajority,
}
