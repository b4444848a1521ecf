//! The program `oms`, run as an operator runs it. It knows no command; what is asked and told is its callers' business.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;

/// `oms` has found something that needs a person, and printed it all the same.
const FOUND: i32 = 3;

#[derive(Debug, Clone)]
pub(super) struct Oms(PathBuf);

impl Oms {
    pub(super) const fn new(program: PathBuf) -> Self {
        Self(program)
    }

    /// What it answers in JSON.
    pub(super) async fn ask<T: DeserializeOwned>(&self, words: &[&str]) -> anyhow::Result<T> {
        let output = self.run(&[&["--json"], words].concat(), None).await?;
        if !matches!(output.status.code(), Some(0 | FOUND)) {
            bail!("`oms {}` says: {}", words.join(" "), complaint(&output));
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`oms --json {}` answers something else", words.join(" ")))
    }

    /// What it prints for people.
    pub(super) async fn print(&self, words: &[&str]) -> anyhow::Result<String> {
        let output = self.run(words, None).await?;
        if !output.status.success() {
            bail!("`oms {}` says: {}", words.join(" "), complaint(&output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Tells it to do something; the inner error is its own sentence if it does not.
    pub(super) async fn tell(
        &self,
        words: &[&str],
        input: Option<String>,
    ) -> anyhow::Result<Result<(), String>> {
        let output = self.run(words, input).await?;
        Ok(if output.status.success() { Ok(()) } else { Err(complaint(&output)) })
    }

    async fn run(&self, words: &[&str], input: Option<String>) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.0);
        command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let run = move || {
            let mut child = command.spawn()?;
            if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
                stdin.write_all(text.as_bytes())?;
            }
            child.wait_with_output()
        };
        let output = tokio::task::spawn_blocking(run).await?;
        output.with_context(|| format!("cannot run {}", self.0.display()))
    }
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("oms: ").to_owned()
}
