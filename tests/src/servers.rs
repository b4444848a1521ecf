//! Where broker and database of a house are: as the environment names them, or as a script says that it has started. It
//! must never guess one.

use std::path::Path;
use std::process::{Command, Output};

/// The addresses of the servers that a house lives on, with logins that may make databases, virtual hosts and users.
#[derive(Debug, Clone)]
pub struct Servers {
    pub database: String,
    pub amqp: String,
    pub management: String,
}

impl Servers {
    /// Those that `ops/test` gives.
    ///
    /// # Panics
    /// There are none.
    #[must_use]
    pub fn of_environment() -> Self {
        Self {
            database: address("OMS_DATABASE_URL"),
            amqp: address("OMS_AMQP_URL"),
            management: address("OMS_RABBITMQ_MANAGEMENT_URL"),
        }
    }
}

impl Servers {
    /// Those that a script prints of what it has started under this name; what it does not print is the environment's.
    ///
    /// # Panics
    /// It prints none.
    #[must_use]
    pub fn printed_by(script: &Path, name: &str) -> Self {
        let mut servers = Self::of_environment();
        let printed = "printf '%s\\n' \"${OMS_AMQP_URL:-}\" \"${OMS_RABBITMQ_MANAGEMENT_URL:-}\" \"${OMS_DATABASE_URL:-}\"";
        let shell = format!("set -eu; env=$(\"$0\" env --name \"$1\"); eval \"$env\"; {printed}");
        let output = Command::new("bash")
            .args(["-c", &shell])
            .arg(script)
            .arg(name)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .output()
            .expect("bash runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).expect("addresses are texts");
        let places = [&mut servers.amqp, &mut servers.management, &mut servers.database];
        for (place, address) in places.into_iter().zip(printed.lines()) {
            if !address.is_empty() {
                address.clone_into(place);
            }
        }
        servers
    }
}

/// A pair of a test's own, by `ops/services`, for as long as this lives.
pub struct OwnPair {
    name: &'static str,
}

impl OwnPair {
    /// A new one; what an earlier run has left of it is removed.
    ///
    /// # Panics
    /// RabbitMQ or PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn start(name: &'static str) -> Self {
        let pair = Self { name };
        pair.run("remove", &[]);
        pair.run("start", &[]);
        pair
    }

    /// Runs a command of `ops/services` with further variables.
    ///
    /// # Panics
    /// It fails.
    pub fn run(&self, command: &str, variables: &[(&str, &Path)]) {
        let ran = self.try_run(command, variables);
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "ops/services {command}: {said}");
    }

    fn try_run(&self, command: &str, variables: &[(&str, &Path)]) -> Output {
        let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/services"));
        for name in ["OMS_AMQP_URL", "OMS_DATABASE_URL", "OMS_RABBITMQ_MANAGEMENT_URL"] {
            script.env_remove(name);
        }
        script.envs(variables.iter().copied());
        script.args([command, "--name", self.name]).output().expect("bash runs the script")
    }
}

impl Drop for OwnPair {
    fn drop(&mut self) {
        // Whoever panics already must not panic again.
        let _ = self.try_run("remove", &[]);
    }
}

pub(crate) fn address(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run these tests by `ops/test`, or eval \"$(ops/services env)\" first")
    })
}
