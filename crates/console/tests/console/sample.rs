//! Made-up data for every page: usual, hostile, empty. Used by the tests and by `examples/preview.rs`.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, reason = "each user takes a part; tests")]

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use console::view::*;
use model::device::Reported;
use model::{Actor, Counter, EngineState, Fault, FixedClock, Language, SecretText, Timestamp};
use store::devices::Class;
use web::caller::AccountState;
use web::{Caller, Failed, Identity, Kit, KitParts, SessionSettings};

pub const EVIL: &str = "<script>alert('x')</script>\"><img src=x onerror=y>\r\n\u{202e}";
pub const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

struct Nobody;

#[async_trait]
impl Identity for Nobody {
    async fn account(&self, _: &str) -> Result<Option<AccountState>, Fault> {
        Ok(None)
    }
    async fn token(&self, _: &SecretText, _: std::net::IpAddr) -> Result<Option<Actor>, Fault> {
        Ok(None)
    }
}

pub fn kit() -> Kit {
    Kit::new(KitParts {
        templates: console::pages::templates(),
        navigation: console::navigation::ENTRIES,
        identity: Arc::new(Nobody),
        clock: Arc::new(FixedClock::new(NOW)),
        sessions: SessionSettings::default(),
    })
    .unwrap()
}

pub fn caller(language: Language) -> Caller {
    Caller::local(language)
}

pub async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub struct Sample {
    pub home: Home,
    pub queue: Page<QueueItem>,
    pub devices: DeviceList,
    pub decisions: Vec<DecisionItem>,
    pub transactions: Vec<TransactionItem>,
    pub diagnosed: Vec<DiagnosedItem>,
    pub mobile: Mobile,
    pub policies: Vec<PolicyItem>,
    pub gateways: Vec<model::site::MobileGateway>,
    pub gateway_state: GatewayState,
    pub steps: Vec<console::pages::gateways::Shown>,
    pub domains: Page<DomainItem>,
    pub users: Page<UserItem>,
    pub rules: Rules,
    pub audit: Page<AuditItem>,
    pub log: LogPage,
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 - seconds * 1_000_000)
}

impl Sample {
    pub fn usual() -> Self {
        let counts = [18_204, 9_377, 1_243, 2_906, 7_411, 1_102, 37, 12];
        let hours = (0..24).map(|h: i64| (format!("{:02}", (h + 21) % 24), 40 + (h * 37) % 190 + h * 6, 20 + (h * 53) % 90)).collect();
        Self {
            home: Home {
                troubles: Vec::new(),
                node: "01jd8p2kq3v7".into(),
                hostname: "mail.company.example".into(),
                version: "0.1.0".into(),
                uptime: 286_400,
                users_active: 12,
                counts: Counter::ALL.into_iter().zip(counts).collect(),
                queue_length: 7,
                queue_oldest: ago(1_260),
                devices_allowed: 1_284,
                devices_blocked: 43,
                engines: vec![
                    EngineState {
                        name: "clamd",
                        place: "127.0.0.1:3310".into(),
                        up: true,
                        version: "ClamAV 1.4.6, 27820".into(),
                        data_made: ago(3 * 86_400),
                        asked: ago(10),
                        cause: String::new(),
                    },
                    EngineState {
                        name: "rspamd",
                        place: "http://127.0.0.1:11333".into(),
                        up: false,
                        version: String::new(),
                        data_made: Timestamp(0),
                        asked: ago(10),
                        cause: "refused".into(),
                    },
                ],
                hours,
            },
            queue: Page { items: queue(), here: Some("x".into()), next: Some("01jd8p2kq3v7".into()) },
            devices: device_list(),
            decisions: decisions(),
            transactions: transactions(),
            diagnosed: vec![DiagnosedItem { user: "anna.meier".into(), id: "applf17k3zq1n70x".into(), since: ago(7_200), kept: 42 }],
            mobile: mobile(),
            policies: policies(),
            gateways: gateways(),
            gateway_state: GatewayState { ready: Some(true), certificate_ends: Some(ago(-9_000_000)) },
            steps: steps(),
            domains: Page { items: vec![
                DomainItem { name: "company.example".into(), forward: "[192.0.2.10]:25".into(), tls: "may".into(), language: "de".into(), dkim: "s1".into() },
                DomainItem { name: "bücher.example".into(), forward: "[mail.bücher.example]".into(), tls: "none".into(), language: String::new(), dkim: String::new() },
            ], ..Page::default() },
            users: Page {
                items: ["Anna Meier", "Bruno Rossi", "Chloé Dubois"]
                    .iter()
                    .enumerate()
                    .map(|(n, name)| UserItem {
                        address: format!("{}@company.example", name.to_lowercase().replace(' ', ".")),
                        name: (*name).into(),
                        smime_keys: n as i64,
                        active: n != 2,
                    })
                    .collect(),
                ..Page::default()
            },
            rules: Rules {
                text: "# Incoming mail\nif (incoming()) {\n\tif (smime_decrypt()) {\n\t\ttag_subject(\"[secure]\");\n\t}\n\tverify_signature();\n\tdeliver();\n}\n".into(),
                generated: true,
                left_out: vec!["virus_check".into(), "archive_to".into()],
            },
            audit: Page { items: audit(), here: None, next: None },
            log: log(),
        }
    }

