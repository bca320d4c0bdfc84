//! A deployment of real processes, and what tests do with it.

mod disk;
mod http;
mod load;
mod process;
mod watch;

pub(crate) use disk::LogFile;
pub(crate) use http::{Client, new_key};
pub(crate) use load::calm;
pub(crate) use process::{Finished, finish};
pub(crate) use watch::{PATIENCE, until};

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bazaar::config::{Config, ConfigArgs, render};
use node::service::{ServiceId, ServiceKind};
use parking_lot::Mutex;
use tempfile::TempDir;

use process::Running;

/// Catalogs of a deployment.
const CATALOGS: u8 = 3;

/// Catalogs (three, unless a test says otherwise), three order replicas and some gateways, each a process.
pub(crate) struct Deployment {
    pub(crate) config: Config,
    folder: TempDir,
    running: Mutex<BTreeMap<ServiceId, Running>>,
    paused: Mutex<BTreeSet<ServiceId>>,
}

impl Deployment {
    /// A deployment that is ready, with all replicas in sync. Without restock, so that quantities are what trades made them.
    pub(crate) async fn up(gateways: u8) -> Self {
        Deployment::with(gateways, |_| {}).await
    }

    /// The same, with other settings.
    pub(crate) async fn with(gateways: u8, adjust: impl FnOnce(&mut Config)) -> Self {
        let deployment = Deployment::prepare(gateways, adjust);
        deployment.start_all();
        deployment.ready().await;
        deployment.level().await;
        deployment
    }

    /// The same, with a single catalog, which decides alone.
    pub(crate) async fn alone(gateways: u8) -> Self {
        Deployment::with(gateways, single).await
    }

    /// A configuration file and a folder; nothing runs.
    pub(crate) fn prepare(gateways: u8, adjust: impl FnOnce(&mut Config)) -> Self {
        let folder = TempDir::with_prefix("bazaar-system-").expect("a folder for the test");
        let data = folder.path().join("data");
        let mut config = Config::local_free(&data, CATALOGS, gateways).expect("free ports");
        config.catalog.restock.enabled = false;
        config.log.level = "info".to_owned();
        adjust(&mut config);
        let deployment =
            Deployment { config, folder, running: Mutex::default(), paused: Mutex::default() };
        std::fs::write(deployment.file(), render(&deployment.config)).expect("bazaar.toml");
        deployment
    }

