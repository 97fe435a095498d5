//! The words that every room shares, and the ports that the gates own.
//!
//! Nothing here does I/O. Types say shapes, units and limits; the small traits in [`ports`] are what the
//! gates need from the outside (facts, commit, key use, effects) and what `store`, `keyring` or a remote
//! back end fill. A word lives here only when two rooms that may not import each other need it.

pub mod address;
pub mod budget;
pub mod clock;
pub mod device;
pub mod engine;
pub mod envelope;
pub mod fault;
pub mod format;
pub mod guess;
pub mod key;
pub mod language;
pub mod new_key;
pub mod outcome;
pub mod plan;
pub mod ports;
pub mod records;
pub mod right;
pub mod secret;
pub mod settings;
pub mod site;
pub mod trace;
pub mod transaction;
pub mod verdict;

pub use address::{Address, AddressError, AddressKey};
pub use budget::{Budget, BudgetKind, Exhausted, Limits, MemoryLease, MemoryPool};
pub use clock::{Clock, FixedClock, SystemClock, Timestamp};
pub use engine::{EngineState, Engines};
pub use envelope::{BodyType, Envelope, Notify, Origin, Peer, Proof, Recipient, Return, TlsFacts};
pub use fault::{Fault, Guilty};
pub use key::{KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest};
pub use language::Language;
pub use new_key::{KeyOrder, NewKey};
pub use outcome::Outcome;
pub use plan::{Counter, Effect, EffectId, Output, Plan, Route};
pub use ports::{Commit, DeviceFacts, EffectSink, Facts, Recorder, Secrets};
pub use right::{Access, Actor, Right, Rights};
pub use secret::{SecretBytes, SecretText};
pub use site::{Realm, Site, SiteRow};
pub use trace::TraceId;
pub use transaction::Transaction;
pub use verdict::{EncryptionWord, Judgement, SignatureVerdict};
