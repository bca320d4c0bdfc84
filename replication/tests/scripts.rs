//! Golden scripts: plays of the protocol whose recorded traces were read and found right.
//!
//! `UPDATE_GOLDENFILES=1 cargo test -p replication --test scripts` records them anew. Read what it recorded.

mod group;

use std::error::Error;
use std::fmt::Write as _;

use goldenscript::ArgumentConsumer;
use group::{Group, primary_backup, show};
use replication::contract::{Command as Payload, ReplicaId};
use replication::time::Span;

/// Runs one script against one group.
#[derive(Default)]
struct Play {
    group: Option<Group>,
}

type Answer = Result<String, Box<dyn Error>>;

fn id(args: &mut ArgumentConsumer<'_>) -> Result<ReplicaId, Box<dyn Error>> {
    args.next_pos().ok_or("which replica?")?.parse().map_err(Into::into)
}

fn number(args: &mut ArgumentConsumer<'_>, key: &str) -> Result<Option<u64>, Box<dyn Error>> {
    args.take_key(key).map(|value| value.parse().map_err(Into::into)).transpose()
}

impl Play {
    /// `start N [leader=ID] [memory=N] [batch=N]`: a group with an elected leader (or none), at rest.
    fn start(&mut self, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
        let size = id(args)?;
        let (memory, batch) = (number(args, "memory")?, number(args, "batch")?);
        let factory = primary_backup(size, move |config| {
            config.limits.memory_below_stored = memory.unwrap_or(8_192);
            config.limits.append_entries = batch.unwrap_or(1_024) as usize;
            config.limits.history_read = config.limits.append_entries;
        });
        let mut group = Group::new(size, factory);
        if let Some(leader) = number(args, "leader")? {
            group.lead(leader as ReplicaId);
        }
        group.trace = Some(Vec::new());
        self.group = Some(group);
        Ok(())
    }

    fn group(&mut self) -> Result<&mut Group, Box<dyn Error>> {
        self.group.as_mut().ok_or_else(|| "no group yet: start N".into())
    }
}

/// `deliver [FROM] [TO] [n=N]`: what is on the way now (all, or on one link, or the first n of it) arrives.
/// `drop` loses it instead.
fn move_packets(
    group: &mut Group,
    args: &mut ArgumentConsumer<'_>,
    arrive: bool,
) -> Result<(), Box<dyn Error>> {
    let from: Option<ReplicaId> = args.next_pos().map(str::parse).transpose()?;
    let to: Option<ReplicaId> = args.next_pos().map(str::parse).transpose()?;
    let mut left = number(args, "n")?.unwrap_or(u64::MAX);
    for packet in std::mem::take(&mut group.net) {
        let meant = from.is_none_or(|id| id == packet.from) && to.is_none_or(|id| id == packet.to);
        if !meant || left == 0 {
            group.net.push(packet);
            continue;
        }
        left -= 1;
        let (word, text) = (if arrive { "" } else { "lost " }, show::message(&packet.message));
        let (from, to) = (packet.from, packet.to);
        group.say(|| format!("{to}: {word}<- {from} {text}"));
        if arrive {
            group.arrive(packet);
        }
    }
    Ok(())
}

/// `persist [ID] [n=N]`: writes complete, all or the first n of each replica.
fn persist(group: &mut Group, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
    let only: Option<ReplicaId> = args.next_pos().map(str::parse).transpose()?;
    let count = number(args, "n")?.unwrap_or(u64::MAX);
    for id in group.ids().into_iter().filter(|id| only.is_none_or(|only| only == *id)) {
        let mut left = count;
        while left > 0 && group.persist_one(id) {
            left -= 1;
        }
    }
    Ok(())
}

/// `tick MS`: time passes in steps of 10 ms; nothing arrives meanwhile.
fn tick(group: &mut Group, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
    let total: u64 = args.next_pos().ok_or("how many ms?")?.parse()?;
    for _ in 0..total.div_ceil(10) {
        group.tick(Span::millis(total.min(10)));
    }
    Ok(())
}

/// `calm MS`: time passes and everything arrives and completes at once. What is said all the time (empty appends,
/// acknowledgements) is left out of the trace.
fn calm(group: &mut Group, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
    let total: u64 = args.next_pos().ok_or("how many ms?")?.parse()?;
    for _ in 0..total.div_ceil(10) {
        group.tick(Span::millis(10));
        group.settle();
    }
    let chatter = |line: &String| line.contains("[] commit") || line.contains(" ack ");
    group.trace.iter_mut().for_each(|trace| trace.retain(|line| !chatter(line)));
    Ok(())
}

