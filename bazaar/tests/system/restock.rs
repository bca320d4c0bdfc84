//! Restock: what is marked for it and stands at 0 is filled up.

use bazaar::config::{ListingsSource, Period};

use crate::harness::{Deployment, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_at_0_is_filled_to_its_level_and_caches_learn_of_it() {
    let deployment = Deployment::with(2, |config| {
        config.catalog.restock.enabled = true;
        config.catalog.restock.interval = Period::millis(300);
        config.catalog.restock.level = 70;
    })
    .await;
    let mut client = deployment.client(1);
    client.trade("buy", "BoarCo", 99).await;
    client.trade("buy", "GameStart", 100).await;
    for gateway in [1, 2] {
        let mut client = deployment.client(gateway);
        until("the listing to be filled", async || {
            (client.quantity("GameStart").await == 70).then_some(())
        })
        .await;
        assert_eq!(client.quantity("BoarCo").await, 1, "only what is at 0 is filled");
    }
    assert_eq!(client.trade("buy", "GameStart", 70).await, 2, "a restock takes no number");
    let mut client = deployment.client(2);
    until("the next restock", async || (client.quantity("GameStart").await == 70).then_some(()))
        .await;
    deployment.stop_all().await;
    deployment.start_all();
    deployment.settled().await;
    assert_eq!(deployment.client(2).quantity("GameStart").await, 70, "and it lasts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restock_that_is_off_and_listings_that_are_not_marked_stay_at_0() {
    let off = Deployment::up(1).await;
    off.client(1).trade("buy", "GameStart", 100).await;
    let on = Deployment::with(1, |config| {
        let file = config.data.with_file_name("listings.csv");
        let rows = "name,price,quantity,restock\nMarked,1.00,1,true\nUnmarked,2.00,1,false\n";
        std::fs::write(&file, rows).expect("a file of listings");
        config.catalog.stocks = Some(ListingsSource::File(file));
        config.catalog.restock.enabled = true;
        config.catalog.restock.interval = Period::millis(100);
    })
    .await;
    let mut client = on.client(1);
    client.trade("buy", "Unmarked", 1).await;
    for _ in 0..3 {
        until("the marked listing to be filled", async || {
            (client.quantity("Marked").await > 0).then_some(())
        })
        .await;
        let quantity = client.quantity("Marked").await;
        client.trade("buy", "Marked", quantity).await;
    }
    assert_eq!(client.quantity("Unmarked").await, 0, "through three restocks");
    assert_eq!(off.client(1).quantity("GameStart").await, 0);
    on.audit().await;
    off.audit().await;
}
