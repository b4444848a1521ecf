//! Roles, schemas and migrations: one role and one schema per room, no grants across, and `oms_reader` for the
//! operator's reads. Migrations run as the room's own role, so that the room owns its tables.

use std::str::FromStr;

use messages::Room;
use sqlx::migrate::{Migration, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use crate::upkeep;

/// The role that the operator's program reads with.
pub const READER: &str = "oms_reader";
static SHELL: Migrator = sqlx::migrate!("../../migrations/shell");

/// A room's schema as this version expects it.
#[derive(Debug)]
pub struct Schema {
    pub room: Room,
    pub files: &'static Migrator,
}

/// The role of a room.
#[must_use]
pub fn role(room: Room) -> String {
    format!("oms_{room}")
}

/// What an administrator has to run where the login may not make roles itself.
#[must_use]
pub fn role_statements(rooms: &[Room], login: &str) -> Vec<String> {
    let make = |role: &str| {
        format!(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} NOLOGIN; END IF; END $$;"
        )
    };
    let mut statements = vec![make(READER), format!("GRANT {READER} TO {login};")];
    for &room in rooms {
        let role = role(room);
        statements.push(make(&role));
        statements.push(format!("GRANT {role} TO {login};"));
        statements.push(format!("CREATE SCHEMA IF NOT EXISTS {room} AUTHORIZATION {role};"));
    }
    statements
}

fn connect_options(url: &str, schema: &str) -> Result<PgConnectOptions, String> {
    let options = PgConnectOptions::from_str(url).map_err(|error| format!("the database address is not readable ({error}); it looks like postgres://user:password@host:5432/name"))?;
    Ok(options
        .options([
            ("search_path", schema),
            ("statement_timeout", "30s"),
            ("lock_timeout", "10s"),
            // A transaction that somebody left open dies by itself.
            ("idle_in_transaction_session_timeout", "60s"),
            ("timezone", "UTC"),
            // A plan that was made while a table was empty reads all of it for ever.
            ("plan_cache_mode", "force_custom_plan"),
        ])
        .application_name(&format!("oms {schema}"))
        .disable_statement_logging())
}

/// A pool whose connections are one room's.
///
/// # Errors
/// The address is not readable.
pub fn pool(url: &str, room: Room, connections: u32) -> Result<PgPool, String> {
    pool_as(url, room.name(), &role(room), connections)
}

/// A pool that may only read, of a database that answers.
///
/// # Errors
/// The address is not readable, or no database is there.
pub async fn reader_pool(url: &str) -> Result<PgPool, String> {
    let pool = pool_as(url, "public", READER, 2)?;
    answers(&pool).await?;
    Ok(pool)
}

/// Asked before a pool is used by somebody who waits: a pool tries for ten seconds and then does not say what was wrong.
async fn answers(pool: &PgPool) -> Result<(), String> {
    let connection = connect(&pool.connect_options()).await?;
    // It is not used, so how it ends does not matter.
    let _ = connection.close().await;
    Ok(())
}

fn pool_as(url: &str, schema: &str, role: &str, connections: u32) -> Result<PgPool, String> {
    // Large messages in the outbox are compressed at every insert; where the server has lz4, by the far cheaper way.
    let prepare = format!(
        "SET ROLE {role}; SELECT set_config('default_toast_compression', 'lz4', false) FROM pg_settings
         WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
    );
    let options = connect_options(url, schema)?;
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        // A dead connection fails its batch, which is repeated; a ping before each would cost a round trip.
        .test_before_acquire(false)
        .acquire_timeout(std::time::Duration::from_secs(10))
        .after_connect(move |connection, _| {
            let prepare = prepare.clone();
            Box::pin(
                async move { sqlx::raw_sql(AssertSqlSafe(prepare)).execute(connection).await.map(|_| ()) },
            )
        })
        .connect_lazy_with(options))
}

