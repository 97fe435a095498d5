//! Records of the site: mirrors of `model`'s structs, for the description only.
//!
//! `model` knows nothing of OpenAPI. A test in this folder compares the two field by field; bodies are read into the
//! structs of `model`, never into these.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

bodies! {
    /// `[[domain]]`.
    request Domain {
        /// The name.
        name: String,
        /// The company's server.
        forward: String,
        /// `none`, `may`, `encrypt`, `verify`, `secure` or `fingerprint`.
        tls: Option<String>,
        /// Digests of its server's certificate, SHA-256 or SHA-1.
        fingerprints: Option<Vec<String>>,
        /// Language of mails to its people.
        language: Option<String>,
        /// The disclaimer of mail from here, by name.
        disclaimer: Option<String>,
        /// DKIM: mail from this domain is signed under this selector; empty: it is not signed.
        dkim_selector: Option<String>,
        /// `auto`: keys are made with the selector; `off`: none sign.
        dkim_key: Option<String>,
    }
    /// `[[tls]]`.
    request TlsDestination {
        /// The recipients' domain.
        domain: String,
        /// Its server; mail for the domain goes there.
        server: Option<String>,
        /// The server's port.
        port: Option<u16>,
        /// `none`, `may`, `encrypt`, `verify`, `secure` or `fingerprint`.
        level: String,
        /// Digests of the server's certificate, SHA-256 or SHA-1.
        fingerprints: Option<Vec<String>>,
    }
    /// `[[mail.source]]`.
    request Source {
        /// The clients.
        network: String,
        /// May send to domains that are not ours.
        relay: Option<bool>,
        /// Managed domains that it may speak for.
        speaks_for: Option<Vec<String>>,
        /// Counts only with a client certificate that is good for this host name.
        tls_name: Option<String>,
        /// Counts only for mail with this header line.
        tenant_header: Option<String>,
    }
    /// `[[user]]`.
    request User {
        /// The account.
        address: String,
        /// Default: the address.
        user_id: Option<String>,
        /// Full name.
        name: Option<String>,
        /// No outgoing encryption.
        may_not_encrypt: Option<bool>,
        /// No outgoing signature.
        may_not_sign: Option<bool>,
        /// Addresses that it may send as, beside its own.
        send_as: Option<Vec<String>>,
        /// Groups that it is in, besides those that name it.
        groups: Option<Vec<String>>,
        /// Attributes of inetOrgPerson by name; rules read them as variables.
        attributes: Option<std::collections::BTreeMap<String, String>>,
    }
    /// `[[partner]]`.
    request Partner {
        /// Whose.
        address: String,
        /// Certificates, PEM, newest first.
        certificates: Vec<String>,
        /// `imported` or `harvested`.
        origin: Option<String>,
        /// Where one of them came from, by its SHA-256 in hex, if not from `origin`.
        origins: Option<std::collections::BTreeMap<String, String>>,
    }
    /// `[[root]]`.
    request Root {
        /// The certificate, PEM.
        certificate: String,
        /// `trusted`, `untrusted` or `undefined`.
        trust: Option<String>,
        /// `imported`, `harvested` or `public`.
        origin: Option<String>,
    }
    /// `[[template]]`.
    request Template {
        /// Its name, as rules say it.
        name: String,
        /// Header lines, an empty line, the text.
        text: String,
    }
    /// `[[disclaimer]]`.
    request Disclaimer {
        /// Its name, as rules and domains say it.
        name: String,
        /// For text parts; may hold variables.
        text: Option<String>,
        /// For HTML parts, as it stands inside `body`; empty: made of the text.
        html: Option<String>,
    }
    /// `[[file]]`.
    request File {
        /// Its name, as rules and receivers see it.
        name: String,
        /// What is in it, base64.
        content: String,
    }
    /// `[[group]]`.
    request Group {
        /// Its name, as rules say it.
        name: String,
        /// For people.
        description: Option<String>,
        /// Who is in it, besides users who name it.
        members: Option<Vec<String>>,
    }
    /// `[[mobile.gateway]]`.
    request Gateway {
        /// Unique.
        id: String,
        /// Shown name.
        name: Option<String>,
        /// Off: answers 503.
        enabled: Option<bool>,
        /// `exchange`, `online`, `traveler`, `google`, `groupwise`, `other`.
        kind: Option<String>,
        /// The mail server's version, where its path depends on it.
        version: Option<String>,
        /// `https://host`: its name for phones.
        external_url: Option<String>,
        /// Addresses of listeners that belong to it: a text or a list.
        listen: Option<serde_json::Value>,
        /// `https://host[:port][/path]`, or a list of such.
        mail_server: serde_json::Value,
        /// Off: certificate errors of the mail server are ignored.
        verify_tls_mail: Option<bool>,
        /// Mail flows while there are no policies.
        allow_without_policies: Option<bool>,
        /// Paths of web mail that are passed on, each with all below it.
        webmail_paths: Option<Vec<String>>,
        /// Exchange Web Services are passed on.
        ews: Option<bool>,
        /// Hosts, with `*`, to which the mail server may redirect phones.
        redirect_hosts: Option<Vec<String>>,
        /// `own` or `terminated_before`.
        tls: Option<String>,
        /// `url`, `auth` (`none`, `basic`), `user`, `password` of a proxy on the way to the mail server.
        proxy_mail: Option<serde_json::Value>,
        /// The same on the way to what the gate asks for itself.
        proxy_api: Option<serde_json::Value>,
        /// Networks of balancers whose word about the client is believed.
        trusted_proxies: Option<Vec<String>>,
        /// The client's address goes to the mail server.
        forward_client_address: Option<bool>,
        /// S/MIME mails, signed or encrypted, keep their attachments and links as they are.
        smime_skip_signed: Option<bool>,
        /// `url`, `auth` (`anonymous`, `basic`), `user`, `password`, `attribute` of a directory with certificates of recipients.
        smime_lookup: Option<serde_json::Value>,
        /// `block` or `allow`: what happens to attachments that can't be judged.
        attachments_without_policy: Option<String>,
        /// What stands in place of a blocked attachment.
        blocked_text: Option<String>,
        /// Requests of every command are reported; else those of the two lists.
        report_recommended: Option<bool>,
        /// Settings, Provision, FolderSync, Sync, Ping, SendMail, SmartReply, SmartForward.
        report_required: Option<Vec<String>>,
        /// GetAttachment, ItemOperations, Search, Find, MoveItems, GetItemEstimate, FolderCreate, FolderUpdate, FolderDelete,
        /// MeetingResponse, ResolveRecipients, ValidateCert.
        report_optional: Option<Vec<String>>,
        /// Policies and devices are read whole so often, in minutes.
        refresh_minutes: Option<u32>,
        /// What changed is read so often where it is not pushed, in minutes.
        delta_minutes: Option<u32>,
        /// What changed is in force at once.
        realtime_push: Option<bool>,
        /// How much is kept of devices whose diagnostics are on.
        diagnostic: Option<Diagnostic>,
        /// Sightings in one batch to the console.
        rate_to_console: Option<u32>,
        /// Devices in one batch to the gateway.
        rate_to_gateway: Option<u32>,
        /// How mail clients of devices are set up.
        profiles: Option<Vec<DeviceProfile>>,
    }
    /// How the mail client of a platform is set up.
    request DeviceProfile {
        /// `ios` or `android`.
        platform: String,
        /// `mail`, `gmail` or `outlook`.
        client: String,
        /// The account's name on the device.
        profile: String,
        /// `auto` or `optional`, for the management of devices.
        assignment: Option<String>,
    }
    /// How much is kept of devices whose diagnostics are on.
    request Diagnostic {
        /// So many requests of a device,
        count: Option<u32>,
        /// every so many minutes.
        every_minutes: Option<u32>,
    }
    /// `[[mobile.policy]]`. Its key is the type, then `:` and labels, then `@` and gateways, if it is limited to any.
    request Policy {
        /// `managed_device`, `mdm_compliance`, `compromised`, `encryption`, `inactivity`, `eas_profile`, `model`, `os`, `user`,
        /// `mail_client`, `eas_device_type`, `sync_settings`, `classification`, `attachments`, `hyperlinks`.
        #[serde(rename = "type")]
        kind: String,
        /// Off: it is not asked.
        enabled: Option<bool>,
        /// It blocks also devices that did not report the fact that it asks for.
        strict: Option<bool>,
        /// Only for devices with one of these labels.
        labels: Option<Vec<String>>,
        /// Only at these gateways.
        gateways: Option<Vec<String>>,
        /// `inactivity`: days, 1 to 32,767.
        days: Option<u16>,
        /// `allow`: what the list does not name is blocked; `block`: what it names.
        action: Option<String>,
        /// Names with `*` and `?`; for `model` and `os` tables with `platform` and `model`, or `from` and `to`.
        list: Option<Vec<serde_json::Value>>,
        /// `sync_settings`: `type`, `name` of folders that phones don't see.
        folders: Option<Vec<serde_json::Value>>,
        /// `classification`: `tag` or `no_tag`, `client` (`inbox`, `other`), `action` (`allow`, `block`), `template`.
        rows: Option<Vec<serde_json::Value>>,
        /// `classification`: tags besides the four that are there.
        tags: Option<Vec<String>>,
        /// `classification`: `subject`, `header:NAME`, `body`, in the order in which tags are looked for.
        sources: Option<Vec<String>>,
        /// `classification`: User-Agents of managed inbox apps, with `*` and `?`.
        inbox_clients: Option<Vec<String>>,
        /// `attachments`: for `managed_reader`, `managed`, `unmanaged` rows of `types`, `action` (`allow`, `block`, `encrypt`), `text`.
        classes: Option<serde_json::Value>,
        /// `attachments`: platforms with a reader for encrypted ones.
        reader_platforms: Option<Vec<String>>,
        /// `hyperlinks`: `all`, `include`, `exclude`.
        mode: Option<String>,
        /// `hyperlinks`: domains, each with its subdomains.
        domains: Option<Vec<String>>,
        /// `hyperlinks`: `profile`, `http`, `https`.
        schemes: Option<Vec<serde_json::Value>>,
    }
    /// What management reports of one device; what is left out is not reported.
    request DeviceReport {
        /// Some management manages it.
        managed: Option<bool>,
        /// It is enrolled there.
        enrolled: Option<bool>,
        /// Its management calls it compliant.
        mdm_compliant: Option<bool>,
        /// It is rooted or jailbroken.
        compromised: Option<bool>,
        /// Its storage is encrypted.
        encrypted: Option<bool>,
        /// Its mail was set up by a profile of ours.
        eas_profile: Option<bool>,
        /// Such as `ios`.
        platform: Option<String>,
        /// Such as `iPhone15,2`.
        model: Option<String>,
        /// Version of its system.
        os: Option<String>,
        /// When its management saw it last.
        last_seen: Option<String>,
        /// Its phone number.
        phone: Option<String>,
        /// The number of its radio.
        imei: Option<String>,
        /// As its owner named it.
        friendly_name: Option<String>,
        /// Mail address of its user.
        address: Option<String>,
        /// Names by which policies are limited.
        labels: Option<Vec<String>>,
        /// `global` or `individual`: somebody else than this console has blocked its access, as all devices' or as this one's.
        external: Option<String>,
        /// When it was first reported as enrolled. In answers only.
        enrolled_at: Option<String>,
    }
    /// One of `[mail] hosts`.
    request HostEntry {
        /// The address.
        ip: String,
        /// The host's full name.
        name: String,
    }
    /// One of `[mail] zones`.
    request ZoneHost {
        /// The zone.
        domain: String,
        /// The MX host's name.
        host: String,
        /// Its preference; 10 if it is left out.
        mx: Option<u16>,
        /// Its address.
        ip: String,
    }
    /// `[mail]`.
    request MailSettings {
        /// Our name in HELO, Received and DSNs.
        hostname: Option<String>,
        /// Sender of our own messages.
        postmaster: Option<String>,
        /// May relay and speak for all managed domains.
        relay_networks: Option<Vec<String>>,
        /// As in `50MB`.
        max_message_size: Option<String>,
        /// Most recipients of one message.
        max_recipients: Option<u32>,
        /// Next hop for all that is not ours.
        smart_host: Option<String>,
        /// Whom to sign in as at the smart host, under TLS only.
        smart_host_user: Option<String>,
        /// Answered as `@secret(mail/smart_host_password)`.
        smart_host_password: Option<String>,
        /// Recipients are looked up at their domain's server before mail for them is taken.
        verify_recipients: Option<bool>,
        /// `none`, `may`, `encrypt`, `verify` or `secure`.
        tls_out: Option<String>,
        /// `soft` or `hard`: what it means that nobody says whether a certificate was revoked.
        revocation: Option<String>,
        /// `pkcs1` or `pss`: how RSA keys sign mail.
        smime_signature: Option<String>,
        /// `pkcs1` or `oaep`: how RSA keys get the content key of encrypted mail.
        smime_key_transport: Option<String>,
        /// `signed`, `hidden` or `off`: header protection (RFC 9788).
        header_protection: Option<String>,
        /// First wait, as in `5m`.
        retry_first: Option<String>,
        /// Longest wait.
        retry_max: Option<String>,
        /// After so long a DSN ends it.
        expire: Option<String>,
        /// The sender is told once that mail is late.
        delay_notice: Option<String>,
        /// Who checks passwords of SMTP AUTH: `users` or `ldap`.
        auth: Option<String>,
        /// `URI[,URI2];user;password;basedn;filter`; the password is answered as `@secret(mail/auth_ldap)`.
        auth_ldap: Option<String>,
        /// TLS reports go to the domains that ask for them.
        tls_reports: Option<bool>,
        /// The public part of each OpenPGP key that is made here goes to its owner by mail.
        send_new_pgp_keys: Option<bool>,
        /// Mail that fails a DMARC policy of `reject`: `mark` or `refuse`.
        dmarc: Option<String>,
        /// Host entries, asked before DNS.
        hosts: Option<Vec<HostEntry>>,
        /// MX hosts of local zones, asked before DNS.
        zones: Option<Vec<ZoneHost>>,
    }
    /// One entry of `[protection] access`.
    request AccessEntry {
        /// `192.0.2.0/24`, `192.0.2.1`, or `192.0.2` for 192.0.2.0/24.
        network: String,
        /// `accept` or `reject`.
        action: String,
        /// Why, for people.
        comment: Option<String>,
    }
    /// `[protection]`.
    request ProtectionSettings {
        /// `off`, `learn` or `on`.
        greylist: Option<String>,
        /// An unknown triplet waits so long.
        greylist_delay: Option<String>,
        /// The retry must come within this time.
        greylist_window: Option<String>,
        /// A triplet that was let through is known for so long.
        greylist_memory: Option<String>,
        /// MAIL only after HELO; always so.
        helo_required: Option<bool>,
        /// The name in HELO must have an address.
        helo_valid: Option<bool>,
        /// The name in HELO must be fully qualified.
        helo_fqdn: Option<bool>,
        /// The client's address must have a name.
        ptr: Option<bool>,
        /// And that name the client's address.
        ptr_strict: Option<bool>,
        /// The sender's domain must exist.
        sender_domain: Option<bool>,
        /// Zones of DNS block lists.
        rbl: Option<Vec<String>>,
        /// Networks by hand.
        access: Option<Vec<AccessEntry>>,
        /// `host:port` or a path.
        clamd: Option<String>,
        /// `http://host:port`.
        rspamd: Option<String>,
        /// `defer` or `pass`.
        scanner_down: Option<String>,
    }
    /// `[logs]`.
    request LogSettings {
        /// Stories are kept so long.
        days: Option<u32>,
        /// A new file begins with each such span, as in `1d`.
        rotate: Option<String>,
    }
    /// `[[system]]`.
    request System {
        /// The node's id.
        node: String,
        /// What people call it.
        description: Option<String>,
        /// Where its log goes as syslog too.
        syslog: Option<Vec<SyslogTarget>>,
    }
    /// One receiver of syslog.
    request SyslogTarget {
        /// `udp://host:port`, `tcp://host:port`, `tls://host:port`.
        target: String,
        /// With `tls`: roots, PEM; empty: the system's.
        ca: Option<String>,
    }
    /// `[mobile]`.
    request MobileSettings {
        /// Evaluate and report, block nothing.
        test_mode: Option<bool>,
        /// Somebody else than this console has closed access for all devices: all but whitelisted ones are blocked for `external_global`.
        external_block: Option<bool>,
    }
}
