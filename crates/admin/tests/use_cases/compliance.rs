//! The compliance engine: judged at once with a change of one device, by a job for many; and how many each policy would block.

use admin::compliance::{Run, Whom};
use admin::devices::DeviceName;
use admin::{Admin, Expect};
use model::Timestamp;
use model::device::{Decision, DeviceId, Override, Reason, Reported, Sighting};
use model::site::{MobilePolicy, PolicyKind};

use super::{House, NOW, house, local};

fn sighting(user: &str, device: &str, kind: &str, gateway: &str) -> Sighting {
    Sighting {
        device: DeviceId::parse(device).unwrap(),
        user: user.into(),
        device_type: kind.into(),
        agent: "Apple/1".into(),
        command: "Sync".into(),
        at: Timestamp(NOW.0 - 1_000),
        decision: Decision { allowed: true, reason: Reason::Compliant },
        gateway: gateway.into(),
        client: "192.0.2.9".into(),
    }
}

async fn see(house: &House, sightings: Vec<Sighting>) {
    house.store.write(move |tx| Box::pin(async move { store::devices::see(tx, &sightings).await })).await.unwrap();
}

fn name(user: &str, device: &str) -> DeviceName {
    DeviceName::parse(user, device).unwrap()
}

async fn code(admin: &Admin, user: &str, device: &str) -> String {
    let row = admin.device(&local(), &name(user, device)).await.unwrap();
    format!("{:?} {}", row.last_allowed, row.code())
}

async fn policy(admin: &Admin, toml: &str) {
    let policy: MobilePolicy = toml::from_str(toml).unwrap();
    admin.put(&local(), policy, Expect::Any).await.unwrap();
}

#[tokio::test]
async fn g_13_a_change_of_one_device_is_judged_with_it() {
    let house = house().await;
    let admin = &house.admin;
    policy(admin, "type = 'managed_device'\nenabled = true").await;
    see(&house, vec![sighting("bob", "a1", "iPhone", "west")]).await;
    assert_eq!(code(admin, "bob", "a1").await, "Some(true) compliant", "as its latest request was judged");
    let enrolled = Reported { managed: true, enrolled: true, ..Reported::default() };
    admin.report_device(&local(), name("bob", "a1"), Reported { enrolled: false, ..enrolled.clone() }, Expect::Any).await.unwrap();
    assert_eq!(code(admin, "bob", "a1").await, "Some(false) not_enrolled", "un-enrolled");
    admin.report_device(&local(), name("bob", "a1"), enrolled, Expect::Any).await.unwrap();
    assert_eq!(code(admin, "bob", "a1").await, "Some(true) compliant", "enrolled");
    admin.rule_devices(&local(), vec![name("bob", "a1"), name("eve", "x1")], Override::Blacklist, Expect::Any).await.unwrap();
    assert_eq!(code(admin, "bob", "a1").await, "Some(false) blacklisted", "ruled");
    assert_eq!(code(admin, "eve", "x1").await, "None ", "one that nobody has seen has asked for nothing");
    let told: Vec<_> = admin.device_decisions(&local(), &name("bob", "a1"), 10).await.unwrap().into_iter().map(|one| one.reason).collect();
    // The clock of this house stands still: what was decided at one moment is noted once.
    assert_eq!(told, ["not_enrolled", "compliant"]);
    let tally = admin.device_tally(&local()).await.unwrap();
    assert_eq!((tally.allowed, tally.blocked, tally.unseen), (0, 1, 1), "the counts have moved with it");
}

#[tokio::test]
async fn g_13_many_are_judged_by_a_job_that_survives_its_node() {
    let house = house().await;
    let admin = &house.admin;
    let many: Vec<_> = (0..1_500).map(|n| sighting(&format!("user{n:04}"), "d1", "iPhone", "west")).collect();
    see(&house, many).await;
    see(&house, vec![sighting("anna", "e1", "iPad", "east"), sighting("anna", "e2", "iPhone", "east")]).await;
    policy(admin, "type = 'eas_device_type'\nenabled = true\naction = 'block'\nlist = ['iPad']").await;
    assert_eq!(admin.compliance_work().await.unwrap(), 0, "nothing is ordered");
    assert_eq!(admin.compliance_run(&local(), &Whom::All).await.unwrap(), Run::Ordered);
    assert_eq!(admin.compliance_run(&local(), &Whom::All).await.unwrap(), Run::Ordered, "twice is once");
    let waiting = admin.compliance_state(&local()).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].failed), (1, false));
    // A node that has not given the order does it.
    let other = Admin::new(house.parts());
    assert_eq!(other.compliance_work().await.unwrap(), 1);
    assert_eq!(code(admin, "anna", "e1").await, "Some(false) eas_device_type");
    assert_eq!(code(admin, "user1499", "d1").await, "Some(true) compliant");
    assert!(admin.compliance_state(&local()).await.unwrap().is_empty(), "done");
    let log = house.log().await;
    assert!(log.iter().any(|line| line.contains("compliance/all")), "{log:?}");
}

