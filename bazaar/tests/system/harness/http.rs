//! A small HTTP client that shows what comes over the wire, byte for byte.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::watch::{GLANCE, PATIENCE};

/// Longest that one attempt may take: longer than any answer the gateway may give, 504 included.
const ATTEMPT: Duration = Duration::from_secs(15);

/// Makes keys of one test run differ.
static KEYS: AtomicU64 = AtomicU64::new(0);

/// A client with one connection, opened when needed.
pub(crate) struct Client {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Status and reason of a failure, which must have the form of one.
    pub(crate) fn failure(&self) -> (u16, String) {
        let error = &self.json()["error"];
        assert_eq!(error["code"], self.status, "{self:?}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        (self.status, error["reason"].as_str().unwrap_or_default().to_owned())
    }

    /// The number of the order that was made.
    pub(crate) fn number(&self) -> u64 {
        assert_eq!(self.status, 200, "{self:?}");
        let data = &self.json()["data"];
        assert_eq!(data["transaction_number"], data["order_number"], "{self:?}");
        data["order_number"].as_u64().expect("a number")
    }

    /// Later, says the server: what a client repeats.
    fn is_pause(&self) -> bool {
        matches!(self.status, 429 | 503 | 504)
    }
}

impl Client {
    pub(crate) fn new(address: String) -> Self {
        Client { address, stream: None }
    }

    /// One attempt.
    pub(crate) async fn attempt(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let call = async {
            self.send(method, target, headers, body).await?;
            self.receive().await
        };
        let answer = timeout(ATTEMPT, call).await;
        answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Writes a request, and leaves its answer for [`Client::receive`].
    pub(crate) async fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<()> {
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.address);
        headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        if !body.is_empty() || method == "POST" {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        text += &format!("\r\n{body}");
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(&self.address).await?),
        };
        stream.write_all(text.as_bytes()).await?;
        self.stream = Some(stream);
        Ok(())
    }

    /// Reads the answer to what was sent.
    pub(crate) async fn receive(&mut self) -> io::Result<Answer> {
        let mut stream = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        let answer = read(&mut stream).await?;
        if answer.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    /// Asks until the answer is not "later"; a lost connection is opened again.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        // A loop of its own: the future of an async closure could not be spawned.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.attempt(method, target, headers, body).await;
            match answer {
                Ok(answer) if !answer.is_pause() => return answer,
                later => assert!(Instant::now() < deadline, "{method} {target}: {later:?}"),
            }
            sleep(GLANCE).await;
        }
    }

    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.call("GET", target, &[], "").await
    }

    /// Posts an order under a key.
    pub(crate) async fn keyed(&mut self, key: &str, body: &str) -> Answer {
        self.call("POST", "/orders", &[("Idempotency-Key", key)], body).await
    }

    /// Posts an order under a new key, so that it happens once however often it must be sent.
    pub(crate) async fn order(&mut self, body: &str) -> Answer {
        self.keyed(&new_key(), body).await
    }

    /// Buys or sells; the order's number.
    pub(crate) async fn trade(&mut self, side: &str, name: &str, quantity: u64) -> u64 {
        let body = json!({ "name": name, "quantity": quantity, "type": side }).to_string();
        self.order(&body).await.number()
    }

    /// The quantity of a stock.
    pub(crate) async fn quantity(&mut self, name: &str) -> u64 {
        let answer = self.get(&format!("/stocks/{name}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["data"]["quantity"].as_u64().expect("a number")
    }
}

/// A key nobody used before.
pub(crate) fn new_key() -> String {
    format!("system-{}-{}", std::process::id(), KEYS.fetch_add(1, Ordering::Relaxed))
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let status = line(stream).await?;
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut answer = Answer {
        status: status.ok_or(io::ErrorKind::InvalidData)?,
        headers: Vec::new(),
        body: String::new(),
    };
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        answer.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    answer.body = String::from_utf8(body).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(answer)
}

async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
