//! The commands around a deployment: their answers and their exit codes.

use node::service::ServiceId;
use serde_json::{Value, json};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{Deployment, Finished, finish};

fn json_of(finished: &Finished) -> Value {
    serde_json::from_str(&finished.output).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_service_of_every_process_says_serving() {
    let deployment = Deployment::up(1).await;
    for service in deployment.config.services() {
        let address = deployment.config.grpc_address(service).expect("everybody has one");
        let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}"));
        let channel = channel.expect("an address").connect().await.expect("connected");
        let mut client = HealthClient::new(channel);
        for name in ["", "bazaar.v1.Link", "bazaar.v1.Inspect", "bazaar.v1.Admin"] {
            let request = HealthCheckRequest { service: name.to_owned() };
            let answer = client.check(request).await.expect("an answer").into_inner();
            assert_eq!(answer.status(), ServingStatus::Serving, "{name} of {service}");
        }
        let request = HealthCheckRequest { service: "nobody".to_owned() };
        let unknown = client.check(request).await.expect_err("there is none");
        assert_eq!(unknown.code(), tonic::Code::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn config_check_finds_what_is_wrong_with_file_and_line() {
    let deployment = Deployment::prepare(2, |_| {});
    let file = deployment.file().display().to_string();
    let good = finish(&["config", "check", "--config", &file]).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    let good = finish(&["config", "check", "--config", &file, "--json"]).await;
    let services = json!([
        "catalog-1",
        "catalog-2",
        "catalog-3",
        "orders-1",
        "orders-2",
        "orders-3",
        "gateway-1",
        "gateway-2"
    ]);
    assert_eq!((&json_of(&good)["ok"], &json_of(&good)["services"]), (&json!(true), &services));
    let text = std::fs::read_to_string(&file).expect("readable");
    std::fs::write(&file, text.replace("id = 2\naddress", "id = 1\naddress")).expect("written");
    let bad = finish(&["config", "check", "--config", &file]).await;
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.output.contains("bazaar.toml:") && bad.output.contains("the id 1"), "{bad:?}");
    let bad = finish(&["config", "check", "--config", &file, "--json"]).await;
    assert_eq!((bad.code, &json_of(&bad)["ok"]), (Some(1), &json!(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_tells_who_leads_and_who_is_gone() {
    let deployment = Deployment::up(1).await;
    deployment.client(1).trade("buy", "GameStart", 1).await;
    deployment.level().await;
    let file = deployment.file().display().to_string();
    let fine = finish(&["status", "--config", &file, "--json"]).await;
    assert_eq!(fine.code, Some(0), "{fine:?}");
    let services = json_of(&fine)["services"].clone();
    let names: Vec<&str> =
        services.as_array().expect("a list").iter().filter_map(|s| s["service"].as_str()).collect();
    let catalogs = ["catalog-1", "catalog-2", "catalog-3"];
    assert_eq!(names, [&catalogs[..], &["orders-1", "orders-2", "orders-3", "gateway-1"]].concat());
    for group in [0..3, 3..6] {
        let roles: Vec<&Value> =
            services.as_array().expect("a list")[group].iter().map(|s| &s["role"]).collect();
        assert_eq!(roles.iter().filter(|role| **role == "leader").count(), 1, "{services}");
        assert_eq!(roles.iter().filter(|role| **role == "follower").count(), 2, "{services}");
    }
    let catalog = deployment.catalog_leader().await;
    let led = &services[usize::from(catalog.id) - 1];
    assert_eq!(led["configuration"]["in_sync"], json!([1, 2, 3]));
    assert_eq!(led["counters"]["orders"], 1);
    assert_eq!(led["engine"]["voters"], json!([1, 2, 3]));

    let leader = deployment.leader().await;
    deployment.kill(leader).await;
    deployment.leader_after(leader).await;
    let missing = finish(&["status", "--config", &file, "--json"]).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(json_of(&missing)["services"][usize::from(leader.id) + 2]["error"].is_string());
    let table = finish(&["status", "--config", &file]).await;
    assert!(table.output.contains("led by orders-") && table.output.contains("gone"), "{table:?}");
    assert!(table.output.contains(&format!("catalog: led by {catalog} in term ")), "{table:?}");
    assert_eq!(finish(&["status", "--config", "nowhere.toml"]).await.code, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audit_passes_online_and_offline_and_fails_when_somebody_is_missing() {
    let deployment = Deployment::up(1).await;
    let mut args = deployment.clients(2);
    (args.requests, args.probability) = (20, 1.0);
    let report = deployment.run(args).await;
    let file = deployment.file().display().to_string();
    let online = finish(&["audit", "--config", &file, "--json"]).await;
    assert_eq!(online.code, Some(0), "{online:?}");
    let told = json_of(&online);
    assert_eq!(told["unreachable"], json!([]));
    assert_eq!(told["replicas"][0]["count"], json!(report.orders), "{told}");
    let held = finish(&["audit", "--config", &file, "--offline"]).await;
    assert_eq!(held.code, Some(2), "folders in use are not opened: {held:?}");

    deployment.stop(ServiceId::orders(1)).await;
    let missing = finish(&["audit", "--config", &file, "--json"]).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert_eq!(json_of(&missing)["unreachable"][0]["service"], "orders-1");
    deployment.stop_all().await;
    let nobody = finish(&["audit", "--config", &file]).await;
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(nobody.errors.contains("--offline"), "{nobody:?}");
    let offline = finish(&["audit", "--config", &file, "--offline", "--json"]).await;
    assert_eq!(offline.code, Some(0), "{offline:?}");
    assert_eq!(json_of(&offline)["replicas"][2]["count"], json!(report.orders));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trade_as_a_command_succeeds_only_without_errors() {
    let deployment = Deployment::up(1).await;
    let target = deployment.targets().remove(0);
    let good =
        finish(&["trade", "--target", &target, "--requests", "20", "--clients", "3", "--json"])
            .await;
    assert_eq!(good.code, Some(0), "{good:?}");
    let report = json_of(&good);
    assert_eq!((&report["errors"], &report["mismatches"]), (&json!(0), &json!(0)), "{report}");
    let bad =
        finish(&["trade", "--target", &target, "--requests", "1", "--listing", "Nothing"]).await;
    assert_eq!(bad.code, Some(1), "{bad:?}");
    let odd = finish(&["trade", "--target", &target, "--probability", "7"]).await;
    assert_eq!(odd.code, Some(2), "{odd:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_stop_in_good_order_when_their_supervisor_is_gone() {
    let deployment = Deployment::up(1).await;
    deployment.client(1).trade("buy", "GameStart", 1).await;
    let mut services = deployment.config.services();
    services.reverse();
    for service in services {
        deployment.abandon(service).await;
        assert!(deployment.log(service).contains("the supervisor is gone"));
    }
    deployment.audit_offline().await;
}
