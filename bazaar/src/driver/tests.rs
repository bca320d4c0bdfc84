//! The driver with a toy process.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use market::rows::{Row, RowChange, Table};
use node::process::{HistoryPurpose, Ticket};
use replication::contract::{ChainHash, Entry, LogWrite, Position};

use super::*;
use crate::storage::log::LogIdentity;
use crate::storage::store::history_row;
use crate::storage::{self, Opened};

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A toy cannot bear this one.
const PANIC: ServiceId = ServiceId::gateway(13);

/// Transfer, position, rows, and whether that was all.
pub(super) type Snapshot = (u64, Position, Vec<Row>, bool);

/// Answers `Order(n)` once an entry for it is durable, `Leader` never, `Ready` at once.
#[derive(Default)]
pub(super) struct Toy {
    pub(super) last: Option<Entry>,
    ticket: Ticket,
    pub(super) open: Vec<LogWrite>,
    /// Requests that wait for a ticket.
    waiting: BTreeMap<Ticket, Vec<(RequestId, Entry)>>,
    gathered: Vec<(RequestId, Entry)>,
    pub(super) stored: Position,
    history: Vec<Entry>,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) replaced: Option<Position>,
    heard: Vec<String>,
    ticks: Vec<Now>,
    flushes: usize,
}

impl Toy {
    fn write(&mut self, id: RequestId) {
        let (position, hash) = match &self.last {
            Some(entry) => (entry.position + 1, entry.hash),
            None => (1, ChainHash::EMPTY),
        };
        let command = Bytes::from(format!("request {id}"));
        let entry = Entry { position, hash: hash.extend(&command), command };
        self.open.push(LogWrite::Append(entry.clone()));
        self.gathered.push((id, entry.clone()));
        self.last = Some(entry);
    }

    fn persisted(&mut self, ticket: Ticket, effects: &mut Vec<Effect>) {
        let later = self.waiting.split_off(&(ticket + 1));
        for (id, entry) in std::mem::replace(&mut self.waiting, later).into_values().flatten() {
            let mut changes = vec![history_row(&entry)];
            // A snapshot brought a hash of its own, which stands for the last position from then on.
            changes.extend(self.replaced.map(|_| RowChange {
                table: Table::Facts,
                key: node::HASH_KEY.to_vec(),
                value: Some(entry.hash.0.to_vec()),
            }));
            effects.push(Effect::Store { position: entry.position, changes });
            effects.push(Effect::Reply { id, response: ClientResponse::NoOrder });
        }
    }

    fn client(&mut self, id: RequestId, request: ClientRequest, effects: &mut Vec<Effect>) {
        match request {
            ClientRequest::Order(_) => self.write(id),
            ClientRequest::Ready => {
                effects.push(Effect::Reply { id, response: ClientResponse::Ready });
            }
            _ => self.heard.push(format!("client {id}")),
        }
    }
}

impl Process for Toy {
    fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Persisted(ticket) => self.persisted(ticket, effects),
            Input::Stored(position) => self.stored = position,
            Input::History { entries, .. } => self.history = entries,
            Input::SnapshotRows { transfer, position, rows, end } => {
                self.snapshots.push((transfer, position, rows, end));
            }
            Input::Replaced(position) => self.replaced = Some(position),
            Input::Client { id, request } => self.client(id, request, effects),
            Input::ClientGone(id) => self.heard.push(format!("gone {id}")),
            Input::Received { from, message } => effects.push(Effect::Send { to: from, message }),
            Input::LinkUp(PANIC) => panic!("on purpose"),
            Input::LinkUp(peer) => self.heard.push(format!("up {peer}")),
            Input::LinkDown(peer) => self.heard.push(format!("down {peer}")),
            Input::Tick => self.ticks.push(now),
            Input::Drain => effects.push(Effect::Drained),
        }
    }

    fn flush(&mut self, _: Now, effects: &mut Vec<Effect>) {
        self.flushes += 1;
        if !self.open.is_empty() {
            self.ticket += 1;
            self.waiting.insert(self.ticket, std::mem::take(&mut self.gathered));
            let writes = std::mem::take(&mut self.open);
            effects.push(Effect::Persist { ticket: self.ticket, writes });
        }
    }
}

pub(super) type Sent = (ServiceId, Vec<Message>);

struct Wire(mpsc::Sender<Sent>);

impl Links for Wire {
    fn send(&self, to: ServiceId, messages: Vec<Message>) {
        // A test that is over does not listen any more.
        let _ = self.0.send((to, messages));
    }
}

/// Everything around a driver under test.
pub(super) struct Around {
    pub(super) sent: mpsc::Receiver<Sent>,
    events: mpsc::Receiver<Event>,
}

