//! The tables of the audit chain refuse what would break it, whoever writes: the head names the last record from its first
//! row on and stays, and records are only added.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tests::TestHouse;

const RECORD: &str =
    r#"{"record": {"seq": 1, "hash": "aa", "about": {"kind": "order.accepted.v1", "id": "1"}}}"#;

fn head(seq: u64, hash: &str) -> String {
    format!(r#"{{"head": {{"seq": {seq}, "hash": "{hash}"}}}}"#)
}

/// What the database says to it; nothing if it takes it.
async fn refused(house: &TestHouse, sql: &str) -> Option<String> {
    let url = house.setting("OMS_DATABASE_URL");
    let mut connection = PgConnection::connect(url).await.expect("PostgreSQL answers");
    let ran = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
    ran.err().map(|error| error.as_database_error().expect("its own word").message().to_owned())
}

#[tokio::test]
async fn the_head_names_the_last_record_and_nothing_is_changed_or_deleted() {
    let house = TestHouse::new("chain").await;
    let insert =
        |seq, hash| format!("INSERT INTO audit.head (key, state) VALUES ('head', '{}')", head(seq, hash));
    let update = |seq, hash| format!("UPDATE audit.head SET state = '{}'", head(seq, hash));
    let no_record = "the head of the audit chain does not name its last record: run oms audit verify";
    assert_eq!(refused(&house, &insert(1, "aa")).await.as_deref(), Some(no_record), "there is no record");
    let record = format!("INSERT INTO audit.records (key, state) VALUES (lpad('1', 20, '0'), '{RECORD}')");
    assert_eq!(refused(&house, &record).await, None);
    assert_eq!(refused(&house, &insert(1, "bb")).await.as_deref(), Some(no_record), "another hash");
    assert_eq!(refused(&house, &insert(1, "aa")).await, None);
    for (seq, hash) in [(0, "aa"), (2, "aa"), (1, "bb")] {
        assert_eq!(refused(&house, &update(seq, hash)).await.as_deref(), Some(no_record), "{seq} {hash}");
    }
    assert_eq!(refused(&house, "UPDATE audit.head SET state = NULL").await.as_deref(), Some(no_record));
    let only_added = "audit records are only added, never changed or deleted";
    for sql in
        ["UPDATE audit.records SET state = state", "DELETE FROM audit.records", "DELETE FROM audit.head"]
    {
        assert_eq!(refused(&house, sql).await.as_deref(), Some(only_added), "{sql}");
    }
}
