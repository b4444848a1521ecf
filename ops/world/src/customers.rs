//! The customers: they read their mail, answer what they are asked about parcels, subscribe, confirm, and think better
//! of it. They must never look into the system: all that they know is what was mailed to them.

mod answers;
mod post;
mod readers;

pub use answers::Customers;
pub use post::{Mail, Postbox, kind_of_id};
pub use readers::{Reader, Readers};
