//! One request as it arrives: the key is checked, an outage is answered, and the parameters are read. It must
//! never let a request through that the real gateway would not look at.

use super::Gateway;
use super::fault::Fault;
use super::params::Params;
use axum::extract::{Form, FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Longest idempotency key that Stripe takes.
const KEY_LENGTH_MAX: usize = 255;

pub(super) struct Call {
    pub(super) endpoint: String,
    pub(super) key: Option<String>,
    pub(super) params: Params,
}

impl FromRequest<Gateway> for Call {
    type Rejection = Fault;

    async fn from_request(mut request: Request, gateway: &Gateway) -> Result<Self, Fault> {
        if !is_authorized(request.headers(), gateway.key()) {
            return Err(Fault::BadKey);
        }
        if gateway.is_out() {
            return Err(Fault::Outage);
        }
        let key = idempotency_key(request.headers())?;
        let endpoint = request.uri().path().to_owned();
        // A POST without parameters has no content type, and the form reader insists on one.
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().entry(header::CONTENT_TYPE).or_insert(form);
        let Form(pairs) =
            Form::<Vec<(String, String)>>::from_request(request, gateway).await.map_err(|_| {
                Fault::invalid("parameter_invalid", "body", "The parameters are not form-encoded.")
            })?;
        Ok(Self { endpoint, key, params: Params::new(pairs) })
    }
}

fn is_authorized(headers: &HeaderMap, key: &str) -> bool {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match sent.and_then(|sent| sent.split_once(' ')) {
        Some(("Bearer", token)) => token == key,
        Some(("Basic", pair)) => {
            let pair = BASE64_STANDARD.decode(pair).unwrap_or_default();
            pair.strip_suffix(b":") == Some(key.as_bytes())
        }
        Some(_) | None => false,
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= KEY_LENGTH_MAX => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => {
            let message = "An idempotency key has 1 to 255 printable characters.";
            Err(Fault::invalid("parameter_invalid", "Idempotency-Key", message))
        }
    }
}
