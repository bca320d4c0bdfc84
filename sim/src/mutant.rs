//! Named mutants: deliberate bugs in the very code under test, to prove that the judges can fail.
//!
//! Source: PROTOCOLS.md E.5. A mutant run succeeds when a violation is found within its budget of seeds.

/// A deliberate bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// In the gateway.
    Gateway(node::gateway::Mutant),
}

/// All of them, by name.
pub const ALL: &[(&str, Mutant)] = &[
    ("fill-without-token", Mutant::Gateway(node::gateway::Mutant::FillWithoutToken)),
    ("serve-after-lease", Mutant::Gateway(node::gateway::Mutant::ServeAfterLease)),
];

/// The mutant of a name.
pub fn by_name(name: &str) -> Option<Mutant> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, mutant)| *mutant)
}
