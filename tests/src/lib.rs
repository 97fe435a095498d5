//! Stories, dialogues and house rules: what a user sees, told with the real binary between real servers.
//!
//! The tests are in `tests/tests/`, one story a file; this library holds what several stories share.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]
