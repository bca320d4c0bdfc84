//! What a replica does within a group that elects its leader, in one word.

use node::catalog::CatalogProcess;
use replication::contract::Status;

/// What the engine says, with what the process knows better: it leads once it answers, and a group of one has a member.
pub(super) fn engine_of(process: &CatalogProcess) -> Status {
    Status {
        leads: process.leads().is_some(),
        leader: process.group_leader(),
        members: process.members(),
        ..process.status()
    }
}

/// One of the words that metrics and `bazaar status` use.
pub(crate) fn member_role(us: u8, engine: &Status) -> &'static str {
    if engine.leads {
        "leader"
    } else if engine.members.voters.contains(&us) {
        "follower"
    } else if engine.members.learners.contains(&us) {
        "learner"
    } else {
        "joining"
    }
}

/// Whether the group elects its leader, and knows its members itself: by Raft, and this replica knows of the group.
pub(crate) fn elects(engine: &Status) -> bool {
    !engine.members.voters.is_empty()
}

/// It leads, or follows a leader that lives: an engine that has not heard of its leader for the length of an election names none.
/// Says why not, if not.
pub(crate) fn follows_or_leads(us: u8, engine: &Status) -> Result<(), &'static str> {
    match member_role(us, engine) {
        "leader" => Ok(()),
        "joining" => Err("the replica is no member of its group"),
        _ if engine.leader.is_some_and(|leader| leader != us) => Ok(()),
        _ => Err("the group has no leader that this replica hears"),
    }
}

#[cfg(test)]
mod tests {
    use replication::contract::Members;

    use super::*;

    fn engine(leads: bool, leader: Option<u8>) -> Status {
        let members = Members { voters: [1, 2].into(), learners: [3].into() };
        Status { leads, leader, members, ..Status::default() }
    }

    #[test]
    fn a_replica_is_what_its_group_says() {
        let following = engine(false, Some(1));
        assert_eq!(member_role(1, &engine(true, Some(1))), "leader");
        assert_eq!(member_role(2, &following), "follower");
        assert_eq!(member_role(3, &following), "learner");
        assert_eq!(member_role(4, &following), "joining");
    }

    #[test]
    fn ready_means_to_lead_or_to_hear_who_does() {
        assert_eq!(follows_or_leads(1, &engine(true, Some(1))), Ok(()));
        assert_eq!(follows_or_leads(2, &engine(false, Some(1))), Ok(()));
        assert_eq!(follows_or_leads(3, &engine(false, Some(1))), Ok(()));
        assert!(follows_or_leads(2, &engine(false, None)).is_err());
        // It was elected, and cannot serve yet.
        assert!(follows_or_leads(1, &engine(false, Some(1))).is_err());
        assert!(follows_or_leads(4, &engine(false, Some(1))).is_err());
    }
}
