//! The register's rules, one by one and over arbitrary sequences of changes.

use super::*;
use proptest::prelude::*;

fn enrol(replica: ReplicaId, incarnation: Incarnation) -> RegisterCommand {
    RegisterCommand::Enrol { replica, incarnation, epoch: 0 }
}

fn elect(expect: u64, candidate: ReplicaId, drop: Option<ReplicaId>) -> RegisterCommand {
    RegisterCommand::Elect { expect, candidate, incarnation: 1, log_end: 0, drop }
}

fn alter(expect: u64, epoch: Epoch, set: &[ReplicaId], added: Option<u8>) -> RegisterCommand {
    let added = added.map(|replica| (replica, 1));
    RegisterCommand::AlterInSync { expect, epoch, in_sync: set.iter().copied().collect(), added }
}

/// Three enrolled replicas, 3 leads epoch 1; version 4.
fn three() -> Configuration {
    let mut register = Configuration::default();
    for replica in 1..=3 {
        register.apply(&enrol(replica, 1), |_| false).expect("a first disk is welcome");
    }
    register.apply(&elect(3, 3, None), |_| false).expect("an in-sync replica may lead");
    register
}

#[test]
fn the_first_disks_form_the_in_sync_set() {
    let register = three();
    assert_eq!(register.in_sync, BTreeSet::from([1, 2, 3]));
    assert_eq!((register.version, register.epoch, register.leader), (4, 1, Some(3)));
}

#[test]
fn a_change_of_an_older_version_is_refused() {
    let mut register = three();
    let before = register.clone();
    let refusal = register.apply(&elect(3, 2, None), |_| true);
    assert_eq!(refusal, Err(Refusal::Stale { version: 4, expected: 3 }));
    assert_eq!(register, before);
}

#[test]
fn an_election_drops_the_dead_leader_in_the_same_step() {
    let mut register = three();
    register.apply(&elect(4, 2, Some(3)), |_| false).expect("2 is in sync");
    assert_eq!((register.epoch, register.leader), (2, Some(2)));
    assert_eq!(register.in_sync, BTreeSet::from([1, 2]));
}

#[test]
fn a_leader_may_ask_for_a_new_epoch_of_its_own() {
    let mut register = three();
    register.apply(&elect(4, 3, None), |_| false).expect("3 is in sync");
    assert_eq!((register.epoch, register.leader), (2, Some(3)));
    assert_eq!(register.apply(&elect(5, 3, Some(3)), |_| false), Err(Refusal::BadSet));
}

#[test]
fn a_replica_outside_the_set_leads_alone_and_only_if_it_reaches_the_source() {
    let mut register = three();
    register.apply(&alter(4, 1, &[3], None), |_| false).expect("a set of one is allowed");
    let refusal = register.apply(&elect(5, 1, None), |_| false);
    assert_eq!(refusal, Err(Refusal::Ineligible { candidate: 1 }));
    register.apply(&elect(5, 1, None), |end| end == 0).expect("it reaches the source");
    assert_eq!(register.in_sync, BTreeSet::from([1]));
}

#[test]
fn the_set_never_becomes_empty_by_its_leader_and_never_gains_a_replica_unnamed() {
    let mut register = three();
    assert_eq!(register.apply(&alter(4, 1, &[], None), |_| false), Err(Refusal::BadSet));
    assert_eq!(register.apply(&alter(4, 1, &[1, 2], None), |_| false), Err(Refusal::BadSet));
    register.apply(&alter(4, 1, &[3], None), |_| false).expect("down to the leader");
    assert_eq!(register.apply(&alter(5, 1, &[2, 3], None), |_| false), Err(Refusal::BadSet));
    register.apply(&alter(5, 1, &[2, 3], Some(2)), |_| false).expect("named with its disk");
}

#[test]
fn a_deposed_leader_changes_nothing() {
    let mut register = three();
    register.apply(&elect(4, 2, None), |_| false).expect("2 is in sync");
    let refusal = register.apply(&alter(5, 1, &[3], None), |_| false);
    assert_eq!(refusal, Err(Refusal::Fenced { epoch: 1, current: 2 }));
}

