//! Golden scripts: plays of the protocol whose recorded traces were read and found right.
//!
//! `UPDATE_GOLDENFILES=1 cargo test -p replication --test scripts` records them anew. Read what it recorded.

mod group;

use std::error::Error;
use std::fmt::Write as _;

use goldenscript::ArgumentConsumer;
use group::{Group, primary_backup, raft, rotating_sequencer, show};
use replication::contract::{Command as Payload, MemberChange, Members, ReplicaId, Role};
use replication::time::Span;

/// Runs one script against one group.
#[derive(Default)]
struct Play {
    group: Option<Group>,
    /// What is said all the time, or again, is left out of every answer.
    quiet: bool,
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
    /// `raft N [leader=ID] [memory=N] [batch=N] [seed=N]`: the same of Raft.
    /// `rotating N [memory=N] [ahead=N] [single=1] [fresh=1]`: a group of a rotating sequencer, founded unless it is to be fresh;
    /// `memory` Sequences are kept for who was away, numbers go `ahead` of the slowest disk, `single` Requests are covered.
    fn start(&mut self, name: &str, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
        let size = id(args)?;
        let (memory, batch) = (number(args, "memory")?, number(args, "batch")?);
        let (memory, batch) = (memory.unwrap_or(8_192), batch.unwrap_or(1_024) as usize);
        let (ahead, single) = (number(args, "ahead")?, number(args, "single")?.is_some());
        let fresh = number(args, "fresh")?.is_some();
        let leader = number(args, "leader")?.map(|id| id as ReplicaId);
        let mut group = match name {
            "raft" => {
                let seed = number(args, "seed")?.unwrap_or(1);
                Group::new(size, raft_factory(size, seed, memory, batch))
            }
            "rotating" => {
                let ahead = ahead.unwrap_or(16_384);
                Group::new(size, rotating_factory(size, memory, ahead, single))
            }
            _ => Group::new(size, primary_backup_factory(size, memory, batch)),
        };
        if name == "rotating" && !fresh {
            group.found();
        }
        match leader {
            Some(leader) if name == "raft" => group.elect_first(leader),
            Some(leader) => group.lead(leader),
            None => {}
        }
        group.trace = Some(Vec::new());
        self.group = Some(group);
        Ok(())
    }

    fn group(&mut self) -> Result<&mut Group, Box<dyn Error>> {
        self.group.as_mut().ok_or_else(|| "no group yet: start N".into())
    }
}

fn primary_backup_factory(size: u8, memory: u64, batch: usize) -> group::Factory {
    primary_backup(size, move |config| {
        config.limits.memory_below_stored = memory;
        config.limits.append_entries = batch;
        config.limits.history_read = batch;
    })
}

fn raft_factory(size: u8, seed: u64, memory: u64, batch: usize) -> group::Factory {
    raft(size, seed, move |config| {
        config.limits.tail_entries = memory;
        config.limits.append_entries = batch;
    })
}

fn rotating_factory(size: u8, memory: u64, ahead: u64, single: bool) -> group::Factory {
    rotating_sequencer(size, 1, move |config| {
        config.limits.tail_sequences = memory;
        config.limits.tail_bytes = if memory == 0 { 0 } else { config.limits.tail_bytes };
        config.limits.sequence_ahead = ahead;
        config.assignment_mode = single;
    })
}

