//! `oms mail bounce`: a mail relay's pipe. What the relay writes to standard input goes to notifications as a message,
//! and is printed nowhere. `oms mail letters`: what the mail room prints, read as `oms_reader`; the code of a question is
//! made for the print and kept nowhere.

use std::io::Read as _;
use std::process::ExitCode;

use messages::bounce::MailBounced;
use messages::id::{Reference, sha256_hex};
use messages::{KindOf as _, Room};
use notifications::mail::AnswerCode;
use notifications::store::Letter;
use shell::config::{self, Config};
use shell::migrate;

use crate::operator::{Operator, key_of};
use crate::{reading_failed, show};

/// Most bytes that are read, one more than a report may have: what is longer is refused by its room.
const REPORT_BYTES_READ_MAX: u64 = 49_153;
/// A relay that gets this code tries again later (EX_TEMPFAIL of sysexits.h).
const TRY_AGAIN: u8 = 75;
/// Hexadecimal digits that tell reports apart.
const REFERENCE_DIGITS: usize = 32;

/// Hands on one report. A refused one is done with too: a relay must not send it back to where it came from.
///
/// # Errors
/// The answer cannot be printed.
pub(crate) async fn bounce(config: &Config, json: bool) -> Result<ExitCode, String> {
    match hand_on(config).await {
        Ok(text) => {
            show::done(json, &text)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("oms: {error}");
            Ok(ExitCode::from(TRY_AGAIN))
        }
    }
}

/// Prints the letters that nobody has posted yet, one page each.
///
/// # Errors
/// The database does not answer, or there is no key file.
pub(crate) async fn letters(config: &Config, json: bool) -> Result<(), String> {
    let ring = config.keyring()?;
    let base = config.need(config::ANSWER_URL)?;
    let pool = migrate::reader_pool(config.for_room(Room::Notifications, config::DATABASE_URL)?).await?;
    // A letter without a code can still be answered by telephone, so a missing key keeps none back.
    let code = |case: &str, contact| AnswerCode::typed(&ring, base, case, contact).ok();
    let letters = notifications::store::letters(&pool, code).await.map_err(|error| reading_failed(&error))?;
    show::print(json, &letters, || match letters.len() {
        0 => "no letters\n".to_owned(),
        _ => letters.iter().map(page).collect::<Vec<_>>().join("\u{c}\n"),
    })
}

/// The key closes the letter's task; name and address stand on the order.
fn page(letter: &Letter) -> String {
    format!("task {}\n{}\n\n{}", letter.key, letter.subject, letter.text)
}

async fn hand_on(config: &Config) -> Result<String, String> {
    let command = read()?;
    let answers = Operator::open(config)?.ask(&[command], &key_of(MailBounced::KIND)).await?;
    let answer = answers.into_iter().next().ok_or("there was no answer")?;
    Ok(answer.text.unwrap_or_else(|| answer.outcome.name().to_owned()))
}

fn read() -> Result<MailBounced, String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(REPORT_BYTES_READ_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("the report cannot be read: {error}"))?;
    // The same report has the same name, however often the relay hands it over.
    let digits: String = sha256_hex(&bytes).chars().take(REFERENCE_DIGITS).collect();
    let reference = Reference::parse(&format!("bounce-{digits}")).map_err(|error| error.to_string())?;
    Ok(MailBounced { reference, report: String::from_utf8_lossy(&bytes).into_owned() })
}
