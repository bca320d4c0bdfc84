//! What cannot work is refused at once, with exit code 2 and a sentence that helps.

use node::service::ServiceId;

use crate::harness::{Deployment, finish};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_one_data_folder_is_refused_and_the_first_goes_on() {
    let deployment = Deployment::up(1).await;
    let file = deployment.file().display().to_string();
    for (kind, id) in [("orders", "2"), ("catalog", "1")] {
        let again = ["--config", &file, "--id", id];
        let finished = finish(&[&[kind], &again[..]].concat()).await;
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.errors.contains("another process uses"), "{finished:?}");
        let fresh = finish(&[&[kind], &again[..], &["--fresh"]].concat()).await;
        assert_eq!(fresh.code, Some(2), "nor may it empty the folder: {fresh:?}");
    }
    deployment.client(1).trade("buy", "GameStart", 1).await;
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named() {
    let deployment = Deployment::up(1).await;
    let file = deployment.file().display().to_string();
    let finished = finish(&["gateway", "--config", &file, "--id", "1"]).await;
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let address = deployment.targets().remove(0);
    assert!(finished.errors.contains(&format!("cannot listen on {address}")), "{finished:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_another_service_is_refused() {
    let deployment = Deployment::up(1).await;
    deployment.client(1).trade("buy", "GameStart", 1).await;
    deployment.stop_all().await;
    let [one, two] = [1, 2].map(|id| deployment.data_of(ServiceId::orders(id)));
    std::fs::rename(&two, two.with_extension("aside")).expect("moved");
    std::fs::rename(&one, &two).expect("moved");
    deployment.start(ServiceId::orders(2));
    let finished = deployment.ended(ServiceId::orders(2)).await;
    assert_eq!(finished.code, Some(2), "{}", finished.errors);
    assert!(finished.errors.contains("belongs to"), "{}", finished.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_or_an_unknown_id_is_exit_code_2_and_a_clear_sentence() {
    let deployment = Deployment::prepare(1, |_| {});
    let file = deployment.file().display().to_string();
    let odd = deployment.folder().join("odd.toml").display().to_string();
    std::fs::write(&odd, "cluster = \"x\"\ncolour = \"blue\"\n").expect("written");
    let missing = deployment.folder().join("missing.toml").display().to_string();
    let cases: [(&[&str], &[&str]); 6] = [
        (
            &["orders", "--config", &file, "--id", "9"],
            &["orders-9", "orders-1, orders-2, orders-3"],
        ),
        (&["gateway", "--config", &file, "--id", "2"], &["gateway-2"]),
        (&["catalog", "--config", &odd, "--id", "1"], &["odd.toml:2", "colour"]),
        (&["catalog", "--config", &missing, "--id", "1"], &["missing.toml"]),
        (&["orders", "--config", &file, "--id", "0"], &["--id"]),
        (
            &["gateway", "--config", &file, "--id", "1", "--set", "cache.size=many"],
            &["cache.size", "many"],
        ),
    ];
    for (arguments, words) in cases {
        let finished = finish(arguments).await;
        assert_eq!(finished.code, Some(2), "{finished:?}");
        for word in words {
            assert!(finished.errors.contains(word), "{word}: {finished:?}");
        }
    }
    assert!(!deployment.config.data.exists(), "nothing was made");
}
