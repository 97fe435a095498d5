//! What policies change in mails on phones: attachments, links, classified mails (mobile-gateway.md G-21–G-26).
//!
//! No I/O, no HTTP: octets and facts in, octets out. `mobile` calls it when an answer of the mail server is there and before
//! it goes to the phone; bodies are in memory for that time and nowhere else, and nothing of them is logged.
//!
//! 1. [`plan`]: what the policies say for this device; [`attachments`], [`classify`], [`links`]: the three kinds.
//! 2. [`request`]: what goes to the mail server: our references ([`mod@reference`]) and links become what they were.
//! 3. [`answer`]: what comes back, item by item (`item`), whole mails in it (`mime`), within one [`work::Work`].
//!
//! Everything that no policy names leaves byte for byte. All input is hostile (security.md X-11): what can't be read
//! within its bounds becomes a notice, or an error that says so.

pub mod answer;
pub mod attachments;
pub mod classify;
mod item;
pub mod links;
mod mime;
pub mod plan;
pub mod reference;
pub mod request;
#[doc(hidden)]
pub mod testing;
pub mod work;

pub use plan::{Asker, DeviceClass, Plan};
pub use reference::Reference;
pub use work::{Fate, References, Trouble, Work};
