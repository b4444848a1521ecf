//! Where a reship leaves: the corrected address takes the place of the old one in the recipient's section, which is
//! sealed anew. Nothing is called here, nothing opened is kept, and no correction leaves by itself.

use messages::address::PostalAddress;
use messages::case::CaseResolved;
use messages::order::DeliverySection;
use messages::sealed::{Keyring, SealError, Sealed, Section};
use messages::{Kind, Timestamp};
use serde::{Deserialize, Serialize};
use shell::worker::{Emit, raw};

use crate::read::CORRECTION;

/// The resolution as the decision gives it to [`dress`]: the correction stands beside it for as long as that takes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Corrected {
    #[serde(flatten)]
    pub(crate) resolved: CaseResolved,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) correction: Option<Sealed>,
}

/// Merges the correction into the section of a reship; all else leaves as it is.
///
/// # Errors
/// This process lacks a key to addresses.
pub fn dress(emit: &mut Emit, ring: &Keyring, now: Timestamp) -> Result<(), SealError> {
    if emit.kind != Kind::CaseResolved {
        return Ok(());
    }
    let Corrected { mut resolved, correction } =
        serde_json::from_str(emit.data.get()).map_err(|_| SealError::Content)?;
    let Some(correction) = correction else { return Ok(()) };
    if let Some(old) = &resolved.address {
        let (subject, delivery) = (resolved.order.as_str(), resolved.delivery);
        let section: DeliverySection = ring.open(Section::Delivery, subject, delivery, old)?;
        let address: PostalAddress =
            ring.open(Section::Delivery, resolved.case.as_str(), CORRECTION, &correction)?;
        let merged = DeliverySection { address, ..section };
        resolved.address = Some(ring.seal(Section::Delivery, subject, delivery, &merged, now.0)?);
    }
    emit.data = raw(&resolved);
    Ok(())
}
