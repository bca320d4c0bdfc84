//! One service as a process.

use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use node::service::ServiceId;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::PATIENCE;

/// A process of the real binary. Its standard input is held open here, so it ends with the test, however that ends.
pub(crate) struct Running {
    child: Child,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) output: String,
    /// Standard error.
    pub(crate) errors: String,
}

/// The binary, without the settings of whoever runs the tests.
pub(crate) fn bazaar() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bazaar"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BAZAAR_") {
            command.env_remove(name);
        }
    }
    command.kill_on_drop(true);
    command
}

impl Running {
    /// Starts a service; what it says is added to the end of the log.
    pub(super) fn start(file: &Path, service: ServiceId, flags: &[&str], log: &Path) -> Running {
        Running::launch(bazaar(), file, service, flags, log)
    }

    /// The same, with a limit of the shell's `ulimit` on it.
    pub(super) fn start_limited(
        limit: &str,
        file: &Path,
        service: ServiceId,
        log: &Path,
    ) -> Running {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit {limit}; exec \"$0\" \"$@\""));
        command.arg(env!("CARGO_BIN_EXE_bazaar")).kill_on_drop(true);
        Running::launch(command, file, service, &[], log)
    }

    fn launch(
        mut command: Command,
        file: &Path,
        service: ServiceId,
        flags: &[&str],
        log: &Path,
    ) -> Running {
        let log = File::options().create(true).append(true).open(log).expect("a file for the log");
        command.arg(service.kind.to_string()).arg("--config").arg(file);
        command.arg("--id").arg(service.id.to_string()).arg("--supervised").args(flags);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        Running { child: command.spawn().expect("the binary starts") }
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        // A process that ended by itself has no id any more; whoever cares finds out by its exit code.
        if let Some(id) = id {
            kill_process(id, signal).expect("the process is ours");
        }
    }

    pub(super) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    pub(super) async fn kill(mut self) {
        self.signal(Signal::KILL);
        self.wait().await;
    }

    pub(super) async fn stop(self) -> Finished {
        self.signal(Signal::TERM);
        self.finished().await
    }

    /// Lets go of its standard input, as a supervisor does that dies.
    pub(super) async fn abandon(mut self) -> Finished {
        drop(self.child.stdin.take());
        self.finished().await
    }

    pub(super) async fn finished(mut self) -> Finished {
        let code = self.wait().await.code();
        Finished { code, output: String::new(), errors: String::new() }
    }

    async fn wait(&mut self) -> ExitStatus {
        let input = self.child.stdin.take(); // waiting would close it, and that is a wish to stop
        let ended = timeout(PATIENCE, self.child.wait()).await.expect("the process ends in time");
        drop(input);
        ended.expect("the process is ours")
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the process is ours").is_some()
    }
}

/// Runs a command of the binary to its end.
pub(crate) async fn finish(arguments: &[&str]) -> Finished {
    let mut command = bazaar();
    command.args(arguments).stdin(Stdio::null());
    let output = timeout(PATIENCE, command.output()).await.expect("the command ends in time");
    let output = output.expect("the binary starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Finished {
        code: output.status.code(),
        output: text(&output.stdout),
        errors: text(&output.stderr),
    }
}
