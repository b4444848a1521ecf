//! Any room in any number, replaced one process after another while orders flow: nothing is lost, nothing is done twice,
//! and no process leaves anything behind.

use std::collections::BTreeSet;

use messages::Room;
use serde_json::json;
use tests::TestHouse;

use super::faults::{Sale, adds_up, apply_catalogue, open, start_store};

const REPLICAS: usize = 3;
/// Orders that set out while the replicas of one room are replaced.
const ORDERS_PER_ROOM: i64 = 30;

#[tokio::test]
async fn three_replicas_of_every_room_are_replaced_one_by_one_under_load() {
    let mut house = open("scaling").await;
    // What ops/SCALING.md says to be enough for a room.
    house.set("OMS_DATABASE_CONNECTIONS", "2");
    for (room, replica) in replicas() {
        house.start_rooms(&format!("{room}-{replica}"), room.name()).await;
    }
    let running = house.oms_json(&["status"]);
    for desk in running["desks"].as_array().expect("desks") {
        assert_eq!(desk["running"], json!(REPLICAS), "{desk}");
    }
    let path = apply_catalogue(&house);
    house.start_warehouse(&[]).await;

    for (seed, room) in (100..).zip(Room::ALL) {
        let store = format!("store-{room}");
        // About as fast as three replicas are replaced.
        let sale = Sale { process: &store, orders: ORDERS_PER_ROOM, per_second: 15, seed };
        start_store(&mut house, &path, &sale);
        let before = decided(&house, room).await;
        for replica in 1..=REPLICAS {
            let process = format!("{room}-{replica}");
            // Exit code 1 would say that the deadline of OMS_DRAIN_SECONDS has passed.
            assert_eq!(house.terminate(&process), Some(0), "{}", house.log(&process));
            house.start_rooms(&process, room.name()).await;
        }
        let sale = house.finish_json(&store);
        assert_eq!(sale["tally"]["accepted"], json!(ORDERS_PER_ROOM), "while {room} was replaced: {sale}");
        // Nobody asks for advertising here.
        if room != Room::Promotions && room != Room::Undelivered {
            let sql = format!("SELECT least(count(*) - {before}, 1)::bigint FROM {room}.inbox");
            house.until_count(&format!("{room} goes on"), &sql, 1).await;
        }
    }

    let orders = ORDERS_PER_ROOM * i64::try_from(Room::ALL.len()).expect("few");
    for (kind, wanted) in [("accepted", orders), ("delivered", orders), ("captured", orders)] {
        let sql = format!("SELECT count(*) FROM lifecycle.facts WHERE kind = '{kind}'");
        house.until_count(kind, &sql, wanted).await;
    }
    let told = "SELECT count(*) FROM notifications.notices WHERE status = 'sent'";
    house.until_count("every customer is told, four times each", told, 4 * orders).await;
    adds_up(&house).await;
    assert!(house.mails().await.iter().all(|mail| mail.copies == 1), "an orderly stop mails nothing twice");
    let up: BTreeSet<String> = house.running().filter(|name| name.contains('-')).map(str::to_owned).collect();
    assert_eq!(up, replicas().map(|(room, replica)| format!("{room}-{replica}")).collect());
}

fn replicas() -> impl Iterator<Item = (Room, usize)> {
    Room::ALL.into_iter().flat_map(|room| (1..=REPLICAS).map(move |replica| (room, replica)))
}

async fn decided(house: &TestHouse, room: Room) -> i64 {
    house.count(&format!("SELECT count(*) FROM {room}.inbox")).await
}
