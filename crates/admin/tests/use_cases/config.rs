//! The site file: applied, compared, exported; its faults by line and column.

use admin::config::Allow;
use admin::domain_removal::Remains;
use admin::site_file::{self, Kind};
use admin::{AdminError, Expect, config};
use model::device::Override;
use model::site::{Domain, MailSettings, Partner, Source, Template, TlsDestination, User};
use model::{Fault, Timestamp};

use super::{House, house, local};

const SITE: &str = r#"
[mail]
hostname = "gate.company.example"
relay_networks = ["127.0.0.0/8"]
smart_host = "[127.0.0.1]:2600"
retry_first = "1m"

[[mail.source]]
network = "10.0.0.0/8"
speaks_for = ["company.example"]

[[domain]]
name = "company.example"
forward = "[127.0.0.1]:2601"
language = "de"

[[user]]
address = "bob@company.example"
name = "Bob"

[[template]]
name = "sorry"
text = """
Subject: Sorry

No: $subject
"""

[rules.generator]
out_always_keys = false
custom_outgoing = "if (rmatch('@never\\.example$')) { bounce('sorry'); }"

[mobile]
test_mode = true

[[mobile.gateway]]
id = "g1"
mail_server = "https://mail.company.example"
verify_tls = false

[[device]]
id = "ABC"
user = 'COMPANY\Bob'
override = "blacklist"
"#;

async fn applied(house: &House, text: &str) -> Vec<String> {
    let applied = house.admin.config_apply(&local(), text, false).await.unwrap_or_else(|error| panic!("{error}"));
    applied.changes.iter().map(|change| format!("{:?} {}/{}", change.kind, change.section, change.key)).collect()
}

#[tokio::test]
async fn the_file_makes_the_site_and_a_second_time_changes_nothing() {
    let house = house().await;
    let would = house.admin.config_diff(&local(), SITE).await.unwrap();
    assert!(house.log().await.is_empty(), "diff changes nothing");
    assert_eq!(would.changes.len(), 9);
    assert!(would.changes.iter().all(|change| change.kind == Kind::Added));
    let made = applied(&house, SITE).await;
    assert_eq!(
        made,
        [
            "Added mail/",
            "Added source/10.0.0.0/8",
            "Added domain/company.example",
            "Added user/bob@company.example",
            "Added rules/",
            "Added template/sorry",
            "Added gateway/g1",
            "Added mobile/",
            "Added device/bob/abc",
        ]
    );
    assert_eq!(house.log().await.len(), 9, "each change has its audit entry");
    assert_eq!(applied(&house, SITE).await, Vec::<String>::new(), "idempotent");
    assert_eq!(house.log().await.len(), 9);

    let mail = house.admin.settings::<MailSettings>(&local()).await.unwrap().record;
    assert_eq!((mail.hostname.as_str(), mail.retry_first.to_string().as_str(), mail.max_recipients), ("gate.company.example", "1m", 1000));
    let rules = house.admin.rules_show(&local()).await.unwrap().record.text;
    assert!(rules.contains("bounce('sorry')") && rules.contains("only when it is demanded"));
    let device = admin::devices::DeviceName::parse("bob", "abc").unwrap();
    assert_eq!(house.admin.device(&local(), &device).await.unwrap().device.override_, Override::Blacklist);

    let exported = house.admin.config_export(&local()).await.unwrap();
    assert_eq!(applied(&house, &exported).await, Vec::<String>::new(), "what was exported is the site:\n{exported}");
    let other = super::house().await;
    assert_eq!(applied(&other, &exported).await.len(), 9, "and makes it anew:\n{exported}");
    assert_eq!(other.admin.config_export(&local()).await.unwrap(), exported);
}

#[tokio::test]
async fn a_named_section_is_complete_and_others_are_left_alone() {
    let house = house().await;
    applied(&house, SITE).await;
    let other = "[[domain]]\nname = \"other.example\"\nforward = \"[127.0.0.1]\"\n";
    let keep = Allow { users: Some(Remains::Keep), ..Allow::default() };
    let changes = house.admin.config_apply(&local(), other, keep).await.unwrap().changes;
    let changes: Vec<String> = changes.iter().map(|change| format!("{:?} {}/{}", change.kind, change.section, change.key)).collect();
    assert_eq!(changes, ["Removed domain/company.example", "Added domain/other.example"]);
    assert!(house.admin.show::<User>(&local(), "bob@company.example").await.is_ok());
    assert_eq!(applied(&house, "[mail]\nhostname = \"new.example\"\n").await, ["Changed mail/"], "sources are a section of their own");
    assert_eq!(house.admin.settings::<MailSettings>(&local()).await.unwrap().record.smart_host, "", "what is left out is the default");
    assert_eq!(applied(&house, "mail.source = []\ndevice = []").await, ["Removed source/10.0.0.0/8", "Removed device/bob/abc"]);
    assert!(house.admin.list::<Source>(&local(), "", "", 10).await.unwrap().is_empty());
    assert_eq!(applied(&house, "").await, Vec::<String>::new());
}

