//! The harness of the tests that know several rooms: a house of its own per test (database, vhost, folder, keys), and
//! the real programs as processes that are really started and really killed. It needs RabbitMQ with its management
//! API and PostgreSQL at the addresses in the environment; `ops/test` gives both. It never skips.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

pub mod bench;
pub mod broker;
pub mod chaos;
pub mod client;
pub mod cluster;
mod ledgers;
pub mod lists;
pub mod orders;
mod outside;
pub mod parcels;
pub mod search;
mod servers;
pub mod steps;
pub mod tap;

pub use outside::Mail;
pub use servers::{OwnPair, Servers};

/// How long anything may take before a test says that it does not happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// A house of one test.
pub struct TestHouse {
    name: String,
    folder: PathBuf,
    env: BTreeMap<String, String>,
    admin_database: String,
    management: String,
    processes: BTreeMap<String, Child>,
    is_kept: bool,
}

/// A program of this build: it lies beside the running one, or above it if that is a test.
///
/// # Panics
/// It is not built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let running = std::env::current_exe().expect("this program is a file");
    let beside = running.parent().expect("a folder");
    let folder = if beside.ends_with("deps") { beside.parent().expect("target/<profile>") } else { beside };
    let path = folder.join(name);
    assert!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    path
}

impl TestHouse {
    /// A new, empty house: migrated, with its topology, users and keys.
    ///
    /// # Panics
    /// Its servers are not named, or do not answer.
    pub async fn new(test: &str) -> Self {
        Self::on(&Servers::of_environment(), test).await
    }

