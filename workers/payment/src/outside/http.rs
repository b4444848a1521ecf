//! Requests to the gateway, and every way in which one can fail. It reads no meaning into an answer.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, Url, redirect};

use super::wire::{ErrorBody, Intent, Page, Refund, Refusal};

/// The header by which Stripe marks an answer that an idempotency key gave back.
const REPLAYED: &str = "idempotent-replayed";

pub(super) struct Http {
    client: Client,
    base: Url,
    secret_key: String,
}

/// What came instead of an intent.
#[derive(Debug)]
pub(super) enum Heard {
    /// An answer that says no.
    Refused { status: u16, refusal: Refusal, is_replayed: bool },
    /// No answer, or none that can be read.
    Nothing { what: String, far_side_down: bool },
}

impl Http {
    pub(super) fn new(url: &str, secret_key: String, timeout: Duration) -> Result<Self, String> {
        // reqwest builds its TLS even for plain HTTP; whoever installed a provider before is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base =
            Url::parse(url).map_err(|error| format!("the gateway's address is not a URL ({error})"))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err("the gateway's address must begin with http:// or https://".to_owned());
        }
        let client = Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            // A redirect would carry a charge somewhere else.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|_| "the gateway's client cannot be set up".to_owned())?;
        Ok(Self { client, base, secret_key })
    }

    pub(super) async fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        idempotency_key: &str,
        fields: &[(&str, &str)],
    ) -> Result<T, Heard> {
        let request = self.client.post(self.at(path)?).header("Idempotency-Key", idempotency_key);
        self.send(if fields.is_empty() { request } else { request.form(fields) }).await
    }

    pub(super) async fn get(&self, intent: &str) -> Result<Intent, Heard> {
        self.send(self.client.get(self.at(&format!("/v1/payment_intents/{intent}"))?)).await
    }

    /// The intents that were made under this reference.
    pub(super) async fn search(&self, reference: &str) -> Result<Vec<Intent>, Heard> {
        let mut url = self.at("/v1/payment_intents/search")?;
        url.query_pairs_mut()
            .append_pair("query", &format!("metadata['reference']:'{reference}'"))
            .append_pair("expand[]", "data.latest_charge");
        Ok(self.send::<Page<Intent>>(self.client.get(url)).await?.data)
    }

    /// The refunds of an intent, the newest hundred.
    pub(super) async fn refunds(&self, intent: &str) -> Result<Vec<Refund>, Heard> {
        let mut url = self.at("/v1/refunds")?;
        url.query_pairs_mut().append_pair("payment_intent", intent).append_pair("limit", "100");
        Ok(self.send::<Page<Refund>>(self.client.get(url)).await?.data)
    }

    fn at(&self, path: &str) -> Result<Url, Heard> {
        let text = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        Url::parse(&text).map_err(|_| Heard::Nothing {
            what: "the request has no address".to_owned(),
            far_side_down: false,
        })
    }

    async fn send<T: serde::de::DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Heard> {
        let response = request.bearer_auth(&self.secret_key).send().await.map_err(|error| silence(&error))?;
        let status = response.status();
        let is_replayed = response.headers().get(REPLAYED).is_some_and(|value| value == "true");
        understood(status.as_u16(), is_replayed, &read(response).await?)
    }
}

/// What an answer says, whatever its bytes are.
pub(super) fn understood<T: serde::de::DeserializeOwned>(
    status: u16,
    is_replayed: bool,
    body: &[u8],
) -> Result<T, Heard> {
    if (200..300).contains(&status) {
        return serde_json::from_slice(body).map_err(|_| Heard::Nothing {
            what: "the gateway's answer is not readable".to_owned(),
            far_side_down: false,
        });
    }
    // A proxy between us answers in whatever form it likes.
    let refusal = serde_json::from_slice::<ErrorBody>(body).map(|body| body.error).unwrap_or_default();
    Err(Heard::Refused { status, refusal, is_replayed })
}

async fn read(response: Response) -> Result<Vec<u8>, Heard> {
    match response.bytes().await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) => Err(silence(&error)),
    }
}

/// The error's own text may hold the address, so only its sort is told.
fn silence(error: &reqwest::Error) -> Heard {
    let (what, far_side_down) = if error.is_connect() {
        ("the gateway cannot be reached", true)
    } else if error.is_timeout() {
        ("the gateway did not answer in time", false)
    } else {
        ("the connection to the gateway broke off", false)
    };
    Heard::Nothing { what: what.to_owned(), far_side_down }
}
