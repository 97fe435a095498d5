//! The command line's grammar (contract.md "Commands"). Commands of later versions are known by name and refused by name.

mod device;
mod gateway;
mod key;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use device::{Device, DeviceList, DeviceOrder, Switch};
pub use gateway::{Gateway, Profile, RedirectAsk, Redirects};
pub use key::{Key, KeyImport, KeyKind, KeyRef};

/// Open secure e-mail gateway: mail gate, mobile gate, console.
#[derive(Debug, Parser)]
#[command(name = "sealgate", version, disable_help_subcommand = true)]
pub struct Cli {
    /// Node configuration; without it: defaults.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory; wins over the configuration's.
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Answer in JSON, errors too.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the node.
    Serve,
    /// Show all of it on loopback, with a demo company and a demo partner, and stay up.
    Demo(Demo),
    /// The site's configuration as a file.
    #[command(subcommand)]
    Config(Config),
    /// Managed domains.
    #[command(subcommand)]
    Domain(Noun),
    /// TLS levels of destinations.
    #[command(subcommand)]
    Tls(Noun),
    /// Accounts of the company.
    #[command(subcommand)]
    User(Noun),
    /// Partners with certificates.
    #[command(subcommand)]
    Partner(Noun),
    /// Mail templates.
    #[command(subcommand)]
    Template(Noun),
    /// Disclaimers.
    #[command(subcommand)]
    Disclaimer(Noun),
    /// Files that rules attach.
    #[command(subcommand)]
    File(Noun),
    /// Groups of users.
    #[command(subcommand)]
    Group(Noun),
    /// Mobile gateways.
    #[command(subcommand)]
    Gateway(Gateway),
    /// Policies of the mobile gate, by their type.
    #[command(subcommand)]
    Policy(Policy),
    /// Phones.
    #[command(subcommand)]
    Device(Device),
    /// Certificates and keys.
    #[command(subcommand)]
    Key(Key),
    /// The rule set.
    #[command(subcommand)]
    Rules(Rules),
    /// One message in a file.
    #[command(subcommand)]
    Message(Message),
    /// Mail that is not delivered yet.
    #[command(subcommand)]
    Queue(Queue),
    /// What became of mail.
    #[command(subcommand)]
    Log(Log),
    /// The mobile gate's protocol.
    #[command(subcommand)]
    Mobile(Mobile),
    /// Tokens for the API.
    #[command(subcommand)]
    Token(Token),
    /// How the node is, and its live counts.
    Status,
    /// One of the demonstration's own small servers; `demo` starts them.
    #[command(hide = true)]
    DemoPeer {
        /// Which.
        kind: crate::demo::peers::Kind,
    },
    /// Anything else: later versions' commands are named as such.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// `sealgate demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Don't stay up: exit 0 only if every step gave what it should.
    #[arg(long)]
    pub check: bool,
}

/// `sealgate config`. `-` is standard input.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Make the site what the file says; sections that it doesn't name stay.
    Apply {
        /// The file.
        file: PathBuf,
        /// Rows with keys may be removed too.
        #[arg(long)]
        allow_delete: bool,
        /// What becomes of users and keys of domains that go, where the file does not name its users.
        #[arg(long, value_name = "WHAT")]
        users: Option<Remains>,
    },
    /// Print the site as a file.
    Export,
    /// Say what `apply` would change.
    Diff {
        /// The file.
        file: PathBuf,
    },
    /// Check a file without the site's data.
    Check {
        /// The file.
        file: PathBuf,
    },
}

