//! Sealed sections: personal data as it travels and rests. XChaCha20-Poly1305 under one key per audience and
//! quarter; the associated data binds a section to its kind, subject and delivery, so that it cannot be moved
//! to another order. Nothing in here prints a key or a clear text.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::BTreeMap;
use time::OffsetDateTime;

use crate::id::{ALPHABET, OrderNumber, sha256_hex};
use crate::room::Room;

/// Bytes of a nonce of XChaCha20-Poly1305.
pub(crate) const NONCE_BYTES: usize = 24;
/// Letters and digits of each half of a code for typing.
const TYPED_HALF: u32 = 5;
/// What is looked at of a typed code; more never fits.
const TYPED_LETTERS_MAX: usize = 16;
/// How a sealed section begins. Audit recognizes sections by it.
pub const SEALED_PREFIX: &str = "oms1.";

/// What a section holds, and so who may open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Payment token and billing address.
    Payment,
    /// Recipient, address, phone, gift message.
    Delivery,
    /// Name and e-mail.
    Contact,
    /// The whole body of a parked message.
    Parked,
}

impl Section {
    pub const ALL: [Self; 4] = [Self::Payment, Self::Delivery, Self::Contact, Self::Parked];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Delivery => "delivery",
            Self::Contact => "contact",
            Self::Parked => "parked",
        }
    }

    /// Whether a room may hold the key of this section. Inventory and lifecycle hold none that opens one;
    /// every room may seal what it parks.
    #[must_use]
    pub const fn is_open_to(self, room: Room) -> bool {
        match self {
            Self::Parked => true,
            Self::Payment => matches!(room, Room::Intake | Room::Payment),
            Self::Delivery => matches!(room, Room::Intake | Room::Fulfillment | Room::Undelivered),
            Self::Contact => matches!(room, Room::Intake | Room::Notifications | Room::Promotions),
        }
    }
}

/// A sealed section as text: `oms1.<key id>.<base64url of nonce and ciphertext>`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^oms1\\.[a-z0-9-]{1,80}\\.[A-Za-z0-9_-]+$"))]
pub struct Sealed(String);

/// Why something could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("this is not a sealed section")]
    Form,
    #[error(
        "the key {0} is not in the key file: run `oms keys init`, or give this room the file that has it"
    )]
    MissingKey(String),
    #[error("the section does not open with the key {0}: it was made for another order or was changed")]
    DoesNotOpen(String),
    #[error("the section opens but holds something else than expected")]
    Content,
    #[error("the operating system gave no random bytes")]
    NoRandom,
    #[error("the key file is not readable: {0}")]
    KeyFile(&'static str),
}

impl SealError {
    /// Whether the fault is this process's own, so that the event must wait; everything else is the section's.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        match self {
            Self::MissingKey(_) | Self::NoRandom | Self::KeyFile(_) => true,
            Self::Form | Self::DoesNotOpen(_) | Self::Content => false,
        }
    }
}

impl Sealed {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the key that it was sealed under.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.0.split('.').nth(1).unwrap_or_default()
    }

    /// What audit keeps instead of the section: it proves equality and opens nothing.
    #[must_use]
    pub fn digest(&self) -> String {
        format!("sha256:{}", sha256_hex(self.0.as_bytes()))
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({})", self.key_id())
    }
}

impl TryFrom<String> for Sealed {
    type Error = SealError;
    fn try_from(text: String) -> Result<Self, SealError> {
        let mut parts = text.strip_prefix(SEALED_PREFIX).ok_or(SealError::Form)?.splitn(2, '.');
        match (parts.next(), parts.next()) {
            (Some(key), Some(body)) if !key.is_empty() && !body.is_empty() => Ok(Self(text)),
            (_, _) => Err(SealError::Form),
        }
    }
}

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> Self {
        sealed.0
    }
}

/// A keyed fingerprint of a normalized address, card or account: enough to count, not to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a fingerprint is of; the same text in two roles has two fingerprints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trait {
    Address,
    Card,
    Account,
    Email,
    /// The whole clear content of a submission, to tell a repeat from another order under the same reference.
    Content,
}

impl Trait {
    const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Card => "card",
            Self::Account => "account",
            Self::Email => "email",
            Self::Content => "content",
        }
    }
}

