//! Snapshots at work: rows read as of one position, and stores replaced by them.

use market::rows::{Row, RowChange, Table};
use node::process::Input;
use node::service::ServiceKind;
use replication::contract::Position;

use super::{Event, World};
use crate::invariants::Violation;

impl World<'_> {
    /// The first question of a transfer fixes its rows at once; answers take their time.
    pub(super) fn ask_snapshot(
        &mut self,
        host: usize,
        instance: u32,
        transfer: u64,
        after: Option<(Table, Vec<u8>)>,
        max_bytes: usize,
    ) -> Result<(), Violation> {
        let Some(disk) = self.hosts[host].disk.as_mut() else { return Ok(()) };
        if after.is_none() {
            self.marks.hit("snapshots begun");
        }
        if let Err(why) = disk.open_snapshot(transfer, after.is_none()) {
            return Err(self.disk_violation(host, why));
        }
        let at = self.now + self.rng.between(50, 3_000);
        self.queue.push(at, Event::Snapshot { host, instance, transfer, after, max_bytes });
        Ok(())
    }

    pub(super) fn read_snapshot(
        &mut self,
        host: usize,
        instance: u32,
        transfer: u64,
        after: Option<&(Table, Vec<u8>)>,
        max_bytes: usize,
    ) {
        if self.hosts[host].instance != instance {
            return;
        }
        let disk = self.hosts[host].disk.as_ref();
        let page = disk.and_then(|disk| disk.snapshot_page(transfer, after, max_bytes));
        let Some(page) = page else { return };
        let (position, rows, end) = (page.position, page.rows, page.end);
        self.push_input(host, Input::SnapshotRows { transfer, position, rows, end });
    }

    pub(super) fn replace(
        &mut self,
        host: usize,
        instance: u32,
        position: Position,
        rows: Vec<Row>,
    ) -> Result<(), Violation> {
        let service = self.hosts[host].service;
        self.marks.hit(match service.kind {
            ServiceKind::Catalog => "snapshots installed",
            _ => "order snapshots installed",
        });
        self.trace.fold(position ^ (rows.len() as u64) << 40);
        self.trace.line(self.now, || {
            format!("{service} replaces its store by {} rows as of {position}", rows.len())
        });
        let facts: Vec<RowChange> = rows
            .iter()
            .filter(|row| matches!(row.table, Table::Facts | Table::Outbox))
            .map(|row| row.clone().into())
            .collect();
        if let Some(group) = self.watch.group(service.kind) {
            group.restores(host);
        }
        self.applied(host, position, &facts)?;
        let Some(disk) = self.hosts[host].disk.as_mut() else { return Ok(()) };
        match disk.replace(&mut self.rng, self.now, position, rows) {
            Ok(Some(at)) => self.queue.push(at, Event::StoreDone { host, instance }),
            Ok(None) => {}
            Err(why) => return Err(self.disk_violation(host, why)),
        }
        Ok(())
    }
}