    /// The same, but every text is an attack.
    pub fn hostile() -> Self {
        let mut all = Self::usual();
        all.home.hostname = EVIL.into();
        all.home.node = EVIL.into();
        all.home.hours[0].0 = EVIL.into();
        all.home.troubles = vec![
            Trouble::QueueOld(9_999),
            Trouble::StoreAway,
            Trouble::NoDomain,
            Trouble::TestMode,
            Trouble::ScannerDown(EVIL.into()),
            Trouble::ScannerOld(EVIL.into(), 200_000),
        ];
        all.home.engines[0].version = EVIL.into();
        for item in &mut all.queue.items {
            (item.from, item.to, item.last_error, item.id) = (EVIL.into(), vec![EVIL.into(); 9], EVIL.into(), EVIL.into());
        }
        all.queue.next = Some(EVIL.into());
        for item in &mut all.devices.page.items {
            (item.user, item.agent, item.device_type, item.reason) = (EVIL.into(), EVIL.into(), EVIL.into(), EVIL.into());
            (item.gateway, item.client, item.state_command, item.node) = (EVIL.into(), EVIL.into(), EVIL.into(), EVIL.into());
            (item.reported.friendly_name, item.reported.phone, item.reported.labels) = (EVIL.into(), EVIL.into(), vec![EVIL.into()]);
        }
        all.devices.page.next = Some(EVIL.into());
        all.devices.detailed = true;
        all.devices.gateways = vec![(EVIL.into(), EVIL.into())];
        all.devices.query.search = EVIL.into();
        all.devices.query.reason = EVIL.into();
        for one in &mut all.decisions {
            (one.reason, one.command, one.gateway, one.client) = (EVIL.into(), EVIL.into(), EVIL.into(), EVIL.into());
        }
        for one in &mut all.transactions {
            (one.reason, one.command, one.gateway, one.client) = (EVIL.into(), EVIL.into(), EVIL.into(), EVIL.into());
        }
        for one in &mut all.diagnosed {
            (one.user, one.id) = (EVIL.into(), EVIL.into());
        }
        all.mobile.gateways = vec![(EVIL.into(), EVIL.into())];
        all.mobile.classes[1].0.reason = EVIL.into();
        all.mobile.classes[1].0.gateway = EVIL.into();
        all.mobile.run_failed = EVIL.into();
        for one in &mut all.gateways {
            (one.name, one.external_url, one.mail_server) = (EVIL.into(), EVIL.into(), EVIL.into());
            (one.webmail_paths, one.blocked_text, one.proxy_mail.url) = (vec![EVIL.into()], EVIL.into(), EVIL.into());
            one.profiles.iter_mut().for_each(|profile| profile.profile = EVIL.into());
        }
        for one in &mut all.steps {
            (one.target, one.said, one.cause) = (EVIL.into(), EVIL.into(), EVIL.into());
        }
        for one in &mut all.policies {
            (one.key, one.labels, one.gateways, one.list) = (EVIL.into(), vec![EVIL.into()], vec![EVIL.into()], vec![EVIL.into(); 5]);
        }
        all.domains.items[0].name = EVIL.into();
        all.domains.items[0].forward = EVIL.into();
        all.users.items[0].name = EVIL.into();
        all.rules.text = EVIL.into();
        all.rules.left_out = vec![EVIL.into()];
        all.audit.items[0].after = EVIL.repeat(20);
        all.audit.items[0].who = EVIL.into();
        (all.log.words, all.log.outcome, all.log.damaged) = (EVIL.into(), EVIL.into(), vec![EVIL.into()]);
        for story in &mut all.log.stories {
            (story.trace, story.from, story.message_id, story.reason) = (EVIL.into(), EVIL.into(), EVIL.into(), EVIL.into());
            (story.peer, story.subject) = (EVIL.into(), Some(EVIL.into()));
            story.recipients.iter_mut().for_each(|one| (one.address, one.reply) = (EVIL.into(), EVIL.into()));
            for event in story.events.iter_mut().flatten() {
                event.insert(EVIL.into(), EVIL.into());
            }
        }
        all
    }

