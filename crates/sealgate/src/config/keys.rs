//! Which keys the node's file may have: built, or named by the contract and not available yet.

/// Keys that work.
const BUILT: &[&str] = &[
    "data",
    "roles",
    "master_key",
    "public_roots",
    "certificate.cert",
    "certificate.key",
    "store.url",
    "store.poll",
    "smtp.listen",
    "smtp.submission",
    "smtp.implicit_tls",
    "smtp.proxy_protocol_from",
    "smtp.xclient_from",
    "smtp.certificate.cert",
    "smtp.certificate.key",
    "smtp.source_v4",
    "smtp.source_v6",
    "smtp.mx_port",
    "smtp.bare_newline",
    "console.listen",
    "console.certificate.cert",
    "console.certificate.key",
    "mobile.listen",
    "mobile.certificate.cert",
    "mobile.certificate.key",
    "mobile.admin_listen",
    "mobile.target_time",
    "mobile.trusted_proxies",
    "mobile.source_addresses",
    "mobile.window",
    "mobile.requests",
    "mobile.agents",
    "mobile.patience",
    "mobile.block",
    "mobile.bad_passwords",
    "mobile.bad_passwords_account",
    "mobile.bad_password_window",
    "mobile.inspected_body",
    "mobile.body_memory",
    "mobile.lookup",
    "mobile.lookup_keep",
    "metrics.listen",
    "log.format",
    "log.level",
    "dns.servers",
    "dns.timeout",
    "dns.recursive",
    "dns.roots",
    "dns.search",
    "dns.rest",
    "dns.dnssec",
    "dns.trust_anchor",
    "egress.allow",
    "limits.sessions",
    "limits.sessions_per_peer",
    "limits.rate_per_peer",
    "limits.memory",
    "limits.memory_per_peer",
    "limits.data_rate",
    "limits.refused_recipients",
    "limits.bad_commands",
    "limits.idle_commands",
    "limits.line",
    "limits.discard",
    "limits.header",
    "limits.header_lines",
    "limits.mime_depth",
    "limits.parts",
    "limits.hops",
    "limits.notices_per_hour",
    "limits.greylist_triplets",
    "limits.greylist_per_network",
    "limits.greylist_stored",
    "limits.mail_budget",
    "limits.deliveries_per_destination",
    "limits.disk_free",
    "limits.deliveries",
    "limits.servers_per_attempt",
    "limits.mails_per_connection",
    "limits.delivery_memory",
    "times.smtp_idle",
    "times.smtp_data",
    "times.smtp_linger",
    "times.delivery_attempt",
    "times.delivery",
    "times.delivery_idle",
    "times.delivery_rest",
    "times.remote.connect",
    "times.remote.greeting",
    "times.remote.command",
    "times.remote.data_start",
    "times.remote.data_block",
    "times.remote.data_end",
    "times.smtp_sign_in",
    "times.recipient_yes",
    "times.recipient_no",
    "times.recipient_lookup",
    "times.directory",
    "times.handshake",
    "times.stop_grace",
    "times.poll_max",
    "times.housekeeping",
    "times.compliance",
    "times.scanners",
    "times.scanner_away",
    "times.alarms",
    "times.certificates",
    "times.console_session",
    "times.tls_report",
    "times.crl_fetch",
    "times.crl_kept",
    "times.crl_rest",
    "times.revocation",
    "times.signers",
];

/// Keys that the contract names and that come later.
const LATER: &[&str] = &[
    "cluster.listen",
    "cluster.back_end",
    "cluster.advertise",
    "portal.listen",
    "portal.http_listen",
    "portal.trusted_proxies",
    "portal.client_cert_header",
    "portal.certificate.cert",
    "portal.certificate.key",
    "console.http_listen",
    "console.trusted_proxies",
    "limits.mail_budget_max",
];

/// Checks every key of the file.
///
/// # Errors
/// Names the first key that is unknown (with the nearest known one) or not built yet.
pub fn check_keys(table: &toml::Table) -> Result<(), String> {
    let mut found = Vec::new();
    flatten("", table, &mut found);
    for key in found {
        if LATER.contains(&key.as_str()) {
            return Err(format!("{key} is not available yet in this version: remove the line"));
        }
        if !BUILT.contains(&key.as_str()) {
            let nearest = BUILT.iter().min_by_key(|known| distance(known, &key)).unwrap_or(&"data");
            return Err(format!("{key} is no known setting; did you mean {nearest}?"));
        }
    }
    Ok(())
}

fn flatten(prefix: &str, table: &toml::Table, found: &mut Vec<String>) {
    for (name, value) in table {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&path, inner, found),
            _ => found.push(path),
        }
    }
}

/// Levenshtein's distance, for suggestions only.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, y) in b.chars().enumerate() {
            let (left, above) = (row.get(j).copied().unwrap_or(0), row.get(j + 1).copied().unwrap_or(0));
            let value = (corner + usize::from(x != y)).min(left + 1).min(above + 1);
            corner = above;
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = value;
            }
        }
    }
    row.last().copied().unwrap_or(0)
}
