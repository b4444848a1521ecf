//! The keys of a running room. They are read again when one is missing, since a quarter may begin while the room
//! runs; nothing else about them ever changes.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use messages::sealed::Keyring;

/// How often the file may be read again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

type Load = dyn Fn() -> Result<Keyring, String> + Send + Sync;

/// A room's keys.
pub struct Keys {
    ring: RwLock<Arc<Keyring>>,
    load: Box<Load>,
    loaded: Mutex<Instant>,
}

impl Keys {
    /// # Errors
    /// The first load fails.
    pub fn load(load: impl Fn() -> Result<Keyring, String> + Send + Sync + 'static) -> Result<Self, String> {
        let ring = RwLock::new(Arc::new(load()?));
        Ok(Self { ring, load: Box::new(load), loaded: Mutex::new(Instant::now()) })
    }

    #[must_use]
    pub fn ring(&self) -> Arc<Keyring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file again, unless that was just done.
    pub fn look_again(&self) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.elapsed() < AGAIN_AFTER {
            return;
        }
        *loaded = Instant::now();
        match (self.load)() {
            Ok(ring) => *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring),
            Err(error) => tracing::error!(%error, "the keys could not be read again"),
        }
    }
}
