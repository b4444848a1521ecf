//! `oms parked`: what could not be decided, listed, shown, sent again, edited and discarded. Looking changes nothing: what
//! was fetched goes back when the channel closes. Nothing leaves a parked queue before what became of it is on record.

mod again;
mod edit;
mod fetch;
mod filter;
mod look;
mod settle;

use shell::config::Config;

use crate::cli::ParkedCommand;
use crate::operator;
use filter::Filter;

/// # Errors
/// One sentence: what is not there, what is refused, or who does not answer.
pub(crate) async fn run(
    config: &Config,
    command: ParkedCommand,
    user: Option<&str>,
    json: bool,
) -> Result<(), String> {
    match command {
        ParkedCommand::List { filter, ids, counts } => {
            let filter = Filter::new(&filter)?;
            let what = match (ids, counts) {
                (true, _) => look::What::Ids,
                (false, true) => look::What::Counts,
                (false, false) => look::What::All,
            };
            look::list(config, &filter, what, json).await
        }
        ParkedCommand::Show { id, body } => look::show(config, &id, body, json).await,
        ParkedCommand::Replay { which, because } => {
            let user = operator::user(config, user)?;
            settle::replay(config, user, &which, because, json).await
        }
        ParkedCommand::Edit { id, set, remove, from, because } => {
            let user = operator::user(config, user)?;
            let change = edit::Change::of(&set, remove, from.as_deref())?;
            settle::edit(config, user, &id, change, because, json).await
        }
        ParkedCommand::Discard { which, because } => {
            let user = operator::user(config, user)?;
            settle::discard(config, user, &which, because, json).await
        }
    }
}
