//! The outside world of a house: the card gateway, the mail sink and the warehouse with its carriers, each a process
//! of the program `world`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::TestHouse;

/// One mail in the sink; a repeat has the same Message-ID.
#[derive(Debug, Clone)]
pub struct Mail {
    pub message_id: String,
    pub to: Vec<String>,
    pub subject: String,
    pub copies: u64,
}

impl TestHouse {
    pub(crate) async fn start_gateway(&mut self) {
        let key = self.setting("OMS_PAYMENT_KEY").to_owned();
        self.start("gateway", "world", &["gateway", "--addr", "127.0.0.1:0", "--key", &key]);
        let url = self.address_in_log("gateway", "http://").await;
        self.set("OMS_PAYMENT_URL", &url);
    }

    /// Starts an SMTP sink that the rooms of every later process mail to.
    pub async fn start_mail_sink(&mut self) {
        let dir = self.folder().join("sink").display().to_string();
        self.start(
            "sink",
            "world",
            &["mail", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--dir", &dir],
        );
        let smtp = self.address_in_log("sink", "smtp://").await;
        self.address_in_log("sink", "http://").await;
        self.set("OMS_SMTP_URL", &smtp);
    }

    /// The mails of the sink.
    ///
    /// # Panics
    /// There is no sink.
    pub async fn mails(&self) -> Vec<Mail> {
        let url = self.address_in_log("sink", "http://").await;
        let summary: Value = reqwest::get(url).await.expect("the sink answers").json().await.expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mails = summary["mails"].as_array().expect("mails");
        mails
            .iter()
            .map(|mail| Mail {
                message_id: text(&mail["message_id"]),
                to: mail["to"].as_array().expect("recipients").iter().map(text).collect(),
                subject: text(&mail["subject"]),
                copies: mail["count"].as_u64().unwrap_or_default(),
            })
            .collect()
    }

    /// The subjects of an order's mails without the order number, sorted.
    pub async fn subjects(&self, order: &str) -> Vec<String> {
        let start = format!("Order {order}: ");
        let mut subjects: Vec<String> = self
            .mails()
            .await
            .iter()
            .filter_map(|mail| mail.subject.strip_prefix(&start).map(str::to_owned))
            .collect();
        subjects.sort();
        subjects
    }

    /// What the customer reads in the order's mail of this headline: its plain text.
    ///
    /// # Panics
    /// There is no such mail.
    #[must_use]
    pub fn mail_text(&self, order: &str, headline: &str) -> String {
        let subject = format!("Subject: Order {order}: {headline}");
        let folder = std::fs::read_dir(self.folder().join("sink")).expect("there is a sink");
        let mails = folder.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("a text"));
        let unfolded = |mail: &String| mail.replace("\r\n ", " ").contains(&subject);
        let mail = mails.into_iter().find(unfolded).unwrap_or_else(|| panic!("no mail `{subject}`"));
        let part = mail.split("Content-Type: text/plain").nth(1).expect("a plain part");
        let (_, body) = part.split_once("\r\n\r\n").expect("a body");
        let body = body.split("\r\n--notice-").next().expect("an end");
        // Of quoted-printable text only the breaks of long lines matter here.
        body.replace("=\r\n", "")
    }

    /// Starts the warehouse and the carriers with these habits (`--short-permille 1000`, …); without any, nothing is
    /// short, doubled, late or returned.
    pub async fn start_warehouse(&mut self, habits: &[&str]) {
        let keys = self.oms_ok(&["keys", "export", "warehouse"]);
        let path = self.folder().join("warehouse.keys");
        std::fs::write(&path, keys).expect("the house's folder is writable");
        let (path, users) = (path.display().to_string(), self.setting("OMS_CREDENTIALS_FILE").to_owned());
        let mut arguments = vec!["warehouse", "--keys", &path, "--credentials", &users, "--scan-ms", "20"];
        let quiet = ["--short-permille", "0", "--double-permille", "0", "--late-permille", "0"];
        arguments.extend(quiet.chunks(2).filter(|pair| !habits.contains(&pair[0])).flatten());
        arguments.extend(habits);
        self.start("warehouse", "world", &arguments);
        self.until("the warehouse reads", |house| {
            house.log("warehouse").contains("reading oms.out.warehouse")
        })
        .await;
    }

    /// The gateway's own account of what happened.
    ///
    /// # Panics
    /// The gateway does not answer.
    pub async fn gateway_ledger(&self) -> Value {
        let url = format!("{}/_ledger", self.setting("OMS_PAYMENT_URL"));
        reqwest::get(url).await.expect("the gateway answers").json().await.expect("JSON")
    }

    async fn address_in_log(&self, process: &str, scheme: &str) -> String {
        let find = |house: &Self| {
            let log = house.log(process);
            // A whole line, for half an address is another one.
            let line =
                log.split_inclusive('\n').find(|line| line.contains(scheme) && line.ends_with('\n'))?;
            line.split_whitespace().find(|word| word.starts_with(scheme)).map(str::to_owned)
        };
        self.until(&format!("{process} prints its {scheme} address"), |house| find(house).is_some()).await;
        find(self).expect("it is there").trim_end_matches('/').to_owned()
    }

    /// The metrics of a process that serves them: name with labels, value.
    ///
    /// # Panics
    /// It serves none.
    pub async fn metrics(&self, process: &str) -> BTreeMap<String, f64> {
        let (status, text) = self.get(process, "/metrics").await;
        assert_eq!(status, 200);
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(name, value)| (name.to_owned(), value.parse().expect("a number")))
            .collect()
    }

    /// Asks a process that was started with `OMS_HTTP_ADDR` for a page: status and text.
    ///
    /// # Panics
    /// It does not answer.
    pub async fn get(&self, process: &str, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.bound(process));
        let response = reqwest::get(url).await.expect("it answers");
        (response.status().as_u16(), response.text().await.expect("a text"))
    }

    /// Where a process that was started with `OMS_HTTP_ADDR` serves its metrics.
    ///
    /// # Panics
    /// It serves nothing.
    #[must_use]
    pub fn bound(&self, process: &str) -> String {
        let log = self.log(process);
        log.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["fields"]["message"].as_str().is_some_and(|said| said.contains("/metrics")))
            .filter_map(|line| line["fields"]["bound"].as_str().map(str::to_owned))
            .next_back()
            .unwrap_or_else(|| panic!("{process} serves no HTTP:\n{log}"))
    }
}
