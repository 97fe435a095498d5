//! What the API is asked. A member that is not known is refused, so that a mistyped one is not silently ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

bodies! {
    /// A ruling.
    request Ruling {
        /// `default`, `whitelist` or `blacklist`.
        #[serde(rename = "override")]
        ruling: String,
    }
    /// Names one device.
    request DeviceRef {
        /// Its user.
        user: String,
        /// Its id.
        id: String,
    }
    /// Devices by name.
    request DeviceNames {
        /// 1 to 1,000 of them.
        devices: Vec<DeviceRef>,
    }
    /// Whom a compliance run is about: one of the three.
    request ComplianceAsked {
        /// 1 to 1,000 devices, judged at once.
        #[serde(default)]
        devices: Option<Vec<DeviceRef>>,
        /// All whose latest request came by this configuration.
        #[serde(default)]
        gateway: Option<String>,
        /// All.
        #[serde(default)]
        all: bool,
    }
    /// Whom an order is about: one of the two.
    request DeviceOrder {
        /// 1 to 1,000 devices.
        #[serde(default)]
        devices: Option<Vec<DeviceRef>>,
        /// All, those that come later included.
        #[serde(default)]
        all: bool,
    }
    /// A ruling for many devices.
    request DeviceRuling {
        /// 1 to 1,000 of them.
        devices: Vec<DeviceRef>,
        /// `default`, `whitelist` or `blacklist`.
        #[serde(rename = "override")]
        ruling: String,
    }
    /// Diagnostics of many devices.
    request DeviceDiagnosis {
        /// 1 to 1,000 of them.
        devices: Vec<DeviceRef>,
        /// On, or off.
        on: bool,
    }
    /// The queue of a node that is no more.
    request QueueAdopt {
        /// Its data directory on this machine.
        directory: String,
    }
    /// A key pair to be made.
    request KeyGenerate {
        /// The address.
        owner: String,
        /// `rsa3072`, `rsa4096`, `p256`, `p384`; `pgp`, `pgp-rsa3072` or `pgp-v6` for OpenPGP.
        #[serde(default)]
        kind: Option<String>,
        /// How long its certificate is good, 1 to 3650 days; 1095 if not said.
        #[serde(default)]
        days: Option<u32>,
    }
    /// Why a key is not used any more.
    request KeyRetire {
        /// `expired` or `revoked`.
        why: String,
    }
    /// What protects a key that leaves.
    request KeyExport {
        /// At least 8 characters.
        passphrase: String,
    }
    /// A file of keys or certificates.
    request KeyImport {
        /// The address, or the domain; empty for a root.
        #[serde(default)]
        owner: String,
        /// The file, base64.
        file: String,
        /// Opens a protected file.
        #[serde(default)]
        passphrase: Option<String>,
        /// For a root: `trusted`, `untrusted` or `undefined`.
        #[serde(default)]
        trust: Option<String>,
    }
    /// A rule text to look at.
    request RulesCheck {
        /// The name that findings say.
        #[serde(default)]
        name: String,
        /// The text.
        text: String,
    }
    /// Rules to put in force: either a text or switches.
    request RulesApply {
        /// The text.
        #[serde(default)]
        text: Option<String>,
        /// The generator's switches.
        #[serde(default)]
        generator: Option<BTreeMap<String, serde_json::Value>>,
    }
    /// A version of the rules to go back to.
    request RulesRollback {
        /// Its number.
        number: i64,
    }
    /// A past decision to be made again.
    request RulesReplay {
        /// The mail's trace id.
        trace: String,
        /// The name that findings say.
        #[serde(default)]
        name: String,
        /// A rule text; without it the rules that run.
        #[serde(default)]
        rules: Option<String>,
    }
    /// The tests that the rules carry.
    request RulesTests {
        /// `{ name, message, from, to, authenticated, expect: { outcome, code, ways, steps } }` each.
        tests: Vec<serde_json::Value>,
        /// Rules that fail one are not put in force.
        #[serde(default)]
        require_tests: bool,
    }
    /// Tests to be run.
    request RulesTest {
        /// The name that findings say.
        #[serde(default)]
        name: String,
        /// A rule text; without it the rules that run.
        #[serde(default)]
        rules: Option<String>,
        /// Tests as in RulesTests; without them those that the rules carry.
        #[serde(default)]
        tests: Option<Vec<serde_json::Value>>,
    }
    /// A message to run through rules.
    request RulesRun {
        /// The name that findings say.
        #[serde(default)]
        name: String,
        /// A rule text; without it the rules that run.
        #[serde(default)]
        rules: Option<String>,
        /// The message, base64.
        message: String,
        /// MAIL FROM; empty is the null sender.
        #[serde(default)]
        from: String,
        /// RCPT TO.
        to: Vec<String>,
        /// As if the client may speak for the sender.
        #[serde(default)]
        authenticated: bool,
    }
    /// Switches for the generator.
    request RulesGenerate {
        /// As under `[rules.generator]`.
        #[serde(default)]
        generator: BTreeMap<String, serde_json::Value>,
    }
    /// A token to make.
    request TokenAdd {
        /// What its owner calls it.
        name: String,
        /// Words of rights; with `:read` for looking only.
        scopes: Vec<String>,
        /// Without it the token does not end.
        #[serde(default)]
        lifetime_seconds: Option<u64>,
    }
    /// A user's password for SMTP AUTH.
    request UserPassword {
        /// The new password, at least ten characters; empty: nobody signs in by this account.
        password: String,
    }
    /// An administrator to make.
    request AdministratorAdd {
        /// Sign-in name.
        name: String,
        /// Words of rights.
        rights: Vec<String>,
    }
    /// A message to look at.
    request MessageBody {
        /// The message, base64.
        message: String,
        /// Whose keys may open it.
        #[serde(default)]
        to: Vec<String>,
    }
    /// A phone's query.
    request MobileQuery {
        /// What stands after the `?`, or the whole URL.
        query: String,
    }
    /// An encrypted attachment.
    request EncryptedAttachment {
        /// The file, base64.
        file: String,
    }
    /// A body of ActiveSync.
    request MobileBody {
        /// WBXML, base64.
        body: String,
    }
    /// A body of ActiveSync as XML.
    request MobileXml {
        /// As the decoder writes it, or by hand.
        xml: String,
    }
    /// A request of a phone.
    request MobileDecide {
        /// The user, in any spelling.
        user: String,
        /// The device id.
        #[serde(default)]
        device: String,
        /// `DeviceType=`.
        #[serde(default)]
        device_type: String,
        /// User-Agent.
        #[serde(default)]
        agent: String,
        /// The command; `Sync` if not said.
        #[serde(default)]
        command: String,
    }
    /// Rights to give.
    request RightsBody {
        /// Words of rights.
        rights: Vec<String>,
    }
    /// A decision about a root.
    request TrustBody {
        /// `trusted`, `untrusted` or `undefined`.
        trust: String,
    }
}
