//! Every setting, once: name, default, unit, who needs it. `oms settings` and `ops/env.example` are
//! made from this table. No other file reads the environment, but `faults` in builds for tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use messages::Room;
use messages::outsiders::Outsiders;
use messages::sealed::Keyring;

use crate::faults;

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    pub name: &'static str,
    /// Absent: it must be given where it is needed.
    pub default: Option<&'static str>,
    pub unit: &'static str,
    pub needed_by: &'static str,
    pub help: &'static str,
    pub secret: bool,
}

macro_rules! settings {
    ($($id:ident: $name:literal, $default:expr, $unit:literal, $by:literal, $secret:literal, $help:literal;)*) => {
        $(pub const $id: Setting = Setting { name: $name, default: $default, unit: $unit, needed_by: $by, help: $help, secret: $secret };)*
        /// The whole table.
        pub const SETTINGS: &[Setting] = &[$($id),*];
    };
}

settings! {
    AMQP_URL: "OMS_AMQP_URL", None, "URL", "all", true, "The broker, with user and password; several with commas between them are the nodes of a cluster, tried in turn. OMS_<ROOM>_AMQP_URL overrides it for one room.";
    DATABASE_URL: "OMS_DATABASE_URL", None, "URL", "all", true, "The database: one address that always leads to the primary. OMS_<ROOM>_DATABASE_URL overrides it for one room.";
    MANAGEMENT_URL: "OMS_RABBITMQ_MANAGEMENT_URL", None, "URL", "oms topology, lifecycle", true, "The broker's management API, to make users and permissions, and to count what is not acknowledged.";
    KEYS_FILE: "OMS_KEYS_FILE", Some("oms-keys.json"), "path", "all", false, "The key file of `oms keys init`; must not be readable by others.";
    OUTSIDERS_FILE: "OMS_OUTSIDERS_FILE", None, "path", "all", false, "The list of outsiders; the built-in one if not given.";
    SENDERS: "OMS_SENDERS", Some("user_id"), "user_id | app_id", "all", false, "What names a message's sender: user_id is verified by the broker; app_id is for brokers with one common login.";
    HTTP_ADDR: "OMS_HTTP_ADDR", Some("127.0.0.1:9464"), "address:port", "all", false, "Where /livez, /readyz and /metrics are served; `off` serves nothing.";
    LOG: "OMS_LOG", Some("info"), "filter", "all", false, "Log filter in the manner of tracing: error, warn, info, debug, shell=debug.";
    OTLP_ENDPOINT: "OMS_OTLP_ENDPOINT", None, "URL", "nothing", false, "An OpenTelemetry collector that takes OTLP over HTTP, for example http://127.0.0.1:4318; without it no spans are made.";
    OTLP_PERMILLE: "OMS_OTLP_PERMILLE", Some("1000"), "traces of a thousand", "all", false, "How many traces are sent to the collector, each as a whole.";
    BATCH_EVENTS: "OMS_BATCH_EVENTS", Some("256"), "events", "all", false, "Most events that one transaction decides; 1 decides one at a time.";
    BATCH_LINGER: "OMS_BATCH_LINGER", Some("20"), "milliseconds", "all", false, "Most that a batch waits for more events, only where they pile up and never longer than the last one took; 0 never waits.";
    DATABASE_CONNECTIONS: "OMS_DATABASE_CONNECTIONS", Some("3"), "connections", "all", false, "Database connections per room.";
    SWEEP_AFTER: "OMS_SWEEP_AFTER", Some("60"), "seconds", "all", false, "How long an output may lie unsent, as after a crash, before it is sent again: one for an outsider a third as long. A publish must not take that long.";
    DRAIN_SECONDS: "OMS_DRAIN_SECONDS", Some("20"), "seconds", "all", false, "How long a stopping process may finish what it has begun.";
    VERIFY_AMOUNT: "OMS_INTAKE_VERIFY_AMOUNT", Some("2500000"), "minor units", "intake", false, "Orders of a larger total are held until a person has verified them; 0 holds none.";
    HANDOVER_DELAY: "OMS_FULFILLMENT_HANDOVER_DELAY", Some("0"), "seconds", "fulfillment", false, "How long an authorized release waits before it is handed to the warehouse.";
    PAYMENT_URL: "OMS_PAYMENT_URL", None, "URL", "payment", false, "A Stripe-compatible card gateway.";
    PAYMENT_KEY: "OMS_PAYMENT_KEY", None, "text", "payment", true, "The gateway's secret key.";
    PAYMENT_TIMEOUT: "OMS_PAYMENT_TIMEOUT", Some("20"), "seconds", "payment", false, "After which a call to the gateway counts as of unknown outcome.";
    PAYMENT_CONCURRENCY: "OMS_PAYMENT_CONCURRENCY", Some("32"), "calls", "payment", false, "Calls to the gateway at one time.";
    PAYMENT_RENEW_BEFORE: "OMS_PAYMENT_RENEW_BEFORE", Some("86400"), "seconds", "payment", false, "How long before a hold on a card lapses it is renewed; half of its life if that is shorter.";
    TRACKING_LOST_AFTER: "OMS_TRACKING_LOST_AFTER", Some("30"), "days", "tracking", false, "Days without a scan after which a parcel on its way counts as lost; 0: none does.";
    CASE_ASK_AFTER: "OMS_CASE_ASK_AFTER", Some("3600"), "seconds", "undelivered", false, "From the opening of a case to its first question; until then a better reason may come.";
    CASE_CONTACT: "OMS_CASE_CONTACT", Some("604800"), "seconds", "undelivered", false, "From the first question of a case to the second.";
    CASE_DECIDE: "OMS_CASE_DECIDE", Some("2592000"), "seconds", "undelivered", false, "From the first question of a case to its end without an answer; also how long a parcel may take to come back.";
    SMTP_URL: "OMS_SMTP_URL", None, "URL", "notifications, promotions", true, "smtp://host:port, smtps://user:password@host or smtp://…?tls=required; without one, mails are written as files.";
    MAIL_DIR: "OMS_MAIL_DIR", Some("mail"), "path", "notifications, promotions", false, "Where mails are written when there is no OMS_SMTP_URL.";
    MAIL_FROM: "OMS_MAIL_FROM", Some("The Mint <orders@mint.example>"), "mailbox", "notifications", false, "The sender of notices.";
    ANSWER_URL: "OMS_ANSWER_URL", Some("https://store.mint.example"), "URL", "notifications", false, "The store, whose page /answer?case=…&t=… takes the answers to the questions of cases.";
    LIST_FROM: "OMS_LIST_FROM", Some("The Mint <news@lists.mint.example>"), "mailbox", "promotions", false, "The sender of campaigns.";
    LIST_ID: "OMS_LIST_ID", Some("lists.mint.example"), "domain", "promotions", false, "The end of every List-Id; the topic stands before it.";
    POSTAL_ADDRESS: "OMS_POSTAL_ADDRESS", Some("The Mint, 801 9th Street NW, Washington, DC 20220"), "text", "promotions", false, "The valid physical address in every mail of a campaign (16 CFR 316.5).";
    CONFIRM_URL: "OMS_CONFIRM_URL", Some("https://store.mint.example/subscriptions/confirm"), "URL", "promotions", false, "The store's page that confirms a subscription; ?t= and the token are added.";
    PUBLIC_URL: "OMS_PUBLIC_URL", Some("https://lists.mint.example"), "URL", "promotions", false, "Where OMS_PUBLIC_ADDR is reached from outside: the links to unsubscribe begin so.";
    PUBLIC_ADDR: "OMS_PUBLIC_ADDR", Some("127.0.0.1:9465"), "address:port", "promotions", false, "Where /unsubscribe is served, behind your TLS proxy; `off` where another process serves it.";
    PAYMENT_RETRY_DELAYS: "OMS_PAYMENT_RETRY_DELAYS", Some("3600,86400,172800"), "seconds, with commas", "payment", false, "After how long a decline that may succeed later is tried again; after the last one it is final.";
    PAYMENT_LOOKUP_DELAY: "OMS_PAYMENT_LOOKUP_DELAY", Some("60"), "seconds", "payment", false, "How long the gateway's search may lag: before that, finding nothing does not count.";
    MAIL_CONCURRENCY: "OMS_MAIL_CONCURRENCY", Some("4"), "conversations", "notifications, promotions", false, "Mails sent at one time.";
    CREDENTIALS_FILE: "OMS_CREDENTIALS_FILE", None, "path", "promotions, the operator's commands", false, "The file of broker users that `oms topology apply` writes; the logins of the operator and of the page to unsubscribe are in it.";
    USER: "OMS_USER", None, "user id", "the operator's commands", false, "Who you are: stands beside every change that you make.";
}

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub struct Config(BTreeMap<String, String>);

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// A variable `OMS_…` that is no setting: a misspelt one would silently be a default.
    pub fn from_env() -> Result<Self, String> {
        Self::of(std::env::vars())
    }

    /// Reads name and value pairs.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let mut known = BTreeMap::new();
        for (name, value) in pairs.into_iter().filter(|(name, _)| name.starts_with("OMS_")) {
            if faults::SETTINGS.contains(&&*name) {
                continue;
            }
            if !is_known(&name) {
                let nearest = SETTINGS
                    .iter()
                    .map(|setting| setting.name)
                    .min_by_key(|candidate| distance(candidate, &name))
                    .unwrap_or_default();
                return Err(format!(
                    "{name} is not a setting; did you mean {nearest}? `oms settings` lists them"
                ));
            }
            known.insert(name, value);
        }
        Ok(Self(known))
    }

    /// The value, or the default.
    #[must_use]
    pub fn get(&self, setting: Setting) -> Option<&str> {
        self.0.get(setting.name).map(String::as_str).filter(|value| !value.is_empty()).or(setting.default)
    }

    /// The value of a setting that must be there.
    ///
    /// # Errors
    /// It is neither given nor has it a default.
    pub fn need(&self, setting: Setting) -> Result<&str, String> {
        self.get(setting).ok_or_else(|| format!("{} is not set: {}", setting.name, setting.help))
    }

    /// A whole number.
    ///
    /// # Errors
    /// It is missing or no number.
    pub fn number<T: std::str::FromStr>(&self, setting: Setting) -> Result<T, String> {
        self.need(setting)?
            .parse()
            .map_err(|_| format!("{} must be a whole number ({})", setting.name, setting.unit))
    }

    /// A room's own value of a setting, or the common one.
    ///
    /// # Errors
    /// Neither is given.
    pub fn for_room(&self, room: Room, setting: Setting) -> Result<&str, String> {
        match self.0.get(&room_variable(room, setting.name)) {
            Some(own) if !own.is_empty() => Ok(own),
            Some(_) | None => self.need(setting),
        }
    }

    /// The keys.
    ///
    /// # Errors
    /// The file is missing, readable by others, or not a key file.
    pub fn keyring(&self) -> Result<Keyring, String> {
        let path = PathBuf::from(self.need(KEYS_FILE)?);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("the key file {} cannot be read ({error}); `oms keys init` makes one, OMS_KEYS_FILE says where", path.display()))?;
        Keyring::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The outsiders.
    ///
    /// # Errors
    /// The file is missing or not such a list.
    pub fn outsiders(&self) -> Result<Outsiders, String> {
        match self.get(OUTSIDERS_FILE) {
            None => Ok(Outsiders::default()),
            Some(path) => Outsiders::from_json(
                &std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"))?,
            ),
        }
    }
}

