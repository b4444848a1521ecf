//! Where requests leave for the warehouse: the address is opened and sealed again under the warehouse's own
//! key, so that neither the outbox nor the warehouse's queue holds clear text. Nothing is called here, and
//! nothing opened is kept.

use messages::order::DeliverySection;
use messages::sealed::{Keyring, SealError, Section};
use messages::shipment::ShipmentRequested;
use messages::{Kind, Timestamp};
use shell::worker::{Emit, Route, raw};

/// Re-seals the address of a request that goes to an outsider; all else leaves as it is.
///
/// # Errors
/// This process lacks the key to addresses or the outsider's key of this quarter.
pub fn dress(emit: &mut Emit, ring: &Keyring, now: Timestamp) -> Result<(), SealError> {
    let Route::Out(outsider) = &emit.route else { return Ok(()) };
    if emit.kind != Kind::ShipmentRequested {
        return Ok(());
    }
    let mut request: ShipmentRequested =
        serde_json::from_str(emit.data.get()).map_err(|_| SealError::Content)?;
    let Some(address) = &request.address else { return Ok(()) };
    let (subject, delivery) = (request.order.as_str(), request.delivery);
    let section: DeliverySection = ring.open(Section::Delivery, subject, delivery, address)?;
    request.address = Some(ring.seal_for(outsider, Section::Delivery, subject, delivery, &section, now.0)?);
    emit.data = raw(&request);
    Ok(())
}