/// What can be done with any kind of thing.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// All of them.
    List,
    /// One of them.
    Show {
        /// Its name, address or id.
        key: String,
    },
    /// A new one: `NAME FIELD=VALUE…`.
    Add {
        /// Its name, address or id.
        key: String,
        /// Fields as in the site configuration.
        fields: Vec<String>,
    },
    /// Change fields: `NAME FIELD=VALUE…`.
    Edit {
        /// Its name, address or id.
        key: String,
        /// Fields as in the site configuration.
        fields: Vec<String>,
    },
    /// Take it away.
    Remove {
        /// Its name, address or id.
        key: String,
        /// Keys that it holds or owns may go with it: mail to them can't be opened any more.
        #[arg(long)]
        allow_delete: bool,
        /// Of a domain: what becomes of its users and their keys. Of a user: `disable` makes a leaver of them.
        #[arg(long, value_name = "WHAT")]
        users: Option<Remains>,
    },
}

/// `sealgate policy`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    #[command(flatten)]
    Noun(Noun),
    /// Take in domains of a policy on links: one a line; bad lines are named, good ones go in.
    Import {
        /// The policy's key, such as `hyperlinks`.
        key: String,
        /// The file; `-` for standard input.
        file: PathBuf,
        /// They stand in place of those that are there.
        #[arg(long)]
        replace: bool,
    },
    /// The domains of a policy on links, one a line.
    Export {
        /// The policy's key, such as `hyperlinks`.
        key: String,
    },
}

/// What becomes of the users of a domain that goes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Remains {
    /// They stay as they are.
    Keep,
    /// They stay as leavers: nobody signs in, signs or encrypts as they.
    Disable,
    /// They go, and their keys with them.
    Delete,
}

impl Remains {
    /// The word in a query.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }
}

/// `sealgate rules`.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Check a rule set; errors name line and column.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print the rule set that runs.
    Show,
    /// Put a rule set in force.
    Apply {
        /// The file.
        file: PathBuf,
    },
    /// Send a message through a rule set without sending it.
    Run {
        /// The rule set; without it: the one that runs.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// The message.
        #[arg(long, value_name = "FILE")]
        message: PathBuf,
        /// Envelope sender; empty for the null sender.
        #[arg(long)]
        from: String,
        /// Envelope recipients.
        #[arg(long, required = true, num_args = 1..)]
        to: Vec<String>,
        /// As if the client may speak for the sender.
        #[arg(long)]
        authenticated: bool,
    },
    /// Which versions there were, when and by whom.
    Versions,
    /// What changed between two versions.
    Diff {
        /// The older one.
        from: i64,
        /// The newer one; without it: the rules that run.
        to: Option<i64>,
    },
    /// Put an old version in force again.
    Rollback {
        /// Its number.
        number: i64,
    },
    /// What another rule set would have made of a mail that was here.
    Replay {
        /// Its trace id.
        trace: String,
        /// The rule set; without it: the one that runs.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
    },
    /// Run the tests that the rules carry.
    Test {
        /// Another rule set; without it: the one that runs.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// Other tests: a file with [[test]] tables as in [[rules.test]].
        #[arg(long, value_name = "FILE")]
        tests: Option<PathBuf>,
    },
    /// Later versions' parts of this command.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// `sealgate message`.
#[derive(Debug, Subcommand)]
pub enum Message {
    /// Verdict on a message, with this store's keys and trust.
    Verify {
        /// The message.
        file: PathBuf,
        /// Open it with this recipient's keys.
        #[arg(long)]
        to: Option<String>,
    },
    /// The message's MIME tree.
    Parts {
        /// The message.
        file: PathBuf,
    },
}

/// `sealgate queue`.
#[derive(Debug, Subcommand)]
pub enum Queue {
    /// What waits, oldest first.
    List(QueueList),
    /// One entry.
    Show {
        /// Its id.
        id: String,
    },
    /// Try again now.
    Retry {
        /// Its id; `all` for all.
        id: String,
    },
    /// Keep it back.
    Hold {
        /// Its id.
        id: String,
    },
    /// Let go what is held.
    Release {
        /// Its id.
        id: String,
    },
    /// Delete it; what is being delivered ends first.
    Remove {
        /// Its id.
        id: String,
        /// Tell the sender, who is told nothing else.
        #[arg(long)]
        tell: bool,
    },
    /// Take over the queue of a node that is no more. May be run again: each mail comes once.
    Adopt {
        /// Its data directory.
        directory: PathBuf,
    },
}

