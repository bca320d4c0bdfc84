//! Named mutants: deliberate bugs in the very code under test, to prove that the judges can fail.
//!
//! Source: PROTOCOLS.md E.5. A mutant run succeeds when a violation is found within its budget of seeds.

use node::catalog::Mutant as Catalog;
use node::gateway::Mutant as Gateway;
use node::orders::Mutant as Orders;
use replication::mutants::Mutant as Replication;

use crate::orders_group;
use crate::scenario::{Group, Scenario};

/// A deliberate bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// In the engine of the orders group.
    Replication(Replication),
    /// In the engine of a catalog's group.
    Group(Replication),
    /// In the order replicas, where their group elects its leader.
    Orders(Orders),
    /// In the engine of such a group.
    OrdersGroup(Replication),
    /// In the engine of the customers' group.
    Customers(Replication),
    /// In the gateway.
    Gateway(Gateway),
    /// In the catalog.
    Catalog(Catalog),
    /// In the catalogs of a group; one that is alone is sound.
    GroupCatalog(Catalog),
    /// Gateways propose the highest replica that answers, and the register takes any: the textbook's rule.
    ElectHighestLive,
}

impl Mutant {
    /// Leads the search to where this bug can show itself: only a group's own bugs need a group. Worlds with one catalog are four
    /// times as cheap, and the orders' disks count in all of them.
    pub fn narrow(self, scenario: &mut Scenario) {
        if !matches!(self, Mutant::Group(_) | Mutant::GroupCatalog(_)) {
            scenario.group = Group::alone();
        }
        match self {
            Mutant::Orders(_) | Mutant::OrdersGroup(_) => orders_group::force(scenario),
            _ => scenario.orders_group = None,
        }
    }
}

/// Those that must be found within CI's share of seeds, by name.
pub const ALL: &[(&str, Mutant)] = &[
    ("ack-before-durable", Mutant::Replication(Replication::AckBeforeDurable)),
    ("elect-highest-live", Mutant::ElectHighestLive),
    ("fill-without-token", Mutant::Gateway(Gateway::FillWithoutToken)),
    ("serve-after-lease", Mutant::Gateway(Gateway::ServeAfterLease)),
    ("serve-late-joiners", Mutant::Gateway(Gateway::ServeLateJoiners)),
    ("lease-from-grant", Mutant::Gateway(Gateway::LeaseFromGrant)),
    ("resume-old-epoch", Mutant::Replication(Replication::ResumeOldEpoch)),
    ("shrink-before-known", Mutant::Replication(Replication::ShrinkBeforeKnown)),
    ("visible-before-confirmed", Mutant::Catalog(Catalog::VisibleBeforeConfirmed)),
    ("refusal-before-gate", Mutant::Catalog(Catalog::RefusalBeforeGate)),
    ("cacheable-while-pending", Mutant::Catalog(Catalog::CacheableWhilePending)),
    ("forget-old-leases", Mutant::Catalog(Catalog::ForgetOldLeases)),
    ("forget-old-leaders-leases", Mutant::GroupCatalog(Catalog::ForgetOldLeases)),
    ("raft-ack-before-durable", Mutant::Group(Replication::AckBeforeDurable)),
    ("raft-stale-leader-reads", Mutant::Group(Replication::StaleLeaderReads)),
    ("raft-snapshot-without-reset", Mutant::Group(Replication::SnapshotWithoutReset)),
    ("orders-ack-before-durable", Mutant::OrdersGroup(Replication::AckBeforeDurable)),
    ("orders-trade-unregistered", Mutant::Orders(Orders::TradeUnregistered)),
    ("orders-trim-before-commit", Mutant::Orders(Orders::TrimBeforeCommit)),
    ("orders-reign-not-logged", Mutant::Orders(Orders::ReignNotLogged)),
    ("rsv-ack-before-durable", Mutant::Customers(Replication::AckBeforeDurable)),
    ("rsv-ack-without-request", Mutant::Customers(Replication::AckWithoutRequest)),
    ("rsv-amnesiac-answers", Mutant::Customers(Replication::AmnesiacAnswers)),
    ("rsv-deliver-before-majority", Mutant::Customers(Replication::DeliverBeforeMajority)),
    ("rsv-longest-list-of-any-view", Mutant::Customers(Replication::LongestListOfAnyView)),
    ("rsv-majority-of-the-view", Mutant::Customers(Replication::MajorityOfTheView)),
    ("rsv-no-idle-status", Mutant::Customers(Replication::NoIdleStatus)),
    ("rsv-no-wedge", Mutant::Customers(Replication::NoWedge)),
    ("rsv-numbers-used-again", Mutant::Customers(Replication::NumbersUsedAgain)),
    ("rsv-recovery-forgets", Mutant::Customers(Replication::RecoveryForgets)),
    ("rsv-sequence-across-gap", Mutant::Customers(Replication::SequenceAcrossGap)),
    ("rsv-sequence-beyond-gap", Mutant::Customers(Replication::SequenceBeyondGap)),
    ("rsv-sequence-incomplete", Mutant::Customers(Replication::SequenceIncomplete)),
    ("rsv-sequence-unheard", Mutant::Customers(Replication::SequenceUnheard)),
];

/// Those that this system survives, or nearly: the orders' log is fed from the outbox, one stream, so logs never diverge and
/// whoever leads reads what it lacks; and a catalog that votes twice in a term, or for a disk it lost, must do so in the few
/// milliseconds between two elections. They are bugs of the engines all the same, and their own tests kill them.
///
/// Of the customers' group: a Nack that only the sender answers costs time, for a view without the dead sender follows within some
/// 300 ms and fetches from anybody; and believing replaced disks takes a late word of the lost disk between two changes of view,
/// which came up in none of 4,000 worlds.
pub const SURVIVED: &[(&str, Mutant)] = &[
    ("ack-log-length", Mutant::Replication(Replication::AckLogLength)),
    ("old-incarnation-acks", Mutant::Replication(Replication::OldIncarnationAcks)),
    ("readmit-without-leso", Mutant::Replication(Replication::ReadmitWithoutLeso)),
    ("raft-vote-forgotten", Mutant::Group(Replication::VoteForgotten)),
    ("raft-enrolment-ignored", Mutant::Group(Replication::EnrolmentIgnored)),
    ("rsv-nack-only-the-sender", Mutant::Customers(Replication::NackOnlyTheSender)),
    ("rsv-no-incarnation-vectors", Mutant::Customers(Replication::NoIncarnationVectors)),
];

/// The mutant of a name.
pub fn by_name(name: &str) -> Option<Mutant> {
    ALL.iter().chain(SURVIVED).find(|(known, _)| *known == name).map(|(_, mutant)| *mutant)
}
