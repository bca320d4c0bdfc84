//! All keepers together.

use std::collections::BTreeMap;
use std::net::{TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use node::service::{ServiceId, ServiceKind};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::UpError;
use super::keeper::{Keeper, Launch, Notice, Request};
use super::tally::{Tallies, Tally};
use crate::config::{Address, Config};

/// Longest time for an orderly stop of everything. Handing leadership over takes a few round trips, closing a store a
/// few writes.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// What is kept back of it for each kind that stops later: one service that hangs must not take the others' time.
const KEPT_BACK: Duration = Duration::from_secs(1);

/// Requests that wait for one keeper: kills come one at a time, a stop once.
const REQUESTS: usize = 4;

/// Kinds in the sequence in which they stop: nobody is left without those it depends on.
const STOP_SEQUENCE: [ServiceKind; 4] =
    [ServiceKind::Gateway, ServiceKind::Customers, ServiceKind::Orders, ServiceKind::Catalog];

/// Keeps services running until told to stop. Dropping it kills them.
pub struct Supervisor {
    logs: PathBuf,
    kept: BTreeMap<ServiceId, Kept>,
    notices: mpsc::UnboundedSender<Notice>,
    tallies: Tallies,
}

struct Kept {
    requests: mpsc::Sender<Request>,
    keeper: JoinHandle<bool>,
}

impl Supervisor {
    /// No services yet; their output goes to `logs/<service>.log`. What happens to them is printed.
    pub fn new(logs: PathBuf) -> Self {
        let (notices, mut heard) = mpsc::unbounded_channel();
        let folder = logs.clone();
        tokio::spawn(async move {
            while let Some(notice) = heard.recv().await {
                let (service, text) = describe(&notice);
                println!("{text}; log: {}", folder.join(format!("{service}.log")).display());
            }
        });
        Supervisor { logs, kept: BTreeMap::new(), notices, tallies: Tallies::default() }
    }

    /// Starts a service and keeps it running.
    pub fn start(&mut self, service: ServiceId, launch: Launch) {
        let (requests, heard) = mpsc::channel(REQUESTS);
        let keeper = Keeper {
            service,
            launch,
            log: self.logs.join(format!("{service}.log")),
            requests: heard,
            notices: self.notices.clone(),
            tallies: self.tallies.clone(),
        };
        self.kept.insert(service, Kept { requests, keeper: tokio::spawn(keeper.run()) });
    }

    /// Kills a service with SIGKILL; it comes back. Answers with the process, if one ran.
    pub async fn kill(&self, service: ServiceId) -> Option<u32> {
        let kept = self.kept.get(&service)?;
        let (answer, killed) = oneshot::channel();
        kept.requests.send(Request::Kill(answer)).await.ok()?;
        killed.await.ok().flatten()
    }

    /// How often services ended by themselves, or did not start. Kills on purpose are not counted.
    pub fn crashes(&self) -> u64 {
        let tally = self.tallies.total();
        tally.crashes + tally.failed_starts
    }

    /// What happened to all services together.
    pub fn tally(&self) -> Tally {
        self.tallies.total()
    }

    /// What happened, all together and per service, for a person.
    pub fn summary(&self) -> String {
        self.tallies.summary()
    }

    /// Stops everything from the outside in. Answers with those that had to be killed.
    pub async fn stop(&mut self) -> Vec<ServiceId> {
        let deadline = tokio::time::Instant::now() + STOP_WITHIN;
        let mut killed = Vec::new();
        for (later, kind) in (0..STOP_SEQUENCE.len() as u32).rev().zip(STOP_SEQUENCE) {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let patience = left.saturating_sub(KEPT_BACK * later);
            killed.extend(self.stop_where(patience, |service| service.kind == kind).await);
        }
        killed
    }

    /// Kills everything. Answers with those that were running.
    pub async fn kill_all(&mut self) -> Vec<ServiceId> {
        self.stop_where(Duration::ZERO, |_| true).await
    }

    async fn stop_where(
        &mut self,
        patience: Duration,
        which: impl Fn(ServiceId) -> bool,
    ) -> Vec<ServiceId> {
        let meant: Vec<ServiceId> = self.kept.keys().copied().filter(|s| which(*s)).collect();
        for service in &meant {
            if let Some(kept) = self.kept.get(service) {
                // A keeper whose requests are closed has ended already.
                let _ = kept.requests.send(Request::Stop(patience)).await;
            }
        }
        let mut killed = Vec::new();
        for service in meant {
            if let Some(kept) = self.kept.get_mut(&service) {
                if (&mut kept.keeper).await.unwrap_or(true) {
                    killed.push(service);
                }
                self.kept.remove(&service);
            }
        }
        killed
    }
}

fn describe(notice: &Notice) -> (ServiceId, String) {
    match notice {
        Notice::Crashed { service, how, pause } => {
            (*service, format!("{service} ended ({how}); again in {pause:?}"))
        }
        Notice::NotStarted { service, why, pause } => {
            (*service, format!("{service} does not start: {why}; again in {pause:?}"))
        }
    }
}

/// Finds out before anything starts whether every port is free: a clear message instead of five crash loops.
pub(super) fn check_ports(config: &Config) -> Result<(), UpError> {
    for service in config.services() {
        if let Some(replica) = config.replica(service) {
            check_port(replica.listens_on(), service)?;
            replica.metrics.as_ref().map_or(Ok(()), |metrics| check_port(metrics, service))?;
        }
    }
    for gateway in &config.gateways {
        for address in [&gateway.address, &gateway.internal, &gateway.grpc] {
            check_port(address, ServiceId::gateway(gateway.id))?;
        }
    }
    Ok(())
}

fn check_port(address: &Address, service: ServiceId) -> Result<(), UpError> {
    let free = (address.host(), address.port())
        .to_socket_addrs()
        .and_then(|addresses| TcpListener::bind(addresses.collect::<Vec<_>>().as_slice()));
    free.map(drop).map_err(|source| UpError::Port {
        address: address.to_string(),
        service: service.to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;
    use crate::config::free_ports;

    const SERVICE: ServiceId = ServiceId::orders(2);

    fn shell(script: &str) -> Launch {
        Launch { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] }
    }

    fn started(script: &str, folder: &Path) -> Supervisor {
        let mut supervisor = Supervisor::new(folder.to_owned());
        supervisor.start(SERVICE, shell(script));
        supervisor
    }

    /// Waits until the service's log holds at least this many lines.
    async fn lines(folder: &Path, count: usize) -> Vec<String> {
        let log = folder.join(format!("{SERVICE}.log"));
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if text.lines().count() >= count {
                return text.lines().map(str::to_owned).collect();
            }
            assert!(Instant::now() < deadline, "{count} lines wanted, the log holds: {text}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_service_that_crashes_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut supervisor = started("echo up; exit 3", folder.path());
        lines(folder.path(), 3).await;
        let tally = supervisor.tally();
        assert!(tally.crashes >= 2 && tally.restarts >= 2 && tally.kills == 0, "{tally:?}");
        assert_eq!(supervisor.stop().await, []);
    }

    #[tokio::test]
    async fn a_killed_service_comes_back_as_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut supervisor = started("echo $$; exec cat", folder.path());
        let first = lines(folder.path(), 1).await[0].clone();
        let killed = supervisor.kill(SERVICE).await.unwrap();
        assert_eq!(killed.to_string(), first);
        assert_ne!(lines(folder.path(), 2).await[1], first);
        let expected = Tally { kills: 1, restarts: 1, ..Tally::default() };
        assert_eq!((supervisor.tally(), supervisor.crashes()), (expected, 0));
        assert_eq!(supervisor.stop().await, []);
    }

    #[tokio::test]
    async fn a_service_is_asked_to_stop_before_it_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done";
        let mut supervisor = started(script, folder.path());
        lines(folder.path(), 1).await;
        assert_eq!(supervisor.stop().await, []);
        assert_eq!(lines(folder.path(), 2).await[1], "bye");
    }

    #[tokio::test]
    async fn a_service_that_does_not_listen_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap '' TERM; echo up; while :; do sleep 0.05; done";
        let mut supervisor = started(script, folder.path());
        lines(folder.path(), 1).await;
        assert_eq!(supervisor.kill_all().await, [SERVICE]);
    }

    #[tokio::test]
    async fn a_second_wish_ends_the_patience_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut supervisor =
            started("trap '' TERM; echo up; while :; do sleep 0.05; done", folder.path());
        lines(folder.path(), 1).await;
        let began = Instant::now();
        let first = tokio::time::timeout(Duration::from_millis(20), supervisor.stop()).await;
        assert!(first.is_err(), "it does not listen");
        assert_eq!(supervisor.kill_all().await, [SERVICE]);
        assert!(began.elapsed() < STOP_WITHIN - 2 * KEPT_BACK, "it was killed at once");
    }

    #[tokio::test]
    async fn one_that_hangs_does_not_take_the_time_of_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let mut supervisor = Supervisor::new(folder.path().to_owned());
        let gateway = ServiceId::gateway(1);
        supervisor.start(gateway, shell("trap '' TERM; while :; do sleep 0.05; done"));
        supervisor.start(
            SERVICE,
            shell("trap 'sleep 0.1; echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"),
        );
        lines(folder.path(), 1).await;
        assert_eq!(supervisor.stop().await, [gateway]);
        assert_eq!(lines(folder.path(), 2).await[1], "bye");
    }

    #[tokio::test]
    async fn services_do_not_outlive_a_dropped_supervisor() {
        let folder = tempfile::tempdir().unwrap();
        let supervisor =
            started("trap '' TERM; echo $$; while :; do sleep 0.05; done", folder.path());
        let process = Path::new("/proc").join(&lines(folder.path(), 1).await[0]);
        assert!(process.exists());
        drop(supervisor);
        let deadline = Instant::now() + Duration::from_secs(20);
        while process.exists() {
            assert!(Instant::now() < deadline, "the service still runs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut supervisor = Supervisor::new(folder.path().to_owned());
        let launch = Launch { program: "/nowhere/bazaar".into(), arguments: Vec::new() };
        supervisor.start(SERVICE, launch);
        let deadline = Instant::now() + Duration::from_secs(20);
        while supervisor.crashes() < 2 {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(supervisor.kill(SERVICE).await, None);
        assert_eq!(supervisor.stop().await, []);
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let port = free_ports(1).unwrap()[0];
        let address = Address::loopback(port);
        assert!(check_port(&address, SERVICE).is_ok());
        let _held = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let error = check_port(&address, SERVICE).unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains("orders-2"), "{error}");
    }

    #[test]
    fn a_service_is_started_with_its_configuration_and_overrides() {
        let overrides = [("cache.size".to_owned(), "3".to_owned())];
        let launch = Launch::service(Path::new("/b"), Path::new("/c.toml"), SERVICE, &overrides);
        let expected =
            ["orders", "--config", "/c.toml", "--id", "2", "--supervised", "--set", "cache.size=3"];
        assert_eq!(launch.arguments, expected);
    }
}
