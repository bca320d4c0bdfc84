//! How many cached lookups the surface alone serves, to a bare client and to the load client. Not tests: run them by
//! hand, optimised.
//!
//! `cargo test --release -p bazaar --test rest_contract measure -- --ignored --nocapture --test-threads 1`

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bazaar::cli::trade::{RunType, TradeArgs, run};
use bazaar::rest::{Limits, Role, Server, Surface};
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stub::Stub;

const REQUEST: &[u8] = b"GET /stocks/GameStart HTTP/1.1\r\nHost: b\r\n\r\n";

/// One client; waits for each answer. Latencies in nanoseconds.
async fn client(address: SocketAddr, until: Instant) -> Histogram<u64> {
    let mut socket = TcpStream::connect(address).await.expect("connect");
    socket.set_nodelay(true).expect("nodelay");
    let mut latencies = Histogram::new(3).expect("histogram");
    let mut buffer = [0; 1024];
    loop {
        let started = Instant::now();
        if started >= until {
            return latencies;
        }
        socket.write_all(REQUEST).await.expect("send");
        let mut length = 0;
        while !buffer[..length].ends_with(b"}}") {
            let read = socket.read(&mut buffer[length..]).await.expect("read");
            assert!(read > 0, "closed");
            length += read;
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        latencies.record(started.elapsed().as_nanos() as u64).expect("in range");
    }
}

/// Processor time of this process so far, server and clients together: what a request costs even when the machine
/// has other things to do. The kernel counts in hundredths of a second.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}

fn per_request(before: Duration, requests: u64) -> Duration {
    (processor() - before).div_f64(requests.max(1) as f64)
}

async fn serve() -> Server {
    // Counting is part of the price. Whoever measures second finds the recorder in place.
    let _ = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder();
    let stub = Arc::new(Stub::new(true));
    let surface = Surface::new(stub, Limits::default(), [1; 32], String::new);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    Server::start(surface, Role::Public, listener).expect("start")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn measure_cached_lookups() {
    let server = serve().await;
    for connections in [1, 16, 64, 256, 1024] {
        let before = processor();
        let started = Instant::now();
        let until = started + Duration::from_secs(3);
        let clients: Vec<_> =
            (0..connections).map(|_| tokio::spawn(client(server.address(), until))).collect();
        let mut all = Histogram::<u64>::new(3).expect("histogram");
        for client in clients {
            all.add(client.await.expect("no panic")).expect("same range");
        }
        let rate = all.len() as f64 / started.elapsed().as_secs_f64();
        let [p50, p99] = [0.5, 0.99].map(|q| Duration::from_nanos(all.value_at_quantile(q)));
        let cost = per_request(before, all.len());
        println!(
            "{connections:>5} connections: {rate:>8.0}/s  p50 {p50:?}  p99 {p99:?}  CPU {cost:?}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn measure_load_client() {
    let server = serve().await;
    for clients in [1, 16, 64, 256, 1024] {
        let mut args = TradeArgs::against(server.address().to_string());
        (args.clients, args.run_type) = (clients, RunType::Query);
        (args.listing, args.duration) = (Some("GameStart".into()), Some(Duration::from_secs(3)));
        let before = processor();
        let report = run(args).await.expect("a run");
        assert!(report.passed());
        let latency = &report.latencies[0];
        let (rate, p50, p99) = (latency.per_second, latency.p50_ms, latency.p99_ms);
        let cost = per_request(before, latency.count);
        println!("{clients:>5} clients: {rate:>8.0}/s  p50 {p50} ms  p99 {p99} ms  CPU {cost:?}");
    }
    server.stop().await;
}