/// The keys that one process holds, by id (`delivery-2026q4`), and the keys of fingerprints and order numbers.
#[derive(Clone, Default)]
pub struct Keyring {
    sections: BTreeMap<String, [u8; 32]>,
    fingerprint: Option<[u8; 32]>,
    tokens: Option<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    sections: BTreeMap<String, String>,
    fingerprint: String,
    /// Key of the tokens in mails; files of an earlier version have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens: Option<String>,
}

impl Keyring {
    /// Reads a key file: JSON with `sections` (key id to 32 bytes in base64) and `fingerprint`.
    ///
    /// # Errors
    /// The text is not such a file. It is never repeated.
    pub fn from_json(text: &str) -> Result<Self, SealError> {
        let file: KeyFile = serde_json::from_str(text).map_err(|_| {
            SealError::KeyFile("it must be JSON with `sections` and `fingerprint`; `oms keys init` makes one")
        })?;
        let sections = file
            .sections
            .into_iter()
            .map(|(id, key)| Ok((id, key_bytes(&key)?)))
            .collect::<Result<_, SealError>>()?;
        let tokens = file.tokens.as_deref().map(key_bytes).transpose()?;
        Ok(Self { sections, fingerprint: Some(key_bytes(&file.fingerprint)?), tokens })
    }