fn room_variable(room: Room, name: &str) -> String {
    name.replacen("OMS_", &format!("OMS_{}_", room.name().to_uppercase()), 1)
}

fn is_known(name: &str) -> bool {
    let per_room = |setting: Setting| Room::ALL.iter().any(|room| room_variable(*room, setting.name) == name);
    SETTINGS.iter().any(|setting| setting.name == name) || per_room(AMQP_URL) || per_room(DATABASE_URL)
}

/// Letters in which two names differ, roughly: enough to name the nearest one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, &from) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let cost = if from == to { corner } else { 1 + corner.min(row[j]).min(row[j + 1]) };
            corner = row[j + 1];
            row[j + 1] = cost;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<Config, String> {
        Config::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_misspelt_setting_is_refused_and_the_nearest_named() {
        let said = config(&[("OMS_DATABSE_URL", "x")]).expect_err("misspelt");
        assert_eq!(
            said,
            "OMS_DATABSE_URL is not a setting; did you mean OMS_DATABASE_URL? `oms settings` lists them"
        );
    }

    #[test]
    fn a_room_may_have_its_own_address() {
        let config = config(&[
            ("OMS_AMQP_URL", "amqp://all"),
            ("OMS_PAYMENT_AMQP_URL", "amqp://one"),
            ("PATH", "/bin"),
        ])
        .expect("good");
        assert_eq!(config.for_room(Room::Payment, AMQP_URL), Ok("amqp://one"));
        assert_eq!(config.for_room(Room::Intake, AMQP_URL), Ok("amqp://all"));
        assert!(config.need(DATABASE_URL).is_err_and(|said| said.starts_with("OMS_DATABASE_URL is not set")));
    }

    #[test]
    fn a_number_is_a_number() {
        let config = config(&[("OMS_BATCH_EVENTS", "many")]).expect("known");
        assert_eq!(
            config.number::<usize>(BATCH_EVENTS),
            Err("OMS_BATCH_EVENTS must be a whole number (events)".to_owned())
        );
        assert_eq!(config.number::<u64>(DRAIN_SECONDS), Ok(20));
    }
}