#[test]
fn a_lost_disk_leaves_the_set_and_its_number_never_returns() {
    let mut register = three();
    register.apply(&enrol(3, 2), |_| false).expect("a newer disk is welcome");
    assert_eq!((register.leader, register.epoch, register.version), (None, 1, 5));
    assert_eq!(register.in_sync, BTreeSet::from([1, 2]));
    assert_eq!(register.apply(&enrol(3, 1), |_| false), Err(Refusal::OtherDisk { replica: 3 }));
    register.apply(&enrol(3, 2), |_| false).expect("known already");
    assert_eq!(register.version, 5, "an enrolment that says nothing new changes nothing");
    let stale = alter(5, 1, &[1, 2, 3], Some(3));
    assert_eq!(register.apply(&stale, |_| false), Err(Refusal::OtherDisk { replica: 3 }));
}

#[test]
fn a_replica_that_remembers_more_than_the_register_is_not_enrolled() {
    let mut register = three();
    let command = RegisterCommand::Enrol { replica: 2, incarnation: 1, epoch: 9 };
    let refusal = Err(Refusal::RegisterLostData { replica: 2, epoch: 9, current: 1 });
    assert_eq!(register.apply(&command, |_| false), refusal);
}

fn any_command() -> impl Strategy<Value = RegisterCommand> {
    let replica = || 1..=4u8;
    let disk = || 0..=3u64;
    let set = proptest::collection::btree_set(replica(), 0..=4);
    prop_oneof![
        (0..30u64, replica(), disk(), 0..3u64, proptest::option::of(replica())).prop_map(
            |(expect, candidate, incarnation, log_end, drop)| RegisterCommand::Elect {
                expect,
                candidate,
                incarnation,
                log_end,
                drop
            }
        ),
        (0..30u64, 0..9u64, set, proptest::option::of((replica(), disk()))).prop_map(
            |(expect, epoch, in_sync, added)| RegisterCommand::AlterInSync {
                expect,
                epoch,
                in_sync,
                added
            }
        ),
        (replica(), disk(), 0..9u64).prop_map(|(replica, incarnation, epoch)| {
            RegisterCommand::Enrol { replica, incarnation, epoch }
        }),
    ]
}

/// Makes a command current, so that most of them are not refused as stale.
fn refresh(command: &mut RegisterCommand, register: &Configuration) {
    match command {
        RegisterCommand::Elect { expect, candidate, incarnation, .. } => {
            *expect = register.version;
            *incarnation = register.incarnations.get(candidate).copied().unwrap_or(*incarnation);
        }
        RegisterCommand::AlterInSync { expect, epoch, .. } => {
            (*expect, *epoch) = (register.version, register.epoch);
        }
        RegisterCommand::Enrol { epoch, .. } => *epoch = (*epoch).min(register.epoch),
    }
}

/// What must hold between a value and the next, whatever was asked.
fn check_step(
    before: &Configuration,
    after: &Configuration,
    command: &RegisterCommand,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(after.validate(), Ok(()));
    prop_assert_eq!(after.version, before.version + u64::from(before != after));
    prop_assert!(after.epoch >= before.epoch);
    for (replica, incarnation) in &before.incarnations {
        prop_assert!(after.incarnations[replica] >= *incarnation);
    }
    let elected = matches!(command, RegisterCommand::Elect { .. });
    if after.epoch != before.epoch {
        prop_assert!(elected && after.epoch == before.epoch + 1);
    } else if after.leader != before.leader {
        prop_assert_eq!(after.leader, None, "within an epoch a leader can only be lost");
    }
    let grown = after.in_sync.difference(&before.in_sync).count();
    let grows = matches!(command, RegisterCommand::AlterInSync { added: Some(_), .. });
    prop_assert!(grown == 0 || before.epoch == 0 || (grows && grown == 1), "unnamed growth");
    Ok(())
}

proptest! {
    #[test]
    fn every_sequence_of_changes_keeps_the_invariants(
        commands in proptest::collection::vec((any_command(), any::<bool>()), 0..60)
    ) {
        let mut register = Configuration::default();
        for (mut command, fresh) in commands {
            if fresh {
                refresh(&mut command, &register);
            }
            let before = register.clone();
            let result = register.apply(&command, |_| false);
            if result.is_err() {
                prop_assert_eq!(&before, &register, "a refusal changed something");
            }
            check_step(&before, &register, &command)?;
        }
    }

    #[test]
    fn a_change_applied_twice_counts_once(command in any_command()) {
        let mut register = three();
        let mut command = command;
        refresh(&mut command, &register);
        if register.apply(&command, |_| true).is_ok() {
            let once = register.clone();
            let _ = register.apply(&command, |_| true);
            prop_assert_eq!(once, register);
        }
    }
}