    pub fn empty() -> Self {
        Self {
            home: Home::default(),
            queue: Page { items: Vec::new(), ..Page::default() },
            devices: DeviceList::default(),
            decisions: Vec::new(),
            transactions: Vec::new(),
            diagnosed: Vec::new(),
            mobile: Mobile::default(),
            policies: Vec::new(),
            gateways: Vec::new(),
            gateway_state: GatewayState::default(),
            steps: Vec::new(),
            domains: Page::default(),
            users: Page::default(),
            rules: Rules::default(),
            audit: Page::default(),
            log: LogPage { in_time: true, ..LogPage::default() },
        }
    }

    pub fn draw_all(&self, kit: &Kit, language: Language) -> Vec<(&'static str, Result<Response, Failed>)> {
        use console::pages;
        let caller = &caller(language);
        let (item, device) =
            (self.queue.items.first().cloned().unwrap_or_default(), self.devices.page.items.first().cloned().unwrap_or_default());
        let gateway = self.gateways.first().cloned().unwrap_or_default();
        let by_user = DeviceList { users: Some(users_of(&self.devices)), ..self.devices.clone() };
        let detailed = DeviceList { detailed: true, ..self.devices.clone() };
        let policy = self.policies.iter().find(|one| one.kind == "os").cloned().unwrap_or_default();
        let mut all = vec![
            ("home", pages::home::draw(kit, caller, &self.home)),
            ("queue", pages::queue::draw_list(kit, caller, &self.queue, "bob@partner.example")),
            ("queue-item", pages::queue::draw_item(kit, caller, &item)),
            ("mobile", pages::mobile::draw(kit, caller, &self.mobile)),
            ("orders-confirm", pages::devices::draw_confirm_all(kit, caller, store::devices::Ordered::Resync)),
            ("orders-confirm", pages::devices::draw_confirm_all(kit, caller, store::devices::Ordered::Key)),
            ("compliance-confirm", pages::mobile::draw_confirm(kit, caller, &device.user)),
            ("devices", pages::devices::draw_list(kit, caller, &self.devices)),
            ("devices-detailed", pages::devices::draw_list(kit, caller, &detailed)),
            ("devices-users", pages::devices::draw_list(kit, caller, &by_user)),
            ("device", pages::devices::draw_item(kit, caller, &device, (&self.decisions, &self.transactions), true)),
            ("diagnostics", pages::diagnostics::draw(kit, caller, &self.diagnosed, false)),
            ("gateways", pages::gateways::draw_list(kit, caller, &self.gateways, &self.gateway_state)),
            ("gateway", pages::gateways::draw_edit(kit, caller, &gateway, (1, pages::gateways::Part::Basic), None)),
            ("gateway-advanced", pages::gateways::draw_edit(kit, caller, &gateway, (1, pages::gateways::Part::Advanced), None)),
            ("gateway-profiles", pages::gateways::draw_profiles(kit, caller, &gateway, 1, None)),
            ("gateway-test", pages::gateways::draw_test(kit, caller, &gateway, Some(&self.steps))),
            ("gateway-untested", pages::gateways::draw_test(kit, caller, &gateway, None)),
            ("policies", pages::policies::draw_list(kit, caller, &self.policies, &closed())),
            ("policy", pages::policies::draw_edit(kit, caller, &policy, None)),
            ("policy-confirm", pages::policies::draw_switch(kit, caller, &policy, true)),
            ("domains", pages::site::draw_domains(kit, caller, &self.domains)),
            ("users", pages::site::draw_users(kit, caller, &self.users)),
            ("rules", pages::rules::draw(kit, caller, &self.rules)),
            ("audit", pages::audit::draw(kit, caller, &self.audit)),
            ("log", pages::log::draw_list(kit, caller, &self.log)),
            ("log-story", pages::log::draw_story(kit, caller, &self.log.stories.first().cloned().unwrap_or_default())),
            ("sign-in", pages::account::draw_sign_in(kit, language, "t", "/", "admin", "")),
            ("password", pages::account::draw_password(kit, caller, None)),
        ];
        all.extend(pages::queue::Act::ALL.map(|act| ("queue-confirm", pages::queue::draw_confirm(kit, caller, &item, act))));
        all.extend(pages::gateways::Step::ALL.map(|step| {
            let tested = (step == pages::gateways::Step::Summary).then_some(&self.steps[..]);
            ("gateway-wizard", pages::gateways::draw_wizard(kit, caller, &gateway, (step, pages::gateways::Step::Summary), (None, tested)))
        }));
        all.extend(pages::gateways::Act::ALL.map(|act| ("gateway-confirm", pages::gateways::draw_confirm(kit, caller, &gateway, 1, act))));
        let many = [vec![device.clone()], vec![device; 25]];
        for items in &many {
            all.extend(pages::devices::Act::ALL.map(|act| ("device-confirm", pages::devices::draw_confirm(kit, caller, items, act))));
        }
        all
    }
}

