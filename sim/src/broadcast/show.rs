//! Effects in few words, for a person who reads a world's story.

use bytes::Bytes;
use replication::contract::{Effect, LogWrite, Message};
use replication::rotating_sequencer as rsv;

use super::check::proposals::number;

/// An effect.
pub(super) fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Persist { ticket, writes } => {
            format!("writes #{ticket}: {}", list(writes.iter().map(write)))
        }
        Effect::Send { to, message } => format!("to {to}: {}", message_(message)),
        Effect::Broadcast(message) => format!("to all: {}", message_(message)),
        Effect::Deliver(entry) => {
            format!("delivers {} at {} ({:?})", command(&entry.command), entry.position, entry.hash)
        }
        Effect::Restore(name) => {
            format!("takes the snapshot as of {} ({:?})", name.position, name.hash)
        }
        Effect::Mark(mark) => format!("marks {} bytes", mark.len()),
        other => format!("{other:?}"),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn write(write: &LogWrite) -> String {
    match write {
        LogWrite::Note(note) => format!("note {} B", note.len()),
        LogWrite::Digest(note) => format!("digest {} B", note.len()),
        other => format!("{other:?}"),
    }
}

fn command(command: &Bytes) -> String {
    number(command).map_or_else(|| "?".to_owned(), |number| format!("c{number}"))
}

fn message_(message: &Message) -> String {
    match message {
        Message::RotatingSequencer(message) => {
            format!("{} [{}]", body(&message.body), header(message))
        }
        other => format!("{other:?}"),
    }
}

fn header(message: &rsv::Message) -> String {
    let rsv::Message { life, view, phase, holds, .. } = message;
    let rsv::Holds { requests, sequences, durable, delivered } = holds;
    format!(
        "boot {} {phase:?} of {}.{} has {requests:?} seq {sequences} dur {durable} del {delivered}",
        life.boot, view.round, view.proposer
    )
}

fn body(body: &rsv::Body) -> String {
    match body {
        rsv::Body::Request { first, commands } => {
            format!("Request {first}.. {}", list(commands.iter().map(command)))
        }
        other => format!("{other:?}"),
    }
}
