//! The card gateway over HTTP, as Stripe speaks it (payment intents with manual capture). It makes one call and
//! says what became of it; it decides nothing, keeps nothing, and never writes a token or a key anywhere.

mod http;
mod refund;
mod wire;

use std::pin::Pin;
use std::time::Duration;

use messages::Timestamp;
use messages::money::Amount;
use messages::order::PaymentSection;
use messages::sealed::{Keyring, Section};
use shell::worker::{Call, Outside, Reply, raw};

use crate::HOLD_SECONDS_DEFAULT;
use crate::call::{
    AUTHORIZE, Answer, AuthorizeCall, CAPTURE, CaptureCall, Errand, KINDS, LET_GO, REFUND, RefundCall, VOID,
    VoidCall,
};
use http::{Heard, Http};
use wire::{Intent, Refusal, Status};

/// Seconds for which an idempotency key is relied on; the gateway keeps it for a day at least (Stripe,
/// "Idempotent requests").
const KEY_SECONDS: i64 = 20 * 3_600;

/// Where the gateway is and how it is spoken to.
#[derive(Clone)]
pub struct GatewaySettings {
    /// Without the path `/v1`.
    pub url: String,
    pub secret_key: String,
    /// After which a request counts as of unknown outcome. A call makes at most two, within the lease of 75 s.
    pub timeout: Duration,
    /// Calls at one time.
    pub concurrency: usize,
}

/// The gateway.
pub struct Gateway {
    http: Http,
    concurrency: usize,
}

/// An answer, and whether the gateway itself is out of reach.
#[derive(Debug)]
struct Found {
    answer: Answer,
    far_side_down: bool,
}

impl Gateway {
    /// A client of the gateway; nothing is sent yet.
    ///
    /// # Errors
    /// One sentence: the address is none, or TLS cannot be set up.
    pub fn new(settings: &GatewaySettings) -> Result<Self, String> {
        let http = Http::new(&settings.url, settings.secret_key.clone(), settings.timeout)?;
        Ok(Self { http, concurrency: settings.concurrency })
    }

    async fn make(&self, call: &Call, ring: &Keyring) -> Found {
        match call.due.kind.as_str() {
            AUTHORIZE => match call.due.body::<AuthorizeCall>() {
                Ok(body) => self.authorize(&body, must_look(call, &body.errand), ring).await,
                Err(_) => ours("the due row is not readable by this version"),
            },
            CAPTURE => match call.due.body::<CaptureCall>() {
                Ok(body) => self.capture(&body, must_look(call, &body.errand)).await,
                Err(_) => ours("the due row is not readable by this version"),
            },
            VOID | LET_GO => match call.due.body::<VoidCall>() {
                Ok(body) => self.void(&body, must_look(call, &body.errand)).await,
                Err(_) => ours("the due row is not readable by this version"),
            },
            REFUND => match call.due.body::<RefundCall>() {
                Ok(body) => self.refund(&body, must_look(call, &body.errand)).await,
                Err(_) => ours("the due row is not readable by this version"),
            },
            _ => ours("there is no such call"),
        }
    }

    async fn authorize(&self, call: &AuthorizeCall, look: bool, ring: &Keyring) -> Found {
        if look {
            return match self.http.search(&call.reference).await {
                Ok(intents) => Found::clear(best(intents).map_or(Answer::NotFound, |intent| held(&intent))),
                Err(heard) => Found::of(heard),
            };
        }
        let section: PaymentSection = match ring.open(Section::Payment, call.order.as_str(), 0, &call.payment)
        {
            Ok(section) => section,
            Err(error) => return ours(&format!("the payment section cannot be opened: {error}")),
        };
        let (amount, currency) =
            (call.amount.minor().to_string(), call.currency.as_str().to_ascii_lowercase());
        let fields = [
            ("amount", amount.as_str()),
            ("currency", currency.as_str()),
            ("payment_method", section.token.as_str()),
            ("payment_method_types[]", "card"),
            ("capture_method", "manual"),
            ("confirm", "true"),
            // Nobody is there to pass a check of the issuer's; it is a decline then.
            ("error_on_requires_action", "true"),
            ("metadata[reference]", call.reference.as_str()),
            ("metadata[order]", call.order.as_str()),
            ("expand[]", "latest_charge"),
        ];
        match self.http.post::<Intent>("/v1/payment_intents", &call.errand.idempotency_key, &fields).await {
            Ok(intent) => Found::clear(held(&intent)),
            Err(Heard::Refused { refusal, .. }) if refusal.is_card_error() => {
                Found::clear(Answer::Declined { code: refusal.card_code(), advice: refusal.advice() })
            }
            Err(heard) => Found::of(heard),
        }
    }