const PHONES: &str = r#"
[[mobile.policy]]
type = "managed_device"
enabled = true
labels = ["sales"]

[[mobile.policy]]
type = "managed_device"

[[mobile.policy]]
type = "os"
enabled = true
strict = true
list = [{ platform = "ios", from = "16.4" }]

[[device]]
id = "MINE"
user = "bob@company.example"
managed = true
enrolled = true
compromised = false
os = "17.2"
last_seen = "2026-11-21T21:44:34Z"
labels = ["sales", "board"]

[[device]]
id = "other"
user = "bob"
override = "whitelist"
model = "iPhone15,2"
"#;

const CONTENT: &str = r#"
[[mobile.gateway]]
id = "west"
mail_server = "https://mail.example"
smime_skip_signed = false
attachments_without_policy = "allow"
blocked_text = "Ask us."

[[mobile.policy]]
type = "classification"
enabled = true
tags = ["Secret"]
sources = ["subject", "header:X-Class"]
inbox_clients = ["Inbox/*"]
rows = [
  { tag = "Secret", client = "other", action = "block", template = "Not \"here\".\nAsk." },
  { no_tag = true, action = "allow" },
]

[[mobile.policy]]
type = "attachments"
reader_platforms = ["ios"]
classes = { managed_reader = [{ types = ["PDF", ".docx"], action = "encrypt" }], unmanaged = [{ types = "*", action = "block", text = "no" }] }

[[mobile.policy]]
type = "hyperlinks"
enabled = true
mode = "exclude"
domains = ["example.com"]
schemes = [{ profile = "ios", http = "x", https = "xs" }, { http = "edge" }]
"#;

#[tokio::test]
async fn g_21_g_22_g_23_policies_on_content_are_the_files() {
    let house = house().await;
    let made = applied(&house, CONTENT).await;
    assert_eq!(made.len(), 4, "{made:?}");
    assert_eq!(applied(&house, CONTENT).await, Vec::<String>::new(), "idempotent");
    let exported = house.admin.config_export(&local()).await.unwrap();
    assert_eq!(applied(&house, &exported).await, Vec::<String>::new(), "what was exported is the site:\n{exported}");
    let other = super::house().await;
    assert_eq!(applied(&other, &exported).await.len(), 4, "and makes it anew:\n{exported}");
    assert!(exported.contains("attachments_without_policy = \"allow\""), "{exported}");
    let other = CONTENT.replace("example.com", "example.org");
    assert_eq!(applied(&house, &other).await, ["Changed policy/hyperlinks"]);
}

const ROUTED: &str = r#"
[[mobile.gateway]]
id = "east"
mail_server = ["https://one.example", "https://two.example"]
external_url = "https://phones.example"
proxy_mail = { url = "http://proxy.example:3128", auth = "basic", user = "gate", password = "a long \\ \"pass\"" }
proxy_api = { url = "http://proxy.example:3128" }
smime_lookup = { url = "ldap://directory.example/dc=example??sub?(mail=*)", auth = "basic", user = "cn=gate", password = "another" }
diagnostic = { count = 3, every_minutes = 5 }
profiles = [{ platform = "ios", client = "mail", profile = "Mail {user}", assignment = "auto" }]
"#;

#[tokio::test]
async fn g_2_a_gateway_behind_a_proxy_is_the_files() {
    let house = house().await;
    assert_eq!(applied(&house, ROUTED).await.first().map(String::as_str), Some("Added gateway/east"));
    assert_eq!(applied(&house, ROUTED).await, Vec::<String>::new(), "idempotent");
    let exported = house.admin.config_export(&local()).await.unwrap();
    assert_eq!(applied(&house, &exported).await, Vec::<String>::new(), "what was exported is the site:\n{exported}");
    let other = super::house().await;
    let plain = exported.replace("@secret(gateway/east/proxy_mail)", "written anew").replace("@secret(gateway/east/smime_lookup)", "too");
    assert_eq!(applied(&other, &plain).await.first().map(String::as_str), Some("Added gateway/east"), "and makes it anew:\n{exported}");
    assert_eq!(other.admin.config_export(&local()).await.unwrap(), exported);
}