/// As a search gives it: from lines.
fn log() -> LogPage {
    let story = |n: u32, lines: &[&str]| {
        let mut story = logs::Story::of(&format!("01jd8p2kq3v7xwhz4e5n6t8r0{n}"));
        for line in lines {
            let text = format!("{{\"timestamp\":\"2026-11-21T21:44:3{n}.120Z\",\"level\":\"INFO\",{line}}}");
            story.add(logs::line::Line::parse(text.as_bytes()).unwrap());
        }
        story.finish(true)
    };
    let accepted = r#""event":"mail.accepted","peer":"192.0.2.10","from":"anna.meier@company.example","to":"bob@partner.example, eva@other.example","size":4820,"message_id":"17@company.example""#;
    LogPage {
        stories: vec![
            story(1, &[accepted, r#""event":"mail.delivered","to":"bob@partner.example","reply":"250 2.0.0 Ok: queued as 4Xq1","ms":312"#]),
            story(2, &[accepted, r#""event":"mail.deferred","to":"eva@other.example","reply":"451 4.7.1 try again later","wait":300"#]),
            story(
                3,
                &[
                    r#""event":"mail.refused","peer":"198.51.100.9","from":"x@elsewhere.example","to":"y@other.example","code":"relay-denied","cause":"198.51.100.9 may not send to other.example""#,
                ],
            ),
        ],
        words: "anna.meier@company.example".into(),
        outcome: "deferred".into(),
        here: None,
        next: Some("12.3.4567".into()),
        in_time: false,
        damaged: vec!["story-0000000003-20261121T000000Z.jsonl.zst: a damaged story archive".into()],
    }
}

fn queue() -> Vec<QueueItem> {
    let item = |n: i64, from: &str, to: &[&str], tries, error: &str, held| QueueItem {
        id: format!("01jd8p2kq3v7xw{n}"),
        trace: format!("01jd8p2kq3v7xwhz4e5n6t8r0{n}"),
        from: from.into(),
        to: to.iter().map(|one| (*one).to_owned()).collect(),
        size: 4_200 * (n as u64 + 1) * (n as u64 + 7),
        created: ago(1_260 - n * 60),
        next_try: ago(-300 * n),
        tries,
        last_error: error.into(),
        held,
    };
    vec![
        item(
            1,
            "anna.meier@company.example",
            &["bob@partner.example"],
            3,
            "451 4.7.1 try again later (mx.partner.example [198.51.100.7])",
            false,
        ),
        item(2, "", &["chloe@other.example"], 0, "", false),
        item(
            3,
            "bruno.rossi@company.example",
            &["a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"],
            1,
            "connection refused",
            true,
        ),
    ]
}

fn devices() -> Vec<DeviceItem> {
    let item = |user: &str, id: &str, kind: &str, ruling: &str, allowed: Option<bool>, reason: &str| DeviceItem {
        id: id.into(),
        user: user.into(),
        ruling: ruling.into(),
        device_type: kind.into(),
        agent: format!("Apple-{kind}/2203.62"),
        first_seen: ago(9_000_000),
        last_seen: allowed.map_or(Timestamp(0), |_| ago(75)),
        last_command: "Ping".into(),
        allowed,
        reason: reason.into(),
        state_command: allowed.map_or("", |_| "Provision").into(),
        state_since: allowed.map_or(Timestamp(0), |_| ago(86_400)),
        gateway: "west".into(),
        node: "01jd8p2kq3v7".into(),
        client: "192.0.2.77".into(),
        resync_ordered: ago(3_600),
        key_renewed: Timestamp(0),
        reported: Reported {
            managed: user != "daniel",
            enrolled: user != "daniel",
            compromised: Some(false),
            encrypted: allowed,
            platform: "ios".into(),
            model: "iPhone15,2".into(),
            os: "17.2".into(),
            phone: "+41 79 555 01 23".into(),
            imei: "352099001761481".into(),
            friendly_name: format!("Telefon von {user}"),
            address: format!("{user}@company.example"),
            labels: vec!["sales".into(), "zurich".into()],
            last_seen: Some(ago(3_600)),
            ..Reported::default()
        },
        diagnosed: if user == "anna.meier" { ago(7_200) } else { Timestamp(0) },
        version: 1,
    };
    vec![
        item("anna.meier", "applf17k3zq1n70x", "iPhone", "default", Some(true), "compliant"),
        item("bruno.rossi", "android1627384950", "Android", "blacklist", Some(false), "blacklisted"),
        item("chloe.dubois", "applf2lx88p9n70x", "iPad", "whitelist", Some(true), "whitelisted"),
        item("daniel", "windowsmail5d2f", "WindowsMail", "default", Some(false), "eas_device_type"),
        item("emil", "applf77", "iPhone", "default", Some(true), "test_mode:os"),
        item("eva", "applf99", "", "whitelist", None, ""),
    ]
}

fn device_list() -> DeviceList {
    DeviceList {
        page: Page { items: devices(), here: None, next: Some("hans/abc".into()) },
        total: Some(12_345),
        gateways: vec![("west".into(), "Zürich".into()), ("east".into(), String::new())],
        test_mode: true,
        ..DeviceList::default()
    }
}

fn users_of(list: &DeviceList) -> Page<UserDevices> {
    let user = |item: &DeviceItem| UserDevices {
        user: item.user.clone(),
        devices: 3,
        managed: 1,
        allowed: 2,
        blocked: 1,
        last_seen: item.last_seen,
    };
    Page { items: list.page.items.iter().map(user).collect(), here: list.page.here.clone(), next: list.page.next.clone() }
}

fn decisions() -> Vec<DecisionItem> {
    let one = |at: i64, allowed: bool, reason: &str, command: &str| DecisionItem {
        at: ago(at),
        allowed,
        reason: reason.into(),
        command: command.into(),
        gateway: "west".into(),
        client: "192.0.2.77".into(),
    };
    vec![one(60, true, "compliant", "Sync"), one(7_000, false, "not_enrolled", "Ping"), one(90_000, false, "blacklisted", "")]
}

fn transactions() -> Vec<TransactionItem> {
    let one = |at: i64, command: &str, status: i64, whole: bool| TransactionItem {
        at: ago(at),
        command: command.into(),
        allowed: status != 403,
        reason: if status == 403 { "blacklisted" } else { "compliant" }.into(),
        status,
        took: 3_540_012,
        received: (status != 0).then_some(28),
        sent: 16,
        whole,
        gateway: "west".into(),
        client: "192.0.2.77".into(),
    };
    vec![
        one(60, "Ping 16.1", 200, true),
        one(4_000, "Sync 16.1", 200, false),
        one(5_000, "Ping 16.1", 0, false),
        one(9_000, "Find", 403, true),
    ]
}

fn mobile() -> Mobile {
    let class = |gateway: &str, managed: bool, ruling: &str, allowed: Option<bool>, reason: &str, amount: i64| {
        (Class { gateway: gateway.into(), managed, ruling: ruling.into(), allowed, reason: reason.into() }, amount)
    };
    Mobile {
        classes: vec![
            class("west", true, "default", Some(true), "compliant", 8_412),
            class("west", false, "default", Some(false), "not_managed", 1_204),
            class("east", true, "default", Some(false), "os", 377),
            class("east", true, "whitelist", Some(true), "whitelisted", 41),
            class("west", false, "blacklist", Some(false), "blacklisted", 12),
            class("east", true, "default", Some(true), "inactive", 96),
            class("", true, "default", None, "", 230),
        ],
        gateways: vec![("west".into(), "Zürich".into()), ("east".into(), String::new())],
        test_mode: true,
        runs: 1,
        run_failed: "the store is away".into(),
    }
}

fn steps() -> Vec<console::pages::gateways::Shown> {
    let one = |way: &str, target: &str, ok: bool, said: &str, cause: &str| console::pages::gateways::Shown {
        way: way.into(),
        target: target.into(),
        ok,
        said: said.into(),
        cause: cause.into(),
        ms: 42,
    };
    vec![
        one("store", "", true, "1204", ""),
        one("gateway", "01jd8p2kq3v7", true, "1204", ""),
        one("node", "mobile2", false, "The node mobile2 has not said since 2026-11-20T01:00:00Z that it is there.", "last heard of"),
        one("mail-server", "https://mail1.company.example", true, "Basic, Bearer", ""),
        one("mail-server", "https://mail2.company.example", false, "The mail server can't be reached.", "connection refused"),
    ]
}

fn gateways() -> Vec<model::site::MobileGateway> {
    let west = model::site::MobileGateway {
        id: "west".into(),
        name: "Zürich".into(),
        external_url: "https://mobile.company.example".into(),
        mail_server: "https://mail1.company.example https://mail2.company.example".into(),
        trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()],
        profiles: model::site::PROFILE_PAIRS
            .into_iter()
            .take(2)
            .map(|(platform, client)| model::site::DeviceProfile {
                platform: platform.into(),
                client: client.into(),
                profile: "Post von {user}".into(),
                assignment: model::site::Assignment::Optional,
            })
            .collect(),
        ..model::site::MobileGateway::default()
    };
    let east =
        model::site::MobileGateway { id: "east".into(), enabled: false, verify_tls_mail: false, name: String::new(), ..west.clone() };
    vec![west, east]
}

fn policies() -> Vec<PolicyItem> {
    let kinds = model::site::PolicyKind::ALL.into_iter().filter(|kind| !kind.is_of_content());
    kinds
        .enumerate()
        .map(|(n, kind)| PolicyItem {
            key: kind.word().into(),
            kind: kind.word().into(),
            enabled: n % 3 == 0,
            strict: n % 4 == 0,
            labels: if n == 5 { vec!["sales".into()] } else { Vec::new() },
            gateways: if n == 6 { vec!["west".into()] } else { Vec::new() },
            days: (kind.word() == "inactivity").then_some(30),
            blocks_listed: kind.has_list().then_some(n % 2 == 0),
            list: if kind.has_list() { ["ios: 16.4 - 17", "android:", "b", "c"].map(str::to_owned).into() } else { Vec::new() },
            link_mode: (kind.word() == "hyperlinks").then_some(model::site::content::LinkMode::Include),
            domains: if kind.word() == "hyperlinks" { vec!["intra.example".into()] } else { Vec::new() },
            would_block: (n != 4).then_some(n as u64 * 431),
            version: 1,
        })
        .collect()
}

fn audit() -> Vec<AuditItem> {
    vec![
        AuditItem {
            at: ago(400),
            who: "admin".into(),
            what: "device/bruno.rossi/android1627384950".into(),
            before: r#"{"override":"default"}"#.into(),
            after: r#"{"override":"blacklist"}"#.into(),
        },
        AuditItem {
            at: ago(90_000),
            who: "local administrator".into(),
            what: "domain/company.example".into(),
            before: String::new(),
            after: r#"{"name":"company.example","forward":"[192.0.2.10]:25","tls":"may","language":"de"}"#.into(),
        },
    ]
}

/// Test mode, and somebody else has closed access for all.
fn closed() -> model::site::MobileSettings {
    model::site::MobileSettings { test_mode: true, external_block: true }
}