pub(super) fn io(disk: Option<Disk>) -> (Io, Around) {
    let (to_sent, sent) = mpsc::channel();
    let (to_events, events) = mpsc::channel();
    let forward = move |event| to_events.send(event).unwrap_or_default();
    let io = Io { links: Arc::new(Wire(to_sent)), events: Arc::new(forward), disk };
    (io, Around { sent, events })
}

pub(super) fn open(dir: &std::path::Path) -> Opened {
    let identity = LogIdentity::new("toys", 1).unwrap();
    storage::recover(dir, &storage::Options::new(identity)).unwrap()
}

pub(super) fn disk(opened: Opened) -> Option<Disk> {
    let writer = WriterOptions { interval: Duration::from_millis(2), ..Default::default() };
    Some(Disk { log: opened.log, store: opened.store, writer })
}

pub(super) fn diskless() -> (Handle<Toy>, Around) {
    let (io, around) = io(None);
    (Driver::spawn(Toy::default(), io).unwrap(), around)
}

/// Waits until something is so.
pub(super) async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

pub(super) async fn ended<P: Process + 'static>(handle: &Handle<P>) -> Ended {
    tokio::time::timeout(PATIENCE, handle.ended()).await.expect("it ends")
}

fn note(detail: &str) -> Effect {
    Effect::Event(Event::Note { slug: "test", detail: detail.into() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_on_disk() {
    const CLIENTS: u64 = 300;
    let dir = tempfile::tempdir().unwrap();
    let (io, _around) = io(disk(open(dir.path())));
    let handle = Driver::spawn(Toy::default(), io).unwrap();
    let ask = |n| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.client(ClientRequest::Order(n)).await })
    };
    let clients: Vec<_> = (0..CLIENTS).map(ask).collect();
    for client in clients {
        assert_eq!(client.await.unwrap(), ClientResponse::NoOrder);
    }
    until("everything is stored", || handle.with(|toy| toy.stored) == CLIENTS).await;
    assert_eq!(handle.stored(), CLIENTS);
    let writes = handle.with(|toy| toy.ticket);
    assert!(writes < CLIENTS, "{writes} writes are a batch each");
    handle.stop();
    assert_eq!(ended(&handle).await, Ended::Stopped);
    let opened = open(dir.path());
    assert_eq!(opened.recovered.applied, CLIENTS);
    let last = opened.store.hash_at(CLIENTS).unwrap().unwrap();
    assert_eq!(Some(last), handle.with(|toy| toy.last.as_ref().map(|entry| entry.hash)));
}

#[tokio::test]
async fn draining_writes_log_and_store_before_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let (mut io, _around) = io(disk(open(dir.path())));
    let writer = WriterOptions { interval: PATIENCE * 10, ..Default::default() };
    io.disk.as_mut().unwrap().writer = writer;
    let handle = Driver::spawn(Toy::default(), io).unwrap();
    assert_eq!(handle.client(ClientRequest::Order(1)).await, ClientResponse::NoOrder);
    handle.drain();
    assert_eq!(ended(&handle).await, Ended::Drained);
    assert_eq!(open(dir.path()).recovered.applied, 1, "the store did not wait for its interval");
}

#[tokio::test]
async fn messages_of_a_burst_go_out_as_one_batch_per_peer() {
    let (handle, around) = diskless();
    let (one, two) = (ServiceId::catalog(1), ServiceId::orders(2));
    let ping = |nonce| Message::Ping { nonce };
    let inputs = handle.inputs();
    inputs.link_up(one);
    assert!(inputs.deliver(one, vec![ping(1), ping(2)]));
    assert!(inputs.deliver(two, vec![ping(3)]));
    assert!(inputs.deliver(one, vec![ping(4)]));
    inputs.link_down(one);
    until("both are heard", || handle.with(|toy| toy.heard.len()) == 2).await;
    assert_eq!(handle.with(|toy| toy.heard.clone()), ["up catalog-1", "down catalog-1"]);
    handle.stop();
    ended(&handle).await;
    let sent: Vec<Sent> = around.sent.try_iter().collect();
    assert_eq!(sent, [(one, vec![ping(1), ping(2), ping(4)]), (two, vec![ping(3)])]);
}

#[tokio::test]
async fn a_client_that_leaves_is_forgotten_and_one_that_was_answered_is_not() {
    let (handle, _around) = diskless();
    assert_eq!(handle.client(ClientRequest::Ready).await, ClientResponse::Ready);
    let asking = handle.clone();
    let client = tokio::spawn(async move { asking.client(ClientRequest::Leader).await });
    until("the question is in", || handle.with(|toy| toy.heard.len()) == 1).await;
    client.abort();
    until("the process knows", || handle.with(|toy| toy.heard.len()) == 2).await;
    assert_eq!(handle.with(|toy| toy.heard.clone()), ["client 2", "gone 2"]);
}

