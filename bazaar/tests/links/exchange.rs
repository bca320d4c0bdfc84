//! Links stand, carry, break and come back.

use std::time::Duration;

use node::message::{Invalidated, Message};
use node::service::ServiceId;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_arrive_in_sequence_both_ways() {
    let (mut catalog, mut gateway) = pair().await;
    for burst in 0..50 {
        let numbers = burst * 100..(burst + 1) * 100;
        gateway.links.send(CATALOG, pings(numbers.clone()));
        catalog.links.send(GATEWAY, pings(numbers));
    }
    assert_eq!(catalog.messages(GATEWAY, 5000).await, pings(0..5000));
    assert_eq!(gateway.messages(CATALOG, 5000).await, pings(0..5000));
    assert!(catalog.links.states()[&GATEWAY] && gateway.links.states()[&CATALOG]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_messages_fit_and_monsters_are_left_out() {
    let (mut catalog, gateway) = pair().await;
    let invalidated =
        |count| Message::Invalidated(Invalidated { session: 1, numbers: vec![u64::MAX; count] });
    let large = vec![invalidated(wire::limits::MAX_NUMBERS); 20];
    gateway.links.send(CATALOG, large.clone());
    gateway.links.send(CATALOG, vec![invalidated(500_000), Message::Ping { nonce: 1 }]);
    let mut arrived = catalog.messages(GATEWAY, 21).await;
    assert_eq!(arrived.pop(), pings(1..2).pop());
    assert!(arrived == large, "{} large messages", arrived.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_is_found_again() {
    let (catalog, mut gateway) = pair().await;
    let address = catalog.links.address();
    drop(catalog);
    assert_eq!(gateway.next().await, Told::Down(CATALOG));
    gateway.links.send(CATALOG, pings(0..1));

    let mut again = config(CATALOG, &[(GATEWAY, localhost())]);
    again.listen = address;
    let mut catalog = Process::start(again).await;
    assert_eq!(gateway.next().await, Told::Up(CATALOG));
    assert_eq!(catalog.next().await, Told::Up(GATEWAY));
    gateway.links.send(CATALOG, pings(1..2));
    assert_eq!(catalog.messages(GATEWAY, 1).await, pings(1..2), "what found no link is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_end_sends_what_waits() {
    let (mut catalog, gateway) = pair().await;
    gateway.links.send(CATALOG, pings(0..1000));
    gateway.links.shutdown().await;
    assert_eq!(catalog.messages(GATEWAY, 1000).await, pings(0..1000));
    assert_eq!(catalog.next().await, Told::Down(GATEWAY));

    let (catalog, mut gateway) = pair().await;
    catalog.links.send(GATEWAY, pings(0..1000));
    let began = Instant::now();
    catalog.links.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(5), "it ends though the peer dials on");
    assert_eq!(gateway.messages(CATALOG, 1000).await, pings(0..1000));
    assert_eq!(gateway.next().await, Told::Down(CATALOG));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_takes_nothing_loses_the_link_and_gets_a_new_one() {
    let (mut catalog, mut gateway) = pair().await;
    catalog.refuse_messages(true);
    gateway.links.send(CATALOG, pings(0..1));
    assert_eq!(gateway.next().await, Told::Down(CATALOG));
    assert_eq!(catalog.next().await, Told::Down(GATEWAY));
    catalog.refuse_messages(false);
    assert_eq!(catalog.next().await, Told::Up(GATEWAY));
    assert_eq!(gateway.next().await, Told::Up(CATALOG));
    gateway.links.send(CATALOG, pings(1..2));
    assert_eq!(catalog.messages(GATEWAY, 1).await, pings(1..2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_at_once_drops_the_link_and_never_blocks() {
    let (mut catalog, mut gateway) = pair().await;
    // One push above the limit of messages: no peer could be fast enough.
    gateway.links.send(CATALOG, pings(0..70_000));
    assert_eq!(gateway.next().await, Told::Down(CATALOG));
    assert_eq!(catalog.next().await, Told::Down(GATEWAY), "nothing of it arrived");
    assert_eq!(gateway.next().await, Told::Up(CATALOG));
    assert_eq!(catalog.next().await, Told::Up(GATEWAY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_link_of_one_peer_replaces_the_first() {
    let (mut catalog, _first) = pair().await;
    let mut second = Process::start(config(GATEWAY, &[(CATALOG, catalog.links.address())])).await;
    assert_eq!(second.next().await, Told::Up(CATALOG));
    assert_eq!(catalog.next().await, Told::Down(GATEWAY));
    assert_eq!(catalog.next().await, Told::Up(GATEWAY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_silent_for_a_second_is_dead() {
    let catalog = Process::start(config(CATALOG, &[(GATEWAY, localhost())])).await;
    // Between the two: forwards until told to freeze, and then holds the connections open in silence.
    let proxy = TcpListener::bind(localhost()).await.expect("a port");
    let address = proxy.local_addr().expect("its address");
    let (freeze, frozen) = tokio::sync::watch::channel(false);
    let target = catalog.links.address();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = proxy.accept().await {
            let mut frozen = frozen.clone();
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(target).await.expect("the catalog");
                let forward = tokio::io::copy_bidirectional(&mut near, &mut far);
                tokio::select! {
                    _ = forward => return,
                    _ = frozen.wait_for(|frozen| *frozen) => {}
                }
                std::future::pending::<()>().await;
            });
        }
    });
    let mut gateway = Process::start(config(GATEWAY, &[(CATALOG, address)])).await;
    assert_eq!(gateway.next().await, Told::Up(CATALOG));
    let began = Instant::now();
    freeze.send(true).expect("the proxy lives");
    assert_eq!(gateway.next().await, Told::Down(CATALOG));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_refused() {
    let mut catalog = Process::start(config(CATALOG, &[(GATEWAY, localhost())])).await;
    let address = catalog.links.address();
    let other_cluster = {
        let mut config = config(GATEWAY, &[(CATALOG, address)]);
        config.cluster = "other".to_owned();
        Process::start(config).await
    };
    let unknown = Process::start(config(ServiceId::gateway(9), &[(CATALOG, address)])).await;
    let wrong_address = Process::start(config(GATEWAY, &[(ORDERS, address)])).await;

    // The right one is let in while the others are at the door.
    let mut gateway = Process::start(config(GATEWAY, &[(CATALOG, address)])).await;
    assert_eq!(gateway.next().await, Told::Up(CATALOG));
    assert_eq!(catalog.next().await, Told::Up(GATEWAY));
    for mut refused in [other_cluster, unknown, wrong_address] {
        assert!(refused.told_nothing());
        assert!(refused.links.states().values().all(|up| !up));
    }
    assert!(catalog.told_nothing());
}