/// `elect ID [drop=ID]`: a gateway proposes a leader.
fn elect(group: &mut Group, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
    let candidate = id(args)?;
    let drop = number(args, "drop")?.map(|id| id as ReplicaId);
    let result = group.elect(candidate, drop);
    let register = show::configuration(&group.register);
    group.say(|| match result {
        Ok(()) => format!("register: {register}"),
        Err(refusal) => format!("register: refused, {refusal}"),
    });
    Ok(())
}

fn propose(group: &mut Group, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
    let leader = id(args)?;
    let mut commands = Vec::new();
    while let Some(text) = args.next_pos() {
        commands.push(Payload::copy_from_slice(text.as_bytes()));
    }
    if let Some(Err(error)) = group.propose(leader, commands) {
        group.say(|| format!("{leader}: refuses, {error}"));
    }
    Ok(())
}

/// `push [ID]`: the register's present configuration reaches everybody, or one.
fn push(group: &mut Group, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
    let only: Option<ReplicaId> = args.next_pos().map(str::parse).transpose()?;
    let register = group.register.clone();
    for id in group.ids().into_iter().filter(|id| only.is_none_or(|only| only == *id)) {
        group.configure(id, &register);
    }
    Ok(())
}

/// `register`: takes what was asked and answers; `register mute`: the answers are lost; `register deaf`: the questions.
fn register(group: &mut Group, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
    match args.next_pos() {
        None => while group.serve_ask(true) {},
        Some("mute") => while group.serve_ask(false) {},
        Some("deaf") => group.asks.clear(),
        Some(other) => return Err(format!("the register cannot be {other}").into()),
    }
    for (id, configuration) in std::mem::take(&mut group.pushes) {
        group.configure(id, &configuration);
    }
    Ok(())
}

fn status(group: &mut Group) {
    for id in group.ids() {
        let line = match group.status(id) {
            None => "down".to_owned(),
            Some(status) => {
                let role = if status.leads { "leads" } else { "follows" };
                let (epoch, end) = (status.epoch, status.end);
                let (durable, commit) = (status.durable, status.commit);
                format!("{role} epoch {epoch} end {end} durable {durable} delivered {commit}")
            }
        };
        group.say(|| format!("{id}: {line}"));
    }
    let register = show::configuration(&group.register);
    group.say(|| format!("register: {register}"));
}

fn run(
    group: &mut Group,
    name: &str,
    args: &mut ArgumentConsumer<'_>,
) -> Result<(), Box<dyn Error>> {
    match name {
        "deliver" => move_packets(group, args, true)?,
        "drop" => move_packets(group, args, false)?,
        "persist" => persist(group, args)?,
        "tick" => tick(group, args)?,
        "calm" => calm(group, args)?,
        "settle" => group.settle(),
        "elect" => elect(group, args)?,
        "propose" => propose(group, args)?,
        "push" => push(group, args)?,
        "register" => register(group, args)?,
        "status" => status(group),
        "source" => group.source = args.next_pos().map(str::parse).transpose()?,
        other => return run_replica(group, other, args),
    }
    Ok(())
}

/// Commands about one replica's process and disk.
fn run_replica(
    group: &mut Group,
    name: &str,
    args: &mut ArgumentConsumer<'_>,
) -> Result<(), Box<dyn Error>> {
    let id = id(args)?;
    match name {
        "crash" => group.crash(id, number(args, "kept")?.unwrap_or(0) as usize),
        "restart" => group.start(id),
        "lose-disk" => group.lose_disk(id),
        "store" => group.store(id, args.next_pos().ok_or("up to where?")?.parse()?),
        "read" => while group.serve_read() {},
        "hand-over" => {
            group.drive(id, |engine, now| engine.hand_over(now));
        }
        "link" => {
            let peer = self::id(args)?;
            let up = args.next_pos() == Some("up");
            group.drive(id, |engine, now| engine.link(now, peer, up));
        }
        other => return Err(format!("unknown command {other}").into()),
    }
    Ok(())
}

impl goldenscript::Runner for Play {
    type Command = goldenscript::Command;

    fn run(&mut self, command: &Self::Command, _context: &goldenscript::Context) -> Answer {
        let mut args = command.consume_args();
        if command.name == "start" {
            self.start(&mut args)?;
            return Ok(String::new());
        }
        let group = self.group()?;
        run(group, &command.name, &mut args)?;
        args.reject_next()?;
        let mut output = String::new();
        for line in group.trace.iter_mut().flat_map(std::mem::take) {
            writeln!(output, "{line}")?;
        }
        match group.checker.violations.first() {
            Some(violation) => Err(violation.clone().into()),
            None => Ok(output),
        }
    }
}

#[test]
fn every_script_plays_as_recorded() {
    let scripts = std::fs::read_dir("tests/scripts").expect("the scripts are there");
    let mut paths: Vec<_> = scripts.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    assert!(paths.len() >= 12, "scripts are missing: {paths:?}");
    for path in paths {
        goldenscript::run(&mut Play::default(), &path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
