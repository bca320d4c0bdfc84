//! A payment service on a port of its own, and a client that sends whatever it is told to.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bazaar::config::{Config, PaymentConfig, Period, free_ports, render};
use bazaar::payment::{PaymentClient, Settings};
use market::bank::{Amount, Card, PaymentKey};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Longest that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Settings for answers that come, however busy the machine is.
pub(crate) const PATIENT: Settings =
    Settings { attempt: Duration::from_secs(20), patience: Duration::from_secs(40) };

pub(crate) const VISA: &str = "4111111111111111";

/// A service, its folder, and what it said.
pub(crate) struct Bank {
    pub(crate) address: String,
    folder: TempDir,
    child: Option<Child>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Bank {
    /// A service that approves everything.
    pub(crate) async fn generous() -> Bank {
        Bank::with(|payment| payment.approve = 1.0.try_into().unwrap()).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut PaymentConfig)) -> Bank {
        let folder = TempDir::with_prefix("bazaar-payment-").unwrap();
        let mut config = Config::local_free(&folder.path().join("data"), 1, 1).unwrap();
        let mut payment = PaymentConfig::default();
        let port = free_ports(1).unwrap()[0];
        payment.address = format!("127.0.0.1:{port}").parse().unwrap();
        adjust(&mut payment);
        let address = payment.address.to_string();
        config.payment = Some(payment);
        config.log.level = "debug".to_owned();
        std::fs::write(folder.path().join("bazaar.toml"), render(&config)).unwrap();
        let mut bank = Bank { address, folder, child: None };
        bank.start(&[]).await;
        bank
    }

    /// How long answers are held back.
    pub(crate) fn delay(payment: &mut PaymentConfig, delay: Period) {
        payment.delay = delay;
    }

    /// Starts it, and waits until it serves.
    pub(crate) async fn start(&mut self, flags: &[&str]) {
        assert!(self.child.is_none(), "it runs already");
        self.child = Some(self.spawn(flags));
        let deadline = Instant::now() + PATIENCE;
        while self.get("/readyz").await.is_none_or(|answer| answer.status != 200) {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none() && Instant::now() < deadline, "{ended:?}: {}", self.log());
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn spawn(&self, flags: &[&str]) -> Child {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_bazaar"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BAZAAR_") {
                command.env_remove(name);
            }
        }
        command.arg("payment").arg("--config").arg(self.folder.path().join("bazaar.toml"));
        command.arg("--supervised").args(flags).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log.unwrap());
        command.spawn().unwrap()
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.start_kill().unwrap();
        timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    }

    /// SIGTERM; it must end in good order.
    pub(crate) async fn stop(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let id = child.id().and_then(|id| rustix::process::Pid::from_raw(id as i32)).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let input = child.stdin.take(); // waiting would close it, and that is a wish to stop
        let ended = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
        drop(input);
        assert_eq!(ended.code(), Some(0), "{}", self.log());
    }

    /// Starts it where it is expected to fail; the exit code.
    pub(crate) async fn fails(&self, flags: &[&str]) -> Option<i32> {
        let mut child = self.spawn(flags);
        let input = child.stdin.take();
        let ended = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
        drop(input);
        ended.code()
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("it runs")
    }

    /// Everything that it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The folder of its journal.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data/payment")
    }

    pub(crate) fn client(&self, settings: Settings) -> PaymentClient {
        PaymentClient::new(&self.address, settings)
    }

    pub(crate) async fn get(&self, path: &str) -> Option<Answer> {
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        self.send(head.as_bytes()).await
    }

    /// Sends a message as a SOAP client would.
    pub(crate) async fn post(&self, body: &[u8]) -> Answer {
        self.post_as("text/xml; charset=utf-8", body).await
    }

    pub(crate) async fn post_as(&self, kind: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        self.send(&[head.as_bytes(), body].concat()).await.expect("an answer")
    }

    /// Sends bytes on a connection of their own, and reads to its end; `None` if there was no answer.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Option<Answer> {
        let exchange = async {
            let mut socket = TcpStream::connect(&self.address).await.ok()?;
            // It may answer before it has read everything.
            let _ = socket.write_all(bytes).await;
            let mut text = Vec::new();
            let _ = socket.read_to_end(&mut text).await;
            let text = String::from_utf8_lossy(&text).into_owned();
            let (head, body) = text.split_once("\r\n\r\n")?;
            let status = head.get(9..12)?.parse().ok()?;
            Some(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
        };
        timeout(PATIENCE, exchange).await.expect("an answer in time")
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- the log of the payment service\n{}", self.log());
        }
    }
}

pub(crate) fn key(text: &str) -> PaymentKey {
    text.parse().unwrap()
}

pub(crate) fn card(number: &str) -> Card {
    Card::new("Ada Lovelace", number, "04/2039", "987")
}

pub(crate) fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

/// A message around this content of its body.
pub(crate) fn message(content: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:p=\"urn:bazaar:payments:v1\">\
         <s:Body>{content}</s:Body></s:Envelope>"
    )
}

/// The content that asks for a whole charge.
pub(crate) fn process(key: &str, number: &str, amount: &str) -> String {
    format!(
        "<p:ProcessTransaction><p:card_holder_name>Ada Lovelace</p:card_holder_name>\
         <p:card_number>{number}</p:card_number><p:expiration_date>04/39</p:expiration_date>\
         <p:security_code>987</p:security_code><p:amount>{amount}</p:amount>\
         <p:idempotency_key>{key}</p:idempotency_key></p:ProcessTransaction>"
    )
}

/// The content that asks for something else under a key.
pub(crate) fn of_key(operation: &str, key: &str) -> String {
    format!("<p:{operation}><p:idempotency_key>{key}</p:idempotency_key></p:{operation}>")
}
