//! What the API answers about phones: devices, gateways, compliance. Times are RFC 3339 in UTC, `null` for "never".

use serde::Serialize;
use utoipa::ToSchema;

use super::DeviceReport;

bodies! {
    /// One device.
    answer Device {
        /// Its id.
        id: String,
        /// Its user.
        user: String,
        /// `default`, `whitelist` or `blacklist`.
        #[serde(rename = "override")]
        ruling: String,
        /// `DeviceType=` of its requests.
        device_type: String,
        /// User-Agent of its latest request.
        agent: String,
        /// First request.
        first_seen: Option<String>,
        /// Latest request.
        last_seen: Option<String>,
        /// Command of the latest request.
        last_command: String,
        /// The latest decision.
        allowed: Option<bool>,
        /// Reason code of the latest decision.
        reason: String,
        /// Configuration by which its latest request came.
        gateway: String,
        /// Node that saw its latest request.
        node: String,
        /// The client's address of its latest request.
        client: String,
        /// Command of the request at which its decision changed last.
        state_command: String,
        /// When its decision changed last.
        state_since: Option<String>,
        /// When it was ordered to sync its folders anew; an order for all is not told here.
        resync_ordered: Option<String>,
        /// When the key of its attachments was renewed; renewals for all are not told here.
        key_renewed: Option<String>,
        /// What its management reports of it.
        #[schema(value_type = Option<DeviceReport>)]
        reported: Option<model::device::Reported>,
        /// Counts changes by administrators.
        version: i64,
    }
    /// Devices that are alike in all that lists are filtered by.
    answer DeviceClass {
        /// Configuration; empty: no request came yet.
        gateway: String,
        /// Some management manages them.
        managed: bool,
        /// `default`, `whitelist` or `blacklist`.
        #[serde(rename = "override")]
        ruling: String,
        /// The latest decision.
        allowed: Option<bool>,
        /// Its reason code.
        reason: String,
        /// How many.
        count: i64,
    }
    /// A user who has devices.
    answer DeviceUser {
        /// The user.
        user: String,
        /// Devices.
        devices: i64,
        /// Of them allowed.
        allowed: i64,
        /// Of them blocked.
        blocked: i64,
        /// Of them managed.
        managed: i64,
        /// The latest request of any.
        last_seen: Option<String>,
    }
    /// One change of the decision about a device.
    answer DeviceDecision {
        /// When.
        at: Option<String>,
        /// Allowed from then on.
        allowed: bool,
        /// The reason code.
        reason: String,
        /// Command of the request at which it changed; empty: a compliance run or an administrator changed it.
        command: String,
        /// Configuration of that request.
        gateway: String,
        /// Node that decided.
        node: String,
        /// The client's address.
        client: String,
        /// User-Agent.
        agent: String,
    }
    /// One step of a connection test.
    answer GatewayStep {
        /// `store`, `gateway`, `node` or `mail-server`.
        way: String,
        /// Which: a node, a URL; may be empty.
        target: String,
        /// True if it is as it should be.
        ok: bool,
        /// What was found: a number of the feed, a version, the schemes that a mail server offers.
        found: String,
        /// What is wrong: a fixed word.
        code: String,
        /// The same in words.
        message: String,
        /// What was seen.
        cause: String,
        /// Milliseconds that it took.
        ms: u64,
    }
    /// A connection test.
    answer GatewayTest {
        /// True if every step is as it should be.
        ok: bool,
        /// The steps.
        steps: Vec<GatewayStep>,
    }
    /// Where a phone's requests are sent.
    answer MobileRedirect {
        /// The configuration.
        gateway: String,
        /// The user.
        user: String,
        /// The device; empty: by Autodiscover, for all of the user's.
        device: String,
        /// The server.
        url: String,
    }
    /// Redirects of this node.
    answer MobileRedirectList {
        /// They.
        items: Vec<MobileRedirect>,
        /// Always `null`.
        next: Option<String>,
        /// How many there are in all.
        total: u64,
    }
    /// A device whose diagnostics are on.
    answer DiagnosedDevice {
        /// Its user.
        user: String,
        /// Its id.
        id: String,
        /// Since when.
        since: Option<String>,
        /// Requests that are kept of it.
        kept: i64,
    }
    /// One request of a device whose diagnostics are on, with its answer.
    answer DeviceTransaction {
        /// In every log line about it.
        trace: String,
        /// When it came.
        at: Option<String>,
        /// Command.
        command: String,
        /// Protocol version that it named.
        version: String,
        /// Passed on, as decided last.
        allowed: bool,
        /// The reason code.
        reason: String,
        /// HTTP status of the answer; 0: none went out.
        status: u16,
        /// Milliseconds to the last octet of the answer.
        took: f64,
        /// Octets of its body, as its length said.
        received: Option<u64>,
        /// Octets of the answer's body that went out.
        sent: u64,
        /// The answer went out to its end.
        whole: bool,
        /// Configuration by which it came.
        gateway: String,
        /// Node that saw it.
        node: String,
        /// The client's address.
        client: String,
        /// User-Agent.
        agent: String,
    }
    /// A line of a file that was not taken in.
    answer DeviceBadLine {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        error: String,
    }
    /// What came of a file of devices.
    answer DeviceImported {
        /// Lines that were taken in.
        taken: u64,
        /// Lines that were not.
        refused: u64,
        /// The first thousand of them.
        bad: Vec<DeviceBadLine>,
    }
    /// A compliance run that waits, runs, or was given up.
    answer ComplianceJob {
        /// Its configuration; empty: all devices.
        gateway: String,
        /// A node has it until then; `null`: it waits.
        running_until: Option<String>,
        /// Tries so far.
        tries: i64,
        /// It was given up.
        failed: bool,
        /// Why the last try failed.
        last_error: String,
    }
    /// What became of the wish for a compliance run.
    answer ComplianceRun {
        /// True: a job does it.
        ordered: bool,
        /// Devices that stand otherwise than before, if it is done.
        changed: u64,
    }
    /// How many devices each policy would block now.
    answer PolicyEffect {
        /// The policy's key; of a kind that has no policy yet its word.
        key: String,
        /// Devices that it would block if it were the only one, on or off.
        would_block: u64,
    }
    /// How many devices were changed.
    answer Ruled {
        /// Devices.
        count: u64,
    }
    /// What became of an order.
    answer DeviceOrdered {
        /// Devices that it was given to; `null`: all.
        count: Option<u64>,
    }
}
