//! Messages in queues, delivered ones included, as the broker's management API counts them. It takes none.

use messages::topology::UNROUTED;
use reqwest::Url;
use serde_json::Value;

use crate::TestHouse;

/// Messages in the work queues of all rooms, and in those that the broker gave up on.
pub(super) async fn waiting(house: &TestHouse) -> i64 {
    let is_kept = |name: &str| name.ends_with(".parked") || name == UNROUTED || name.starts_with("oms.out.");
    all(house).await.into_iter().filter(|(name, _)| !is_kept(name)).map(|(_, count)| count).sum()
}

/// Messages in one queue.
pub(super) async fn of(house: &TestHouse, queue: &str) -> i64 {
    all(house).await.into_iter().filter(|(name, _)| name == queue).map(|(_, count)| count).sum()
}

/// The management API knows them a few seconds late, so whoever waits for zero asks until it stays.
async fn all(house: &TestHouse) -> Vec<(String, i64)> {
    let mut url = Url::parse(house.setting("OMS_RABBITMQ_MANAGEMENT_URL")).expect("a management address");
    url.set_path(&format!("/api/queues/{}", house.name()));
    let answer = reqwest::Client::new().get(url).send().await.expect("the management API answers");
    let queues: Vec<Value> = answer.json().await.expect("JSON");
    let named = |queue: &Value| {
        let name = queue["name"].as_str().unwrap_or_default().to_owned();
        // A queue without the count has just come up, and is not known to be empty.
        (name, queue["messages"].as_i64().unwrap_or(1))
    };
    queues.iter().map(named).filter(|(name, _)| name.starts_with("oms.")).collect()
}
