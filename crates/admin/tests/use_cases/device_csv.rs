//! Devices as CSV: what goes in, what is named as bad, and that what was written can be read again.

use admin::Expect;
use admin::device_csv::BadLine;
use admin::devices::DeviceName;
use model::device::{External, Override, Reported};
use store::devices::Filter;

use super::{house, local};

fn bad(line: u64, error: &str) -> BadLine {
    BadLine { line, error: error.into() }
}

#[tokio::test]
async fn g_35_good_lines_go_in_and_bad_ones_are_named() {
    let house = house().await;
    let file = "\u{feff}User,ID,override,managed,compromised,last_seen,labels,friendly_name\r\n\
        COMPANY\\Anna,A1,whitelist,yes,no,2026-11-20T10:00:00Z,\"sales;zurich\",\"Anna's, phone\"\r\n\
        bob,b/2,,,,,,\r\n\
        bob,b3,perhaps,,,,,\r\n\
        bob,b4,,maybe,,,,\r\n\
        bob,b5,,,,yesterday,,\r\n\
        bob,b6,,true\r\n\
        bob,b7,,,,,not one label,\r\n\
        \"bob\nrossi\",b8,,,,,,\r\n\
        carl,c9,blacklist,,,,,'+41\r\n";
    let done = house.admin.device_import(&local(), file.as_bytes()).await.unwrap();
    assert_eq!((done.taken, done.refused), (2, 7), "{done:?}");
    let lines: Vec<u64> = done.bad.iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(done.bad[1], bad(4, "override: expected default, whitelist or blacklist"));
    assert_eq!(done.bad[2], bad(5, "managed: expected true, false or nothing"));
    assert_eq!(done.bad[4], bad(7, "expected 8 fields, found 4"));
    let anna = house.admin.device(&local(), &DeviceName::parse("anna", "a1").unwrap()).await.unwrap();
    let reported = anna.device.reported.unwrap();
    assert_eq!(anna.device.override_, Override::Whitelist);
    assert_eq!((reported.managed, reported.compromised, reported.encrypted), (true, Some(false), None));
    assert_eq!(
        (reported.labels.as_slice(), reported.friendly_name.as_str()),
        (&["sales".to_owned(), "zurich".to_owned()][..], "Anna's, phone")
    );
    let carl = house.admin.device(&local(), &DeviceName::parse("carl", "c9").unwrap()).await.unwrap();
    assert_eq!(carl.device.reported.unwrap().friendly_name, "+41", "the apostrophe of a spreadsheet is none of the name");
}

#[tokio::test]
async fn g_35_columns_that_are_not_there_change_nothing() {
    let house = house().await;
    let name = || DeviceName::parse("anna", "a1").unwrap();
    let known = Reported { managed: true, phone: "+41 79".into(), encrypted: Some(true), ..Reported::default() };
    house.admin.report_device(&local(), name(), known, Expect::Any).await.unwrap();
    house.admin.rule_devices(&local(), vec![name()], Override::Blacklist, Expect::Any).await.unwrap();
    house.admin.device_import(&local(), b"id;user;encrypted\na1;anna;\n").await.unwrap();
    let row = house.admin.device(&local(), &name()).await.unwrap();
    let reported = row.device.reported.unwrap();
    assert_eq!((row.device.override_, reported.managed, reported.phone.as_str()), (Override::Blacklist, true, "+41 79"));
    assert_eq!(reported.encrypted, None, "an empty field takes the fact away");
    for (file, what) in [("id\na1\n", "user and id"), ("user,id,colour\n", "colour"), ("", "user and id")] {
        let fault = house.admin.device_import(&local(), file.as_bytes()).await.unwrap_err();
        assert!(fault.code == "bad-field" && fault.cause.contains(what), "{file:?}: {fault}");
    }
}

#[tokio::test]
async fn g_35_an_export_can_be_read_again() {
    let house = house().await;
    let mut file = "user,id,managed,phone,friendly_name,labels\n".to_owned();
    for n in 0..2_345 {
        file.push_str(&format!("user{n:04},d{n},{},+41 79 {n},\"=cmd|'{n}\",\"a;b\"\n", n % 2 == 0));
    }
    let done = house.admin.device_import(&local(), file.as_bytes()).await.unwrap();
    assert_eq!((done.taken, done.refused), (2_345, 0), "{:?}", done.bad);
    let whole = async |house: &super::House| {
        let (mut all, mut after) = (String::new(), String::new());
        loop {
            let (page, next) = house.admin.device_export(&local(), &Filter::default(), &after).await.unwrap();
            all.push_str(&page);
            match next {
                Some(next) => after = next,
                None => return all,
            }
        }
    };
    let written = whole(&house).await;
    assert_eq!(written.lines().count(), 2_346);
    assert!(!written.contains(",=cmd") && !written.contains(",+41"), "no formula for a spreadsheet");
    let other = self::house().await;
    let done = other.admin.device_import(&local(), written.as_bytes()).await.unwrap();
    assert_eq!((done.taken, done.refused), (2_345, 0), "{:?}", done.bad);
    assert_eq!(whole(&other).await, written, "the same devices");
}

#[tokio::test]
async fn g_12a_g_35_what_others_have_blocked_comes_by_csv_and_by_report() {
    let house = house().await;
    let file = "user,id,external\nanna,a1,Individual\nbob,b1,global\ncarl,c1,\ndora,d1,perhaps\n";
    let done = house.admin.device_import(&local(), file.as_bytes()).await.unwrap();
    assert_eq!((done.taken, done.refused), (3, 1), "{done:?}");
    assert_eq!(done.bad, [bad(5, "external: expected global, individual or nothing")]);
    let told = async |user: &str, id: &str| {
        let row = house.admin.device(&local(), &DeviceName::parse(user, id).unwrap()).await.unwrap();
        row.device.reported.and_then(|reported| reported.external)
    };
    assert_eq!(told("anna", "a1").await, Some(External::Individual));
    assert_eq!((told("bob", "b1").await, told("carl", "c1").await), (Some(External::Global), None));
    let (page, _) = house.admin.device_export(&local(), &Filter::default(), "").await.unwrap();
    assert!(page.lines().any(|line| line.starts_with("anna,a1") && line.contains(",individual,")), "{page}");
    let reported: Reported = serde_json::from_str(r#"{"external":"global"}"#).unwrap();
    house.admin.report_device(&local(), DeviceName::parse("anna", "a1").unwrap(), reported, Expect::Any).await.unwrap();
    assert_eq!(told("anna", "a1").await, Some(External::Global));
    house.admin.device_import(&local(), b"user,id,external\nanna,a1,\n").await.unwrap();
    assert_eq!(told("anna", "a1").await, None, "an empty field takes it away");
    assert!(serde_json::from_str::<Reported>(r#"{"external":"perhaps"}"#).is_err());
}
