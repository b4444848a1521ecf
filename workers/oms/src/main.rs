//! The program: it runs rooms, and it is the operator's hand. What goes wrong is told in one plain sentence on
//! standard error, with a non-zero exit code.

mod cases;
mod check;
mod cli;
mod keys;
mod lists;
mod mail;
mod management;
mod operator;
mod orders;
mod parked;
mod pausing;
mod products;
mod public;
mod rooms;
mod run;
mod show;
mod status;
mod tasks;
mod topology;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;
use messages::Room;
use serde_json::json;
use shell::config::{Config, SETTINGS};
use shell::migrate;

use crate::check::Verdict;
use crate::cli::{
    AuditCommand, Cli, Command, HoldCommand, KeysCommand, MailCommand, OrdersCommand, ProductsCommand,
    StockCommand, TasksCommand, TopologyCommand,
};

/// A batch is many small texts that come and go: a fifth less processor time than by glibc's (`ops/results`). How it gives
/// memory back is set in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Something was found that needs a person.
const FOUND: u8 = 3;

fn main() -> ExitCode {
    // Two TLS providers in one process would panic at the first use; ring is ours. A second install changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("oms: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(code) => code,
        Err(sentence) => {
            eprintln!("oms: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// A failed read, as a person should hear of it.
pub(crate) fn reading_failed(error: &sqlx::Error) -> String {
    match error.as_database_error().and_then(|error| error.code()) {
        Some(code) if matches!(&*code, "42P01" | "3F000" | "42704" | "22023" | "42501") => {
            "the database has no such schema for this version; run `oms migrate`".to_owned()
        }
        Some(_) => format!("the database refuses to be read: {error}"),
        None => format!("the database does not answer: {error}"),
    }
}

async fn dispatch(cli: Cli) -> Result<ExitCode, String> {
    let config = Config::from_env()?;
    let json = cli.json;
    let done = |text: &str| show::print(json, &json!({ "done": text }), || format!("{text}\n"));
    match cli.command {
        Command::Run { rooms } => return run::run(config, &rooms::parse(&rooms)?).await,
        Command::Migrate => {
            let url_of = |room: Room| config.for_room(room, shell::config::DATABASE_URL).map(str::to_owned);
            let report = migrate::migrate(url_of, &rooms::schemas()).await?;
            show::print(json, &report, || report.join("\n") + "\n")?;
        }
        Command::Topology(command) => return topology_command(&config, command, json).await,
        Command::Keys(KeysCommand::Init) => {
            let added = keys::init(&config)?;
            show::print(json, &added, || {
                if added.is_empty() {
                    "every key is there already\n".to_owned()
                } else {
                    format!("made: {}\n", added.join(", "))
                }
            })?;
        }
        Command::Keys(KeysCommand::Export { outsider }) => print!("{}", keys::export(&config, &outsider)?),
        Command::Products(ProductsCommand::Apply { file }) => {
            let report =
                products::apply(&config, &operator::user(&config, cli.user.as_deref())?, &file).await?;
            show::print(json, &report, || report.join("\n") + "\n")?;
        }
        Command::Products(ProductsCommand::List) => status::products(&config, json).await?,
        Command::Stock(command) => {
            let user = operator::user(&config, cli.user.as_deref())?;
            let text = match command {
                StockCommand::Receive { item, quantity, reference } => {
                    products::receive(&config, user, &item, quantity, reference.as_deref()).await?
                }
                StockCommand::Adjust { item, change, reason, reference } => {
                    products::adjust(&config, user, &item, change, &reason, reference.as_deref()).await?
                }
            };
            done(&text)?;
        }
        Command::Orders(OrdersCommand::Show { number }) => orders::show(&config, &number, json).await?,
        Command::Orders(OrdersCommand::Find(args)) => orders::find(&config, &args, json).await?,
        Command::Orders(OrdersCommand::Stuck) => return orders::stuck(&config, json).await,
        Command::Orders(OrdersCommand::Cancel { number, reason }) => {
            let user = operator::user(&config, cli.user.as_deref())?;
            done(&orders::cancel(&config, user, &number, reason).await?)?;
        }
        Command::Cases(command) => cases::run(&config, command, cli.user.as_deref(), json).await?,
        Command::Subscribers(command) => {
            lists::subscribers(&config, command, cli.user.as_deref(), json).await?;
        }
        Command::Campaign(command) => lists::campaign(&config, command, cli.user.as_deref(), json).await?,
        Command::Mail(MailCommand::Bounce) => return mail::bounce(&config, json).await,
        Command::Mail(MailCommand::Letters) => mail::letters(&config, json).await?,
        Command::Hold(HoldCommand::List) => orders::held(&config, json).await?,
        Command::Hold(HoldCommand::Release { number, reason }) => {
            let user = operator::user(&config, cli.user.as_deref())?;
            done(&orders::release(&config, user, &number, reason).await?)?;
        }
        Command::Hold(HoldCommand::Refuse { number, reason }) => {
            let user = operator::user(&config, cli.user.as_deref())?;
            done(&orders::refuse(&config, user, &number, reason).await?)?;
        }
        Command::Tasks(TasksCommand::List) => tasks::list(&config, json).await?,
        Command::Tasks(TasksCommand::Close { room, kind, key, reason }) => {
            let user = operator::user(&config, cli.user.as_deref())?;
            done(&tasks::close(&config, user, &room, &kind, &key, &reason).await?)?;
        }
        Command::Parked(command) => parked::run(&config, command, cli.user.as_deref(), json).await?,
        Command::Rooms(command) => pausing::run(&config, command, cli.user.as_deref(), json).await?,
        Command::Audit(AuditCommand::Verify) => return status::verify(&config, json).await,
        Command::Status(args) if args.watch => status::watch(&config, args.every, json).await?,
        Command::Status(args) => status::status(&config, args.sums, json).await?,
        Command::Check => return checked(&config, json).await,
        Command::Settings { env } => settings(env, json)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn topology_command(config: &Config, command: TopologyCommand, json: bool) -> Result<ExitCode, String> {
    match command {
        TopologyCommand::Apply { credentials } => {
            let report = topology::apply(config, credentials.as_deref()).await?;
            show::print(json, &report, || report.join("\n") + "\n")?;
        }
        TopologyCommand::Diff => {
            let found = topology::diff(config).await?;
            let managed = config.get(shell::config::MANAGEMENT_URL).is_some();
            show::print(json, &found, || {
                let what = if managed {
                    ""
                } else {
                    " (without OMS_RABBITMQ_MANAGEMENT_URL: bindings, arguments and users were not compared)"
                };
                if found.is_empty() {
                    format!("nothing differs{what}\n")
                } else {
                    format!(
                        "{}\n{}",
                        found.join("\n"),
                        if managed { String::new() } else { format!("{what}\n") }
                    )
                }
            })?;
            if !found.is_empty() {
                return Ok(ExitCode::from(FOUND));
            }
        }
        TopologyCommand::Export => println!("{:#}", topology::export(config)?),
    }
    Ok(ExitCode::SUCCESS)
}

async fn checked(config: &Config, json: bool) -> Result<ExitCode, String> {
    let found = check::check(config).await;
    show::print(json, &found, || {
        found
            .iter()
            .map(|finding| {
                let mark = match finding.verdict {
                    Verdict::Good => "ok  ",
                    Verdict::Note => "note",
                    Verdict::Bad => "BAD ",
                };
                format!("{mark}  {}\n", finding.text)
            })
            .collect()
    })?;
    let is_bad = found.iter().any(|finding| finding.verdict == Verdict::Bad);
    Ok(if is_bad { ExitCode::from(FOUND) } else { ExitCode::SUCCESS })
}

fn settings(env: bool, json: bool) -> Result<(), String> {
    let rows: Vec<_> = SETTINGS
        .iter()
        .map(|setting| json!({ "name": setting.name, "default": setting.default, "unit": setting.unit, "needed_by": setting.needed_by, "help": setting.help }))
        .collect();
    show::print(json, &rows, || {
        if env {
            return environment_file();
        }
        SETTINGS
            .iter()
            .map(|setting| {
                let default = setting
                    .default
                    .map_or_else(|| "no default".to_owned(), |value| format!("default {value}"));
                format!(
                    "{}\n    {} Unit: {}. Needed by: {}; {default}.\n",
                    setting.name, setting.help, setting.unit, setting.needed_by
                )
            })
            .collect()
    })
}

fn environment_file() -> String {
    SETTINGS
        .iter()
        .map(|setting| {
            format!(
                "# {} ({}; {})\n#{}={}\n",
                setting.help,
                setting.unit,
                setting.needed_by,
                setting.name,
                setting.default.unwrap_or_default()
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_an_environment_file_is_current() {
        let written = include_str!("../../../ops/env.example");
        assert_eq!(environment_file(), written, "run `oms settings --env > ops/env.example`");
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_argument_and_choice_says_what_it_is() {
        use clap::CommandFactory as _;
        fn silent(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            if command.get_about().is_none() {
                found.push(path.clone());
            }
            for argument in command.get_arguments() {
                if argument.get_help().is_none() {
                    found.push(format!("{path} <{}>", argument.get_id()));
                }
                let choices = argument.get_possible_values();
                if argument.get_action().takes_values() && choices.iter().any(|one| one.get_help().is_none())
                {
                    found.push(format!("{path} <{}>: its choices", argument.get_id()));
                }
            }
            for one in command.get_subcommands() {
                silent(one, &path, found);
            }
        }
        let mut found = Vec::new();
        silent(&Cli::command(), "", &mut found);
        assert!(found.is_empty(), "without a word of help: {found:#?}");
    }
}
