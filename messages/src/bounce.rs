//! What is said about mail that came back (RFC 3464): the raw report from a relay, and which address no mail may go to
//! any more. The address itself is only ever a fingerprint.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Reference;
use crate::sealed::Fingerprint;

/// A mail relay, or `oms mail bounce`: a delivery status notification as it came.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct MailBounced {
    pub reference: Reference,
    /// The whole report (multipart/report), at most 48 KiB.
    #[schemars(length(max = 49_152))]
    pub report: String,
}

impl std::fmt::Debug for MailBounced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailBounced(…)")
    }
}

/// Notifications: an address does not take mail (5.x.x), or did not too often (4.x.x), or its owner is deceased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressSuppressed {
    /// Fingerprint of the normalized e-mail address.
    pub email: Fingerprint,
    /// The enhanced status code (RFC 3463), or `deceased`.
    pub status: String,
}
