//! Runs worlds from seeds: one with its story, or many.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Parser;
use sim::campaign::{Group, Tally, run_checked};
use sim::invariants::Violation;
use sim::mutant::{self, Mutant};
use sim::scenario::Scenario;
use sim::trace::Keep;
use sim::world::Outcome;

/// Deterministic simulation of Bazaar: the code that ships, under virtual time, with faults drawn from a seed.
#[derive(Parser, Debug)]
#[command(name = "sim")]
struct Arguments {
    /// Run this one seed and tell its story if it fails.
    #[arg(long, conflicts_with_all = ["seeds", "seconds"])]
    seed: Option<u64>,
    /// Tell the story in any case, and all of it.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Run so many seeds.
    #[arg(long)]
    seeds: Option<u64>,
    /// Run seeds for so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Whose worlds: the trading group's, or the customers'. A mutant knows by itself.
    #[arg(long, default_value = "trading", value_parser = parse_group)]
    group: Group,
    /// First seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Worlds at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Run only seeds whose orders' group elects its leader; the others are passed over.
    #[arg(long, conflicts_with_all = ["seed", "group"])]
    raft_orders: bool,
    /// Turn a deliberate bug on; the run succeeds when a violation is found.
    #[arg(long, value_parser = parse_mutant)]
    mutant: Option<NamedMutant>,
    /// Go on after the first ten failures.
    #[arg(long)]
    keep_going: bool,
}

#[derive(Clone, Debug)]
struct NamedMutant(String, Mutant);

fn parse_mutant(name: &str) -> Result<NamedMutant, String> {
    let known = || mutant::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    mutant::by_name(name)
        .map(|mutant| NamedMutant(name.to_owned(), mutant))
        .ok_or_else(|| format!("known mutants: {}", known()))
}

fn parse_group(name: &str) -> Result<Group, String> {
    match name {
        "trading" => Ok(Group::Trading),
        "customers" => Ok(Group::Customers),
        _ => Err("known groups: trading, customers".to_owned()),
    }
}

/// Lines of a failing world's story that are printed.
const STORY: usize = 400;

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if let Some(NamedMutant(_, Mutant::Customers(_))) = arguments.mutant {
        arguments.group = Group::Customers;
    }
    let good = match arguments.seed {
        Some(seed) => one(seed, &arguments),
        None => many(&arguments),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64, arguments: &Arguments) -> bool {
    let mutant = arguments.mutant.as_ref().map(|named| named.1);
    let keep = Keep::Last(if arguments.trace { usize::MAX } else { STORY });
    let started = Instant::now();
    let outcome = arguments.group.run(seed, mutant, keep);
    let took = started.elapsed();
    println!("seed {seed}: {}", arguments.group.summary(seed));
    if arguments.trace || outcome.violation.is_some() {
        let (dropped, lines) = &outcome.story;
        if *dropped > 0 {
            println!("... {dropped} earlier lines: --trace shows them");
        }
        for line in lines {
            println!("{line}");
        }
    }
    for (mark, count) in outcome.marks.iter() {
        println!("  {count:>9} {mark}");
    }
    println!(
        "{} events, {:.3} s of virtual time in {:.3} s, story {:016x}",
        outcome.events,
        outcome.ended_at as f64 / 1e6,
        took.as_secs_f64(),
        outcome.hash
    );
    verdict(&outcome.violation, mutant.is_some())
}

fn verdict(violation: &Option<Violation>, wanted: bool) -> bool {
    match violation {
        Some(violation) => println!("VIOLATION {violation}"),
        None => println!("sound"),
    }
    violation.is_some() == wanted
}

fn many(arguments: &Arguments) -> bool {
    let started = Instant::now();
    let tally = run_many(arguments);
    let took = started.elapsed().as_secs_f64();
    println!("situations met:");
    for (mark, count) in tally.marks.iter() {
        println!("  {count:>11} {mark}");
    }
    println!(
        "{} seeds from {}, {} events, {:.0} s of virtual time, in {took:.1} s: {:.0} seeds/s, {:.2} million events/s",
        tally.seeds,
        arguments.from,
        tally.events,
        tally.virtual_time as f64 / 1e6,
        tally.seeds as f64 / took,
        tally.events as f64 / took / 1e6,
    );
    match &arguments.mutant {
        Some(named) => mutant_verdict(&tally, &named.0, arguments.from),
        None => sound_verdict(&tally, arguments.raft_orders),
    }
}

fn mutant_verdict(tally: &Tally, name: &str, from: u64) -> bool {
    let Some((seed, violation)) = tally.failures.iter().min_by_key(|(seed, _)| *seed) else {
        println!("mutant {name} SURVIVED {} seeds", tally.seeds);
        return false;
    };
    println!("mutant {name} found after {} seeds: {violation}", seed - from + 1);
    println!("  cargo xtask sim --seed {seed} --mutant {name}");
    true
}

/// Worlds of one sort only cannot meet every situation.
fn sound_verdict(tally: &Tally, one_sort: bool) -> bool {
    let of = if tally.group == Group::Customers { " --group customers" } else { "" };
    for (seed, violation) in &tally.failures {
        println!("VIOLATION seed {seed}: {violation}");
        println!("  cargo xtask sim{of} --seed {seed}");
    }
    let missing = if one_sort { Vec::new() } else { tally.vacuous() };
    if !missing.is_empty() {
        println!("VACUOUS: never met {}", missing.join(", "));
    }
    println!("{} failures", tally.failures.len());
    tally.failures.is_empty() && missing.is_empty()
}

/// Spreads seeds over threads. Each world is one thread's, so the result does not depend on how many there are.
fn run_many(arguments: &Arguments) -> Tally {
    let mutant = arguments.mutant.as_ref().map(|named| named.1);
    let most = arguments.seeds.unwrap_or(if arguments.seconds.is_some() { u64::MAX } else { 200 });
    let until = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let (results, inbox) = mpsc::channel::<(u64, Outcome)>();
    let mut tally = Tally { group: arguments.group, ..Tally::default() };
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            let results = results.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed)
                    && until.is_none_or(|until| Instant::now() < until)
                {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= most {
                        break;
                    }
                    let seed = arguments.from + index;
                    let passed_over =
                        arguments.raft_orders && Scenario::draw(seed).orders_group.is_none();
                    if passed_over {
                        continue;
                    }
                    if results.send((seed, run_checked(arguments.group, seed, mutant))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(results);
        collect(arguments, &inbox, &stop, &mut tally);
    });
    tally.failures.sort_by_key(|(seed, _)| *seed);
    tally
}

fn collect(
    arguments: &Arguments,
    inbox: &mpsc::Receiver<(u64, Outcome)>,
    stop: &AtomicBool,
    tally: &mut Tally,
) {
    let enough = if arguments.mutant.is_some() { 1 } else { 10 };
    for (seed, outcome) in inbox {
        let failed = outcome.violation.is_some();
        tally.add(seed, outcome);
        if failed && arguments.mutant.is_none() {
            eprintln!("seed {seed} failed");
        }
        if tally.failures.len() >= enough && !arguments.keep_going {
            stop.store(true, Ordering::Relaxed);
        }
        if tally.seeds.is_multiple_of(1_000) {
            eprintln!("{} seeds, {} failures", tally.seeds, tally.failures.len());
        }
    }
}
