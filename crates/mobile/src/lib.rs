//! The mobile gate: the life of a phone's request.
//!
//! `sealgate` hands in a TLS stream; [`serve_connection`] reads HTTP from it, and each request goes through the steps
//! that `steps` writes down in order: **choose → identify → judge → record → look at bodies → forward**. One step, one file:
//!
//! | step | file | what it decides |
//! | --- | --- | --- |
//! | choose | `arrival` | which configuration the request belongs to, or 421 |
//! | identify | `identify`, `path`, `client` | who asks for what with which device, or a refusal before any judging |
//! | pace | `pace`, `guesses` | who asks too often, and who was refused too often, waits |
//! | judge | `judge`, `policies` | allowed or blocked, with exactly one reason, on facts in memory |
//! | record | `record`, `diagnose` | log event, counters, the sighting for the store; single devices' requests |
//! | look at bodies | `bodies` | what policies change in them; most are not read |
//! | forward | `forward`, `upstream`, `parked`, `redirects` | the mail server's answer, passed on as it comes |
//!
//! `open` is a page of the gate's own, for people. `framing` stands before all of it, `answer` holds what the gate says on its own, `elsewhere` what the mail server refuses. No step runs SQL or waits for the
//! store; nothing of a request but small facts is held while its poll hangs. `Authorization` and cookies are passed on and
//! never logged, and neither are bodies.

pub mod answer;
mod arrival;
mod bodies;
mod client;
mod diagnose;
mod directory;
mod elsewhere;
mod forward;
mod framing;
mod gate;
mod guesses;
mod identify;
mod judge;
mod location;
mod open;
mod pace;
mod parked;
mod path;
mod policies;
mod probe;
mod question;
mod record;
mod redirects;
mod serve;
mod settings;
mod steps;
mod targets;
mod upstream;

pub use answer::Answer;
pub use arrival::{Arrival, only_gateway};
pub use gate::{Counts, MobileGate, Ports};
pub use guesses::GuessSettings;
pub use judge::{Subject, SubjectPlace, decide, standing, would_block};
pub use pace::PaceSettings;
pub use probe::Probed;
pub use redirects::RedirectKey;
pub use serve::serve_connection;
pub use settings::Settings;
pub use targets::{MOST_TARGETS, TARGET_LOG, Target};
pub use upstream::proxy_of;
