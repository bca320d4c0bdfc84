//! Reads the store's rows as of one moment, page by page, for replicas that miss more than the log holds.

use std::collections::VecDeque;
use std::sync::Arc;

use market::rows::Table;
use node::limits::SNAPSHOT_PEERS;
use node::process::Input;
use parking_lot::Mutex;

use super::mailbox::{Item, Mailbox};
use crate::storage::store::{Store, StoreError, View};

/// Transfers that may be open at once: twice what a process has under way, so that only one that was forgotten is ever dropped.
/// Each keeps the store from reusing the room of rows that were changed since.
const OPEN: usize = 2 * SNAPSHOT_PEERS;

/// What a transfer reads from, once its first read has begun. The reads of one transfer wait for each other.
type Shelf = Arc<Mutex<Option<Box<dyn View>>>>;

/// The open transfers of one process.
#[derive(Default)]
pub(super) struct Snapshots {
    /// The one that was read least recently comes first.
    open: VecDeque<(u64, Shelf)>,
}

impl Snapshots {
    /// Reads a page on a thread that may block, and sends it back as an input. The process bounds how many reads are under
    /// way. A transfer that is not open and not at its beginning either was dropped for others: nothing answers it, as if a
    /// message were lost, and the process gives it up as it does then.
    pub(super) fn read(
        &mut self,
        transfer: u64,
        after: Option<(Table, Vec<u8>)>,
        max_bytes: usize,
        store: &Arc<dyn Store>,
        mailbox: &Arc<Mailbox>,
    ) {
        let Some(shelf) = self.shelf(transfer, after.is_none()) else { return };
        let (store, mailbox) = (Arc::clone(store), Arc::clone(mailbox));
        tokio::task::spawn_blocking(move || {
            match page(transfer, after, max_bytes, &shelf, &*store) {
                Ok(input) => mailbox.push(Item::Input(input)),
                Err(error) => mailbox.fail(error.to_string()),
            }
        });
    }

    /// Lets go of a transfer; a read under way still answers.
    pub(super) fn close(&mut self, transfer: u64) {
        self.open.retain(|(open, _)| *open != transfer);
    }

    /// Finds a transfer, or begins it, and drops the one that was left alone for longest.
    fn shelf(&mut self, transfer: u64, begins: bool) -> Option<Shelf> {
        let known = self.open.iter().position(|(open, _)| *open == transfer);
        let shelf = match known.and_then(|index| self.open.remove(index)) {
            Some((_, shelf)) => shelf,
            None if begins => Shelf::default(),
            None => return None,
        };
        self.open.push_back((transfer, Arc::clone(&shelf)));
        if self.open.len() > OPEN {
            self.open.pop_front();
        }
        Some(shelf)
    }
}

fn page(
    transfer: u64,
    after: Option<(Table, Vec<u8>)>,
    max_bytes: usize,
    shelf: &Shelf,
    store: &dyn Store,
) -> Result<Input, StoreError> {
    let mut shelf = shelf.lock();
    let view = match &mut *shelf {
        Some(view) => view,
        empty => empty.insert(store.view()?),
    };
    let after = after.as_ref().map(|(table, key)| (*table, key.as_slice()));
    let page = view.page(after, max_bytes)?;
    Ok(Input::SnapshotRows { transfer, position: view.position(), rows: page.rows, end: page.end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transfer_left_alone_for_longest_makes_room() {
        let mut snapshots = Snapshots::default();
        let first = snapshots.shelf(1, true).unwrap();
        for transfer in 2..=OPEN as u64 {
            assert!(snapshots.shelf(transfer, true).is_some());
        }
        let again = snapshots.shelf(1, false).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert!(snapshots.shelf(99, true).is_some());
        assert!(snapshots.shelf(2, false).is_none(), "the oldest by now");
        assert!(snapshots.shelf(1, false).is_some() && snapshots.shelf(99, false).is_some());
        assert_eq!(snapshots.open.len(), OPEN);
        snapshots.close(1);
        snapshots.close(7);
        assert!(snapshots.shelf(1, false).is_none());
        assert_eq!(Arc::strong_count(&first), 2, "held by this test alone");
        assert!(snapshots.shelf(2, true).is_some(), "it may begin anew");
    }
}
