//! Effects and messages as one short line each.

use replication::contract::*;
use replication::primary_backup::Message as PrimaryBackup;
use replication::register::{Configuration, RegisterCommand};

pub(crate) fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Persist { ticket, writes } => {
            let writes: Vec<_> = writes.iter().map(write).collect();
            format!("persist #{ticket}: {}", writes.join(", "))
        }
        Effect::Send { to, message } => format!("-> {to} {}", self::message(message)),
        Effect::Deliver(entry) => format!("deliver {}", self::entry(entry)),
        Effect::ReadHistory { from, max } => format!("read {max} from {from} of the store"),
        Effect::Configure(command) => format!("asks {}", ask(command)),
        Effect::Changed(Changed { role, epoch, cause }) => {
            format!("is {role:?} in epoch {epoch}: {cause}")
        }
        Effect::Mark(mark) => format!("mark of {} bytes", mark.len()),
        Effect::Passed(barrier) => format!("passed barrier {barrier}"),
        Effect::SendSnapshot { to } => format!("send a snapshot to {to}"),
        Effect::Restore(snapshot) => format!("restore the snapshot of {}", snapshot.position),
    }
}

fn write(write: &LogWrite) -> String {
    match write {
        LogWrite::Append(entry) => self::entry(entry),
        LogWrite::Truncate(position) => format!("cut from {position}"),
        LogWrite::State(state) => format!("epoch {} commit {}", state.epoch, state.commit),
        LogWrite::Reset { position, .. } => format!("begin after {position}"),
    }
}

fn entry(entry: &Entry) -> String {
    format!("{}={}", entry.position, String::from_utf8_lossy(&entry.command))
}

pub(crate) fn entries(entries: &[Entry]) -> String {
    let entries: Vec<_> = entries.iter().map(entry).collect();
    format!("[{}]", entries.join(" "))
}

pub(crate) fn message(message: &Message) -> String {
    let Message::PrimaryBackup(message) = message else { return format!("{message:?}") };
    match message {
        PrimaryBackup::Append { epoch, previous, entries, commit, .. } => {
            let entries = self::entries(entries);
            format!("append epoch {epoch} after {previous} {entries} commit {commit}")
        }
        PrimaryBackup::Ack { epoch, incarnation, matched } => {
            format!("ack epoch {epoch} disk {incarnation} up to {matched}")
        }
        PrimaryBackup::Nack { epoch, hint } => {
            format!("nack epoch {epoch}, send from after {hint}")
        }
    }
}

fn ask(command: &RegisterCommand) -> String {
    match command {
        RegisterCommand::Elect { expect, candidate, log_end, drop, .. } => {
            let drop = drop.map(|id| format!(" dropping {id}")).unwrap_or_default();
            format!("v{expect}: elect {candidate} with log {log_end}{drop}")
        }
        RegisterCommand::AlterInSync { expect, epoch, in_sync, added } => {
            let added = added.map(|(id, disk)| format!(" adding {id} with disk {disk}"));
            format!("v{expect}: epoch {epoch} in sync {in_sync:?}{}", added.unwrap_or_default())
        }
        RegisterCommand::Enrol { replica, incarnation, epoch } => {
            format!("enrol {replica} with disk {incarnation} that remembers epoch {epoch}")
        }
    }
}

pub(crate) fn configuration(register: &Configuration) -> String {
    let leader = register.leader.map_or("nobody".to_owned(), |id| id.to_string());
    let (version, epoch, in_sync) = (register.version, register.epoch, &register.in_sync);
    format!("v{version} epoch {epoch} leader {leader} in sync {in_sync:?}")
}
