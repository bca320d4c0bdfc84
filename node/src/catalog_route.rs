//! Which catalog to talk to: the one that said it leads, in the highest term anybody heard of.
//!
//! A belief, never authority. Followers answer nothing, and a leader that was deposed without knowing it neither commits nor
//! proves that it leads, so what is sent to the wrong one is lost and sent again; what it still answers was true in its term.

use std::collections::BTreeSet;

use replication::contract::{Epoch, ReplicaId};
use replication::time::Time;

use crate::limits::CATALOG_SILENCE;
use crate::service::ServiceId;

/// The catalogs with a link, and which of them is believed to lead.
#[derive(Debug, Default)]
pub(crate) struct CatalogRoute {
    linked: BTreeSet<ReplicaId>,
    leader: Option<Leader>,
}

/// Who said last that it leads.
#[derive(Debug)]
struct Leader {
    id: ReplicaId,
    term: Epoch,
    heard: Time,
}

impl CatalogRoute {
    /// A link stands (again) or broke. True: what was under way may be lost, or another catalog is to be talked to, so
    /// everything that waits for an answer is worth sending again.
    pub(crate) fn link(&mut self, id: ReplicaId, up: bool) -> bool {
        let before = self.catalog();
        if up {
            self.linked.insert(id);
            return self.catalog() == Some(ServiceId::catalog(id));
        }
        self.linked.remove(&id);
        let after = self.catalog();
        after.is_some() && after != before
    }

    /// A catalog says that it leads. True: it leads anew, and whatever a leader before it had in hand is gone. A lower term than
    /// the one known is over; it counts again only when its leader has been silent for so long that the group must have been
    /// set up anew.
    pub(crate) fn leads(&mut self, now: Time, id: ReplicaId, term: Epoch) -> bool {
        let known = self.leader.as_ref();
        if known.is_some_and(|known| term < known.term && now < known.heard + CATALOG_SILENCE) {
            return false;
        }
        let anew = known.is_none_or(|known| (known.id, known.term) != (id, term));
        self.leader = Some(Leader { id, term, heard: now });
        anew
    }

    /// The catalog to talk to, if any is linked. While none is known to lead, or that one cannot be reached, the first: it may
    /// be the only one.
    pub(crate) fn catalog(&self) -> Option<ServiceId> {
        let leader = self.leader.as_ref().map(|leader| leader.id);
        let linked = leader.filter(|id| self.linked.contains(id));
        linked.or_else(|| self.linked.first().copied()).map(ServiceId::catalog)
    }

    /// All catalogs with a link.
    pub(crate) fn linked(&self) -> impl Iterator<Item = ServiceId> + '_ {
        self.linked.iter().copied().map(ServiceId::catalog)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use replication::time::Span;

    const NOW: Time = Time(1_000_000);

    fn linked(ids: &[ReplicaId]) -> CatalogRoute {
        CatalogRoute { linked: ids.iter().copied().collect(), leader: None }
    }

    #[test]
    fn the_highest_term_wins() {
        let mut route = linked(&[1, 2, 3]);
        assert_eq!(route.catalog(), Some(ServiceId::catalog(1)), "the first, for want of better");
        assert!(route.leads(NOW, 2, 5));
        assert!(!route.leads(NOW, 2, 5), "known already");
        assert!(!route.leads(NOW, 3, 4), "an earlier term");
        assert_eq!(route.catalog(), Some(ServiceId::catalog(2)));
        assert!(route.leads(NOW, 2, 6), "the same one, but it forgot everything in between");
        assert!(route.leads(NOW, 3, 7));
        assert_eq!(route.catalog(), Some(ServiceId::catalog(3)));
    }

    #[test]
    fn without_a_link_to_the_leader_the_first_other_is_talked_to() {
        let mut route = linked(&[1, 2, 3]);
        route.leads(NOW, 2, 5);
        assert!(!route.link(3, false), "a follower's link");
        assert!(!route.link(3, true));
        assert!(route.link(2, false));
        assert_eq!(route.catalog(), Some(ServiceId::catalog(1)));
        assert!(!route.leads(NOW, 1, 4), "still an earlier term");
        assert!(route.link(2, true));
        assert!(route.link(2, true), "a link that stands again lost what was under way");
        assert_eq!(route.catalog(), Some(ServiceId::catalog(2)));
        for id in [1, 2, 3] {
            route.link(id, false);
        }
        assert_eq!(route.catalog(), None);
    }

    #[test]
    fn a_group_that_was_set_up_anew_is_found_once_the_old_one_is_silent() {
        let mut route = linked(&[1, 2]);
        route.leads(NOW, 2, 50);
        let later = NOW + Span(CATALOG_SILENCE.0 - 1);
        assert!(!route.leads(later, 1, 3));
        assert!(route.leads(later + Span(1), 1, 3));
        assert_eq!(route.catalog(), Some(ServiceId::catalog(1)));
    }
}