#[tokio::test]
async fn g_13_one_configuration_alone_and_chosen_devices() {
    let house = house().await;
    let admin = &house.admin;
    see(
        &house,
        vec![sighting("anna", "w1", "iPad", "west"), sighting("anna", "e1", "iPad", "east"), sighting("bob", "e2", "iPad", "east")],
    )
    .await;
    policy(admin, "type = 'eas_device_type'\nenabled = true\naction = 'block'\nlist = ['iPad']").await;
    let whom = Whom::Gateway("east".into());
    assert_eq!(admin.compliance_run(&local(), &whom).await.unwrap_err().code, "bad-field", "there is no such configuration");
    let gateway = toml::from_str::<model::site::MobileGateway>("id = 'east'\nmail_server = 'https://mail.company.example'").unwrap();
    admin.put(&local(), gateway, Expect::Any).await.unwrap();
    assert_eq!(admin.compliance_run(&local(), &whom).await.unwrap(), Run::Ordered);
    assert_eq!(admin.compliance_work().await.unwrap(), 1);
    assert_eq!((code(admin, "anna", "w1").await, code(admin, "anna", "e1").await).1, "Some(false) eas_device_type");
    assert_eq!(code(admin, "anna", "w1").await, "Some(true) compliant", "another configuration's is left alone");
    let chosen = Whom::Devices(vec![name("anna", "w1"), name("nobody", "x")]);
    assert_eq!(admin.compliance_run(&local(), &chosen).await.unwrap(), Run::Done(1));
    assert_eq!(admin.compliance_run(&local(), &chosen).await.unwrap(), Run::Done(0), "nothing is otherwise now");
    assert_eq!(admin.compliance_run(&local(), &Whom::Devices(Vec::new())).await.unwrap_err().code, "bad-field");
}

#[tokio::test]
async fn a_11_each_policy_says_how_many_it_would_block_on_or_off() {
    let house = house().await;
    let admin = &house.admin;
    see(
        &house,
        vec![sighting("anna", "a1", "iPad", "west"), sighting("bob", "b1", "iPhone", "west"), sighting("eve", "e1", "iPad", "west")],
    )
    .await;
    admin.rule_devices(&local(), vec![name("eve", "e1")], Override::Whitelist, Expect::Any).await.unwrap();
    let managed = Reported { managed: true, enrolled: true, ..Reported::default() };
    admin.report_device(&local(), name("bob", "b1"), managed, Expect::Any).await.unwrap();
    policy(admin, "type = 'eas_device_type'\naction = 'block'\nlist = ['iPad', 'iPhone']").await;
    policy(admin, "type = 'encryption'\nenabled = true\nstrict = true").await;
    let effects = admin.policy_effects(&local()).await.unwrap();
    let of = |kind: PolicyKind| effects.get(kind.word()).copied();
    assert_eq!(of(PolicyKind::EasDeviceType), Some(2), "off, and whitelisted ones are asked no policy");
    assert_eq!(of(PolicyKind::Encryption), Some(2), "on and strict");
    assert_eq!(of(PolicyKind::ManagedDevice), Some(1), "as its plain form, which nobody has written");
    assert_eq!((of(PolicyKind::User), of(PolicyKind::Inactivity)), (None, None), "nothing to be said without list and days");
}

#[tokio::test]
async fn a_8_only_unmanaged_devices_are_forgotten() {
    let house = house().await;
    let admin = &house.admin;
    see(&house, vec![sighting("anna", "a1", "iPad", "west"), sighting("bob", "b1", "iPhone", "west")]).await;
    admin.report_device(&local(), name("bob", "b1"), Reported { managed: true, ..Reported::default() }, Expect::Any).await.unwrap();
    let names = vec![name("anna", "a1"), name("bob", "b1"), name("nobody", "x")];
    assert_eq!(admin.remove_unmanaged(&local(), names).await.unwrap(), 1);
    assert_eq!(admin.device(&local(), &name("anna", "a1")).await.unwrap_err().code, "not-found");
    assert!(admin.device(&local(), &name("bob", "b1")).await.is_ok());
    let log = house.log().await;
    assert!(log.iter().any(|line| line.contains("device/anna/a1")), "{log:?}");
}
