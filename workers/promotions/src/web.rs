//! The page behind the unsubscribe links (RFC 8058). POST withdraws and says so only once the room has decided it, so
//! that no check at the moment of sending comes after a 200 and misses it; GET shows a button and never withdraws, since
//! scanners follow every link. No cookie, no redirect, no login, and nothing of a person on the page.

use std::pin::Pin;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use messages::id::Reference;
use messages::sealed::{Fingerprint, Keyring};
use messages::subscriber::{SubscriberWithdraw, Topic};
use serde::Deserialize;

use crate::mail::title;
use crate::token::{Purpose, Token, topic_of};

/// The most bytes of a POST.
const BODY_BYTES_MAX: usize = 4 * 1024;

/// How far a withdrawal has come when whoever pressed the button is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The room has decided it: no mail is sent after it.
    Decided,
    /// The broker has it and the room does not answer: a mail may leave before its turn comes.
    Noted,
}

/// Sends a subscriber's withdrawal into the house as an outsider who may, and waits a little for the room.
///
/// The error is one sentence for the log: the broker does not have it.
pub type Withdraw = Arc<
    dyn Fn(Fingerprint, SubscriberWithdraw) -> Pin<Box<dyn Future<Output = Result<Taken, String>> + Send>>
        + Send
        + Sync,
>;

#[derive(Clone)]
struct Desk {
    ring: Arc<Keyring>,
    withdraw: Withdraw,
}

/// `GET` and `POST /unsubscribe?t=TOKEN`. The ring needs the token key only.
pub fn router(ring: Arc<Keyring>, withdraw: Withdraw) -> Router {
    Router::new()
        .route("/unsubscribe", get(ask).post(unsubscribe))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Desk { ring, withdraw })
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    t: String,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    text: &'a str,
    /// The token and the list, where there is something to press.
    form: Option<(&'a str, &'a str)>,
}

async fn ask(State(desk): State<Desk>, Query(link): Query<Link>) -> Response {
    match desk.token(&link.t) {
        Ok((token, topic)) => {
            let form = Some((token.to_string(), title(topic)));
            let form = form.as_ref().map(|(token, topic)| (token.as_str(), *topic));
            let text = "Press a button to stop the mails. You need not log in, and we ask nothing else.";
            page(StatusCode::OK, &Page { title: "Unsubscribe", text, form })
        }
        Err(refusal) => refusal,
    }
}

async fn unsubscribe(
    State(desk): State<Desk>,
    Query(link): Query<Link>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (token, topic) = match desk.token(&link.t) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let topics = match wish(&headers, &body) {
        Some(Wish::ThisList) => vec![topic],
        Some(Wish::AllLists) => Vec::new(),
        None => {
            let text = "This address takes List-Unsubscribe=One-Click and nothing else.";
            return page(StatusCode::BAD_REQUEST, &Page { title: "Not understood", text, form: None });
        }
    };
    // A function of the token, so that pressing twice is one wish. Both parts fit the alphabet of a reference.
    let reference = format!("unsubscribe:{}.{}", token.subscriber.as_str(), token.number);
    let Ok(reference) = Reference::parse(&reference) else { return unknown_link() };
    let withdrawal =
        SubscriberWithdraw { reference, token: Some(token.to_string()), email: None, topics, user: None };
    match (desk.withdraw)(token.subscriber, withdrawal).await {
        Ok(Taken::Decided) => {
            let text = "You will get no more of these mails. One that is on its way may still arrive.";
            page(StatusCode::OK, &Page { title: "Unsubscribed", text, form: None })
        }
        Ok(Taken::Noted) => {
            let text = "We have your wish and carry it out as soon as we can; you need do nothing more. Until then a mail may still arrive.";
            page(StatusCode::ACCEPTED, &Page { title: "Noted", text, form: None })
        }
        Err(error) => {
            tracing::error!(%error, "a withdrawal could not be sent on");
            let text = "We could not take this now. Please try again in a few minutes.";
            page(StatusCode::SERVICE_UNAVAILABLE, &Page { title: "Not done", text, form: None })
        }
    }
}

impl Desk {
    #[expect(clippy::result_large_err, reason = "the refusal is the response itself, made once per request")]
    fn token(&self, text: &str) -> Result<(Token, Topic), Response> {
        let found = Token::parse(text).and_then(|token| Some((topic_of(token.number)?, token)));
        let Some((topic, token)) = found else { return Err(unknown_link()) };
        match token.fits(&self.ring, Purpose::Unsubscribe) {
            Ok(true) => Ok((token, topic)),
            Ok(false) => Err(unknown_link()),
            Err(error) => {
                tracing::error!(%error, "unsubscribe links cannot be checked");
                let text = "We could not take this now. Please try again in a few minutes.";
                Err(page(StatusCode::SERVICE_UNAVAILABLE, &Page { title: "Not done", text, form: None }))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    ThisList,
    AllLists,
}

/// What the form says, as a URL-encoded one or in parts (RFC 8058 §3.1 allows both).
fn wish(headers: &HeaderMap, body: &[u8]) -> Option<Wish> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let body = std::str::from_utf8(body).ok()?;
    let value = match kind.split_once("boundary=") {
        Some((kind, boundary)) if kind.to_ascii_lowercase().starts_with("multipart/form-data") => {
            let boundary = boundary.split(';').next().unwrap_or_default().trim_matches('"');
            in_parts(body, boundary)?
        }
        Some(_) | None => body.trim().split('&').find_map(|pair| pair.strip_prefix("List-Unsubscribe="))?,
    };
    match value {
        "One-Click" => Some(Wish::ThisList),
        "All-Lists" => Some(Wish::AllLists),
        _ => None,
    }
}

fn in_parts<'a>(body: &'a str, boundary: &str) -> Option<&'a str> {
    let is_it =
        |head: &str| head.contains("name=\"List-Unsubscribe\"") || head.contains("name=List-Unsubscribe");
    let delimiter = format!("--{boundary}");
    body.split(delimiter.as_str()).find_map(|part| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        is_it(head).then(|| value.trim())
    })
}

fn unknown_link() -> Response {
    let text = "This link is not one of ours, or it was cut off. Please use the whole link of the mail.";
    page(StatusCode::NOT_FOUND, &Page { title: "Unknown link", text, form: None })
}

fn page(status: StatusCode, page: &Page<'_>) -> Response {
    let no_traces = [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];
    match page.render() {
        Ok(html) => (status, no_traces, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests;
