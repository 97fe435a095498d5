//! Foreign vectors: the SPF suite of openspf.org, the ARC suite of ValiMail, DKIM samples of dkimpy.
//!
//! They lie in the folder that `SEALGATE_MATERIAL` names and are read in place. What we decide otherwise stands in
//! `misses.txt` with its reason; a miss that is not there, and one there that is none any more, fail the test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod arc;
mod dkim;
mod hostile;
mod kit;
mod spf;
