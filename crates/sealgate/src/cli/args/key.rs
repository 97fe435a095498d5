//! `sealgate key`: keys of our users, certificates of partners, the trust store.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `sealgate key`.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Take in a file: PKCS#12, PEM, DER, PKCS#7, OpenPGP in armour or binary.
    Import(KeyImport),
    /// Own keys, partners' certificates, roots, or domains' keys.
    List {
        /// Which.
        #[arg(default_value = "users")]
        what: KeyKind,
        /// Only of this address.
        #[arg(long, value_name = "ADDRESS")]
        owner: Option<String>,
    },
    /// All that is known of one, with its certificate.
    Show(KeyRef),
    /// Take one away. A key of ours goes with --allow-delete only: mail to it can't be opened any more.
    Remove {
        #[command(flatten)]
        key: KeyRef,
        /// A key of ours may go.
        #[arg(long)]
        allow_delete: bool,
    },
    /// Make a key with a certificate that signs itself, or an OpenPGP key.
    Generate {
        /// For this user; the account is made if there is none.
        #[arg(long, value_name = "ADDRESS")]
        user: String,
        /// Which kind.
        #[arg(long, default_value = "rsa3072")]
        kind: Kind,
        /// How long it is good, in days.
        #[arg(long)]
        days: Option<u32>,
    },
    /// A key pair of ours as PKCS#12 under a pass phrase, on standard output or into a new file.
    Export {
        /// Its id.
        id: String,
        /// File with the pass phrase: 8 characters or more.
        #[arg(long, value_name = "FILE")]
        passphrase_file: PathBuf,
        /// Where to; the file must not be there yet.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Somebody else may have this key: nothing is signed with it or encrypted to it any more. It still opens mail.
    Revoke {
        /// Its id.
        id: String,
    },
    /// Another key takes its place: nothing is signed with it or encrypted to it any more. It still opens mail.
    Expire {
        /// Its id.
        id: String,
    },
    /// Trust a root or an intermediate. Compare its fingerprint first.
    Trust {
        /// SHA-256 of its certificate.
        sha256: String,
    },
    /// Distrust a root or an intermediate: no chain that has it holds.
    Untrust {
        /// SHA-256 of its certificate.
        sha256: String,
    },
    /// What a key was used for on this node, and for which mail.
    Uses {
        /// Its id.
        id: String,
        /// How many, the newest.
        #[arg(long)]
        limit: Option<u32>,
    },
    /// How the site's keys are protected.
    Master {
        /// Change the master key while the site runs, and seal the keys anew. May be done again if it was cut short.
        #[arg(long)]
        rotate: bool,
    },
    /// Later versions' parts of this command.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// `sealgate key import`.
#[derive(Debug, Args)]
pub struct KeyImport {
    /// The file; `-` for standard input.
    pub file: PathBuf,
    /// A user's certificate and private key.
    #[arg(long, group = "owner")]
    pub user: Option<String>,
    /// A partner's certificate or OpenPGP key.
    #[arg(long, group = "owner")]
    pub partner: Option<String>,
    /// A domain's key.
    #[arg(long, group = "owner")]
    pub domain: Option<String>,
    /// Roots or intermediates for the trust store.
    #[arg(long, group = "owner")]
    pub root: bool,
    /// With --root: trust them.
    #[arg(long, requires = "root")]
    pub trust: bool,
    /// File with the pass phrase.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Names one key or certificate.
#[derive(Debug, Args)]
pub struct KeyRef {
    /// The id of a key of ours; with --partner or --root the SHA-256 of the certificate, with --pgp the fingerprint of the key.
    pub id: String,
    /// A certificate of this partner.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "root")]
    pub partner: Option<String>,
    /// With --partner: an OpenPGP key.
    #[arg(long, requires = "partner")]
    pub pgp: bool,
    /// A root or intermediate.
    #[arg(long)]
    pub root: bool,
}

/// Whose keys.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum KeyKind {
    /// Own key pairs.
    Users,
    /// Partners' certificates.
    Partners,
    /// Partners' OpenPGP keys.
    Pgp,
    /// The trust store.
    Roots,
    /// Keys that sign for domains, with the DNS records to publish.
    Dkim,
}

/// Kinds of keys that are made here.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// RSA, 3072 bits.
    Rsa3072,
    /// RSA, 4096 bits.
    Rsa4096,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// OpenPGP, version 4, Curve25519.
    Pgp,
    /// OpenPGP, version 4, RSA of 3072 bits.
    PgpRsa3072,
    /// OpenPGP, version 6, Curve25519.
    PgpV6,
}

impl Kind {
    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Pgp => "pgp",
            Self::PgpRsa3072 => "pgp-rsa3072",
            Self::PgpV6 => "pgp-v6",
        }
    }
}
