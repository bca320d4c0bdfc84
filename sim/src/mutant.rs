//! Named mutants: deliberate bugs in the very code under test, to prove that the judges can fail.
//!
//! Source: PROTOCOLS.md E.5. A mutant run succeeds when a violation is found within its budget of seeds.

/// A deliberate bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// In the replication engine.
    Replication(replication::mutants::Mutant),
    /// In the gateway.
    Gateway(node::gateway::Mutant),
    /// In the catalog.
    Catalog(node::catalog::Mutant),
    /// Gateways propose the highest replica that answers, and the register takes any: the textbook's rule.
    ElectHighestLive,
}

/// All of them, by name.
pub const ALL: &[(&str, Mutant)] = &[
    ("ack-before-durable", Mutant::Replication(replication::mutants::Mutant::AckBeforeDurable)),
    ("elect-highest-live", Mutant::ElectHighestLive),
    ("fill-without-token", Mutant::Gateway(node::gateway::Mutant::FillWithoutToken)),
    ("serve-after-lease", Mutant::Gateway(node::gateway::Mutant::ServeAfterLease)),
    ("ack-log-length", Mutant::Replication(replication::mutants::Mutant::AckLogLength)),
    ("resume-old-epoch", Mutant::Replication(replication::mutants::Mutant::ResumeOldEpoch)),
    ("shrink-before-known", Mutant::Replication(replication::mutants::Mutant::ShrinkBeforeKnown)),
    ("old-incarnation-acks", Mutant::Replication(replication::mutants::Mutant::OldIncarnationAcks)),
    ("visible-before-confirmed", Mutant::Catalog(node::catalog::Mutant::VisibleBeforeConfirmed)),
    ("refusal-before-gate", Mutant::Catalog(node::catalog::Mutant::RefusalBeforeGate)),
    ("cacheable-while-pending", Mutant::Catalog(node::catalog::Mutant::CacheableWhilePending)),
    ("forget-old-leases", Mutant::Catalog(node::catalog::Mutant::ForgetOldLeases)),
    ("readmit-without-leso", Mutant::Replication(replication::mutants::Mutant::ReadmitWithoutLeso)),
];

/// The mutant of a name.
pub fn by_name(name: &str) -> Option<Mutant> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, mutant)| *mutant)
}
