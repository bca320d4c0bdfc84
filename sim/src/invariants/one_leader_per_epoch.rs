//! An epoch has at most one leader, for ever.
//!
//! Source: PROTOCOLS.md A.7, I1; the invariant of `replication::register::Configuration`. Judged after every event that
//! could break it: a replica that says it leads, entries sent in an epoch, a configuration sent by the catalog.

use std::collections::BTreeMap;

use replication::contract::{Epoch, ReplicaId};

use super::Broken;

const NAME: &str = "one_leader_per_epoch";

/// Who was seen to lead in which epoch.
pub struct Leaders {
    name: &'static str,
    seen: BTreeMap<Epoch, ReplicaId>,
}

impl Default for Leaders {
    fn default() -> Self {
        Leaders::new(NAME)
    }
}

impl Leaders {
    /// Nobody was seen yet; what breaks the rule is reported under this name.
    pub(super) fn new(name: &'static str) -> Self {
        Leaders { name, seen: BTreeMap::new() }
    }

    /// Somebody was seen to lead an epoch.
    pub fn saw(&mut self, epoch: Epoch, replica: ReplicaId) -> Result<(), Broken> {
        let known = *self.seen.entry(epoch).or_insert(replica);
        match known == replica {
            true => Ok(()),
            false => Err((self.name, format!("epoch {epoch} is led by {known} and by {replica}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Leaders;

    #[test]
    fn a_second_leader_is_seen() {
        let mut leaders = Leaders::default();
        assert!(leaders.saw(3, 1).is_ok());
        assert!(leaders.saw(3, 1).is_ok());
        assert!(leaders.saw(4, 2).is_ok());
        assert!(leaders.saw(3, 2).is_err());
    }
}
