//! A surface on ports of its own, and a client that speaks raw bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bazaar::cli::trade::{Report, TradeArgs, run};
use bazaar::rest::{Limits, Role, Server, Surface};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::stub::Stub;

/// Longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Host {
    pub(crate) stub: Arc<Stub>,
    pub(crate) public: SocketAddr,
    pub(crate) internal: SocketAddr,
    runtime: Runtime,
    servers: Vec<Server>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Host::with(Limits::default(), Stub::new(true))
    }

    pub(crate) fn with(limits: Limits, stub: Stub) -> Self {
        let runtime = Runtime::new().expect("runtime");
        let stub = Arc::new(stub);
        let surface = Surface::new(stub.clone(), limits, [1; 32], || "up 1\n".to_owned());
        let servers: Vec<Server> = runtime.block_on(async {
            let mut servers = Vec::new();
            for role in [Role::Public, Role::Internal] {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
                servers.push(Server::start(surface.clone(), role, listener).expect("start"));
            }
            servers
        });
        let (public, internal) = (servers[0].address(), servers[1].address());
        Host { stub, public, internal, runtime, servers }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.public)
    }

    pub(crate) fn operator(&self) -> Client {
        Client::connect(self.internal)
    }

    /// Stops all listeners, as a process would.
    pub(crate) fn stop(&mut self) {
        for server in self.servers.drain(..) {
            self.runtime.block_on(server.stop());
        }
    }

    /// Stops the public listener in the background.
    pub(crate) fn begin_stop(&mut self) -> tokio::task::JoinHandle<()> {
        let server = self.servers.remove(0);
        self.runtime.spawn(server.stop())
    }

    /// Runs the load client to its end.
    pub(crate) fn trade(&self, args: TradeArgs) -> Report {
        self.runtime.block_on(run(args)).expect("a run")
    }

    /// Starts the load client in the background.
    pub(crate) fn begin_trade(&self, args: TradeArgs) -> tokio::task::JoinHandle<Report> {
        self.runtime.spawn(async { run(args).await.expect("a run") })
    }

    /// Listens again where it did before, as a restarted process would.
    pub(crate) fn restart(&mut self) {
        let surface =
            Surface::new(self.stub.clone(), Limits::default(), [2; 32], || "up 1\n".to_owned());
        let public = self.public;
        let server = self.runtime.block_on(async {
            let listener = TcpListener::bind(public).await.expect("the address is free again");
            Server::start(surface, Role::Public, listener).expect("start")
        });
        self.servers.insert(0, server);
    }

    pub(crate) fn wait<T>(&self, handle: tokio::task::JoinHandle<T>) -> T {
        let waited = async { tokio::time::timeout(PATIENCE, handle).await };
        self.runtime.block_on(waited).expect("in time").expect("no panic")
    }
}

pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Checks the one shape of failures and gives the reason.
    #[track_caller]
    pub(crate) fn reason(&self) -> String {
        let json = self.json();
        let error = json.as_object().and_then(|top| top.get("error")).expect("an error object");
        assert_eq!(json.as_object().map(|top| top.len()), Some(1), "nothing beside the error");
        assert_eq!(error["code"], self.status, "{}", self.body);
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert_eq!(self.header("content-type"), Some("application/json"));
        if matches!(self.status, 429 | 503 | 504) {
            assert_eq!(self.header("retry-after"), Some("1"), "{}", self.body);
        }
        error["reason"].as_str().expect("a reason").to_owned()
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("connect");
        socket.set_read_timeout(Some(PATIENCE)).expect("timeout");
        socket.set_nodelay(true).expect("nodelay");
        Client { socket, buffer: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).expect("send");
    }

    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.call("GET", target, &[], "")
    }

    pub(crate) fn order(&mut self, body: impl AsRef<[u8]>) -> Answer {
        self.call("POST", "/orders", &[], body)
    }

    pub(crate) fn call(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let body = body.as_ref();
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: bazaar\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        self.send(bytes);
        self.answer_to(method).expect("an answer")
    }

    /// The next answer; `None` when the server closed the connection instead.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        self.answer_to("GET")
    }

    pub(crate) fn answer_to(&mut self, method: &str) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if !self.more() {
                return None;
            }
        };
        let head = String::from_utf8(self.buffer.drain(..end).collect()).expect("UTF-8");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().expect("a status");
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: String::new() };
        let length = answer.header("content-length").map_or(0, |l| l.parse().expect("a length"));
        if method != "HEAD" && status >= 200 {
            while self.buffer.len() < length {
                assert!(self.more(), "the body ended early");
            }
            let body = self.buffer.drain(..length).collect();
            answer.body = String::from_utf8(body).expect("UTF-8");
        }
        Some(answer)
    }

    /// Nothing more comes: the server closed the connection.
    #[track_caller]
    pub(crate) fn assert_closed(&mut self) {
        while self.more() {}
        assert!(self.buffer.is_empty(), "{:?}", String::from_utf8_lossy(&self.buffer));
    }

    fn more(&mut self) -> bool {
        let mut chunk = [0; 16 << 10];
        match self.socket.read(&mut chunk) {
            Ok(read) => {
                self.buffer.extend_from_slice(&chunk[..read]);
                read > 0
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }
}