    async fn capture(&self, call: &CaptureCall, look: bool) -> Found {
        if look {
            return self.look(&call.intent, |intent| captured(call, intent)).await;
        }
        let amount = call.amount.minor().to_string();
        let path = format!("/v1/payment_intents/{}/capture", call.intent);
        let fields = [("amount_to_capture", amount.as_str())];
        match self.http.post::<Intent>(&path, &call.errand.idempotency_key, &fields).await {
            Ok(intent) => Found::clear(captured(call, &intent)),
            Err(Heard::Refused { refusal, .. }) if refusal.is_card_error() => {
                Found::clear(Answer::CaptureDeclined { code: refusal.card_code() })
            }
            Err(Heard::Refused { refusal, .. }) if refusal.is_about_state() => {
                let code = refusal.card_code();
                self.look(&call.intent, |intent| {
                    let answer = captured(call, intent);
                    // If it has not been done, it will not be: the refusal stands.
                    if answer == Answer::NotFound {
                        Answer::CaptureDeclined { code: code.clone() }
                    } else {
                        answer
                    }
                })
                .await
            }
            Err(heard) => Found::of(heard),
        }
    }

    async fn void(&self, call: &VoidCall, look: bool) -> Found {
        if look {
            return self.look(&call.intent, voided).await;
        }
        let path = format!("/v1/payment_intents/{}/cancel", call.intent);
        match self.http.post::<Intent>(&path, &call.errand.idempotency_key, &[]).await {
            Ok(intent) => Found::clear(voided(&intent)),
            Err(Heard::Refused { refusal, .. }) if refusal.is_about_state() => {
                self.look(&call.intent, voided).await
            }
            Err(heard) => Found::of(heard),
        }
    }

    async fn look(&self, intent: &str, read: impl Fn(&Intent) -> Answer) -> Found {
        match self.http.get(intent).await {
            Ok(intent) => Found::clear(read(&intent)),
            Err(heard) => Found::of(heard),
        }
    }
}

impl Outside for Gateway {
    fn kinds(&self) -> &'static [&'static str] {
        KINDS
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn perform<'a>(
        &'a self,
        call: &'a Call,
        ring: &'a Keyring,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>> {
        Box::pin(async move {
            let Found { answer, far_side_down } = self.make(call, ring).await;
            Reply { answer: raw(&answer), far_side_down }
        })
    }
}

/// What each call would take an answer of the gateway for, whatever its bytes are. For tests and fuzzing only: it asks
/// nobody.
#[must_use]
pub fn taken_for(call: &CaptureCall, status: u16, is_replayed: bool, body: &[u8]) -> Vec<Answer> {
    let of = |intent: Result<Intent, Heard>, read: &dyn Fn(&Intent) -> Answer| match intent {
        Ok(intent) => read(&intent),
        Err(heard) => Found::of(heard).answer,
    };
    let intent = || http::understood::<Intent>(status, is_replayed, body);
    let mut answers =
        vec![of(intent(), &held), of(intent(), &|intent| captured(call, intent)), of(intent(), &voided)];
    if let Ok(page) = http::understood::<wire::Page<Intent>>(status, is_replayed, body) {
        answers.extend(best(page.data).as_ref().map(held));
    }
    answers.extend(refund::taken_for(status, is_replayed, body));
    answers
}

/// A key that is spent, or too old to be relied on where the request may have gone out, is not asked under again.
fn must_look(call: &Call, errand: &Errand) -> bool {
    let age = Timestamp(shell::clock::now()).seconds_since(errand.since);
    errand.look || ((call.unknown || call.due.attempt > 0) && age > KEY_SECONDS)
}