#[tokio::test]
async fn time_passes_and_never_goes_back() {
    let (handle, _around) = diskless();
    until("five ticks", || handle.with(|toy| toy.ticks.len()) >= 5).await;
    let ticks = handle.with(|toy| toy.ticks.clone());
    assert!(ticks.windows(2).all(|pair| pair[0].time < pair[1].time));
    let seen = handle.act(|_, now, _| now);
    assert!(seen.time >= ticks[4].time);
    let flushes = handle.with(|toy| (toy.flushes, toy.ticks.len()));
    assert!(flushes.0 < flushes.1 + 5, "an idle process is left alone: {flushes:?}");
}

#[tokio::test]
async fn an_overfull_process_sheds_clients() {
    let inbox = Inbox::default();
    let from = ServiceId::gateway(1);
    while inbox.sender().deliver(from, vec![Message::Ping { nonce: 0 }; 1_000]) {}
    let (io, around) = io(None);
    let handle = Driver::spawn_with(inbox, Toy::default(), io).unwrap();
    assert_eq!(handle.client(ClientRequest::Ready).await, ClientResponse::Busy);
    until("it worked itself free", || handle.pending().inputs == 0).await;
    assert_eq!(handle.client(ClientRequest::Ready).await, ClientResponse::Ready);
    let batches: Vec<usize> = around.sent.try_iter().map(|(_, sent)| sent.len()).collect();
    assert!(batches.len() > 10 && batches.iter().all(|batch| *batch <= 2_048), "{batches:?}");
}

#[tokio::test]
async fn effects_of_calls_from_outside_are_performed_in_their_place() {
    let (handle, around) = diskless();
    let to = ServiceId::catalog(1);
    handle.act(|_, _, effects| effects.push(note("hit")));
    let event = around.events.try_recv();
    assert!(event.is_err(), "an event alone wakes nobody");
    handle.act(|_, _, effects| {
        effects.push(note("then"));
        effects.push(Effect::Send { to, message: Message::Ping { nonce: 1 } });
    });
    handle.client(ClientRequest::Ready).await;
    let details: Vec<_> = around.events.try_iter().map(|event| format!("{event:?}")).collect();
    assert!(details[0].contains("hit") && details[1].contains("then"), "{details:?}");
    assert_eq!(around.sent.try_recv().unwrap(), (to, vec![Message::Ping { nonce: 1 }]));
}

#[tokio::test]
async fn a_halt_is_immediate_and_lets_clients_go() {
    let (handle, around) = diskless();
    let asking = handle.clone();
    let client = tokio::spawn(async move { asking.client(ClientRequest::Leader).await });
    until("the question is in", || handle.with(|toy| toy.heard.len()) == 1).await;
    handle.act(|_, _, effects| {
        let to = ServiceId::catalog(1);
        effects.push(Effect::Send { to, message: Message::Ping { nonce: 1 } });
        effects.push(Effect::Halt("in doubt".into()));
        effects.push(note("after the end"));
    });
    assert_eq!(ended(&handle).await, Ended::Halted("in doubt".into()));
    assert!(matches!(client.await.unwrap(), ClientResponse::Unavailable { .. }));
    assert!(around.events.try_recv().is_err() && around.sent.try_recv().is_err());
    let late = handle.client(ClientRequest::Ready).await;
    assert!(matches!(late, ClientResponse::Unavailable { .. }));
    assert!(!handle.inputs().deliver(ServiceId::gateway(1), vec![Message::Ping { nonce: 2 }]));
}

#[tokio::test]
async fn a_process_that_panics_halts() {
    let (handle, _around) = diskless();
    let asking = handle.clone();
    let client = tokio::spawn(async move { asking.client(ClientRequest::Leader).await });
    until("the question is in", || handle.with(|toy| toy.heard.len()) == 1).await;
    handle.inputs().link_up(PANIC);
    let Ended::Halted(why) = ended(&handle).await else { panic!("it went on") };
    assert!(why.contains("panicked"), "{why}");
    assert!(matches!(client.await.unwrap(), ClientResponse::Unavailable { .. }));

    let (handle, _around) = diskless();
    let looking = handle.clone();
    let look = tokio::spawn(async move { looking.with(|_| panic!("on purpose")) });
    assert!(look.await.is_err());
    assert!(matches!(ended(&handle).await, Ended::Halted(_)), "nobody knows what the look left");
}

#[tokio::test]
async fn last_writes_that_fail_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let (io, _around) = io(disk(open(dir.path())));
    let handle = Driver::spawn(Toy::default(), io).unwrap();
    std::fs::remove_dir_all(dir.path().join("log")).unwrap();
    handle.act(|_, _, effects| {
        let command = Bytes::from(vec![0; 65 << 20]);
        let entry = Entry { position: 1, hash: ChainHash::EMPTY, command };
        effects.push(Effect::Persist { ticket: 1, writes: vec![LogWrite::Append(entry)] });
        effects.push(Effect::Drained);
    });
    assert!(matches!(ended(&handle).await, Ended::Halted(_)), "that is no good order");
}

