//! Message stories on the node's own disk: written, put away, found again (cluster-and-system.md S-6).
//!
//! A story is all that happened to one mail: lines of JSON with its trace id. They lie in `<data>/log/`:
//!
//! 1. [`writer`] appends to `story.jsonl` and rotates it, by time and by size.
//! 2. [`keeper`] compresses what was rotated into an [`archive`], and forgets what is older than the site wishes.
//! 3. [`archive`]: blocks of lines, each a zstd frame of its own, and an index of who and what is named in each block. Any zstd
//!    tool reads it.
//! 4. [`line`](mod@line) reads one line; [`query`] is what somebody looks for; [`search`] finds it, newest first, a page at a time,
//!    within a given time and a few MiB of memory however large the logs are; [`story`] puts one mail's lines together.
//!
//! Beside them, [`syslog`] sends events to other machines.
//!
//! Must never: hold up the mail that it tells of, or write anything that the event did not carry.

pub mod archive;
mod files;
pub mod keeper;
pub mod line;
pub mod query;
pub mod search;
pub mod story;
pub mod syslog;
pub mod writer;

pub use keeper::Keeper;
pub use query::{Outcome, Query};
pub use search::{Found, Reader};
pub use story::Story;
pub use writer::Stories;