    /// The key file's text.
    ///
    /// # Panics
    /// Never: a map of strings always serializes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let file = KeyFile {
            sections: self.sections.iter().map(|(id, key)| (id.clone(), STANDARD.encode(key))).collect(),
            fingerprint: STANDARD.encode(self.fingerprint.unwrap_or_default()),
            tokens: self.tokens.map(|key| STANDARD.encode(key)),
        };
        serde_json::to_string_pretty(&file).expect("strings serialize") + "\n"
    }

    /// Adds what is missing for `at`'s quarter and the next one: a key per section and per outsider that opens
    /// sections, and the fingerprint key. Gives the ids that were added; keys that exist are never replaced.
    ///
    /// # Errors
    /// The operating system gave no random bytes.
    pub fn init(&mut self, outsiders: &[&str], at: OffsetDateTime) -> Result<Vec<String>, SealError> {
        let mut added = Vec::new();
        let audiences = Section::ALL.iter().map(|section| section.name()).chain(outsiders.iter().copied());
        for audience in audiences {
            for quarter in [quarter(at), quarter_after(at)] {
                let id = format!("{audience}-{quarter}");
                if let std::collections::btree_map::Entry::Vacant(place) = self.sections.entry(id.clone()) {
                    place.insert(random()?);
                    added.push(id);
                }
            }
        }
        if self.fingerprint.is_none() {
            self.fingerprint = Some(random()?);
            added.push("fingerprint".to_owned());
        }
        if self.tokens.is_none() {
            self.tokens = Some(random()?);
            added.push("tokens".to_owned());
        }
        Ok(added)
    }

    /// What a room may hold of these keys; `outsiders` are the audiences that it re-seals for.
    #[must_use]
    pub fn for_room(&self, room: Room, outsiders: &[&str]) -> Self {
        let may = |id: &str| {
            let audience = id.rsplit_once('-').map_or(id, |(audience, _)| audience);
            Section::ALL.iter().any(|section| section.name() == audience && section.is_open_to(room))
                || outsiders.contains(&audience)
        };
        let sections =
            self.sections.iter().filter(|(id, _)| may(id)).map(|(id, key)| (id.clone(), *key)).collect();
        let counts = matches!(room, Room::Intake | Room::Notifications | Room::Promotions);
        let writes_tokens = matches!(room, Room::Undelivered | Room::Notifications | Room::Promotions);
        Self {
            sections,
            fingerprint: self.fingerprint.filter(|_| counts),
            tokens: self.tokens.filter(|_| writes_tokens),
        }
    }

    /// One outsider's own keys, as it receives them.
    #[must_use]
    pub fn for_outsider(&self, name: &str) -> Self {
        let own = |id: &str| id.rsplit_once('-').is_some_and(|(audience, _)| audience == name);
        let sections =
            self.sections.iter().filter(|(id, _)| own(id)).map(|(id, key)| (id.clone(), *key)).collect();
        Self { sections, fingerprint: None, tokens: None }
    }

    #[must_use]
    pub fn key_ids(&self) -> Vec<&str> {
        self.sections.keys().map(String::as_str).collect()
    }

    /// Seals `value` for a section's audience. `subject` is the order number, or the message id of a parked
    /// body; `delivery` is its number or 0.
    ///
    /// # Errors
    /// The key of the quarter is missing, or there are no random bytes.
    pub fn seal<T: Serialize>(
        &self,
        section: Section,
        subject: &str,
        delivery: u16,
        value: &T,
        at: OffsetDateTime,
    ) -> Result<Sealed, SealError> {
        self.seal_for(section.name(), section, subject, delivery, value, at)
    }

    /// Seals a section under an outsider's own key.
    ///
    /// # Errors
    /// As [`Keyring::seal`].
    pub fn seal_for<T: Serialize>(
        &self,
        audience: &str,
        section: Section,
        subject: &str,
        delivery: u16,
        value: &T,
        at: OffsetDateTime,
    ) -> Result<Sealed, SealError> {
        let key_id = format!("{audience}-{}", quarter(at));
        let key = self.sections.get(&key_id).ok_or_else(|| SealError::MissingKey(key_id.clone()))?;
        let clear = serde_json::to_vec(value).map_err(|_| SealError::Content)?;
        close(key, &key_id, &associated(&key_id, section, subject, delivery), &clear, random()?)
    }

    /// Opens a section.
    ///
    /// # Errors
    /// The key is not held, the section was made for another subject, or it holds another type.
    pub fn open<T: DeserializeOwned>(
        &self,
        section: Section,
        subject: &str,
        delivery: u16,
        sealed: &Sealed,
    ) -> Result<T, SealError> {
        let key_id = sealed.key_id();
        let key = self.sections.get(key_id).ok_or_else(|| SealError::MissingKey(key_id.to_owned()))?;
        let body = sealed.0.rsplit('.').next().unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| SealError::Form)?;
        let (nonce, closed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Form)?;
        let aad = associated(key_id, section, subject, delivery);
        let payload = Payload { msg: closed, aad: aad.as_bytes() };
        let clear = XChaCha20Poly1305::new(&(*key).into())
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SealError::DoesNotOpen(key_id.to_owned()))?;
        serde_json::from_slice(&clear).map_err(|_| SealError::Content)
    }

    /// A keyed fingerprint (HMAC-SHA-256, 128 bits kept) of a normalized text.
    ///
    /// # Errors
    /// This process holds no fingerprint key.
    pub fn fingerprint(&self, role: Trait, text: &str) -> Result<Fingerprint, SealError> {
        Ok(Fingerprint(URL_SAFE_NO_PAD.encode(&self.keyed(role.name(), text)?[..16])))
    }

    /// The opaque token of a mail: a keyed function of what it is for, so that the room that checks it need not be told
    /// it by the room that mails it. `number` counts the tokens of one subject; a later one does not open an earlier.
    ///
    /// # Errors
    /// This process holds no token key.
    pub fn token(&self, purpose: &str, subject: &str, number: u16) -> Result<String, SealError> {
        let key = self.tokens.as_ref().ok_or_else(|| SealError::MissingKey("tokens".to_owned()))?;
        let digest = keyed(key, "token", &format!("{purpose}\n{subject}\n{number}"))?;
        Ok(URL_SAFE_NO_PAD.encode(&digest[..16]))
    }

    /// Whether a token is the right one, in a time that does not depend on how much of it is right.
    ///
    /// # Errors
    /// This process holds no token key.
    pub fn token_fits(
        &self,
        purpose: &str,
        subject: &str,
        number: u16,
        given: &str,
    ) -> Result<bool, SealError> {
        let wanted = self.token(purpose, subject, number)?;
        Ok(subtle::ConstantTimeEq::ct_eq(wanted.as_bytes(), given.as_bytes()).into())
    }

    /// The same for somebody who types it, from a letter or on the telephone: 50 bits as ten letters and digits. Whoever
    /// takes it from the public bounds the tries.
    ///
    /// # Errors
    /// This process holds no token key.
    pub fn typed_code(&self, purpose: &str, subject: &str, number: u16) -> Result<String, SealError> {
        let key = self.tokens.as_ref().ok_or_else(|| SealError::MissingKey("tokens".to_owned()))?;
        let digest = keyed(key, "code", &format!("{purpose}\n{subject}\n{number}"))?;
        let mut first = [0_u8; 8];
        first.copy_from_slice(&digest[..8]);
        let bits = u64::from_be_bytes(first);
        let letter = |at: u32| char::from(ALPHABET[((bits >> (at * 5)) & 31) as usize]);
        let half = |from: u32| (from..from + TYPED_HALF).map(letter).collect::<String>();
        Ok(format!("{}-{}", half(0), half(TYPED_HALF)))
    }

    /// Whether a code is the right one, however it was typed, in a time that does not depend on how much of it is right.
    ///
    /// # Errors
    /// This process holds no token key.
    pub fn typed_code_fits(
        &self,
        purpose: &str,
        subject: &str,
        number: u16,
        given: &str,
    ) -> Result<bool, SealError> {
        let wanted = self.typed_code(purpose, subject, number)?;
        Ok(subtle::ConstantTimeEq::ct_eq(plain(&wanted).as_bytes(), plain(given).as_bytes()).into())
    }

    /// The number of an order, from what identifies it to its sender.
    ///
    /// # Errors
    /// This process holds no fingerprint key.
    pub fn order_number(&self, sender: &str, reference: &str) -> Result<OrderNumber, SealError> {
        let digest = self.keyed("order", &format!("{sender}\n{reference}"))?;
        let mut first = [0_u8; 8];
        first.copy_from_slice(&digest[..8]);
        Ok(OrderNumber::from_bits(u64::from_be_bytes(first) >> 4))
    }

    fn keyed(&self, role: &str, text: &str) -> Result<Vec<u8>, SealError> {
        let key = self.fingerprint.as_ref().ok_or_else(|| SealError::MissingKey("fingerprint".to_owned()))?;
        keyed(key, role, text)
    }
}

