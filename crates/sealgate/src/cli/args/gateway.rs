//! The grammar of `sealgate gateway` and `sealgate mobile redirects`.

use clap::{Args, Subcommand};

use super::Noun;

/// `sealgate gateway`.
#[derive(Debug, Subcommand)]
pub enum Gateway {
    /// What can be done with any kind of thing.
    #[command(flatten)]
    Noun(Noun),
    /// Test the connections: store, console and gateway, other nodes, mail servers; each with its cause.
    Test {
        /// Its id.
        id: String,
    },
    /// Print its settings as a section of a site file; secrets are names only.
    Export {
        /// Its id.
        id: String,
    },
    /// A profile for devices as a file, on standard output: without --address and --all its variables are left in.
    Profile(Profile),
    /// Later versions' parts of this command.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// `sealgate gateway profile`.
#[derive(Debug, Args)]
pub struct Profile {
    /// Id of the configuration.
    pub id: String,
    /// `ios` or `android`.
    #[arg(long)]
    pub platform: String,
    /// `mail`, `gmail` or `outlook`; without it: the platform's first profile.
    #[arg(long)]
    pub client: Option<String>,
    /// For the user with this address.
    #[arg(long, conflicts_with = "all")]
    pub address: Option<String>,
    /// A zip with one for each user.
    #[arg(long)]
    pub all: bool,
}

/// `sealgate mobile redirects`.
#[derive(Debug, Subcommand)]
pub enum Redirects {
    /// Where the running node sends requests because the mail server said so.
    List(RedirectAsk),
    /// Forget them: all, or those that fit.
    Clear(RedirectAsk),
}

/// Which redirects; what is not given fits all.
#[derive(Debug, Args)]
pub struct RedirectAsk {
    /// Id of the configuration.
    #[arg(long)]
    pub gateway: Option<String>,
    /// The user.
    #[arg(long)]
    pub user: Option<String>,
    /// The device's id.
    #[arg(long)]
    pub device: Option<String>,
}
