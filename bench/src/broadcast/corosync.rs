//! Corosync's closed process group as a peer: the same load on its ring, each daemon in a network namespace of its own.
//!
//! Needs root (namespaces) and Debian's `corosync`, `libcpg-dev` and `gcc`. Nothing of it is durable, so it is only measured
//! beside engines that write nothing either. Its daemons talk over a bridge instead of the loopback device, because its
//! local sockets are told apart by namespace only.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Now, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::Load;
use super::group::{Figures, PATIENCE, add};
use super::ledger::no_latencies;
use super::member::Answer;

const CLIENT: &str = include_str!("../../corosync/cpg_load.c");
/// Names and addresses that nothing else on a machine should have.
const BRIDGE: &str = "bzbench";
const NETWORK: &str = "10.213.77";
/// How often is looked whether the ring stands.
const LOOK: Duration = Duration::from_millis(100);

/// A running ring.
pub(crate) struct Ring {
    members: u8,
    data: TempDir,
    daemons: Vec<Child>,
    _network: Network,
}

/// The namespaces; gone when dropped.
struct Network {
    members: u8,
}

impl Network {
    fn create(members: u8) -> anyhow::Result<Network> {
        let network = Network { members };
        network.remove();
        ip(&format!("link add {BRIDGE} type bridge"))?;
        ip(&format!("link set {BRIDGE} up"))?;
        for id in 1..=members {
            let space = namespace(id);
            ip(&format!("netns add {space}"))?;
            ip(&format!("link add {space} type veth peer name eth0 netns {space}"))?;
            ip(&format!("link set {space} master {BRIDGE}"))?;
            ip(&format!("link set {space} up"))?;
            ip(&format!("-n {space} addr add {}/24 dev eth0", address(id)))?;
            ip(&format!("-n {space} link set eth0 up"))?;
            ip(&format!("-n {space} link set lo up"))?;
        }
        Ok(network)
    }

    /// Removes what there is; what there is not is no error.
    fn remove(&self) {
        for id in 1..=self.members {
            let _ = ip(&format!("netns del {}", namespace(id)));
        }
        let _ = ip(&format!("link del {BRIDGE}"));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.remove();
    }
}

fn namespace(id: u8) -> String {
    format!("{BRIDGE}{id}")
}

fn address(id: u8) -> String {
    format!("{NETWORK}.{id}")
}

fn ip(words: &str) -> anyhow::Result<()> {
    let output = Now::new("ip").args(words.split(' ')).output().context("`ip` cannot be run")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {words}: {} (root is needed)", error.trim());
    Ok(())
}

impl Ring {
    /// Compiles the client, makes the namespaces, starts the daemons.
    pub(crate) fn start(members: u8) -> anyhow::Result<Ring> {
        let data = tempfile::Builder::new().prefix("bench-corosync-").tempdir()?;
        compile(data.path())?;
        let network = Network::create(members)?;
        let mut daemons = Vec::new();
        for id in 1..=members {
            daemons.push(daemon(&data.path().join(id.to_string()), id, members)?);
        }
        Ok(Ring { members, data, daemons, _network: network })
    }

    /// Runs one load, spread over the members. The clients wait for each other in the group.
    pub(crate) async fn measure(
        &mut self,
        load: Load,
        warm_up: Duration,
        length: Duration,
    ) -> anyhow::Result<Figures> {
        for daemon in &mut self.daemons {
            ensure!(daemon.try_wait()?.is_none(), "a corosync daemon ended: is it installed?");
        }
        let mut clients = Vec::new();
        for id in 1..=self.members {
            let proposers = load.share(id, self.members);
            clients.push(self.client(id, Load { proposers, ..load }, warm_up, length).await?);
        }
        let (mut delivered, mut latency) = (0, no_latencies());
        for client in clients {
            let output = timeout(warm_up + length + 2 * PATIENCE, client.wait_with_output());
            let output = output.await.context("a client of corosync is silent")??;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
            match serde_json::from_slice(&output.stdout)? {
                Answer::Seen { delivered: own, latencies, .. } => {
                    delivered += own;
                    add(&mut latency, &latencies);
                }
                Answer::State { .. } => bail!("a client of corosync answers something else"),
            }
        }
        ensure!(delivered > 0, "nothing was delivered");
        Ok(Figures { per_second: delivered as f64 / length.as_secs_f64(), latency })
    }

    /// Starts one client as soon as its daemon takes it.
    async fn client(
        &self,
        id: u8,
        load: Load,
        warm_up: Duration,
        length: Duration,
    ) -> anyhow::Result<Child> {
        let deadline = Instant::now() + PATIENCE;
        while !answers(id).await? {
            ensure!(Instant::now() < deadline, "the ring does not stand in time");
            sleep(LOOK).await;
        }
        let numbers = [u32::from(id), u32::from(self.members), load.proposers, load.bytes];
        let client = inside(id)
            .arg(self.data.path().join("cpg_load"))
            .args(numbers.map(|number| number.to_string()))
            .args([warm_up, length].map(|time| time.as_secs_f64().to_string()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(client)
    }

    /// Ends the daemons.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        for daemon in &mut self.daemons {
            daemon.kill().await?;
        }
        Ok(())
    }
}

/// A command inside a member's namespace.
fn inside(id: u8) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &namespace(id)]);
    command
}

async fn answers(id: u8) -> anyhow::Result<bool> {
    let output = inside(id).args(["corosync-cpgtool", "-n"]).output().await?;
    Ok(output.status.success())
}

fn compile(into: &Path) -> anyhow::Result<()> {
    let source: PathBuf = into.join("cpg_load.c");
    fs::write(&source, CLIENT)?;
    let mut compiler = Now::new("cc");
    compiler.args(["-O2", "-Wall", "-o"]).arg(into.join("cpg_load")).arg(&source).arg("-lcpg");
    let output = compiler.output().context("`cc` cannot be run")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{error}install corosync, libcpg-dev and gcc");
    Ok(())
}

/// A daemon whose configuration, state and sockets are its own.
fn daemon(folder: &Path, id: u8, members: u8) -> anyhow::Result<Child> {
    let mut mounts = String::new();
    for (name, place) in [("etc", "/etc/corosync"), ("lib", "/var/lib/corosync"), ("run", "/run")] {
        let own = folder.join(name);
        fs::create_dir_all(&own)?;
        write!(mounts, "mount --bind '{}' {place} && ", own.display())?;
    }
    fs::write(folder.join("etc/corosync.conf"), configuration(members))?;
    let script = format!("{mounts}exec corosync -f");
    let mut command = inside(id);
    command.args(["unshare", "--mount", "sh", "-c", &script]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    Ok(command.spawn()?)
}

/// Unicast datagrams, no encryption: what costs it least.
fn configuration(members: u8) -> String {
    let mut text = "totem {\n version: 2\n cluster_name: bench\n transport: udpu\n crypto_cipher: none\n \
                    crypto_hash: none\n}\nlogging {\n to_stderr: no\n to_syslog: no\n}\nquorum {\n}\nnodelist {\n"
        .to_owned();
    for id in 1..=members {
        let address = address(id);
        text += &format!(" node {{\n ring0_addr: {address}\n nodeid: {id}\n name: n{id}\n }}\n");
    }
    text + "}\n"
}
