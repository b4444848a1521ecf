//! `oms products` and `oms stock`: files and numbers become messages to inventory.

use std::path::Path;

use messages::Body;
use messages::answer::{CommandAnswered, Outcome};
use messages::id::{Reference, UserId};
use messages::item::ItemNumber;
use messages::product::{Product, ProductDefine, StockAdjust, StockReceive};
use serde::Deserialize;
use shell::config::Config;

use crate::operator::{Operator, key_of};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductFile {
    #[serde(default)]
    products: Vec<Product>,
    #[serde(default)]
    stock: Vec<StockLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StockLine {
    item: ItemNumber,
    quantity: u32,
}

/// Defines a file's products and receives its stock. The references come from the file's content, so that the same
/// file applied twice counts once.
///
/// # Errors
/// The file is not readable, or inventory refuses a line.
pub(crate) async fn apply(config: &Config, user: &UserId, path: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let file: ProductFile = serde_json::from_str(&text)
        .map_err(|error| format!("{} is not a product file: {error}", path.display()))?;
    let digest = messages::id::sha256_hex(text.as_bytes());
    let reference = |item: &ItemNumber| {
        Reference::parse(&format!("file-{}-{}", &digest[..12], item.as_str()))
            .map_err(|error| error.to_string())
    };
    let defines: Vec<ProductDefine> = file
        .products
        .into_iter()
        .map(|product| {
            Ok(ProductDefine {
                reference: reference(&product.item)?,
                product,
                user: Some(user.clone()),
                reason: None,
            })
        })
        .collect::<Result<_, String>>()?;
    let receives: Vec<StockReceive> = file
        .stock
        .into_iter()
        .map(|line| {
            Ok(StockReceive {
                reference: reference(&line.item)?,
                item: line.item,
                quantity: line.quantity,
                user: Some(user.clone()),
            })
        })
        .collect::<Result<_, String>>()?;
    let operator = Operator::open(config)?;
    let mut report = Vec::new();
    report.push(tell(&ask(&operator, &defines).await?, "product", "defined")?);
    report.push(tell(&ask(&operator, &receives).await?, "stock line", "received")?);
    Ok(report)
}

/// # Errors
/// A bad item or reference, or inventory refuses.
pub(crate) async fn receive(
    config: &Config,
    user: UserId,
    item: &str,
    quantity: u32,
    reference: Option<&str>,
) -> Result<String, String> {
    let command =
        StockReceive { reference: named(reference)?, item: parse_item(item)?, quantity, user: Some(user) };
    let answers = ask(&Operator::open(config)?, &[command]).await?;
    tell(&answers, "stock line", "received")
}

/// # Errors
/// As [`receive`].
pub(crate) async fn adjust(
    config: &Config,
    user: UserId,
    item: &str,
    change: i64,
    reason: &str,
    reference: Option<&str>,
) -> Result<String, String> {
    let command = StockAdjust {
        reference: named(reference)?,
        item: parse_item(item)?,
        change,
        user,
        reason: reason.to_owned(),
    };
    let answers = ask(&Operator::open(config)?, &[command]).await?;
    tell(&answers, "stock line", "adjusted")
}

async fn ask<B: Body>(operator: &Operator, commands: &[B]) -> Result<Vec<CommandAnswered>, String> {
    operator.ask(commands, &key_of(B::KIND)).await
}

fn parse_item(text: &str) -> Result<ItemNumber, String> {
    ItemNumber::parse(text).map_err(|error| error.to_string())
}

fn named(reference: Option<&str>) -> Result<Reference, String> {
    let text = reference.map_or_else(|| format!("oms-{}", uuid::Uuid::now_v7()), str::to_owned);
    Reference::parse(&text).map_err(|error| error.to_string())
}

fn tell(answers: &[CommandAnswered], what: &str, done: &str) -> Result<String, String> {
    let refused: Vec<String> = answers
        .iter()
        .filter(|answer| answer.outcome == Outcome::Refused)
        .map(|answer| {
            format!(
                "{}: {}",
                answer.reference.as_deref().unwrap_or("?"),
                answer.text.as_deref().unwrap_or("refused")
            )
        })
        .collect();
    if !refused.is_empty() {
        return Err(refused.join("\n"));
    }
    let repeated = answers.iter().filter(|answer| answer.outcome == Outcome::Repeated).count();
    let known = if repeated > 0 { format!(", {repeated} of them known already") } else { String::new() };
    Ok(format!("{} {done}{known}", crate::show::counted(answers.len(), what)))
}