#[tokio::test]
async fn g_10_g_11_policies_and_facts_of_devices_are_the_files() {
    let house = house().await;
    let made = ["Added policy/managed_device", "Added policy/managed_device:sales", "Added policy/os", "Added device/bob/mine"];
    assert_eq!(applied(&house, PHONES).await, [&made[..], &["Added device/bob/other"]].concat());
    assert_eq!(applied(&house, PHONES).await, Vec::<String>::new(), "idempotent");
    let known = async |id: &str| {
        let row = house.admin.device(&local(), &admin::devices::DeviceName::parse("bob", id).unwrap()).await.unwrap();
        (row.device.override_, row.device.reported.map(|reported| (*reported).clone()).unwrap_or_default())
    };
    let (ruling, mine) = known("mine").await;
    assert_eq!((ruling, mine.compromised, mine.encrypted, mine.os.as_str()), (Override::Default, Some(false), None, "17.2"));
    assert!(mine.enrolled_at.is_some() && mine.last_seen.unwrap().rfc3339() == "2026-11-21T21:44:34Z");
    assert_eq!(known("other").await.0, Override::Whitelist);

    let exported = house.admin.config_export(&local()).await.unwrap();
    assert!(!exported.contains("enrolled_at"), "the store keeps it:\n{exported}");
    assert_eq!(applied(&house, &exported).await, Vec::<String>::new(), "what was exported is the site:\n{exported}");
    let other = super::house().await;
    assert_eq!(applied(&other, &exported).await.len(), 5, "and makes it anew:\n{exported}");

    let fewer =
        PHONES.replace("compromised = false", "compromised = true").replace("override = \"whitelist\"\nmodel = \"iPhone15,2\"\n", "");
    assert_eq!(applied(&house, &fewer).await, ["Changed device/bob/mine", "Removed device/bob/other"]);
    assert_eq!(known("mine").await.1.compromised, Some(true));
    assert_eq!(known("other").await, (Override::Default, model::device::Reported::default()));
    assert_eq!(applied(&house, "mobile.policy = []").await.len(), 3);
}

#[tokio::test]
async fn rows_with_keys_go_only_when_that_was_said() {
    let house = house().await;
    let certificate = certificate();
    let partners = format!("[[partner]]\naddress = \"p@partner.example\"\ncertificate = '''\n{certificate}'''\n");
    assert_eq!(applied(&house, &partners).await, ["Added partner/p@partner.example"]);
    assert_eq!(applied(&house, &partners).await, Vec::<String>::new());
    let refused = house.admin.config_apply(&local(), "partner = []", false).await.unwrap_err();
    assert!(matches!(&refused, AdminError::WouldDelete(names) if names == &["partner/p@partner.example"]), "{refused}");
    assert_eq!(Fault::from(refused).code, "would-delete");
    let harvested = Partner { certificates: vec![certificate], ..Partner::new("h@partner.example".parse().unwrap(), "harvested") };
    house.admin.put(&local(), harvested, Expect::New).await.unwrap();
    let gone = house.admin.config_apply(&local(), "partner = []", true).await.unwrap();
    assert_eq!(gone.changes.len(), 1, "what came by mail is not the file's");
    assert!(!house.admin.config_export(&local()).await.unwrap().contains("h@partner.example"));
}

fn certificate() -> String {
    let validity = crypto::pki::issue::Validity { now: Timestamp(super::NOW.0), lifetime: std::time::Duration::from_secs(86_400) };
    crypto::pki::issue::make_ca("P", "P", model::KeyKind::EcP256, validity).unwrap().certificate.pem()
}

#[tokio::test]
async fn faulty_rules_or_templates_change_nothing() {
    let house = house().await;
    applied(&house, SITE).await;
    let refused = house.admin.config_apply(&local(), "template = []", false).await.unwrap_err();
    assert!(matches!(&refused, AdminError::Rules(found) if found[0].message.contains("sorry")), "the rules name it: {refused}");
    assert!(house.admin.show::<Template>(&local(), "sorry").await.is_ok());
    let both = "[[domain]]\nname = \"x.example\"\nforward = \"[127.0.0.1]\"\n[rules]\ntext = \"frobnicate();\"\n";
    assert!(house.admin.config_apply(&local(), both, false).await.is_err());
    assert!(house.admin.show::<Domain>(&local(), "x.example").await.is_err(), "all or nothing");
}

