//! Transfers from a leader to a peer over a bad network.

use market::rows::{Row, Table};
use replication::contract::{ChainHash, SnapshotName};
use replication::time::Time;

use super::{Receiver, Sender};
use crate::message::{Message, SnapshotPart};
use crate::process::Effect;
use crate::service::ServiceKind;

fn row(table: Table, key: &[u8], value: &[u8]) -> Row {
    Row { table, key: key.to_vec(), value: value.to_vec() }
}

/// Position 7 with its hash and mark.
fn rows() -> Vec<Row> {
    vec![
        row(Table::Facts, b"chain", &[7; 16]),
        row(Table::Facts, b"mark", b"members"),
        row(Table::Listings, b"Tux", b"12"),
    ]
}

fn parts(effects: &mut Vec<Effect>) -> Vec<SnapshotPart> {
    let part = |effect| match effect {
        Effect::Send { message: Message::SnapshotPart(part), .. } => Some(part),
        _ => None,
    };
    std::mem::take(effects).into_iter().filter_map(part).collect()
}

#[test]
fn a_snapshot_in_one_part_is_staged_and_taken() {
    let (mut sender, mut receiver) =
        (Sender::new(ServiceKind::Catalog, 1), Receiver::new(ServiceKind::Catalog));
    let (mut effects, now) = (Vec::new(), Time(0));
    sender.wanted(now, 2, &mut effects);
    assert!(matches!(effects[..], [Effect::ReadSnapshot { transfer: 1, after: None, .. }]));
    sender.rows(now, 1, 7, rows(), true, &mut effects);
    let part = parts(&mut effects).pop().expect("one part");
    receiver.part(now, 1, part, &mut effects);
    let Some(Effect::Send { message: Message::SnapshotTaken(taken), .. }) = effects.pop() else {
        panic!("an answer");
    };
    let name = sender.taken(now, 2, taken, &mut effects).expect("that was all");
    assert!(matches!(effects[..], [Effect::CloseSnapshot { transfer: 1 }]));
    let (position, hash) = (7, ChainHash([7; 16]));
    assert_eq!(name, SnapshotName { position, hash, mark: "members".into() });
    assert_eq!(receiver.take(&SnapshotName { position: 8, ..name.clone() }), None);
    assert_eq!(receiver.take(&name), Some(rows()));
    assert_eq!(receiver.take(&name), None, "handed over");
}
