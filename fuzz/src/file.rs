//! Types of files, archives, and TNEF streams.

use std::time::Duration;

use bytes::Bytes;
use files::detect::{begins_a_container, detect};
use files::{Found, Stripped, look, strip};
use message::file_type::{FileType, Selection, Types};
use message::tnef;
use model::{Budget, Limits};

/// Small bounds: a finding is a bound that does not hold, not a slow machine.
fn budget() -> Budget {
    Budget::new(Limits { bytes: 32 << 20, depth: 8, parts: 2_000, ratio: 500, time: Duration::from_secs(10), ..Limits::default() })
}

/// Detects a type, by content and by name, and reads the octets as a list of types.
pub fn file_types(data: &[u8]) {
    let content = Bytes::copy_from_slice(data);
    let name = String::from_utf8_lossy(data.get(..data.len().min(40)).unwrap_or_default()).into_owned();
    if let Ok(seen) = detect(&content, Some(&name), &budget()) {
        let alone = detect(&content, None, &budget());
        if let Ok(alone) = alone
            && !alone.types.is_empty()
        {
            assert_eq!(alone.types, seen.types, "a name changed what the content says");
        }
        if seen.by_name {
            assert!(seen.container.is_none() && !begins_a_container(data));
        }
        let names: Types = seen.types.names().into_iter().filter_map(FileType::named).collect();
        assert_eq!(names, seen.types);
    }
    if let Ok(selection) = Selection::parse(&name) {
        assert!(!selection.fits(Types::NONE, None) || name.contains('*'), "nothing is of a type");
    }
}

/// Looks into an archive, takes members out, looks again.
pub fn archives(data: &[u8]) {
    let content = Bytes::copy_from_slice(data);
    let budget = budget();
    let looked = look(&content, None, true, &budget);
    let count = looked.found.walk().count();
    assert!(count <= budget.limits().parts * 2, "{count} members");
    for found in looked.found.walk() {
        assert!(!found.name.as_deref().unwrap_or_default().chars().any(char::is_control), "a name holds a control character");
    }
    let shallow = look(&content, None, false, &self::budget());
    if looked.stopped.is_none() && shallow.stopped.is_none() {
        assert_eq!(shallow.found.types, looked.found.types, "looking inside changes what it is");
    }
    if looked.stopped.is_some() {
        return;
    }
    // What is first inside is what a rule does not want.
    let Some(unwanted) =
        looked.found.members.iter().flat_map(Found::walk).find(|member| !member.types.is_empty()).map(|member| member.types)
    else {
        return;
    };
    let fits = |found: &Found| found.types.meets(unwanted);
    if let Ok(Stripped::Changed(new)) = strip(&content, &looked.found, &fits, &self::budget()) {
        let again = look(&new, None, true, &self::budget());
        assert!(again.stopped.is_some() || !again.found.members.iter().any(|member| member.walk().any(fits)), "it is still there");
    }
}

/// Reads a TNEF stream and takes its attachments out.
pub fn tnef(data: &[u8]) {
    let stream: Bytes = [&tnef::SIGNATURE[..], &[1, 0], data].concat().into();
    let Ok(Some(found)) = tnef::parse(&stream, &budget()) else { return };
    let (mut before, mut previous) = (0, 0..0);
    for attachment in &found.attachments {
        let same = previous == attachment.range;
        assert!(same || before <= attachment.range.start && attachment.range.end <= stream.len(), "attachments overlap");
        assert!(attachment.content.end <= stream.len());
        before = attachment.range.end;
        previous = attachment.range.clone();
    }
    let none = tnef::without(&stream, &found, &|_| true);
    let again = tnef::parse(&none, &budget()).ok().flatten();
    assert!(again.is_some_and(|again| again.attachments.is_empty()), "an attachment is left");
    assert_eq!(tnef::without(&stream, &found, &|_| false), stream);
}
