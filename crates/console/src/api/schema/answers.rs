//! What the API answers. Times are RFC 3339 in UTC, `null` for "never".

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

bodies! {
    /// The live counts.
    answer Counts {
        /// Messages by what was done to them.
        #[schema(value_type = BTreeMap<String, i64>)]
        mail: serde_json::Value,
        /// Devices by their latest decision.
        devices: DeviceCounts,
        /// The queue of this node.
        queue: QueueCounts,
        /// Accounts that may sign or encrypt.
        users_active: i64,
    }
    /// Devices by their latest decision.
    answer DeviceCounts {
        /// Were allowed.
        allowed: i64,
        /// Were blocked.
        blocked: i64,
        /// Nobody has seen yet.
        unseen: i64,
    }
    /// What the removal of a domain did.
    answer DomainRemoved {
        /// The domain.
        domain: String,
        /// What became of its users: `keep`, `disable`, `delete`; empty if it had none.
        users: String,
        /// How many users it had.
        accounts: u64,
        /// How many keys they had.
        keys: u64,
        /// Those to whom encrypted mail can't be opened any more.
        closed: Vec<String>,
        /// Mails to it that wait on this node, up to 1000. What was opened here is held.
        waiting: u64,
    }
    /// The queue of this node.
    answer QueueCounts {
        /// Messages waiting.
        length: i64,
        /// When the oldest of them came.
        oldest: Option<String>,
    }
    /// Is all well?
    answer State {
        /// True if nothing needs a look.
        well: bool,
        /// What needs a look.
        troubles: Vec<Trouble>,
        /// This node's id.
        node: String,
        /// Our name in mail.
        hostname: String,
        /// The program's version.
        version: String,
        /// Since the node started.
        uptime_seconds: i64,
        /// Number of the last change that this node has seen.
        site_number: i64,
    }
    /// Something that needs a look.
    answer Trouble {
        /// Its stable word.
        code: String,
        /// What it is, in the caller's language.
        message: String,
    }
    /// A scanner beside us.
    answer Scanner {
        /// `clamd` or `rspamd`.
        name: String,
        /// Where it is.
        place: String,
        /// It answers.
        up: bool,
        /// What it calls itself.
        version: String,
        /// When its data were made, if it says so.
        data_made: Option<String>,
        /// They are two days old, or older.
        old: bool,
        /// When it was last asked.
        asked: Option<String>,
        /// Why it does not answer.
        cause: String,
    }
    /// One delivery in the queue.
    answer QueueItem {
        /// Its id.
        id: String,
        /// The mail's trace id.
        trace: String,
        /// Envelope sender; empty for bounces.
        from: String,
        /// Who has not got it yet.
        to: Vec<String>,
        /// Octets.
        size: u64,
        /// When it came.
        created: String,
        /// When it is tried next; `null` while it is held or being tried.
        next_try: Option<String>,
        /// Tries so far.
        tries: u32,
        /// What the other side said last.
        last_error: String,
        /// Stays until somebody releases it.
        held: bool,
    }
    /// How many were tried at once.
    answer Retried {
        /// Messages.
        count: u64,
    }
    /// What taking over a queue brought.
    answer QueueAdopted {
        /// Messages that are in this queue now.
        mails: u64,
        /// Messages that an earlier, interrupted take-over had brought.
        known: u64,
        /// Messages that can't be read; they stay where they are.
        unreadable: u64,
    }
    /// A key that signs for a domain (DKIM, ARC), with the record to publish.
    answer DomainKey {
        /// The domain.
        domain: String,
        /// The selector.
        selector: String,
        /// `rsa-sha256` or `ed25519-sha256`.
        algorithm: String,
        /// Name of the TXT record to publish.
        name: String,
        /// Its text.
        record: String,
        /// When it was made.
        created: Option<String>,
        /// Mail is signed with it.
        signs: bool,
    }
    /// What people see of a key or certificate.
    answer Key {
        /// Where it is stored: `key`, `partner` or `root`.
        section: String,
        /// Its key there.
        key: String,
        /// `smime` or `openpgp`.
        kind: String,
        /// Whose; empty for roots.
        owner: String,
        /// The certificate's subject; user ids.
        subject: String,
        /// The certificate's issuer; `OpenPGP 4` or `OpenPGP 6`.
        issuer: String,
        /// Serial number, hex; key id.
        serial: String,
        /// First instant of its validity.
        not_before: Option<String>,
        /// Last instant of its validity; null for an OpenPGP key that does not expire.
        not_after: Option<String>,
        /// SHA-256 of the certificate, hex; fingerprint of an OpenPGP key.
        sha256: String,
        /// SHA-1 of the certificate, hex; empty for OpenPGP.
        sha1: String,
        /// The key's algorithm: `RSA`, `EC`, ….
        algorithm: String,
        /// The key's size in bits.
        bits: u32,
        /// May sign mail.
        signs: bool,
        /// Mail may be encrypted to it.
        encrypts: bool,
        /// Its private key is here.
        private: bool,
        /// `imported`, `generated`, `harvested`, `directory` or `public`.
        origin: String,
        /// `valid`, `early`, `expired`, `revoked`, or `weak`: too short to protect anything.
        state: String,
        /// Of a root: `trusted`, `untrusted` or `undefined`; else empty.
        trust: String,
        /// When a key of ours came.
        created: Option<String>,
        /// Version of the row.
        version: i64,
    }
    /// One key or certificate with all that is known of it.
    answer KeyDetail {
        /// Its key where it is stored.
        id: String,
        /// As in the list.
        key: Key,
        /// The certificate and its chain, PEM; an OpenPGP key in armour.
        certificate: String,
        /// The addresses that it was made for.
        addresses: Vec<String>,
        /// Certificates that the key had before, PEM.
        former: Vec<String>,
        /// Of a root: the mails that met it last, newest first.
        mails: Vec<KeyMail>,
    }
    /// One use of a key.
    answer KeyUsed {
        /// When.
        at: String,
        /// The mail's trace id.
        trace: String,
        /// `sign-mail`, `open-mail`, ….
        purpose: String,
        /// `sign`, `unwrap` or `agree`.
        operation: String,
    }
    /// How the site's keys are protected.
    answer MasterKey {
        /// The data key that seals now.
        epoch: i64,
        /// When it was made.
        made: Option<String>,
        /// Data keys in all.
        data_keys: u64,
        /// Rows with sealed fields.
        rows: u64,
        /// Those that wait to be sealed anew.
        waiting: u64,
    }
    /// A mail that met a root.
    answer KeyMail {
        /// Its trace id.
        trace: String,
        /// Who signed it.
        from: String,
        /// When it came.
        at: Option<String>,
    }
    /// A key pair under a pass phrase.
    answer KeyExported {
        /// PKCS#12, or an OpenPGP key in armour; base64.
        file: String,
    }
    /// The rule set that runs.
    answer Rules {
        /// Its version.
        version: i64,
        /// Its text.
        text: String,
        /// The generator's switches, if it made the text.
        generator: Option<BTreeMap<String, serde_json::Value>>,
    }
    /// A place in a text, and what is wrong there.
    answer Finding {
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What is wrong.
        message: String,
    }
    /// One version of the rules.
    answer RuleVersion {
        /// From 1.
        number: i64,
        /// When it was put in force, RFC 3339.
        at: String,
        /// By whom.
        who: String,
        /// It is the one that runs.
        in_force: bool,
    }
    /// What changed between two versions of the rules.
    answer RulesDiff {
        /// A unified diff; empty if they are the same.
        diff: String,
    }
    /// How one test of the rules ended.
    answer RulesTestResult {
        /// Its name.
        name: String,
        /// The mail took the way that was expected.
        passed: bool,
        /// What was otherwise.
        differences: Vec<String>,
    }
    /// How tests of the rules ended.
    answer RulesTested {
        /// Each of them.
        tests: Vec<RulesTestResult>,
        /// How many passed.
        passed: u64,
        /// How many failed.
        failed: u64,
    }
    /// What looking at a rule text found.
    answer RulesChecked {
        /// Warnings; errors are a problem with `findings`.
        warnings: Vec<Finding>,
    }
    /// What was put in force.
    answer RulesApplied {
        /// Its version.
        version: i64,
        /// Warnings.
        warnings: Vec<Finding>,
        /// Switches that have no effect yet.
        left_out: Vec<String>,
    }
    /// What the generator wrote.
    answer RulesGenerated {
        /// The rule text.
        text: String,
        /// Switches that have no effect yet.
        left_out: Vec<String>,
    }
    /// One change of a site file.
    answer Change {
        /// The section.
        section: String,
        /// The row.
        key: String,
        /// `added`, `changed` or `removed`.
        kind: String,
        /// JSON before, secrets masked.
        before: Option<String>,
        /// JSON after, secrets masked.
        after: Option<String>,
    }
    /// What applying a site file did, or would do.
    answer Applied {
        /// The changes; none if the site was so already.
        changes: Vec<Change>,
        /// Switches of the generator that have no effect yet.
        left_out: Vec<String>,
        /// Warnings about the rule set.
        warnings: Vec<Finding>,
    }
    /// A token, without its secret.
    answer Token {
        /// Its id.
        id: String,
        /// What its owner calls it.
        name: String,
        /// Whose rights bound it.
        owner: String,
        /// Words of rights.
        scopes: Vec<String>,
        /// When it was made.
        created: String,
        /// When it ends.
        expires: Option<String>,
    }
    /// A new token.
    answer TokenMade {
        /// What lists show of it.
        #[serde(flatten)]
        info: Token,
        /// Its text, given this once.
        token: String,
    }
    /// Somebody who may sign in.
    answer Administrator {
        /// Sign-in name.
        name: String,
        /// Words of rights.
        rights: Vec<String>,
        /// Has a one-time password.
        must_change: bool,
        /// Version of the row.
        version: i64,
    }
    /// A one-time password.
    answer OneTimePassword {
        /// Whose.
        name: String,
        /// Given this once.
        one_time_password: String,
    }
    /// One line of the audit log.
    answer AuditEntry {
        /// Its place; the cursor of pages.
        id: String,
        /// When.
        at: String,
        /// Who.
        who: String,
        /// What: `section/key`.
        what: String,
        /// JSON before, secrets masked.
        before: Option<String>,
        /// JSON after, secrets masked.
        after: Option<String>,
    }
    /// What the mobile gate would decide.
    answer MobileDecision {
        /// `allow` or `block`.
        decision: String,
        /// The reason's code.
        reason: String,
        /// The policy that blocks, if one does.
        policy: Option<String>,
    }
    /// An error (RFC 9457).
    answer Problem {
        /// `urn:sealgate:fault:CODE`.
        #[serde(rename = "type")]
        kind: String,
        /// The kind in words.
        title: String,
        /// The HTTP status.
        status: u16,
        /// What happened and what to do, in the caller's language.
        detail: String,
        /// The stable code.
        code: String,
        /// True if it may work later.
        temporary: bool,
        /// All that was found, as text.
        errors: Option<Vec<String>>,
        /// The same with places.
        findings: Option<Vec<Finding>>,
    }
}
