//! Every command of the language (ruleset-language.md "Commands"), built or not.
//!
//! The checker looks names up here: case does not matter, nor do underscores (`tag_subject`, `tagsubject`).
//! A command that is not built is known all the same, so that the message says so instead of "unknown".

/// What the table says of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The name as the language writes it.
    pub name: &'static str,
    /// The arguments as a message shows them.
    pub usage: &'static str,
    /// Fewest arguments.
    pub least: usize,
    /// Most arguments.
    pub most: usize,
    /// It ends a group and can't be a condition.
    pub ends: bool,
    /// This version can carry it out.
    pub built: bool,
}

const fn built(name: &'static str, usage: &'static str, least: usize, most: usize) -> Entry {
    Entry { name, usage, least, most, ends: false, built: true }
}

const fn ending(name: &'static str, usage: &'static str, least: usize, most: usize) -> Entry {
    Entry { name, usage, least, most, ends: true, built: true }
}

const fn later(name: &'static str, usage: &'static str) -> Entry {
    Entry { name, usage, least: 0, most: usize::MAX, ends: false, built: false }
}

/// All commands, by group and then in the order of the specification.
pub const COMMANDS: &[Entry] = &[
    // General
    built("attach", r#"attach("name"[, "content-id"[, "content-type"]])"#, 1, 3),
    built("authenticated", r#"authenticated(["header"])"#, 0, 1),
    built("compare", r#"compare("header", "equal"|"match"|"substitute", "value")"#, 3, 3),
    built("compareattr", r#"compareattr("name", "equal"|"match", "value")"#, 3, 3),
    built("comparebody", r#"comparebody("regex")"#, 1, 1),
    built("disclaimer", r#"disclaimer(["name"[, "top"|"bottom"]])"#, 0, 2),
    built("incoming", "incoming()", 0, 0),
    built("log", r#"log(level, "text")"#, 2, 2),
    built("notify", r#"notify("address"|"sender"|"admin", "template"[, headers][, "H: v;H2: v"])"#, 2, 4),
    built("replace_rcpt", r#"replace_rcpt(["regex",] "new[;new2]")"#, 1, 2),
    built("rmatch", r#"rmatch("regex")"#, 1, 1),
    built("rmatchsplit", r#"rmatchsplit("regex")"#, 1, 1),
    built("rmheader", r#"rmheader("name")"#, 1, 1),
    built("setheader", r#"setheader("name", "text")"#, 2, 2),
    built("tag_subject", r#"tag_subject("text")"#, 1, 1),
    built("add_report", r#"add_report("name", "auto"|"text")"#, 2, 2),
    built("autoreply", r#"autoreply("template"[, "H: v;…"])"#, 1, 2),
    built("setvar", r#"setvar("name", "value")"#, 2, 2),
    built("set_sensitivity", r#"set_sensitivity("confidential"|"private"|"")"#, 1, 1),
    // Users
    built("createaccount", r#"createaccount([bits][, "userid"[, "name"]])"#, 0, 3),
    built("member_of", r#"member_of("group"[, "group"…])"#, 1, 100),
    built("setuserattr", r#"setuserattr("name", "value")"#, 2, 2),
    // Certificates
    built("attachpgpkey", "attachpgpkey()", 0, 0),
    built("has_smime_key", "has_smime_key()", 0, 0),
    later("smime_create_key", r#"smime_create_key(["subject"])"#),
    later("external_ca_create_key", "external_ca_create_key()"),
    later("swisssign_create_key", "swisssign_create_key()"),
    later("swissign_create_key", "swissign_create_key()"),
    later("smime_revoke_keys", "smime_revoke_keys()"),
    built("createkeys", r#"createkeys(bits[, "continue"])"#, 1, 2),
    // Messages
    built("archive", r#"archive("address")"#, 1, 1),
    ending("bounce", r#"bounce("template"[, headers])"#, 1, 2),
    ending("deliver", r#"deliver(["server[:port]"|"loop"|"queueless"|""])"#, 0, 1),
    ending("drop", r#"drop([code[, "text"]])"#, 0, 2),
    ending("reprocess", "reprocess()", 0, 0),
    // Cryptography
    later("decrypt_domain", "decrypt_domain()"),
    built("smime_key_known", "smime_key_known()", 0, 0),
    built("pgp_key_known", "pgp_key_known()", 0, 0),
    built("decrypt_smime", "decrypt_smime()", 0, 0),
    built("decrypt_pgp", "decrypt_pgp()", 0, 0),
    later("encrypt_domain", r#"encrypt_domain(["strict"|"auto"])"#),
    built("encrypt_smime", "encrypt_smime()", 0, 0),
    built("encrypt_pgp", r#"encrypt_pgp(sign[, "address"])"#, 1, 2),
    later("encrypt_webmail", r#"encrypt_webmail(["profile"[, "zip"]])"#),
    later("domain_keys_avail", r#"domain_keys_avail("strict"|"auto")"#),
    built("pgp_keys_avail", r#"pgp_keys_avail("strict"|"auto")"#, 1, 1),
    built("smime_keys_avail", r#"smime_keys_avail("strict"|"auto")"#, 1, 1),
    later("webmail_keys_avail", r#"webmail_keys_avail("strict"|"auto")"#),
    later("webmail_keys_gen", r#"webmail_keys_gen(["address"][, "empty"])"#),
    later("webmail_sms", r#"webmail_sms(["number"])"#),
    built("sign_smime", r#"sign_smime(["domain-certificate"[, "prefix"[, "suffix"]]])"#, 0, 3),
    built("smime_signed", "smime_signed()", 0, 0),
    built("smime_encrypted", "smime_encrypted()", 0, 0),
    built("pgp_signed", "pgp_signed()", 0, 0),
    built("pgp_encrypted", "pgp_encrypted()", 0, 0),
    built("validate_smime_sig", "validate_smime_sig([save])", 0, 1),
    built("delete_smime_sig", "delete_smime_sig()", 0, 0),
    built("delete_pgp_sig", "delete_pgp_sig()", 0, 0),
    // LDAP and content
    built("ldap_compare", r#"ldap_compare("URI[,URI2];user;password;basedn;filter", "attribute", "value")"#, 3, 3),
    built("ldap_read", r#"ldap_read("URI[,URI2];user;password;basedn;filter", "attribute", "variable")"#, 3, 3),
    built("iscalendar", "iscalendar()", 0, 0),
    built("isspam", r#"isspam(mark, "tag", reject)"#, 3, 3),
    built("partoftype", r#"partoftype("type[,type…]"[, "info"|"delete"[, archives]])"#, 1, 3),
    built("vscan", r#"vscan("info"|"clean"|"delete"[, archives])"#, 1, 2),
];

/// The entry of a command, in any spelling.
#[must_use]
pub fn command(name: &str) -> Option<&'static Entry> {
    let wanted = normal(name);
    COMMANDS.iter().find(|entry| normal(entry.name) == wanted)
}

fn normal(name: &str) -> String {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_every_command_mean_the_same_and_only_that() {
        for entry in COMMANDS {
            assert_eq!(command(&entry.name.replace('_', "").to_uppercase()), Some(entry), "{}", entry.name);
            assert!(entry.usage.starts_with(entry.name), "{}", entry.usage);
        }
        assert_eq!(command("tagsubject").unwrap().name, "tag_subject");
        assert_eq!(COMMANDS.len(), 64);
    }
}
