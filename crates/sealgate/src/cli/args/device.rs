//! The grammar of `sealgate device`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `sealgate device`.
#[derive(Debug, Subcommand)]
pub enum Device {
    /// A page of devices; `next` of the answer says where the next page begins.
    List(DeviceList),
    /// One device.
    Show {
        /// Its user.
        user: String,
        /// Its id.
        id: String,
    },
    /// Enter a device that nobody has seen yet.
    Add {
        /// Its user.
        user: String,
        /// Its id.
        id: String,
        /// Facts as in the site configuration, as in `managed=true`.
        fields: Vec<String>,
    },
    /// Take in devices as CSV; the first line names the columns. Every bad line is named, good lines go in.
    Import {
        /// The file, or - for standard input.
        file: PathBuf,
    },
    /// Write all devices as CSV.
    Export {
        /// The file, or - for standard output.
        file: PathBuf,
    },
    /// Judge devices by the policies as they are now: all, or those of one configuration.
    Compliance {
        /// Id of the configuration.
        #[arg(long)]
        gateway: Option<String>,
    },
    /// Order a device, or all, to sync its folders anew.
    SyncAgain(DeviceOrder),
    /// Renew the key that encrypts attachments for a device, or for all; they sync anew, and files made before still open.
    RenewKey(DeviceOrder),
    /// Decide for one device, whatever the policies say; or enter facts that policies ask for.
    Edit {
        /// Its user.
        user: String,
        /// Its id.
        id: String,
        /// `default`, `whitelist` or `blacklist`.
        #[arg(long = "override", required_unless_present = "fields")]
        ruling: Option<String>,
        /// Facts as in the site configuration, as in `compromised=true`; `FIELD=null` takes one away.
        fields: Vec<String>,
    },
    /// Keep requests of a device one by one, or no longer; without a device: where it is on.
    Diagnostics {
        /// Its user.
        #[arg(requires = "id")]
        user: Option<String>,
        /// Its id.
        #[arg(requires = "switch")]
        id: Option<String>,
        /// `on` or `off`.
        switch: Option<Switch>,
    },
    /// Requests that diagnostics kept of a device, the newest first.
    Transactions {
        /// Its user.
        user: String,
        /// Its id.
        id: String,
        /// At most so many, up to 999.
        #[arg(long)]
        limit: Option<u32>,
    },
    /// Forget a device; it returns with its next request.
    Remove {
        /// Its user.
        user: String,
        /// Its id.
        id: String,
    },
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// `sealgate device list`.
#[derive(Debug, Args)]
pub struct DeviceList {
    /// What the user, the id, the address, the friendly name, the phone number or the IMEI begins with.
    #[arg(long)]
    pub search: Option<String>,
    /// Latest request within so many hours.
    #[arg(long)]
    pub seen: Option<u32>,
    /// Managed or not: true or false.
    #[arg(long)]
    pub managed: Option<bool>,
    /// `allowed`, `blocked` or `unseen`.
    #[arg(long)]
    pub status: Option<String>,
    /// `default`, `whitelist` or `blacklist`.
    #[arg(long = "override")]
    pub ruling: Option<String>,
    /// A reason code.
    #[arg(long)]
    pub reason: Option<String>,
    /// Id of a configuration.
    #[arg(long)]
    pub gateway: Option<String>,
    /// The `next` of the page before.
    #[arg(long)]
    pub after: Option<String>,
    /// Devices of one page, at most 999.
    #[arg(long)]
    pub limit: Option<u32>,
}

/// Whom an order is about.
#[derive(Debug, Args)]
pub struct DeviceOrder {
    /// Its user.
    #[arg(required_unless_present = "all", requires = "id")]
    pub user: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// All devices, those that come later included.
    #[arg(long, conflicts_with_all = ["user", "id"])]
    pub all: bool,
}