    /// The same on these servers.
    ///
    /// # Panics
    /// They do not answer.
    pub async fn on(servers: &Servers, test: &str) -> Self {
        // The same provider as in the programs; a second install changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut random = [0_u8; 4];
        getrandom::fill(&mut random).expect("random bytes");
        let name = format!("oms_{test}_{}", messages::id::hex(&random));
        let houses = program("oms").parent().expect("a folder").join("test-houses");
        let folder = houses.join(&name);
        std::fs::create_dir_all(&folder).expect("the target folder is writable");
        let (admin_database, management) = (servers.database.clone(), servers.management.clone());
        let database = with_last_segment(&admin_database, &name);
        let amqp = each_address(&servers.amqp, |url| with_last_segment(url, &name));
        let mut admin = PgConnection::connect(&admin_database).await.expect("PostgreSQL answers");
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut admin)
            .await
            .expect("the login may make databases");
        let env = [
            ("OMS_DATABASE_URL", database),
            ("OMS_AMQP_URL", amqp),
            ("OMS_RABBITMQ_MANAGEMENT_URL", management.clone()),
            ("OMS_KEYS_FILE", folder.join("keys.json").display().to_string()),
            // Users belong to the broker, not to a vhost, so every house shares the users and their passwords.
            ("OMS_CREDENTIALS_FILE", houses.join("users.json").display().to_string()),
            ("OMS_MAIL_DIR", folder.join("mail").display().to_string()),
            ("OMS_HTTP_ADDR", "off".to_owned()),
            ("OMS_PUBLIC_ADDR", "off".to_owned()),
            ("OMS_LOG", "info".to_owned()),
            ("OMS_USER", "tester".to_owned()),
            ("OMS_PAYMENT_KEY", "sk_test_key".to_owned()),
            ("OMS_PAYMENT_TIMEOUT", "3".to_owned()),
            ("OMS_CASE_ASK_AFTER", "0".to_owned()),
        ];
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut house = Self {
            name,
            folder,
            env,
            admin_database,
            management,
            processes: BTreeMap::new(),
            is_kept: false,
        };
        house.make_vhost().await;
        // Roles and users are shared by all houses, so only one house at a time makes them.
        let lock = std::fs::File::create(houses.join("lock")).expect("the target folder is writable");
        lock.lock().expect("a lock");
        house.oms_ok(&["migrate"]);
        house.oms_ok(&["topology", "apply"]);
        drop(lock);
        house.oms_ok(&["keys", "init"]);
        house.start_gateway().await;
        house
    }

    async fn make_vhost(&self) {
        let client = reqwest::Client::new();
        let url = reqwest::Url::parse(&self.management).expect("a management address");
        let put = |path: String, body: serde_json::Value| {
            let mut at = url.clone();
            at.set_path(&path);
            client.put(at).json(&body).send()
        };
        let user = url.username().to_owned();
        // Users are the broker's, not the vhost's: each house has its own vhost and shares the users' names.
        put(format!("/api/vhosts/{}", self.name), serde_json::json!({}))
            .await
            .expect("the management API answers");
        let all = serde_json::json!({ "configure": ".*", "write": ".*", "read": ".*" });
        put(format!("/api/permissions/{}/{user}", self.name), all).await.expect("the management API answers");
    }

    /// The name of its database and of its vhost.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The house's folder: keys, users, logs, mails.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    #[must_use]
    pub fn setting(&self, name: &str) -> &str {
        self.env.get(name).map_or("", String::as_str)
    }

    /// The broker's address with an outsider's own login, as `oms topology apply` made it.
    ///
    /// # Panics
    /// There is no such outsider.
    #[must_use]
    pub fn amqp_url_of(&self, outsider: &str) -> String {
        let users =
            std::fs::read_to_string(self.setting("OMS_CREDENTIALS_FILE")).expect("topology apply wrote it");
        let users: BTreeMap<String, String> = serde_json::from_str(&users).expect("JSON");
        each_address(self.setting("OMS_AMQP_URL"), |url| {
            let (scheme, rest) = url.split_once("://").expect("a URL");
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://{outsider}:{}@{host}", users[outsider])
        })
    }

    /// Gives a setting to every process that starts from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command.env_clear().env("PATH", "/usr/bin:/bin").envs(&self.env).current_dir(&self.folder);
        command
    }

    /// Runs `oms` to its end.
    ///
    /// # Panics
    /// The program does not start.
    #[must_use]
    pub fn oms(&self, arguments: &[&str]) -> Output {
        self.oms_with(&[], arguments)
    }

    /// Runs a line as an operator types it in the house's folder: `oms` is on the path, and so is what the system has.
    ///
    /// # Panics
    /// There is no bash.
    #[must_use]
    pub fn shell(&self, line: &str) -> Output {
        let programs = program("oms");
        let path =
            format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", programs.parent().expect("a folder").display());
        let mut command = Command::new("bash");
        command.args(["-c", line]).env_clear().env("PATH", path).envs(&self.env).current_dir(&self.folder);
        Output::of(&command.output().expect("bash runs"))
    }

    /// The same with other settings; an empty one is as good as none.
    ///
    /// # Panics
    /// The program does not start.
    #[must_use]
    pub fn oms_with(&self, changes: &[(&str, &str)], arguments: &[&str]) -> Output {
        let output = self.command("oms").envs(changes.iter().copied()).args(arguments).output();
        Output::of(&output.expect("oms starts"))
    }

    /// Runs `oms`, which must succeed; gives what it printed.
    ///
    /// # Panics
    /// It does not succeed.
    pub fn oms_ok(&self, arguments: &[&str]) -> String {
        let output = self.oms(arguments);
        assert_eq!(output.code, Some(0), "oms {arguments:?}: {}{}", output.out, output.err);
        output.out
    }

    /// The same as JSON.
    ///
    /// # Panics
    /// It does not succeed, or prints something else.
    #[must_use]
    pub fn oms_json(&self, arguments: &[&str]) -> serde_json::Value {
        let printed = self.oms_ok(&[&["--json"], arguments].concat());
        serde_json::from_str(&printed)
            .unwrap_or_else(|error| panic!("oms {arguments:?} printed no JSON ({error}): {printed}"))
    }

    /// Runs `world` to its end, which must be a good one; gives what it printed.
    ///
    /// # Panics
    /// It is not.
    #[must_use]
    pub fn world_ok(&self, arguments: &[&str]) -> String {
        let output = self.command("world").args(arguments).output().expect("world starts");
        assert!(output.status.success(), "world {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits for a process that ends by itself, and must end well; gives its log.
    ///
    /// # Panics
    /// No such process, or a bad end.
    pub fn finish(&mut self, process: &str) -> String {
        let mut child = self.processes.remove(process).expect("a process of that name");
        let status = child.wait().expect("it ends");
        let log = self.log(process);
        assert!(status.success(), "{process} ended badly ({status}):\n{log}");
        log
    }

    /// Waits for a process to end well, and gives the JSON at the end of what it said: it also tells what it waited out.
    ///
    /// # Panics
    /// It ends otherwise, or says none.
    pub fn finish_json(&mut self, process: &str) -> serde_json::Value {
        let log = self.finish(process);
        let from = log.find("{\n").unwrap_or(0);
        let json = log.get(from..=log.rfind('}').unwrap_or(from)).unwrap_or_default();
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{process}: {error}\n{log}"))
    }

    /// Starts a process of the house; its log is `<folder>/<process>.log`.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(&mut self, process: &str, program_name: &str, arguments: &[&str]) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path(process))
            .expect("a log");
        let mut command = self.command(program_name);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let child = command.spawn().expect("the program starts");
        self.processes.insert(process.to_owned(), child);
    }

    /// The process id of a process that was started.
    #[must_use]
    pub fn process_id(&self, process: &str) -> Option<u32> {
        self.processes.get(process).map(Child::id)
    }

    /// The processes that run.
    pub fn running(&self) -> impl Iterator<Item = &str> {
        self.processes.keys().map(String::as_str)
    }

    fn log_path(&self, process: &str) -> PathBuf {
        self.folder.join(format!("{process}.log"))
    }

    /// What a process has written so far.
    #[must_use]
    pub fn log(&self, process: &str) -> String {
        std::fs::read_to_string(self.log_path(process)).unwrap_or_default()
    }

    /// Starts rooms in a process of their own and waits until they consume.
    pub async fn start_rooms(&mut self, process: &str, rooms: &str) {
        let before = self.log(process).len();
        self.start(process, "oms", &["run", "--rooms", rooms]);
        self.until(&format!("{process} runs"), |house| {
            house.log(process)[before..].contains("\"message\":\"running\"")
        })
        .await;
    }

    /// Kills a process as `kill -9` does.
    ///
    /// # Panics
    /// No such process.
    pub fn kill(&mut self, process: &str) {
        let mut child = self.processes.remove(process).expect("a process of that name");
        // It may have ended by itself, which is as dead.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Waits until a process has died by its own hand.
    ///
    /// # Panics
    /// It does not die, or ends in another way.
    pub async fn until_aborted(&mut self, process: &str, what: &str) {
        let begun = Instant::now();
        loop {
            let child = self.processes.get_mut(process).expect("a process of that name");
            if let Some(status) = child.try_wait().expect("it can be asked") {
                assert_eq!(status.code(), None, "{what}: it ended by itself\n{}", self.log_ends());
                self.processes.remove(process);
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "it does not happen: {what}; is `oms` built with the feature? cargo build --features oms/faults\n{}",
                self.log_ends()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks a process to stop, as an orchestrator does, and gives its exit code.
    ///
    /// # Panics
    /// No such process, or it does not end.
    pub fn terminate(&mut self, process: &str) -> Option<i32> {
        self.signal(process, "-TERM");
        self.processes.remove(process).expect("a process of that name").wait().expect("it ends").code()
    }

    /// Asks a process to stop and does not wait.
    pub fn ask_to_stop(&self, process: &str) {
        self.signal(process, "-TERM");
    }

    /// Lets a process stand still, so that whoever asks it waits, until [`Self::thaw`].
    pub fn freeze(&self, process: &str) {
        self.signal(process, "-STOP");
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self, process: &str) {
        self.signal(process, "-CONT");
    }

    fn signal(&self, process: &str, signal: &str) {
        let id = self.processes.get(process).expect("a process of that name").id().to_string();
        let status = Command::new("kill").args([signal, &id]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
    }

    /// The processes that have ended by themselves since the last call, and how.
    pub fn ended(&mut self) -> Vec<(String, std::process::ExitStatus)> {
        let ended: Vec<(String, std::process::ExitStatus)> = self
            .processes
            .iter_mut()
            .filter_map(|(name, child)| Some((name.clone(), child.try_wait().ok().flatten()?)))
            .collect();
        for (name, _) in &ended {
            self.processes.remove(name);
        }
        ended
    }

    /// Leaves folder, database and virtual host when the house is dropped, for a look.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Waits until something holds.
    ///
    /// # Panics
    /// It does not come to hold; the logs' ends are printed.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < PATIENCE, "it does not happen: {what}\n{}", self.log_ends());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a query gives this number.
    ///
    /// # Panics
    /// It does not come to give it.
    pub async fn until_count(&self, what: &str, sql: &str, wanted: i64) {
        let begun = Instant::now();
        loop {
            let count = self.count(sql).await;
            if count == wanted {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "it does not happen: {what}: {count}, wanted {wanted}\n{}",
                self.log_ends()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a query gives at least this number.
    ///
    /// # Panics
    /// It does not come to give it.
    pub async fn until_at_least(&self, what: &str, sql: &str, wanted: i64) {
        self.until_count(what, &format!("SELECT least(({sql}), {wanted})::bigint"), wanted).await;
    }

    fn log_ends(&self) -> String {
        let mut ends = String::new();
        for process in self.processes.keys() {
            let log = self.log(process);
            let lines: Vec<&str> = log.lines().collect();
            ends += &format!("--- {process}\n{}\n", lines[lines.len().saturating_sub(12)..].join("\n"));
        }
        ends
    }

    /// Defines products, receives stock of each item, and waits until intake knows them. Inventory must run.
    ///
    /// # Panics
    /// They are refused.
    pub async fn define(&self, products: &[serde_json::Value], stock: &[(&str, u32)]) {
        let stock: Vec<_> = stock
            .iter()
            .map(|(item, quantity)| serde_json::json!({ "item": item, "quantity": quantity }))
            .collect();
        let path = self.folder.join("products.json");
        let text = serde_json::json!({ "products": products, "stock": stock }).to_string();
        std::fs::write(&path, text).expect("the house's folder is writable");
        self.oms_ok(&["products", "apply", &path.display().to_string()]);
        for product in products {
            let item = product["item"].as_str().expect("an item");
            let known =
                format!("SELECT count(*) FROM intake.items WHERE key = '{item}' AND state IS NOT NULL");
            self.until_count(&format!("intake knows {item}"), &known, 1).await;
        }
    }

    /// Waits until lifecycle has heard so many facts of this kind about an order.
    ///
    /// # Panics
    /// It does not hear of them.
    pub async fn until_fact(&self, order: &str, kind: &str, times: i64) {
        let sql = format!(
            "SELECT count(*) FROM lifecycle.facts WHERE order_number = '{order}' AND kind = '{kind}'"
        );
        self.until_count(&format!("{order}: {kind}"), &sql, times).await;
    }
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Output {
    fn of(ran: &std::process::Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self { code: ran.status.code(), out: text(&ran.stdout), err: text(&ran.stderr) }
    }
}

fn each_address(urls: &str, change: impl Fn(&str) -> String) -> String {
    let changed: Vec<String> = messages::topology::addresses(urls).into_iter().map(change).collect();
    changed.join(",")
}

fn with_last_segment(url: &str, segment: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let host = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{host}/{segment}")
}

impl Drop for TestHouse {
    fn drop(&mut self) {
        for child in self.processes.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if self.is_kept {
            return;
        }
        if std::thread::panicking() {
            eprintln!("the house is left for a look: {}", self.folder.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
        let (name, database, management) =
            (self.name.clone(), self.admin_database.clone(), self.management.clone());
        // A runtime may be running on this thread, so the tidying has a thread of its own.
        let tidied = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                if let Ok(mut admin) = PgConnection::connect(&database).await {
                    let _ =
                        sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
                            .execute(&mut admin)
                            .await;
                }
                if let Ok(mut url) = reqwest::Url::parse(&management) {
                    url.set_path(&format!("/api/vhosts/{name}"));
                    let _ = reqwest::Client::new().delete(url).send().await;
                }
            });
        });
        let _ = tidied.join();
    }
}
