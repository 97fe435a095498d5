//! Tests of the query reader: own cases, and the table of cross-checked queries from the test material.

use proptest::prelude::*;

use super::*;

fn read(query: &str) -> Query {
    parse(query).unwrap()
}

#[test]
fn g_1_plain_in_any_order_and_case() {
    let one = read("Cmd=Sync&User=EX%5Ccarol&DeviceId=ABC123&DeviceType=PyEAS");
    let other = read("devicetype=PyEAS&deviceid=ABC123&user=EX%5ccarol&cmd=sync");
    assert_eq!(one, other);
    assert_eq!((one.command, one.user.as_deref(), one.device_type.as_str()), (Command::Sync, Some("EX\\carol"), "PyEAS"));
    assert_eq!(one.device(), DeviceId::parse("abc123"));
    assert_eq!(read("Cmd=SmartForward&DeviceId=a&DeviceType=b&ItemId=1%3A2&SaveInSent=T").parameters["ItemId"], "1:2");
}

#[test]
fn g_1_both_forms_name_the_same_device() {
    let packed = read("jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l");
    let plain = read("Cmd=Sync&User=x&DeviceId=V140DEVICE&DeviceType=SmartPhone");
    assert_eq!(packed.device(), plain.device());
    let raw = read("jAkHBBC32YBsEj5p+IUKLTDTcJoYBAAAAAALV2luZG93c01haWw=");
    assert_eq!(raw.device(), read("Cmd=FolderSync&DeviceId=B7D9806C123E69F8850A2D30D3709A18").device());
    let escaped = read("jAkHBBC32YBsEj5p%2BIUKLTDTcJoYBAAAAAALV2luZG93c01haWw%3D");
    assert_eq!(raw, escaped, "percent signs are undone once");
}

#[test]
fn x_18_what_could_be_read_in_two_ways_is_refused() {
    assert_eq!(parse("Cmd=Sync&DeviceId=a&DeviceId=b"), Err(QueryError::Repeated));
    assert_eq!(parse("Cmd=Sync&cmd=Ping&DeviceId=a"), Err(QueryError::Repeated));
    assert_eq!(parse("Cmd=Sync&DeviceId=a&%44eviceId=b"), Err(QueryError::Repeated));
    assert_eq!(parse("Cmd=Sync&DeviceId=a%2500"), Err(QueryError::Device), "decoded once, not twice");
    assert_eq!(parse("Cmd=Sync&DeviceId=a%0"), Err(QueryError::Encoding));
    assert_eq!(parse("Cmd=Sync&DeviceId=../x"), Err(QueryError::Device));
    assert_eq!(parse("Cmd=Sync"), Err(QueryError::Device));
    assert_eq!(parse("DeviceId=a"), Err(QueryError::Command));
    assert_eq!(parse(&format!("Cmd=Sync&DeviceId=a&X={}", "x".repeat(9000))), Err(QueryError::Long));
    let mut twice = ENGINE.decode("jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l").unwrap();
    twice.extend_from_slice(b"\x08\x01a\x08\x01b");
    assert_eq!(parse(&ENGINE.encode(&twice)), Err(QueryError::Repeated));
    twice.push(9);
    assert!(parse(&ENGINE.encode(&twice)).is_err(), "octets left over");
}

#[test]
fn the_table_of_the_test_material_is_read_as_it_says() {
    let Some(table) = material("base64_query_vectors.csv") else { return };
    let table = String::from_utf8(table).unwrap();
    let mut rows = 0;
    for line in table.lines().skip(1).filter(|line| !line.is_empty()) {
        let (query, rest) = line.split_once(',').unwrap();
        rows += 1;
        if rest.starts_with("ERROR") {
            assert!(parse(query).is_err(), "{line}");
            continue;
        }
        let json = rest.strip_prefix('"').unwrap().rsplit_once("}\"").unwrap().0.replace("\"\"", "\"");
        let expected: serde_json::Value = serde_json::from_str(&format!("{json}}}")).unwrap();
        compare(&read(query), &expected);
    }
    assert_eq!(rows, 13);
}

fn compare(query: &Query, expected: &serde_json::Value) {
    let seen = serde_json::to_value(query).unwrap();
    assert_eq!(seen["version"], format!("{:.1}", expected["ProtVer"].as_f64().unwrap()));
    assert_eq!(seen["command"], expected["Cmd"]);
    assert_eq!(seen["locale"], expected["Locale"]);
    let device = expected.get("DeviceId_text").unwrap_or(&expected["DeviceId_hex"]);
    assert_eq!(seen["device_id"], *device);
    assert_eq!(seen["policy_key"], expected["PolicyKey"]);
    assert_eq!(seen["device_type"], expected["DeviceType"]);
    for name in ["ItemId", "CollectionId"] {
        assert_eq!(seen["parameters"].get(name), expected.get(name));
    }
    for name in ["SaveInSent", "AcceptMultiPart"] {
        let flag = expected.get("Options").map(|options| if options[name] == true { "T" } else { "F" });
        assert_eq!(query.parameters.get(name).map(String::as_str), flag);
    }
}

proptest! {
    #[test]
    fn any_text_gives_an_answer(text in ".{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_octets_in_base64_give_an_answer(octets in proptest::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(query) = parse(&ENGINE.encode(&octets)) {
            prop_assert!(query.device().is_some());
        }
    }
}

fn material(name: &str) -> Option<Vec<u8>> {
    testkit::sogo::material().map(|root| std::fs::read(root.join("testdata/eas").join(name)).unwrap())
}
