//! `oms keys`: the key file. Keys are made and handed out here, and never printed beside anything else.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use messages::sealed::Keyring;
use shell::clock;
use shell::config::{self, Config};

/// Makes missing keys; gives the ids of those that were made.
///
/// # Errors
/// One sentence.
pub(crate) fn init(config: &Config) -> Result<Vec<String>, String> {
    let path = Path::new(config.need(config::KEYS_FILE)?);
    let mut ring = match std::fs::read_to_string(path) {
        Ok(text) => Keyring::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Keyring::default(),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let outsiders = config.outsiders()?;
    let added = ring.init(&outsiders.audiences(), clock::now()).map_err(|error| error.to_string())?;
    if !added.is_empty() {
        write_private(path, &ring.to_json())?;
    }
    Ok(added)
}

/// One outsider's own keys.
///
/// # Errors
/// It is not registered, or opens no sections.
pub(crate) fn export(config: &Config, name: &str) -> Result<String, String> {
    let outsiders = config.outsiders()?;
    match outsiders.named(name) {
        None => Err(format!("{name} is not a registered outsider")),
        Some(outsider) if !outsider.opens_sections => Err(format!("{name} opens no sealed sections")),
        Some(_) => Ok(config.keyring()?.for_outsider(name).to_json()),
    }
}

/// Writes a file that only its owner reads, whole or not at all.
///
/// # Errors
/// The folder is missing or not writable.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
    let fresh = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&fresh, path).map_err(failed)
}

/// Whether others than the owner may read a file.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}