/// `deliver [FROM] [TO] [n=N] [what=WORD]`: what is on the way now (all, or on one link, or the first n of it, or only what
/// begins with a word) arrives. `drop` loses it instead.
fn move_packets(
    group: &mut Group,
    args: &mut ArgumentConsumer<'_>,
    arrive: bool,
) -> Result<(), Box<dyn Error>> {
    let from: Option<ReplicaId> = args.next_pos().map(str::parse).transpose()?;
    let to: Option<ReplicaId> = args.next_pos().map(str::parse).transpose()?;
    let mut left = number(args, "n")?.unwrap_or(u64::MAX);
    let what = args.take_key("what").unwrap_or_default().to_owned();
    for packet in std::mem::take(&mut group.net) {
        let meant = from.is_none_or(|id| id == packet.from) && to.is_none_or(|id| id == packet.to);
        let meant = meant && show::message(&packet.message).starts_with(&what);
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

/// `tick MS [only=ID]`: time passes in steps of 10 ms, for all or for one; nothing arrives meanwhile.
fn tick(group: &mut Group, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
    let total: u64 = args.next_pos().ok_or("how many ms?")?.parse()?;
    let only = number(args, "only")?.map(|id| id as ReplicaId);
    for _ in 0..total.div_ceil(10) {
        group.now = group.now + Span::millis(total.min(10));
        for id in group.ids().into_iter().filter(|id| only.is_none_or(|only| only == *id)) {
            group.drive(id, |engine, now| engine.tick(now));
        }
    }
    Ok(())
}

/// `cut FROM TO`: what goes that way is lost from now on; `cut ID`: both ways, with everybody. `mend`: no more.
fn cut(group: &mut Group, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
    let from = id(args)?;
    match args.next_pos() {
        Some(to) => drop(group.cut.insert((from, to.parse()?))),
        None => {
            let others = group.ids().into_iter().filter(|other| *other != from);
            group.cut.extend(others.flat_map(|other| [(from, other), (other, from)]));
        }
    }
    Ok(())
}

/// `member LEADER add|remove ID`: asks for a change of members, with the disk that the replica has.
fn member(
    group: &mut Group,
    leader: ReplicaId,
    args: &mut ArgumentConsumer<'_>,
) -> Result<(), Box<dyn Error>> {
    let word = args.next_pos().ok_or("add or remove?")?.to_owned();
    let id = id(args)?;
    let change = match word.as_str() {
        "add" => MemberChange::Add(id, group.replicas[&id].incarnation),
        "remove" => MemberChange::Remove(id),
        other => return Err(format!("members do not {other}").into()),
    };
    let answer = group.drive(leader, |engine, now| engine.change_members(now, change));
    if let Some(Err(error)) = answer {
        group.say(|| format!("{leader}: refuses, {error}"));
    }
    Ok(())
}

/// `transfer`: snapshots go on by one step each; `transfer lost`: they are lost.
fn transfer(group: &mut Group, args: &mut ArgumentConsumer<'_>) {
    let lost = args.next_pos() == Some("lost");
    for _ in 0..group.transfers.len() {
        group.transfer_one(lost);
    }
}

/// `calm MS [except=ID]`: time passes (not for one that is paused) and everything arrives and completes at once. What is said all the time (empty appends,
/// acknowledgements) is left out of the trace.
fn calm(group: &mut Group, args: &mut ArgumentConsumer<'_>) -> Result<(), Box<dyn Error>> {
    let total: u64 = args.next_pos().ok_or("how many ms?")?.parse()?;
    let except = number(args, "except")?.map(|id| id as ReplicaId);
    for _ in 0..total.div_ceil(10) {
        group.now = group.now + Span::millis(10);
        for id in group.ids().into_iter().filter(|id| Some(*id) != except) {
            group.drive(id, |engine, now| engine.tick(now));
        }
        group.settle();
    }
    hide(group);
    Ok(())
}

/// What is said all the time is left out of the trace.
fn hide(group: &mut Group) {
    let chatter = |line: &String| {
        let words =
            ["[] commit", " ack ", "heartbeat term", "heard term", "status |", "all recover |"];
        words.iter().any(|word| line.contains(word))
    };
    group.trace.iter_mut().for_each(|trace| trace.retain(|line| !chatter(line)));
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
                let role = match (status.leads, group.replicas[&id].role) {
                    (true, _) => "leads",
                    (_, Role::Member) => "takes part in",
                    _ => "follows",
                };
                let (epoch, end) = (status.epoch, status.end);
                let (durable, commit) = (status.durable, status.commit);
                let members = members(&status.members);
                format!(
                    "{role} epoch {epoch} end {end} durable {durable} delivered {commit}{members}"
                )
            }
        };
        group.say(|| format!("{id}: {line}"));
    }
    if group.register.version > 0 {
        let register = show::configuration(&group.register);
        group.say(|| format!("register: {register}"));
    }
}

fn members(members: &Members) -> String {
    match (members.voters.is_empty(), members.learners.is_empty()) {
        (true, _) => String::new(),
        (_, true) => format!(" voters {:?}", members.voters),
        _ => format!(" voters {:?} learners {:?}", members.voters, members.learners),
    }
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
        "cut" => cut(group, args)?,
        "mend" => group.cut.clear(),
        "snapshots-wait" => group.snapshots_wait = true,
        "transfer" => transfer(group, args),
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
        "join" => group.add(id),
        "replace" => drop(group.replace_one(id)),
        "member" => member(group, id, args)?,
        "barrier" if group.barrier(id).is_none() => group.say(|| format!("{id}: no barrier")),
        "barrier" => {}
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
        if matches!(command.name.as_str(), "start" | "raft" | "rotating") {
            self.start(&command.name, &mut args)?;
            return Ok(String::new());
        }
        if command.name == "quiet" {
            self.quiet = true;
            return Ok(String::new());
        }
        let quiet = self.quiet;
        let group = self.group()?;
        run(group, &command.name, &mut args)?;
        args.reject_next()?;
        if quiet {
            hide(group);
            let mut seen = std::collections::BTreeSet::new();
            group.trace.iter_mut().for_each(|it| it.retain(|line| seen.insert(line.clone())));
        }
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