/// One connection as the login itself.
///
/// # Errors
/// One sentence: no database there, or it refuses the login.
pub async fn login(url: &str) -> Result<PgConnection, String> {
    let options = connect_options(url, "public")?;
    connect(&options).await
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, String> {
    let at = format!("{}:{}", options.get_host(), options.get_port());
    PgConnection::connect_with(options)
        .await
        .map_err(|error| format!("the database at {at} does not answer: {error}"))
}

/// Makes roles and schemas and brings every room's schema up to date. Gives a line per room.
///
/// # Errors
/// One sentence, or the statements that an administrator has to run.
pub async fn migrate(
    url_of: impl Fn(Room) -> Result<String, String>,
    schemas: &[Schema],
) -> Result<Vec<String>, String> {
    let mut report = Vec::new();
    for schema in schemas {
        let url = url_of(schema.room)?;
        let mut admin = login(&url).await?;
        make_role(&mut admin, schema.room).await?;
        let pool = pool(&url, schema.room, 1)?;
        let files = files(schema);
        let before = applied(&pool).await.unwrap_or_default();
        let after = files.iter().count();
        files
            .run(&pool)
            .await
            .map_err(|error| format!("the migrations of {} failed: {error}", schema.room))?;
        upkeep::partitions(&pool)
            .await
            .map_err(|error| format!("the partitions of {} could not be made: {error}", schema.room))?;
        grant_reading(&pool, schema.room).await?;
        report.push(format!(
            "{}: {} migrations, {} of them new",
            schema.room,
            after,
            after.saturating_sub(before)
        ));
        pool.close().await;
    }
    Ok(report)
}

async fn make_role(admin: &mut PgConnection, room: Room) -> Result<(), String> {
    let row = sqlx::query(
        "SELECT current_user::text AS login, current_setting('server_version_num')::int AS version",
    )
    .fetch_one(&mut *admin)
    .await;
    let row = row.map_err(|error| error.to_string())?;
    let login: String = row.try_get("login").map_err(|error| error.to_string())?;
    let version: i32 = row.try_get("version").map_err(|error| error.to_string())?;
    if version < 150_000 {
        return Err(format!("PostgreSQL 15 or later is needed; this server is {}", version / 10_000));
    }
    let statements = role_statements(&[room], &format!("\"{login}\""));
    for statement in &statements {
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *admin).await {
            let role = role(room);
            let may: Result<bool, _> = sqlx::query_scalar(
                "SELECT pg_has_role(current_user, $1, 'MEMBER') AND to_regnamespace($2) IS NOT NULL",
            )
            .bind(&role)
            .bind(room.name())
            .fetch_one(&mut *admin)
            .await;
            if may.unwrap_or(false) {
                continue;
            }
            let all = role_statements(&Room::ALL, &format!("\"{login}\""));
            return Err(format!(
                "the login {login} may not make roles ({error}); an administrator has to run this once:\n\n{}\n",
                all.join("\n")
            ));
        }
    }
    Ok(())
}

async fn grant_reading(pool: &PgPool, room: Room) -> Result<(), String> {
    let sql = format!(
        "GRANT USAGE ON SCHEMA {room} TO {READER}; GRANT SELECT ON ALL TABLES IN SCHEMA {room} TO {READER};
         ALTER DEFAULT PRIVILEGES IN SCHEMA {room} GRANT SELECT ON TABLES TO {READER};"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(pool)
        .await
        .map(|_| ())
        .map_err(|error| format!("reading {room} could not be granted: {error}"))
}

fn files(schema: &Schema) -> Migrator {
    let mut all: Vec<Migration> = SHELL.iter().chain(schema.files.iter()).cloned().collect();
    all.sort_by_key(|migration| migration.version);
    Migrator::with_migrations(all)
}

async fn applied(pool: &PgPool) -> Result<usize, sqlx::Error> {
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success").fetch_one(pool).await?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Whether the room's schema is what this version expects.
///
/// # Errors
/// One sentence that says what to do.
pub async fn check(pool: &PgPool, schema: &Schema) -> Result<(), String> {
    let room = schema.room;
    answers(pool).await?;
    let have: Vec<i64> =
        match sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(pool)
            .await
        {
            Ok(have) => have,
            Err(error) if error.as_database_error().is_some() => {
                return Err(format!("the schema {room} is not there yet; run `oms migrate`"));
            }
            Err(error) => return Err(format!("the database does not answer: {error}")),
        };
    let want: Vec<i64> = files(schema).iter().map(|migration| migration.version).collect();
    match (
        want.iter().find(|version| !have.contains(version)),
        have.iter().find(|version| !want.contains(version)),
    ) {
        (None, None) => Ok(()),
        (Some(missing), _) => Err(format!("the schema {room} lacks migration {missing}; run `oms migrate`")),
        (None, Some(newer)) => Err(format!(
            "the schema {room} has migration {newer}, which this version does not know; run a newer version of oms"
        )),
    }
}