fn said(text: &str) -> String {
    match config::check(text) {
        Err(AdminError::Site(found)) => found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
        Err(other) => other.to_string(),
        Ok(_) => "fine".to_owned(),
    }
}

#[test]
fn every_fault_is_named_with_its_place() {
    assert_eq!(said(SITE), "fine");
    assert_eq!(said("[mail]\nhostnam = \"x\"\n"), "line 2, column 1: unknown key mail.hostnam; did you mean hostname?");
    assert_eq!(said("[mail]\n  pop3_every = \"3m\"\n"), "line 2, column 3: not available yet: mail.pop3_every");
    assert!(said("[[tls]]\ndomain = \"x.example\"\n").contains("missing field `level`"));
    assert!(said("[[webmail_profile]]\nname = \"x\"\n").contains("not available yet: webmail_profile"));
    assert_eq!(said("[domian]\n"), "line 1, column 2: unknown key domian; did you mean domain?");
    assert_eq!(said("[rules.generator]\nnew_user_smime = true\n"), "line 2, column 1: not available yet: rules.generator.new_user_smime");
    assert!(said("[rules.generator]\nout_encrypt_tga = 'x'\n").ends_with("did you mean `out_encrypt_tag`?"));
    assert!(said("[rules]\ngenerator = true\ncustom_incoming = '}'\n").starts_with("line 3, column 1: custom_incoming:1:1"));
    assert!(said("[mail]\nexpire = \"5 weeks\"\n").starts_with("line 2, column 10: mail: \"5 weeks\" is no duration"));
    assert!(said("[mail]\nmax_recipients = \"many\"\n").starts_with("line 2, column 18: mail: invalid type"));
    assert!(said("[mail]\nsmart_host = \"192.0.2.1\"\n").contains("mail.smart_host: an address is written in brackets"));
    assert!(said("[[domain]]\nname = \"a.example\"\n").contains("domain[1]: missing field `forward`"));
    assert!(said("[mail]\nhosts = [{ ip = \"192.0.2.1\", name = \"a b\" }]\n").contains("mail.hosts: expected a host name"));
    assert!(
        said("[[user]]\naddress = \"A@x.example\"\n[[user]]\naddress = \"a@X.example\"\n").contains("line 3"),
        "two spellings, one key"
    );
    assert!(said("domain = 1\n").contains("expected a list of tables"));
    assert!(said("[mail\n").starts_with("line 1, column"));
    assert!(said("[[mobile.policy]]\ntype = \"user\"\nrows = [{ action = \"block\" }]\n").contains("only classification has it"));
    assert!(said("[[mobile.gateway]]\nid = \"x\"\nnotice_mailbox = true\n").contains("not available yet: mobile.gateway.notice_mailbox"));
    assert!(said("[[device]]\nid = \"../x\"\nuser = \"bob\"\n").contains("expected the device's id"));
    assert!(said("[[partner]]\naddress = \"p@partner.example\"\ncertificate = \"none\"\n").contains("partner.certificate"));
    assert!(said("[rules]\n").contains("expected generator = true"));
    assert!(said("[rules]\nfile = \"own.rules\"\n").contains("rules.text"));
    let two = said("[mail]\nx = 1\n[[domain]]\ny = 2\n");
    assert!(two.contains("mail.x") && two.contains("domain.y"), "all faults at once: {two}");
}

#[test]
fn rule_files_are_sent_along() {
    let text = "[rules]\nfile = \"own.rules\" # mine\n\n[mail]\nhostname = \"a.example\"\n";
    let whole = site_file::inline_files(text, &|name| {
        assert_eq!(name, "own.rules");
        Ok("log(1, 'quotes \" and '' \\\n');\ndeliver();\n".as_bytes().to_vec())
    });
    let whole = whole.unwrap();
    let file = site_file::read(&whole).unwrap_or_else(|found| panic!("{whole}\n{}", found[0]));
    assert_eq!(file.rules.unwrap().text, "log(1, 'quotes \" and '' \\\n');\ndeliver();\n");
    assert_eq!(file.mail.unwrap().hostname, "a.example");
    let missing = site_file::inline_files(text, &|_| Err("no such file".into())).unwrap_err();
    assert_eq!(missing[0].to_string(), "line 2, column 1: rules.file: own.rules can't be read: no such file");
    assert_eq!(site_file::inline_files("[mail]\n", &|_| unreachable!()).unwrap(), "[mail]\n");
    let text = "[[file]]\nname = \"logo.png\"\npath = \"/tmp/logo\"\n\n[[file]]\npath = \"b\" # two\nname = \"b\"\n";
    let whole = site_file::inline_files(text, &|name| Ok(name.as_bytes().to_vec())).unwrap();
    let files = site_file::read(&whole).unwrap_or_else(|found| panic!("{whole}\n{}", found[0])).files.unwrap();
    assert_eq!((files["logo.png"].content.as_slice(), files["b"].content.as_slice()), (b"/tmp/logo".as_slice(), b"b".as_slice()));
    assert!(site_file::read(text).unwrap_err()[0].message.contains("content"), "no path is read on the node");
}

