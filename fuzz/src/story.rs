//! The readers of story files and their indexes, and of what people look for in them.

use logs::archive::{read_blocks, read_index};
use logs::line::Line;
use logs::query::{Asked, Query};
use model::Timestamp;

/// The octets as an index, as lines, and as a question asked of those lines.
pub fn story_log(data: &[u8]) {
    let _ = read_index(data);
    let header = *b"SGli\0\x01\0\0";
    if let Some(blocks) = read_blocks(&[&header, data].concat()) {
        assert!(blocks.iter().map(|block| block.tokens.len()).sum::<usize>() * 4 <= data.len());
    }
    let lines: Vec<Line> = data.split(|octet| *octet == b'\n').filter_map(Line::parse).collect();
    let text = String::from_utf8_lossy(data);
    let mut words = text.split('\n').next().unwrap_or_default().split(' ').chain(std::iter::repeat(""));
    let mut word = || words.next().unwrap_or_default();
    let asked = Asked {
        address: word(),
        from: word(),
        to: word(),
        domain: word(),
        since: word(),
        outcome: word(),
        text: word(),
        ..Asked::default()
    };
    let query = Query::parse(&asked, Timestamp(0));
    let mut story = logs::Story::of("");
    for line in lines {
        // What a query's lead fits is in the block's index, or the search would miss it.
        if let Ok(query) = &query
            && let Some(token) = query.lead().token()
            && query.lead().fits(&line)
        {
            assert!(line.tokens().iter().any(|one| logs::archive::hash(one) == token));
        }
        story.add(line);
    }
    let story = story.finish(true);
    if let Ok(query) = &query {
        let _ = story.fits(query);
    }
}
