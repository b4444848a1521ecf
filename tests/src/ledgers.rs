//! What stands in a house's tables, asked for behind the rooms' backs. Only tests do that: every other reader asks `oms`.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::TestHouse;

impl TestHouse {
    /// Locks rows until the connection that is given back is dropped.
    ///
    /// # Panics
    /// The statement fails.
    #[must_use]
    pub async fn hold(&self, sql: &str) -> PgConnection {
        let mut connection = self.connection().await;
        sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {sql}")))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        connection
    }

    /// Changes something behind the rooms' backs.
    ///
    /// # Panics
    /// The statement fails.
    pub async fn execute(&self, sql: &str) {
        let mut connection = self.connection().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The texts that a query gives.
    ///
    /// # Panics
    /// The query fails.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let mut connection = self.connection().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The one row that a query gives.
    ///
    /// # Panics
    /// The query fails.
    pub async fn row<T>(&self, sql: &str) -> T
    where
        T: for<'row> sqlx::FromRow<'row, PgRow> + Send + Unpin,
    {
        let mut connection = self.connection().await;
        sqlx::query_as(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The number that a query gives.
    ///
    /// # Panics
    /// The query fails.
    pub async fn count(&self, sql: &str) -> i64 {
        let mut connection = self.connection().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect(self.setting("OMS_DATABASE_URL")).await.expect("PostgreSQL answers")
    }
}
