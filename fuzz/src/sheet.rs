//! Sheets of devices, as an administrator uploads them.

use model::device::Reported;
use sheets::devices::Sheet;

/// Reads all lines. Numbers of lines grow, a line that is no CSV is the last, and what was read can be put in.
pub fn device_sheet(data: &[u8]) {
    let _ = format!("{:?}", sheets::delimiter(data));
    let Ok(sheet) = Sheet::new(data) else { return };
    let mut last = 0;
    for line in sheet {
        let number = line.as_ref().map_or_else(|wrong| wrong.line, |entry| entry.line);
        assert!(number > last, "line {number} after line {last}");
        last = number;
        if let Ok(entry) = line {
            let known = entry.on(Reported::default()).expect("what was read can be put in");
            assert_eq!(entry.on(known.clone()).as_ref(), Ok(&known), "put in twice is put in once");
        }
    }
    assert!(last <= data.len() as u64 + 1, "more lines than octets");
}