/// A typed code without what people add, and with the digits for which people write I, L and O (Crockford).
fn plain(code: &str) -> String {
    let typed = code.chars().filter(|letter| !matches!(letter, '-' | ' ')).take(TYPED_LETTERS_MAX);
    typed
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

fn keyed(key: &[u8; 32], role: &str, text: &str) -> Result<Vec<u8>, SealError> {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
        .map_err(|_| SealError::KeyFile("a key has the wrong length"))?;
    mac.update(role.as_bytes());
    mac.update(b"\n");
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

/// `2026q4`: keys are changed each quarter, so that erasing an old one erases what it sealed.
fn quarter(at: OffsetDateTime) -> String {
    format!("{}q{}", at.year(), (u8::from(at.month()) - 1) / 3 + 1)
}

/// By number and not by days: no quarter has the same length as the next.
fn quarter_after(at: OffsetDateTime) -> String {
    match (u8::from(at.month()) - 1) / 3 + 2 {
        5 => format!("{}q1", at.year() + 1),
        next => format!("{}q{next}", at.year()),
    }
}

/// Seals under a given nonce, which must never be used twice with one key: only the test vector names one.
pub(crate) fn close(
    key: &[u8; 32],
    key_id: &str,
    associated: &str,
    clear: &[u8],
    nonce: [u8; NONCE_BYTES],
) -> Result<Sealed, SealError> {
    let payload = Payload { msg: clear, aad: associated.as_bytes() };
    let closed = XChaCha20Poly1305::new(&(*key).into())
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| SealError::Content)?;
    let mut bytes = nonce.to_vec();
    bytes.extend(closed);
    Ok(Sealed(format!("{SEALED_PREFIX}{key_id}.{}", URL_SAFE_NO_PAD.encode(bytes))))
}

/// What a section is bound to, besides its key.
pub(crate) fn associated(key_id: &str, section: Section, subject: &str, delivery: u16) -> String {
    format!("{key_id}\n{}\n{subject}\n{delivery}", section.name())
}

fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|_| SealError::NoRandom)?;
    Ok(bytes)
}