#[tokio::test]
async fn history_is_read_from_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let (io, _around) = io(disk(open(dir.path())));
    let handle = Driver::spawn(Toy::default(), io).unwrap();
    for n in 0..3 {
        handle.client(ClientRequest::Order(n)).await;
    }
    until("everything is stored", || handle.with(|toy| toy.stored) == 3).await;
    let purpose = HistoryPurpose::CatchUp;
    handle.act(|_, _, effects| effects.push(Effect::ReadHistory { purpose, from: 2, max: 9 }));
    until("the answer came", || handle.with(|toy| !toy.history.is_empty())).await;
    let positions = handle.with(|toy| toy.history.iter().map(|e| e.position).collect::<Vec<_>>());
    assert_eq!(positions, [2, 3]);
    handle.stop();
    ended(&handle).await;
}

#[tokio::test]
async fn a_log_that_fails_halts_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let (io, _around) = io(disk(open(dir.path())));
    let handle = Driver::spawn(Toy::default(), io).unwrap();
    // Not even the smallest segment can be created once its folder is gone.
    std::fs::remove_dir_all(dir.path().join("log")).unwrap();
    handle.act(|_, _, effects| {
        let command = Bytes::from(vec![0; 65 << 20]);
        let entry = Entry { position: 1, hash: ChainHash::EMPTY, command };
        effects.push(Effect::Persist { ticket: 1, writes: vec![LogWrite::Append(entry)] });
    });
    let Ended::Halted(why) = ended(&handle).await else { panic!("it went on") };
    assert!(why.starts_with("cannot create log segment"), "{why}");
}

#[tokio::test]
async fn a_store_that_fails_halts_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    opened.store.write(9, &[]).unwrap();
    let (io, _around) = io(disk(opened));
    let handle = Driver::spawn(Toy::default(), io).unwrap();
    let row = RowChange { table: Table::Facts, key: vec![1], value: None };
    handle.act(|_, _, effects| {
        effects.push(Effect::Store { position: 1, changes: vec![row] });
    });
    let Ended::Halted(why) = ended(&handle).await else { panic!("it went on") };
    assert!(why.contains("cannot go back to 1"), "{why}");
}

#[tokio::test]
async fn a_process_without_a_disk_may_not_write() {
    let (handle, _around) = diskless();
    let ask = handle.client(ClientRequest::Order(1));
    assert!(matches!(ask.await, ClientResponse::Unavailable { .. }));
    let Ended::Halted(why) = ended(&handle).await else { panic!("it went on") };
    assert!(why.contains("without a disk"), "{why}");
}

/// Not a test by itself: [`what_was_acknowledged_survives_sigkill`] runs it in a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the victim of another test"]
async fn victim() {
    let Ok(dir) = std::env::var(VICTIM) else { return };
    let opened = open(dir.as_ref());
    let applied = opened.recovered.applied;
    let entries = opened.recovered.entries.clone();
    let base =
        Entry { position: applied, hash: opened.recovered.applied_hash, command: Bytes::new() };
    let toy = Toy { last: entries.last().cloned().or(Some(base)), ..Toy::default() };
    let (io, _around) = io(disk(opened));
    let handle = Driver::spawn(toy, io).unwrap();
    handle.act(|_, _, effects| {
        effects.extend(entries.iter().map(|entry| Effect::Store {
            position: entry.position,
            changes: vec![history_row(entry)],
        }));
    });
    loop {
        let clients: Vec<_> = (0..8)
            .map(|n| {
                let handle = handle.clone();
                tokio::spawn(async move { handle.client(ClientRequest::Order(n)).await })
            })
            .collect();
        for client in clients {
            assert_eq!(client.await.unwrap(), ClientResponse::NoOrder);
            println!("acknowledged");
        }
    }
}

/// Names the folder of the victim.
const VICTIM: &str = "BAZAAR_TEST_VICTIM";

#[test]
fn what_was_acknowledged_survives_sigkill() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for lines in [1, 40, 7, 300, 23, 111] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "driver::tests::victim", "--nocapture"])
            .env(VICTIM, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines_seen = output.map_while(Result::ok).filter(|line| line == "acknowledged");
        let seen = lines_seen.by_ref().take(lines).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(seen, lines, "the victim ended before it was killed");
        acknowledged += (seen + lines_seen.count()) as u64;
        let opened = open(dir.path());
        let end = opened.recovered.applied + opened.recovered.entries.len() as u64;
        assert!(end >= acknowledged, "{acknowledged} acknowledged, {end} left");
        assert!(opened.notes.is_empty(), "{:?}", opened.notes);
        acknowledged = end;
    }
}
