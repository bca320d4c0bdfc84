//! More than can be served: it is shed, and nothing falls over.

use std::time::Duration;

use node::service::ServiceId;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::harness::{Client, Deployment, PATIENCE};

/// One request on a connection of its own; its status, or none if the connection was refused or cut.
async fn one(mut client: Client, index: u64) -> Option<u16> {
    let answer = if index.is_multiple_of(2) {
        client.attempt("GET", "/stocks/GameStart", &[], "").await
    } else {
        let body = json!({ "name": "BoarCo", "quantity": 1, "type": "sell" }).to_string();
        client.attempt("POST", "/orders", &[], &body).await
    };
    Some(answer.ok()?.status)
}

async fn storm(deployment: &Deployment, connections: u64) -> Vec<Option<u16>> {
    let mut clients = JoinSet::new();
    for index in 0..connections {
        clients.spawn(one(deployment.client(1), index));
    }
    clients.join_all().await
}

fn count(answers: &[Option<u16>], status: Option<u16>) -> usize {
    answers.iter().filter(|answer| **answer == status).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_at_once_are_served_or_shed() {
    let deployment = Deployment::up(1).await;
    for _ in 0..2 {
        let answers = storm(&deployment, 1_000).await;
        let odd = |answer: &&Option<u16>| !matches!(answer, Some(200 | 429 | 503 | 504));
        assert_eq!(answers.iter().find(odd), None, "served, shed, or told to come back");
        let served = count(&answers, Some(200));
        println!("{served} of 1,000 served");
        assert!(served > 100, "only {served} were served");
        assert_eq!(deployment.client(1).get("/healthz").await.status, 200);
    }
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_over_the_limit_are_turned_away_and_the_others_served() {
    let deployment = Deployment::with(1, |config| {
        config.limits.connections = 50;
        config.limits.per_ip = 40;
        config.limits.in_flight = 20;
    })
    .await;
    let answers = storm(&deployment, 400).await;
    let served = count(&answers, Some(200));
    let shed = count(&answers, Some(429)) + count(&answers, Some(503));
    println!("{served} served, {shed} shed");
    let odd = |answer: &&Option<u16>| !matches!(answer, Some(200 | 429 | 503 | 504));
    assert_eq!(answers.iter().find(odd), None, "served, shed, or told to come back");
    assert!(served > 0 && shed > 0, "{served} served, {shed} shed");
    deployment.client(1).trade("buy", "GameStart", 1).await;
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_send_half_a_request_are_cut_and_hold_nobody_up() {
    let deployment = Deployment::up(1).await;
    let address = deployment.targets().remove(0);
    let mut slow = Vec::new();
    for half in
        ["GET /stocks/Gam", "POST /orders HTTP/1.1\r\nContent-Length: 100\r\n\r\n{\"name\"", ""]
    {
        for _ in 0..100 {
            let mut stream = TcpStream::connect(&address).await.expect("connected");
            stream.write_all(half.as_bytes()).await.expect("written");
            slow.push((half, stream));
        }
    }
    let begun = Instant::now();
    let mut client = deployment.client(1);
    for _ in 0..20 {
        client.quantity("GameStart").await;
        client.trade("sell", "GameStart", 1).await;
    }
    assert!(begun.elapsed() < PATIENCE / 2, "it took {:?}", begun.elapsed());
    let (half, stream) = &mut slow[0];
    let mut rest = Vec::new();
    let cut = timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await;
    assert!(cut.is_ok(), "{half:?} is still waited for");
    let text = String::from_utf8_lossy(&rest);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    drop(slow);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_any_port_harms_nobody() {
    let deployment = Deployment::up(1).await;
    let mut ports: Vec<String> = deployment.targets();
    for service in deployment.config.services() {
        ports.extend(deployment.config.grpc_address(service).map(ToString::to_string));
    }
    for port in &ports {
        for seed in 0..20_u8 {
            let Ok(mut stream) = TcpStream::connect(port).await else { panic!("{port} is closed") };
            let bytes: Vec<u8> = (0..2_000_u32).map(|at| (at * 31) as u8 ^ seed).collect();
            // It may be cut in the middle; what matters is who is still there afterwards.
            let _ = stream.write_all(&bytes).await;
        }
    }
    deployment.client(1).trade("buy", "GameStart", 1).await;
    deployment.settled().await;
    for service in deployment.config.services() {
        assert!(!deployment.log(service).contains("panicked"), "{service}");
    }
    deployment.stop(ServiceId::gateway(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_without_file_descriptors_left_waits_for_some_and_goes_on() {
    let deployment = Deployment::up(1).await;
    let gateway = ServiceId::gateway(1);
    deployment.stop(gateway).await;
    deployment.start_limited(gateway, "-n 64");
    deployment.ready().await;
    let mut idle = Vec::new();
    let address = deployment.targets().remove(0);
    for _ in 0..200 {
        // The system accepts them; the gateway cannot.
        idle.push(TcpStream::connect(&address).await.expect("connected"));
    }
    let answers = tokio::join!(storm(&deployment, 50), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(idle);
    });
    let served = count(&answers.0, Some(200));
    assert!(served > 0, "{:?}", answers.0);
    deployment.client(1).trade("buy", "GameStart", 1).await;
    deployment.settled().await;
}