/// Which queued mail is listed: all that are given must fit.
#[derive(Debug, Args)]
pub struct QueueList {
    /// An address that has not got it yet.
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// The envelope sender.
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// The domain of an address that has not got it yet.
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// The trace id.
    #[arg(long, value_name = "ID")]
    pub trace: Option<String>,
    /// Go on behind this one: `next` of the page before.
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
    /// Most of one page, up to 999.
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<u32>,
}

/// `sealgate log`.
#[derive(Debug, Subcommand)]
pub enum Log {
    /// Mails and what became of them, newest first; all that is given must fit.
    Search(LogSearch),
}

/// `sealgate log search`.
#[derive(Debug, Args)]
pub struct LogSearch {
    /// A trace id: this mail's whole story.
    #[arg(long)]
    pub trace: Option<String>,
    /// An address that sent or got it.
    #[arg(long)]
    pub address: Option<String>,
    /// Envelope sender: an address or a domain.
    #[arg(long)]
    pub from: Option<String>,
    /// Envelope recipient: an address or a domain.
    #[arg(long)]
    pub to: Option<String>,
    /// A domain that sent or got it.
    #[arg(long)]
    pub domain: Option<String>,
    /// The client's IP address.
    #[arg(long)]
    pub peer: Option<String>,
    /// Its Message-ID.
    #[arg(long)]
    pub message_id: Option<String>,
    /// From then on: RFC 3339, a date, or how long ago (2h).
    #[arg(long)]
    pub since: Option<String>,
    /// Before then, likewise.
    #[arg(long)]
    pub until: Option<String>,
    /// waiting, delivered, deferred, bounced, refused, greylisted, discarded or removed.
    #[arg(long)]
    pub outcome: Option<String>,
    /// Words in any of its lines, in any case.
    #[arg(long)]
    pub text: Option<String>,
    /// With all lines of each mail.
    #[arg(long)]
    pub events: bool,
    /// Mails of one page.
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    /// The `next` of the page before.
    #[arg(long)]
    pub after: Option<String>,
}

/// `sealgate mobile`.
#[derive(Debug, Subcommand)]
pub enum Mobile {
    /// What a request's query string says, plain or base64.
    Query {
        /// The query string.
        query: String,
    },
    /// A body of ActiveSync (WBXML) as XML, lossless.
    Decode {
        /// The file; `-` for standard input.
        file: PathBuf,
    },
    /// The body of such an XML, on standard output.
    Encode {
        /// The file; `-` for standard input.
        file: PathBuf,
    },
    /// An encrypted attachment of a managed device, opened, on standard output.
    Open {
        /// The file; `-` for standard input.
        file: PathBuf,
    },
    /// Redirects that the running node's gate remembers (451, Location).
    #[command(subcommand)]
    Redirects(Redirects),
    /// What would be decided for a request.
    Decide {
        /// The user.
        #[arg(long)]
        user: String,
        /// The device's id.
        #[arg(long)]
        device: String,
        /// User-Agent.
        #[arg(long, default_value = "")]
        agent: String,
        /// Command, such as Sync.
        #[arg(long, default_value = "Sync")]
        command: String,
    },
    /// Later versions' parts of this command.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// `sealgate token`.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// A new token; shown once.
    Add {
        /// What it is for.
        name: String,
        /// Rights, as group names; `read:GROUP` for reading only.
        #[arg(long, required_unless_present = "local", conflicts_with = "local", num_args = 1..)]
        scope: Vec<String>,
        /// For the local administration of the mobile gate.
        #[arg(long)]
        local: bool,
    },
    /// All tokens, without their secrets.
    List,
    /// Take one away.
    Remove {
        /// Its name or id.
        id: String,
    },
}

/// Nouns that the contract names and that come later.
pub const LATER: &[&str] =
    &["webmail", "ca", "cluster", "backup", "group", "disclaimer", "file", "profile", "import", "support", "service", "update"];
