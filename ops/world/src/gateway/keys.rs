//! Idempotency keys as Stripe's v1 interface keeps them: the first status and body are answered again,
//! whatever they were. It must never look at what the answer says.

use axum::body::Bytes;
use axum::http::StatusCode;
use std::collections::HashMap;

/// Seconds that a key is remembered: Stripe promises at least a day.
const MEMORY_SECONDS: i64 = 24 * 3600;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Fresh,
    Replay(Answer),
    Busy,
    Reused,
}

#[derive(Default)]
pub(super) struct Keys {
    entries: HashMap<String, Entry>,
    replayed: u64,
}

struct Entry {
    print: u64,
    since: i64,
    answer: Option<Answer>,
}

impl Keys {
    /// `print` stands for endpoint and parameters; `now` is in Unix seconds.
    pub(super) fn claim(&mut self, key: &str, print: u64, now: i64) -> Claim {
        match self.entries.get(key) {
            Some(entry) if now - entry.since < MEMORY_SECONDS => {
                if entry.print != print {
                    return Claim::Reused;
                }
                match &entry.answer {
                    None => Claim::Busy,
                    Some(answer) => {
                        self.replayed += 1;
                        Claim::Replay(answer.clone())
                    }
                }
            }
            Some(_) | None => {
                self.entries.insert(key.to_owned(), Entry { print, since: now, answer: None });
                Claim::Fresh
            }
        }
    }

    pub(super) fn keep(&mut self, key: &str, answer: Answer) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.answer = Some(answer);
        }
    }

    pub(super) fn forget(&mut self, key: &str) {
        self.entries.remove(key);
    }

    pub(super) fn replayed(&self) -> u64 {
        self.replayed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Answer {
        Answer { status: StatusCode::from_u16(status).unwrap(), body: Bytes::from_static(b"{}") }
    }

    #[test]
    fn the_first_answer_is_the_only_one() {
        let mut keys = Keys::default();
        assert_eq!(keys.claim("k", 1, 0), Claim::Fresh);
        assert_eq!(keys.claim("k", 1, 0), Claim::Busy);
        assert_eq!(keys.claim("k", 2, 0), Claim::Reused);
        keys.keep("k", answer(500));
        assert_eq!(keys.claim("k", 1, MEMORY_SECONDS - 1), Claim::Replay(answer(500)));
        assert_eq!(keys.claim("k", 2, MEMORY_SECONDS - 1), Claim::Reused);
        assert_eq!(keys.replayed(), 1);
    }

    #[test]
    fn a_key_is_free_again_when_forgotten_or_a_day_old() {
        let mut keys = Keys::default();
        assert_eq!(keys.claim("k", 1, 0), Claim::Fresh);
        keys.forget("k");
        assert_eq!(keys.claim("k", 2, 0), Claim::Fresh);
        keys.keep("k", answer(200));
        assert_eq!(keys.claim("k", 3, MEMORY_SECONDS), Claim::Fresh);
    }
}
