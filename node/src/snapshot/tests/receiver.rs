//! What a receiver refuses, and for how long it keeps what it took.

use market::rows::{Row, Table};
use replication::contract::SnapshotName;
use replication::time::Span;

use super::net::{Flight, Net, almost, name, row, state};
use crate::limits::{SNAPSHOT_KEPT, SNAPSHOT_REFUSAL, SNAPSHOT_ROW};
use crate::message::{SnapshotPart, SnapshotTaken};
use crate::service::ServiceKind;
use crate::snapshot::Receiver;

/// Gives the receiver a part of leader 1; says how many it has then.
fn give(net: &mut Net, transfer: u64, part: u64, rows: &[Row], end: Option<u64>) -> Option<u64> {
    let part = SnapshotPart { transfer, part, rows: rows.to_vec(), end: end.map(name) };
    net.arrive(Flight::Part(1, part));
    match net.flying.pop() {
        Some(Flight::Taken(1, SnapshotTaken { transfer: about, next })) => {
            assert_eq!(about, transfer);
            next
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn more_than_the_limit_is_refused_for_a_while() {
    let rows = state(9);
    let bytes = rows.iter().map(|row| SNAPSHOT_ROW + row.key.len() + row.value.len()).sum();
    let mut net = Net::new();
    net.receiver = Receiver::limited(ServiceKind::Catalog, bytes - 1);
    assert_eq!(give(&mut net, 1, 0, &rows[..2], None), Some(1));
    assert_eq!(give(&mut net, 1, 1, &rows[2..], Some(9)), None);
    assert_eq!((&net.notes[..], net.receiver.take(&name(9))), (&["snapshot_refused"][..], None));
    assert_eq!(give(&mut net, 2, 0, &rows[..1], None), None, "not again at once");
    net.pass(SNAPSHOT_REFUSAL);
    assert_eq!(give(&mut net, 3, 0, &rows[..1], None), Some(1));
    net.receiver = Receiver::limited(ServiceKind::Catalog, bytes);
    assert_eq!(give(&mut net, 4, 0, &rows, Some(9)), Some(1), "exactly the limit");
}

#[test]
fn what_is_staged_makes_room_for_what_comes() {
    let rows = state(9);
    let bytes: usize = rows.iter().map(|row| SNAPSHOT_ROW + row.key.len() + row.value.len()).sum();
    let mut net = Net::new();
    net.receiver = Receiver::limited(ServiceKind::Catalog, bytes + SNAPSHOT_ROW);
    assert_eq!(give(&mut net, 1, 0, &rows, Some(9)), Some(1));
    assert_eq!(give(&mut net, 2, 0, &rows[..1], None), Some(1));
    assert_eq!(net.receiver.take(&name(9)), None, "it had to go");
    assert_eq!(give(&mut net, 2, 1, &rows[1..], Some(9)), Some(2));
    assert_eq!(net.receiver.take(&name(9)), Some(rows));
}

#[test]
fn rows_out_of_sequence_are_refused() {
    let rows = state(9);
    let cases: [(&[Row], &[Row]); 3] = [
        (&rows[1..2], &rows[..1]),
        (&rows[..2], &rows[1..]),
        (&rows[..1], &[rows[2].clone(), rows[1].clone()]),
    ];
    for (first, second) in cases {
        let mut net = Net::new();
        assert_eq!(give(&mut net, 1, 0, first, None), Some(1));
        assert_eq!(give(&mut net, 1, 1, second, Some(9)), None);
        assert_eq!(
            (&net.notes[..], net.receiver.take(&name(9))),
            (&["snapshot_refused"][..], None)
        );
    }
}

#[test]
fn a_name_that_the_rows_belie_is_refused() {
    let with = |chain: &[u8], mark: &[u8]| {
        vec![row(Table::Facts, b"chain", chain), row(Table::Facts, b"mark", mark)]
    };
    let SnapshotName { hash, mark, .. } = name(9);
    for (rows, taken) in [
        (with(&hash.0, &mark), Some(1)),
        (with(&hash.0, b"another"), None),
        (with(&[9; 16], &mark), None),
        (with(&[9; 2], &mark), None),
        (vec![], None),
    ] {
        assert_eq!(give(&mut Net::new(), 1, 0, &rows, Some(9)), taken, "{rows:?}");
    }
}

#[test]
fn what_nobody_wants_is_forgotten() {
    let rows = state(9);
    let mut net = Net::new();
    give(&mut net, 1, 0, &rows, Some(9));
    give(&mut net, 2, 0, &rows[..1], None);
    net.pass(almost(SNAPSHOT_KEPT));
    assert_eq!(give(&mut net, 2, 1, &rows[1..2], None), Some(2));
    net.pass(Span(1));
    assert_eq!(net.receiver.take(&name(9)), None);
    assert_eq!(give(&mut net, 2, 2, &rows[2..], Some(9)), Some(3));
    net.pass(almost(SNAPSHOT_KEPT));
    assert_eq!(net.receiver.take(&name(9)), Some(rows));
}

#[test]
fn a_transfer_is_taken_from_its_start_only() {
    let mut net = Net::new();
    assert_eq!(give(&mut net, 1, 1, &state(9)[1..], Some(9)), None);
    assert_eq!(give(&mut net, 1, 0, &state(9)[..1], None), Some(1));
    assert_eq!(give(&mut net, 0, 0, &state(9)[..1], None), None, "an earlier one");
    assert_eq!(give(&mut net, 1, 1, &state(9)[1..], Some(9)), Some(2), "goes on");
}