    /// The configuration file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("bazaar.toml")
    }

    /// The folder that everything of this deployment is in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder of a service.
    pub(crate) fn data_of(&self, service: ServiceId) -> PathBuf {
        self.config.data_of(service)
    }

    /// What a command of the library wants to know.
    pub(crate) fn args(&self) -> ConfigArgs {
        ConfigArgs { config: Some(self.file()), set: Vec::new() }
    }

    /// Ids of the order replicas.
    pub(crate) fn replicas(&self) -> Vec<u8> {
        self.config.orders.replicas.iter().map(|replica| replica.id).collect()
    }

    /// Starts a service.
    pub(crate) fn start(&self, service: ServiceId) {
        self.start_with(service, &[]);
    }

    /// Starts a service with more flags.
    pub(crate) fn start_with(&self, service: ServiceId, flags: &[&str]) {
        let running = Running::start(&self.file(), service, flags, &self.log_of(service));
        let before = self.running.lock().insert(service, running);
        assert!(before.is_none(), "{service} runs already");
    }

    /// Starts a service under a limit, as the shell's `ulimit` takes it.
    pub(crate) fn start_limited(&self, service: ServiceId, limit: &str) {
        let log = self.log_of(service);
        let running = Running::start_limited(limit, &self.file(), service, &log);
        self.running.lock().insert(service, running);
    }

    /// Starts whatever does not run.
    pub(crate) fn start_all(&self) {
        for service in self.config.services() {
            if !self.runs(service) {
                self.start(service);
            }
        }
    }

    /// Was it started, and not stopped or killed by the test?
    pub(crate) fn runs(&self, service: ServiceId) -> bool {
        self.running.lock().contains_key(&service)
    }

    /// It runs, and does not sleep.
    pub(crate) fn answers(&self, service: ServiceId) -> bool {
        self.runs(service) && !self.paused.lock().contains(&service)
    }

    fn take(&self, service: ServiceId) -> Running {
        self.paused.lock().remove(&service);
        let running = self.running.lock().remove(&service);
        running.unwrap_or_else(|| panic!("{service} does not run"))
    }

    /// SIGKILL.
    pub(crate) async fn kill(&self, service: ServiceId) {
        self.take(service).kill().await;
    }

    /// SIGTERM; waits for the end, which must be an orderly one.
    pub(crate) async fn stop(&self, service: ServiceId) {
        let finished = self.take(service).stop().await;
        assert_eq!(finished.code, Some(0), "{service} did not stop in good order");
    }

    /// Lets go of a service, as a supervisor does that dies; it must stop in good order.
    pub(crate) async fn abandon(&self, service: ServiceId) {
        let finished = self.take(service).abandon().await;
        assert_eq!(finished.code, Some(0), "{service} did not stop in good order");
    }

    /// Waits for a service that ends by itself.
    pub(crate) async fn ended(&self, service: ServiceId) -> Finished {
        let finished = self.take(service).finished().await;
        Finished { errors: self.log(service), ..finished }
    }

    /// SIGKILL for everybody.
    pub(crate) async fn kill_all(&self) {
        for service in self.running_services() {
            self.kill(service).await;
        }
    }

    /// SIGTERM for everybody, gateways first, as a supervisor would.
    pub(crate) async fn stop_all(&self) {
        let mut services = self.running_services();
        services.sort_by_key(|service| std::cmp::Reverse(*service));
        for service in services {
            self.stop(service).await;
        }
    }

    /// SIGSTOP.
    pub(crate) fn pause(&self, service: ServiceId) {
        self.running.lock().get(&service).expect("it runs").pause();
        self.paused.lock().insert(service);
    }

    /// SIGCONT.
    pub(crate) fn resume(&self, service: ServiceId) {
        self.running.lock().get(&service).expect("it runs").resume();
        self.paused.lock().remove(&service);
    }

    fn running_services(&self) -> Vec<ServiceId> {
        self.running.lock().keys().copied().collect()
    }

    /// Services that the test wants to run and that ended all the same.
    fn fallen(&self) -> Vec<ServiceId> {
        let mut running = self.running.lock();
        let ended =
            running.iter_mut().filter_map(|(id, running)| running.has_ended().then_some(*id));
        ended.collect()
    }

    fn log_of(&self, service: ServiceId) -> PathBuf {
        self.folder.path().join(format!("{service}.log"))
    }

    /// What a service has said on standard error, in all its lives.
    pub(crate) fn log(&self, service: ServiceId) -> String {
        std::fs::read_to_string(self.log_of(service)).unwrap_or_default()
    }

    /// A client of a gateway.
    pub(crate) fn client(&self, gateway: u8) -> Client {
        Client::new(self.gateway(gateway).address.to_string())
    }

    /// A client of a gateway's internal listener.
    pub(crate) fn operator(&self, gateway: u8) -> Client {
        Client::new(self.gateway(gateway).internal.to_string())
    }

    fn gateway(&self, id: u8) -> &bazaar::config::Gateway {
        self.config.gateway(id).expect("the configuration has this gateway")
    }

    /// Public addresses of all gateways.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.config.gateways.iter().map(|gateway| gateway.address.to_string()).collect()
    }

    /// Everybody of one kind.
    pub(crate) fn all(&self, kind: ServiceKind) -> Vec<ServiceId> {
        self.config.services().into_iter().filter(|service| service.kind == kind).collect()
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for service in self.config.services() {
                eprintln!("---- the end of {service}'s log");
                let log = self.log(service);
                let lines: Vec<&str> = log.lines().collect();
                lines
                    .iter()
                    .skip(lines.len().saturating_sub(30))
                    .for_each(|line| eprintln!("{line}"));
            }
        }
        if std::env::var_os("BAZAAR_TEST_KEEP").is_some() {
            self.folder.disable_cleanup(true);
            eprintln!("kept: {}", self.folder.path().display());
        }
    }
}

/// Leaves one catalog.
pub(crate) fn single(config: &mut Config) {
    config.catalog.replicas.truncate(1);
}
