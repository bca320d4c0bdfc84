//! The other services on the port: hellos by hand, health, reflection, status and audit.

use bazaar::links::{InspectError, StartError, inspect_client};
use node::service::ServiceId;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1 as reflection;
use wire::v1::link_client::LinkClient;
use wire::{Hello, v1};

use crate::support::*;

async fn channel(process: &Process) -> Channel {
    let address = format!("http://{}", process.links.address());
    Channel::from_shared(address).expect("an address").connect().await.expect("a connection")
}

async fn catalog() -> Process {
    Process::start(config(CATALOG, &[(GATEWAY, localhost())])).await
}

/// Opens a link by hand; the stream stays open after the batches.
async fn say(process: &Process, batches: Vec<v1::Batch>) -> Result<(), tonic::Status> {
    let stream = tokio_stream::iter(batches).chain(tokio_stream::pending());
    LinkClient::new(channel(process).await).exchange(stream).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_hello_is_refused_with_its_reason() {
    let mut catalog = catalog().await;
    let good = Hello::new(GATEWAY, CATALOG, "test");
    let cases = [
        (Hello { cluster: "other".to_owned(), ..good.clone() }, "cluster"),
        (Hello { protocol: 0, oldest_protocol: 0, ..good.clone() }, "protocol"),
        (Hello { protocol: 9, oldest_protocol: 9, ..good.clone() }, "protocol"),
        (Hello { peer: ORDERS, ..good.clone() }, "looks for orders-1"),
        (Hello { service: ServiceId::gateway(2), ..good.clone() }, "does not belong"),
        (Hello { service: CATALOG, ..good.clone() }, "does not belong"),
    ];
    for (hello, reason) in cases {
        let refused = say(&catalog, vec![wire::encode_hello(hello)]).await.expect_err("refused");
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains(reason), "{}", refused.message());
    }
    let refused = say(&catalog, vec![wire::encode_batch(pings(0..1))]).await.expect_err("refused");
    assert!(refused.message().contains("hello"), "{}", refused.message());
    assert!(catalog.told_nothing());
    say(&catalog, vec![wire::encode_hello(good)]).await.expect("the right one is taken");
    catalog.until(Told::Up(GATEWAY)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_caller_is_not_waited_for() {
    let catalog = catalog().await;
    let refused = say(&catalog, Vec::new()).await.expect_err("refused");
    assert!(refused.message().contains("no hello within"), "{}", refused.message());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_speech_breaks_the_link() {
    let mut catalog = catalog().await;
    let hello = wire::encode_hello(Hello::new(GATEWAY, CATALOG, "test"));
    let broken = v1::Batch { hello: None, messages: vec![v1::Message { kind: None }] };
    let stream = tokio_stream::iter([hello, broken]).chain(tokio_stream::pending());
    let answer = LinkClient::new(channel(&catalog).await).exchange(stream).await.expect("taken");
    let mut answer = answer.into_inner();
    assert_eq!(catalog.next().await, Told::Up(GATEWAY));
    assert_eq!(catalog.next().await, Told::Down(GATEWAY));
    // A link that broke says nothing more: its end may overtake the hello, nothing else may come.
    let mut heard = Vec::new();
    while let Ok(Some(batch)) = answer.message().await {
        heard.push((batch.hello.map(|hello| hello.cluster), batch.messages.len()));
    }
    assert!(heard.is_empty() || heard == [(Some("test".to_owned()), 0)], "{heard:?}");
}

async fn health(process: &Process, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(channel(process).await).check(request).await;
    answer.expect("health answers").into_inner().status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_says_whether_the_process_is_open() {
    let catalog = catalog().await;
    assert_eq!(health(&catalog, "").await, ServingStatus::NotServing);
    catalog.links.set_open(true).await;
    for service in ["", "bazaar.v1.Link", "bazaar.v1.Inspect"] {
        assert_eq!(health(&catalog, service).await, ServingStatus::Serving);
    }
    catalog.links.set_open(false).await;
    assert_eq!(health(&catalog, "").await, ServingStatus::NotServing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_lists_the_services() {
    use reflection::server_reflection_client::ServerReflectionClient;
    use reflection::server_reflection_request::MessageRequest;
    use reflection::server_reflection_response::MessageResponse;

    let catalog = catalog().await;
    let request = reflection::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel(&catalog).await);
    let answers = client.server_reflection_info(tokio_stream::iter([request])).await;
    let answer = answers.expect("reflection answers").into_inner().message().await;
    let answer = answer.expect("an answer").expect("one at least").message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else {
        panic!("expected a list, got {answer:?}");
    };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["bazaar.v1.Link", "bazaar.v1.Inspect", "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_catalog_and_orders_can_be_read() {
    let catalog = catalog().await;
    let address = catalog.links.address().to_string();
    let mut client = inspect_client(&address).await.expect("a connection");
    assert_eq!(client.status().await, Ok(museum_status()));
    assert_eq!(client.catalog().await, Ok(museum_catalog()));

    for (from, to, end) in [(0, u64::MAX, KEPT), (0, 5000, 5000), (KEPT, KEPT + 9, KEPT), (7, 7, 7)]
    {
        let mut pages = client.orders(from, to).await.expect("orders");
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await.expect("a page") {
            rows.extend(page.rows);
        }
        assert_eq!(rows, (from..end).map(exhibit).collect::<Vec<_>>(), "{from}..{to}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_inspections_are_refused_and_places_come_free() {
    let catalog = catalog().await;
    let address = catalog.links.address().to_string();
    let mut client = inspect_client(&address).await.expect("a connection");
    // The pages of each wait for a reader that does not come, and with them the place.
    let mut open = Vec::new();
    let refused = loop {
        match client.orders(ENDLESS, u64::MAX).await {
            Ok(pages) => open.push(pages),
            Err(refused) => break refused,
        }
        assert!(open.len() < 10, "there is a limit");
    };
    assert_eq!(refused, InspectError::Busy);
    drop(open);
    let client = tokio::sync::Mutex::new(client);
    eventually(|| async { client.lock().await.orders(0, KEPT).await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_ask_for_nothing_are_dropped_and_links_are_not() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let (catalog, gateway) = pair().await;
    let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    // Nothing; the beginning of the preface; a whole preface with empty settings, then silence.
    let whole = [preface, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    let mut sockets = Vec::new();
    for words in [&[][..], &preface[..1], &whole] {
        let address = catalog.links.address();
        let mut socket = tokio::net::TcpStream::connect(address).await.expect("connected");
        socket.write_all(words).await.expect("written");
        sockets.push(socket);
    }
    for mut socket in sockets {
        let mut said = Vec::new();
        let end = socket.read_to_end(&mut said);
        let end = tokio::time::timeout(std::time::Duration::from_secs(20), end).await;
        // Closed or reset, as long as it is over.
        drop(end.expect("it is dropped"));
    }
    assert!(catalog.links.states()[&GATEWAY] && gateway.links.states()[&CATALOG]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_and_a_bad_address_are_told() {
    let catalog = catalog().await;
    let taken = catalog.links.address();
    let mut second = config(CATALOG, &[]);
    second.listen = taken;
    assert!(
        matches!(try_start(second).await, StartError::Listen { address, .. } if address == taken)
    );
    let mut lost = config(GATEWAY, &[]);
    lost.peers.insert(CATALOG, "not an address".to_owned());
    assert!(matches!(try_start(lost).await, StartError::Address { peer: CATALOG, .. }));
    assert!(matches!(
        inspect_client("127.0.0.1:1").await.map(|_| ()),
        Err(InspectError::Unavailable(_))
    ));
}
