//! Keeps one service running: starts it, waits for its end, starts it again.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use node::service::ServiceId;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use super::backoff::Backoff;
use super::logs::{LOOK, turn_over_if_large};
use super::tally::{Tallies, Tally};

/// How to start a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Launch {
    /// Starts a service of this binary: `bazaar orders --config FILE --id 2 --supervised`.
    pub fn service(
        binary: &Path,
        config: &Path,
        service: ServiceId,
        overrides: &[(String, String)],
    ) -> Self {
        let mut arguments: Vec<OsString> = vec![
            service.kind.to_string().into(),
            "--config".into(),
            config.into(),
            "--id".into(),
            service.id.to_string().into(),
            "--supervised".into(),
        ];
        for (setting, value) in overrides {
            arguments.extend(["--set".into(), format!("{setting}={value}").into()]);
        }
        Launch { program: binary.to_owned(), arguments }
    }
}

/// What a keeper is asked to do.
pub(super) enum Request {
    /// Kill the process with SIGKILL; it comes back. Answers with the process killed, if one ran.
    Kill(oneshot::Sender<Option<u32>>),
    /// End the process with SIGTERM, with SIGKILL after this time, and do not start it again.
    Stop(Duration),
}

/// What a keeper says about its service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It ended by itself; it comes back after the pause.
    Crashed {
        /// Which one.
        service: ServiceId,
        /// How it ended.
        how: String,
        /// Until it comes back.
        pause: Duration,
    },
    /// It could not be started; the next try is after the pause.
    NotStarted {
        /// Which one.
        service: ServiceId,
        /// Why.
        why: String,
        /// Until the next try.
        pause: Duration,
    },
}

/// Keeps one service running.
pub(super) struct Keeper {
    pub(super) service: ServiceId,
    pub(super) launch: Launch,
    pub(super) log: PathBuf,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) notices: mpsc::UnboundedSender<Notice>,
    pub(super) tallies: Tallies,
}

/// How a stretch of running or waiting ended.
enum Ended {
    /// The process ended.
    Process { how: ExitStatus, on_purpose: bool },
    /// The service is to stop, or nobody is there to ask for anything any more.
    Stop(Duration),
}

impl Keeper {
    /// Runs until it is told to stop. True if the process had to be killed then.
    pub(super) async fn run(mut self) -> bool {
        let mut backoff = Backoff::new();
        let mut again = false;
        loop {
            let started = Instant::now();
            let pause = match self.spawn() {
                Ok(mut child) => {
                    if again {
                        self.note(|tally| tally.restarts += 1);
                    }
                    again = true;
                    match self.watch(&mut child).await {
                        Ended::Process { how, on_purpose } => {
                            let pause = backoff.pause(started.elapsed(), on_purpose);
                            self.ended(how, on_purpose, pause);
                            pause
                        }
                        Ended::Stop(patience) => return self.end(&mut child, patience).await,
                    }
                }
                Err(error) => {
                    let pause = backoff.pause(Duration::ZERO, false);
                    self.note(|tally| tally.failed_starts += 1);
                    let (service, why) = (self.service, error.to_string());
                    let _ = self.notices.send(Notice::NotStarted { service, why, pause });
                    pause
                }
            };
            if self.rest(pause).await {
                return false;
            }
        }
    }

    fn note(&self, what: impl FnOnce(&mut Tally)) {
        self.tallies.note(self.service, what);
    }

    fn ended(&self, how: ExitStatus, on_purpose: bool, pause: Duration) {
        if on_purpose {
            return self.note(|tally| tally.kills += 1);
        }
        self.note(|tally| tally.crashes += 1);
        let (service, how) = (self.service, how.to_string());
        let _ = self.notices.send(Notice::Crashed { service, how, pause });
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        Command::new(&self.launch.program)
            .args(&self.launch.arguments)
            .stdin(Stdio::piped()) // held open for as long as this process lives: see `lifeline`
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .process_group(0) // Ctrl-C is for the supervisor, which stops children in order
            .kill_on_drop(true)
            .spawn()
    }

    /// Waits for the end of the process, or for the request to stop it.
    async fn watch(&mut self, child: &mut Child) -> Ended {
        // `wait` would close the child's standard input, its lifeline.
        let lifeline = child.stdin.take();
        let mut on_purpose = false;
        let mut look = tokio::time::interval(LOOK);
        let ended = loop {
            tokio::select! {
                how = child.wait() => {
                    let how = how.unwrap_or_default();
                    break Ended::Process { how, on_purpose };
                }
                request = self.requests.recv() => match request {
                    Some(Request::Kill(answer)) => {
                        let pid = child.id();
                        on_purpose = child.start_kill().is_ok() || on_purpose;
                        let _ = answer.send(pid);
                    }
                    Some(Request::Stop(patience)) => break Ended::Stop(patience),
                    None => break Ended::Stop(Duration::ZERO),
                },
                _ = look.tick() => self.look_at_log().await,
            }
        };
        child.stdin = lifeline;
        ended
    }

    /// Turns the service's log over if it has grown large.
    async fn look_at_log(&self) {
        let log = self.log.clone();
        let turned = tokio::task::spawn_blocking(move || turn_over_if_large(&log)).await;
        if let Ok(Err(error)) = turned {
            // Said once a second while it lasts: a log that cannot be turned over fills the disk.
            println!("{} cannot be turned over: {error}", self.log.display());
        }
    }

    /// Waits before the next start. True if the service is to stop instead.
    async fn rest(&mut self, pause: Duration) -> bool {
        let sleep = tokio::time::sleep(pause);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                () = &mut sleep => return false,
                request = self.requests.recv() => match request {
                    Some(Request::Kill(answer)) => { let _ = answer.send(None); }
                    Some(Request::Stop(_)) | None => return true,
                },
            }
        }
    }

    /// Ends a process: politely first. True if that was not enough. Being told again shortens the patience.
    async fn end(&mut self, child: &mut Child, patience: Duration) -> bool {
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        // Held on to, so that the process is told one thing only, and says so in its log.
        let _lifeline = child.stdin.take();
        let patience = tokio::time::sleep(patience);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                _ = child.wait() => return false,
                () = &mut patience => break,
                request = self.requests.recv() => match request {
                    Some(Request::Kill(answer)) => { let _ = answer.send(None); }
                    Some(Request::Stop(less)) => {
                        let until = tokio::time::Instant::now() + less;
                        let sooner = until.min(patience.deadline());
                        patience.as_mut().reset(sooner);
                    }
                    None => break,
                },
            }
        }
        let _ = child.kill().await;
        true
    }
}
