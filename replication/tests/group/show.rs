//! Effects and messages as one short line each.

use replication::contract::*;
use replication::primary_backup::Message as PrimaryBackup;
use replication::raft::{Kind, Message as Raft};
use replication::register::{Configuration, RegisterCommand};
use replication::rotating_sequencer::{
    Ballot, Body, Install, Message as RotatingSequencer, Part, Phase, Run, State,
};

pub(crate) fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Persist { ticket, writes } => {
            let writes: Vec<_> = writes.iter().map(write).collect();
            format!("persist #{ticket}: {}", writes.join(", "))
        }
        Effect::Send { to, message } => format!("-> {to} {}", self::message(message)),
        Effect::Broadcast(message) => format!("-> all {}", self::message(message)),
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
        LogWrite::State(HardState { epoch, vote: 0, commit }) => {
            format!("epoch {epoch} commit {commit}")
        }
        LogWrite::State(HardState { epoch, vote, commit }) => {
            format!("epoch {epoch} vote {vote} commit {commit}")
        }
        LogWrite::Reset { position, .. } => format!("begin after {position}"),
        LogWrite::Note(note) => format!("note of {} bytes", note.len()),
        LogWrite::Digest(note) => format!("digest of {} bytes", note.len()),
    }
}

fn entry(entry: &Entry) -> String {
    if entry.command.is_empty() || entry.command[0] < b' ' {
        return if entry.command.is_empty() {
            format!("{}", entry.position)
        } else {
            envelope(entry.position, &entry.command)
        };
    }
    format!("{}={}", entry.position, String::from_utf8_lossy(&entry.command))
}

pub(crate) fn entries(entries: &[Entry]) -> String {
    let entries: Vec<_> = entries.iter().map(entry).collect();
    format!("[{}]", entries.join(" "))
}

pub(crate) fn message(message: &Message) -> String {
    match message {
        Message::PrimaryBackup(message) => primary_backup(message),
        Message::Raft(message) => raft(message),
        Message::RotatingSequencer(message) => rotating_sequencer(message),
    }
}

/// What it says, and what it says of its sender: the view, and how far Requests, Sequences, disk and delivery are.
fn rotating_sequencer(message: &RotatingSequencer) -> String {
    let RotatingSequencer { view, phase, holds, body, .. } = message;
    let phase = match phase {
        Phase::Member => "",
        Phase::Wedged => " wedged",
        Phase::Blank => " blank",
    };
    let (requests, sequences) = (&holds.requests, holds.sequences);
    let (durable, delivered) = (holds.durable, holds.delivered);
    let body = self::body(body);
    let has = format!("has {requests:?} {sequences} disk {durable} done {delivered}");
    format!("{body} | v{}{phase} {has}", ballot(view))
}

fn body(body: &Body) -> String {
    match body {
        Body::Request { first, commands } => format!("request {first}={}", texts(commands)),
        Body::Sequence { number, upto } => format!("sequence {number} upto {upto:?}"),
        Body::Status => "status".to_owned(),
        Body::Nack { requests, numbers, whole } => {
            let numbers = numbers.map(|(from, to)| format!(" sequences {from}-{to}"));
            let whole = if *whole { " with requests" } else { "" };
            format!("nack{}{}{whole}", runs(requests), numbers.unwrap_or_default())
        }
        Body::Repair { parts, sequences } => {
            let parts = parts.iter().map(part).collect::<String>();
            let sequences = sequences.iter().map(|(number, it)| format!(" {number}:{}", runs(it)));
            format!("repair{parts}{}", sequences.collect::<String>())
        }
        Body::Gather { ballot: it } => format!("gather {}", ballot(it)),
        Body::State(state) => self::state(state),
        Body::Install(install) => self::install(install),
        Body::Recover => "recover".to_owned(),
        Body::RecoverOk { ballot: it, .. } => format!("recover-ok {}", ballot(it)),
        Body::Join => "join".to_owned(),
        Body::Ask { round } => format!("ask {round}"),
        Body::Answer { round } => format!("answer {round}"),
        Body::Offer(offer) => format!("offer {}", offer.position),
    }
}

/// Round and proposer.
fn ballot(ballot: &Ballot) -> String {
    format!("{}.{}", ballot.round, ballot.proposer)
}

fn texts(commands: &[Command]) -> String {
    let texts: Vec<_> = commands.iter().map(|it| String::from_utf8_lossy(it)).collect();
    format!("[{}]", texts.join(" "))
}

/// Members are named by their places here, from 0, as the messages do.
fn runs(runs: &[Run]) -> String {
    runs.iter().map(|run| format!(" {}/{}..{}", run.member, run.from, run.upto)).collect()
}

fn part(part: &Part) -> String {
    format!(" {}/{}={}", part.member, part.first, texts(&part.commands))
}

fn state(state: &State) -> String {
    let (durable, tail) = (state.durable, state.tail.len());
    format!("state {} disk {durable} and {tail} more", ballot(&state.ballot))
}

fn install(install: &Install) -> String {
    let Install { view, parent, .. } = install;
    let members: Vec<_> =
        view.members.iter().map(|life| life.map_or(0, |life| life.boot)).collect();
    let (name, base, parent) = (ballot(&view.ballot), view.base, ballot(parent));
    format!("install {name} boots {members:?} turns {:?} after {base} of {parent}", view.rotation)
}

fn raft(message: &Raft) -> String {
    let Raft { term, log_term, index, commit, .. } = message;
    let yes = if message.reject { "no" } else { "yes" };
    let place = format!("{index} of term {log_term}");
    match message.kind {
        Kind::Append => {
            let entries: Vec<_> =
                message.entries.iter().map(|e| envelope(e.position, &e.envelope)).collect();
            let entries = entries.join(" ");
            format!("append term {term} after {place} [{entries}] commit {commit}")
        }
        Kind::AppendAnswer if message.reject => {
            format!("nack term {term} after {index}, try {}", message.reject_hint)
        }
        Kind::AppendAnswer => format!("ack term {term} up to {index}"),
        Kind::Vote => format!("vote for me in term {term}, my log ends with {place}"),
        Kind::VoteAnswer => format!("vote term {term}: {yes}"),
        Kind::PreVote => format!("would you in term {term}, my log ends with {place}"),
        Kind::PreVoteAnswer => format!("would term {term}: {yes}"),
        Kind::Heartbeat => format!("heartbeat term {term} commit {commit}{}", round(message)),
        Kind::HeartbeatAnswer => format!("heard term {term}{}", round(message)),
        Kind::Snapshot => {
            let position = message.snapshot.as_ref().map_or(0, |name| name.position);
            format!("take the snapshot of {position}, term {term}")
        }
        Kind::CampaignNow => format!("campaign now, term {term}"),
    }
}

/// The barrier that a heartbeat carries.
fn round(message: &Raft) -> String {
    match <[u8; 8]>::try_from(&message.context[..]) {
        Ok(bytes) => format!(" round {}", u64::from_be_bytes(bytes)),
        Err(_) => String::new(),
    }
}

/// An entry of Raft's log: terms below 128 are one byte.
fn envelope(position: Position, bytes: &[u8]) -> String {
    let (kind, term) = (bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0));
    let payload = bytes.get(2..).unwrap_or_default();
    match kind {
        1 => format!("{position}={} (term {term})", String::from_utf8_lossy(payload)),
        2 => format!("{position}=begin (term {term})"),
        3 => format!("{position}=members (term {term})"),
        _ => format!("{position}=roll (term {term})"),
    }
}

fn primary_backup(message: &PrimaryBackup) -> String {
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