#[test]
fn m_r5_disclaimers_files_and_groups_are_parts_of_the_site_file() {
    let text = "[[disclaimer]]\nname = \"legal\"\ntext = \"We are $from.\"\n[[domain]]\nname = \"a.example\"\nforward = \"[::1]\"\ndisclaimer = \"legal\"\n\
        [[group]]\nname = \"sales\"\nmembers = [\"ann@a.example\"]\n[[user]]\naddress = \"bob@a.example\"\ngroups = [\"sales\"]\nattributes = { title = \"Dr\" }\n\
        [rules]\ntext = \"disclaimer('legal'); if (member_of('sales')) { log(1, 'x'); }\"\n";
    let file = admin::config::check(text).unwrap();
    assert_eq!((file.disclaimers.unwrap().len(), file.groups.unwrap().len(), file.users.unwrap().len()), (1, 1, 1));
    let said = |text: &str| format!("{:?}", admin::config::check(text).unwrap_err());
    assert!(said(&text.replace("'legal'", "'legol'")).contains("did you mean 'legal'"));
    assert!(said(&text.replace("'sales'", "'salse'")).contains("did you mean 'sales'"));
    assert!(said(&text.replace("disclaimer = \"legal\"", "disclaimer = \"other\"")).contains("domain.disclaimer"));
    assert!(said(&text.replace("title", "tilte")).contains("user.attributes"));
}

#[test]
fn m_t2_several_names_are_several_domains() {
    let file = site_file::read("[[domain]]\nname = \"a.example  b.example\"\nforward = \"[::1]\"\ntls = \"secure\"\n").unwrap();
    let domains = file.domains.unwrap();
    assert_eq!(domains.keys().map(String::as_str).collect::<Vec<_>>(), ["a.example", "b.example"]);
    assert!(domains.values().all(|domain| domain.tls == "secure" && !domain.name.contains(' ')));
    let twice = site_file::read("[[domain]]\nname = \"a.example A.example\"\nforward = \"[::1]\"\n").unwrap_err();
    assert!(twice[0].to_string().contains("already one"), "{}", twice[0]);
}

#[test]
fn the_key_tables_know_every_field_of_the_records() {
    use admin::site_file::keys;
    let fields = |json: serde_json::Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let check = |table: &keys::Table, json: serde_json::Value, beside: &[&str]| {
        for field in fields(json) {
            assert!(table.built.contains(&field.as_str()) || beside.contains(&field.as_str()), "{}.{field}", table.name);
        }
    };
    check(&keys::MAIL, serde_json::to_value(MailSettings::default()).unwrap(), &[]);
    let domain = Domain {
        name: String::new(),
        forward: String::new(),
        tls: String::new(),
        fingerprints: vec![String::new()],
        language: Some(model::Language::De),
        disclaimer: "[default]".into(),
        dkim_selector: "s".into(),
        dkim_key: "off".into(),
    };
    check(&keys::DOMAIN, serde_json::to_value(domain).unwrap(), &[]);
    let source: Source = serde_json::from_str(r#"{"network":"10.0.0.0/8"}"#).unwrap();
    check(&keys::SOURCE, serde_json::to_value(source).unwrap(), &[]);
    let tls = r#"{"domain":"a.example","server":"b","level":"may","fingerprints":[""]}"#;
    check(&keys::TLS, serde_json::to_value(serde_json::from_str::<TlsDestination>(tls).unwrap()).unwrap(), &[]);
    let user: User = serde_json::from_str(r#"{"address":"a@b.example"}"#).unwrap();
    check(&keys::USER, serde_json::to_value(user).unwrap(), &[]);
    let gateway: model::site::MobileGateway = serde_json::from_str(r#"{"id":"g","mail_server":"https://x"}"#).unwrap();
    check(&keys::GATEWAY, serde_json::to_value(gateway).unwrap(), &[]);
    check(&keys::MOBILE, serde_json::to_value(model::site::MobileSettings::default()).unwrap(), &[]);
    check(&keys::PROTECTION, serde_json::to_value(model::site::ProtectionSettings::default()).unwrap(), &[]);
}