fn key_bytes(text: &str) -> Result<[u8; 32], SealError> {
    let bytes = STANDARD.decode(text).map_err(|_| SealError::KeyFile("a key is not base64"))?;
    bytes.try_into().map_err(|_| SealError::KeyFile("a key does not have 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_code_fits_however_it_is_typed_and_only_where_it_was_made_for() {
        let mut ring = Keyring::default();
        ring.init(&[], at()).expect("random bytes");
        let code = ring.typed_code("case", "A.1.1", 1).expect("a key");
        assert!(code.len() == 11 && code.as_bytes()[5] == b'-', "{code}");
        let fits = |subject, number, given: &str| {
            ring.typed_code_fits("case", subject, number, given).expect("a key")
        };
        let spoken = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert!(fits("A.1.1", 1, &code) && fits("A.1.1", 1, &spoken));
        assert!(!fits("A.1.1", 2, &code) && !fits("A.1.2", 1, &code));
        for other in ["", "-", &code[..10], &format!("{code}0"), &"0".repeat(9_000)] {
            assert!(!fits("A.1.1", 1, other), "{other}");
        }
        assert_ne!(ring.token("case", "A.1.1", 1).expect("a key")[..5], code[..5]);
    }

    fn at() -> OffsetDateTime {
        time::macros::datetime!(2026-11-24 12:00 UTC)
    }

    fn ring() -> Keyring {
        let mut ring = Keyring::default();
        ring.init(&["warehouse"], at()).expect("random bytes");
        ring
    }

    #[test]
    fn a_section_opens_only_for_its_kind_subject_and_delivery() {
        let ring = ring();
        let sealed = ring.seal(Section::Delivery, "A", 1, &"12 Main St", at()).expect("sealed");
        assert_eq!(sealed.key_id(), "delivery-2026q4");
        assert_eq!(ring.open::<String>(Section::Delivery, "A", 1, &sealed), Ok("12 Main St".to_owned()));
        for (section, subject, delivery) in
            [(Section::Contact, "A", 1), (Section::Delivery, "B", 1), (Section::Delivery, "A", 2)]
        {
            assert_eq!(
                ring.open::<String>(section, subject, delivery, &sealed),
                Err(SealError::DoesNotOpen("delivery-2026q4".to_owned()))
            );
        }
        assert!(!format!("{sealed:?}").contains("Main"));
    }

    #[test]
    fn a_room_holds_only_its_keys() {
        let ring = ring();
        let sealed = ring.seal(Section::Payment, "A", 0, &1, at()).expect("sealed");
        for room in Room::ALL {
            let opened = ring.for_room(room, &[]).open::<i32>(Section::Payment, "A", 0, &sealed);
            assert_eq!(opened.is_ok(), matches!(room, Room::Intake | Room::Payment), "{room}");
        }
        assert!(ring.for_room(Room::Inventory, &[]).key_ids().iter().all(|id| id.starts_with("parked-")));
    }

    #[test]
    fn an_outsider_opens_what_was_sealed_for_it() {
        let ring = ring();
        let sealed = ring.seal_for("warehouse", Section::Delivery, "A", 1, &"x", at()).expect("sealed");
        assert_eq!(
            ring.for_outsider("warehouse").open::<String>(Section::Delivery, "A", 1, &sealed),
            Ok("x".to_owned())
        );
        assert!(
            ring.for_room(Room::Notifications, &[])
                .open::<String>(Section::Delivery, "A", 1, &sealed)
                .is_err()
        );
    }

    #[test]
    fn on_every_day_the_coming_quarter_is_the_next_one() {
        let mut day = time::macros::datetime!(2026-01-01 00:00 UTC);
        while day.year() < 2029 {
            let mut later = day;
            while quarter(later) == quarter(day) {
                later += time::Duration::days(1);
            }
            assert_eq!(quarter_after(day), quarter(later), "{day}");
            day += time::Duration::days(1);
        }
    }

    #[test]
    fn keys_are_kept_when_the_file_is_made_again() {
        let first = ring();
        let mut second = Keyring::from_json(&first.to_json()).expect("its own file");
        assert_eq!(second.init(&["warehouse"], at()), Ok(Vec::new()));
        assert_eq!(second.to_json(), first.to_json());
        assert_eq!(first.order_number("web", "1"), second.order_number("web", "1"));
        assert_ne!(first.order_number("web", "1"), first.order_number("web", "2"));
    }
}
