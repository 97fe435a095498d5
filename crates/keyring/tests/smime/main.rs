//! Whole mails with S/MIME, judged: good ones by several makers, and attacks, none of which may ever be `valid` (M-C13).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod good;
mod kit;
mod spoofed;
mod wrap;