/// The one that holds money, if any does.
fn best(intents: Vec<Intent>) -> Option<Intent> {
    let at = intents.iter().position(|intent| intent.status == Status::RequiresCapture).unwrap_or(0);
    intents.into_iter().nth(at)
}

/// What an intent says about the hold that it was to be.
fn held(intent: &Intent) -> Answer {
    match intent.status {
        Status::RequiresCapture => {
            let lapses =
                intent.capture_before().unwrap_or(intent.created.saturating_add(HOLD_SECONDS_DEFAULT));
            match time::OffsetDateTime::from_unix_timestamp(lapses) {
                // A year before 0 can be counted, but not written.
                Ok(lapses) if lapses.year() >= 0 => {
                    Answer::Authorized { intent: intent.id.to_string(), capture_before: Timestamp(lapses) }
                }
                Ok(_) | Err(_) => open("the hold's end is no date", false),
            }
        }
        Status::RequiresPaymentMethod => {
            let refusal = intent.last_payment_error.as_ref();
            Answer::Declined {
                code: refusal.map_or_else(|| "card_declined".to_owned(), Refusal::card_code),
                advice: refusal.and_then(Refusal::advice),
            }
        }
        Status::Canceled => Answer::Declined { code: "canceled".to_owned(), advice: None },
        Status::Succeeded => open("the hold has been charged by somebody else", true),
        Status::Processing | Status::Other => open("the hold is neither there nor declined", true),
    }
}

/// What an intent says about a capture of it.
fn captured(call: &CaptureCall, intent: &Intent) -> Answer {
    let before = call.captured_before.minor();
    if intent.amount_received >= before + call.amount.minor() {
        return match Amount::new(intent.amount_received - before) {
            Ok(amount) => Answer::Captured { amount },
            Err(_) => open("the captured amount is out of range", true),
        };
    }
    match intent.status {
        Status::RequiresCapture => Answer::NotFound,
        Status::Canceled => Answer::CaptureDeclined { code: "canceled".to_owned() },
        // A final capture has let the rest go.
        Status::Succeeded => Answer::CaptureDeclined { code: "already_captured".to_owned() },
        Status::RequiresPaymentMethod => Answer::CaptureDeclined { code: "card_declined".to_owned() },
        Status::Processing | Status::Other => open("the capture is still under way", true),
    }
}

/// What an intent says about its being let go.
fn voided(intent: &Intent) -> Answer {
    match intent.status {
        Status::Canceled => Answer::Voided,
        Status::RequiresCapture => Answer::NotFound,
        Status::RequiresPaymentMethod => Answer::Voided,
        Status::Succeeded => open("the hold that was to be voided has been charged", true),
        Status::Processing | Status::Other => open("the void is still under way", true),
    }
}

fn open(what: &str, key_is_spent: bool) -> Answer {
    Answer::Unclear { what: what.to_owned(), key_is_spent }
}

fn ours(what: &str) -> Found {
    Found::clear(Answer::Misconfigured { what: what.to_owned() })
}

impl Found {
    fn clear(answer: Answer) -> Self {
        Self { answer, far_side_down: false }
    }

    /// What no call reads otherwise.
    fn of(heard: Heard) -> Self {
        match heard {
            Heard::Nothing { what, far_side_down } => Self { answer: open(&what, false), far_side_down },
            Heard::Refused { status, refusal, is_replayed } => {
                let what = format!("HTTP {status} {}", refusal.card_code());
                match status {
                    // Our secret key is wrong, so every other call would fail too.
                    401 | 403 => Self { answer: Answer::Misconfigured { what }, far_side_down: true },
                    409 => Self { answer: open(&what, false), far_side_down: false },
                    429 | 503 => Self { answer: open(&what, false), far_side_down: true },
                    500.. => Self { answer: open(&what, is_replayed), far_side_down: false },
                    _ => Self { answer: Answer::Misconfigured { what }, far_side_down: false },
                }
            }
        }
    }
}
