//! The mailing lists as their people see them: mails read in the sink's folder, links followed over HTTP, campaigns in
//! files as staff write them. It uses no code of promotions.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::orders::now;
use crate::{Output, TestHouse};

/// Where the links of mails lead.
pub const CONFIRM: &str = "https://store.mint.example/subscriptions/confirm";
pub const UNSUBSCRIBE: &str = "https://lists.mint.example/unsubscribe";

/// A mail as it lies in the sink's folder.
#[derive(Debug, Clone)]
pub struct Letter {
    raw: String,
}

/// What a form of the store says of somebody who wants mails about numismatic products.
#[must_use]
pub fn subscription(reference: &str, email: &str) -> Value {
    json!({
        "reference": reference, "email": email, "topics": ["numismatic_products"], "channels": ["email"],
        "consent_text": "web-2026-01", "consented_at": now(),
    })
}

/// A campaign as staff write it, to everybody of the topic and faster than any relay.
#[must_use]
pub fn campaign(name: &str) -> Value {
    json!({
        "campaign": name, "topic": "numismatic_products", "subject": "The new Eagle",
        "text": "The 2026 Eagle is here.\n\nSee https://store.mint.example/26EA.", "per_minute": 1_000_000,
    })
}

impl Letter {
    /// A header without its folds (RFC 5322 §2.2.3); empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        let head = self.raw.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let value = head.split("\r\n").find_map(|line| line.strip_prefix(&format!("{name}: ")));
        value.unwrap_or_default().to_owned()
    }

    /// The mail with its quoted-printable parts read (RFC 2045 §6.7), as far as a link needs it.
    #[must_use]
    pub fn text(&self) -> String {
        self.raw.replace("=\r\n", "").replace("=3D", "=")
    }

    /// The token of the first link that begins so.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn token(&self, link: &str) -> String {
        let text = self.text();
        let start = format!("{link}?t=");
        let rest = text.split_once(&start).unwrap_or_else(|| panic!("no {start} in {text}")).1;
        let is_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        rest.chars().take_while(|c| is_token(*c)).collect()
    }
}

impl TestHouse {
    /// The mails in the sink to this address, oldest first.
    ///
    /// # Panics
    /// There is no sink.
    #[must_use]
    pub fn letters(&self, to: &str) -> Vec<Letter> {
        let mut all = letters_in(&self.folder().join("sink"));
        all.sort_by_key(|(number, _)| *number);
        let is_to = |letter: &Letter| letter.header("To").trim_matches(['<', '>']).ends_with(to);
        all.into_iter().map(|(_, letter)| letter).filter(is_to).collect()
    }

    /// Writes a campaign's file and defines it as this person.
    pub fn define_campaign(&self, campaign: &Value, user: &str) {
        let path = self.folder().join("campaign.json");
        std::fs::write(&path, campaign.to_string()).expect("the house's folder is writable");
        self.oms_ok(&["--user", user, "campaign", "define", &path.display().to_string()]);
    }

    /// `oms campaign …` as this person.
    #[must_use]
    pub fn campaign(&self, user: &str, arguments: &[&str]) -> Output {
        self.oms(&[&["--user", user, "campaign"], arguments].concat())
    }

    /// Defines a campaign as one person, approves its draft as another, and starts it.
    pub fn launch(&self, campaign: &Value) {
        let name = campaign["campaign"].as_str().expect("a name");
        self.define_campaign(campaign, "a.writer");
        self.oms_ok(&["--user", "b.reader", "campaign", "approve", name, "--version", "1"]);
        self.oms_ok(&["--user", "b.reader", "campaign", "start", name]);
    }

    /// Waits until a campaign is finished; gives its counts.
    pub async fn finished(&self, name: &str) -> Value {
        let sql =
            format!("SELECT count(*) FROM promotions.campaigns WHERE key = '{name}' AND status = 'finished'");
        self.until_count(&format!("campaign {name} is finished"), &sql, 1).await;
        self.oms_json(&["campaign", "show", name])["counts"].clone()
    }

    /// Where a process that runs promotions serves its page.
    ///
    /// # Panics
    /// It serves none.
    #[must_use]
    pub fn page_of(&self, process: &str) -> String {
        let log = self.log(process);
        let serving = |line: &Value| line["fields"]["message"] == "serving /unsubscribe";
        let lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let bound = lines
            .into_iter()
            .find(serving)
            .and_then(|line| line["fields"]["bound"].as_str().map(str::to_owned));
        format!("http://{}/unsubscribe", bound.unwrap_or_else(|| panic!("{process} serves no page:\n{log}")))
    }

    /// One request to the page: its status and text, or nothing if the connection failed.
    pub async fn page(
        &self,
        process: &str,
        method: Method,
        token: &str,
        body: &'static str,
    ) -> Option<(u16, String)> {
        let url = format!("{}?t={token}", self.page_of(process));
        request(&reqwest::Client::new(), method, &url, body).await
    }
}

/// One request: its status and text, or nothing if the connection failed.
pub async fn request(
    client: &reqwest::Client,
    method: Method,
    url: &str,
    body: &'static str,
) -> Option<(u16, String)> {
    let asked =
        client.request(method, url).header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer = asked.send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

/// What a mailbox provider posts (RFC 8058 §3.2).
pub const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

fn letters_in(folder: &Path) -> Vec<(u64, Letter)> {
    let files = std::fs::read_dir(folder).expect("the sink has a folder");
    let paths = files.map(|file| file.expect("readable").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            let number = name.split('-').next().and_then(|number| number.parse().ok()).expect("a number");
            (number, Letter { raw: std::fs::read_to_string(&path).expect("a mail") })
        })
        .collect()
}
