//! `kill -9` of a writing process, again and again: what it had printed as durable is there and whole.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use segments::{Kind, OsDisk, RecordId, Segments, Settings};
use support::XorVault;

const DIRECTORY: &str = "SEALGATE_TEST_SEGMENTS";
const ROUNDS: usize = 20;

fn settings() -> Settings {
    let lazy_after = Duration::from_millis(2);
    Settings { segment_bytes: 256 << 10, lazy_after, forget_after: Duration::from_millis(5), ..Settings::default() }
}

fn content(id: u64) -> Vec<u8> {
    (0..500 + id as usize % 3000).map(|i| (i as u64 * 31 + id) as u8).collect()
}

/// Not a test of its own: the process that is killed.
#[test]
fn child_writes_until_it_is_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let disk = OsDisk::new(directory.as_ref()).unwrap();
    let (segments, _) = Segments::open(Arc::new(disk), Arc::new(XorVault(9)), settings()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let writers: Vec<_> = (0..16_u64)
            .map(|lane| {
                let segments = segments.clone();
                tokio::spawn(async move {
                    for n in 0_u64.. {
                        let mark = lane * 1_000_000 + n;
                        let id = segments
                            .append(Kind(1), vec![Bytes::copy_from_slice(&mark.to_be_bytes()), content(mark).into()])
                            .await
                            .unwrap();
                        let line = format!("durable {} {mark}\n", id.0);
                        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                        if n % 4 != 0 {
                            // Said before it is done: a release that was not written may be repeated.
                            std::io::stdout().lock().write_all(format!("release {}\n", id.0).as_bytes()).unwrap();
                            segments.release(id);
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

#[test]
fn m_t7_kill_9_at_random_moments_loses_nothing_that_was_durable() {
    let directory = tempfile::tempdir().unwrap();
    let queue = directory.path().join("queue");
    let mut expected = std::collections::BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_writes_until_it_is_killed", "--nocapture"])
            .env(DIRECTORY, &queue)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut released = std::collections::BTreeSet::new();
        // Killed after a number of durable records that differs from round to round; then the pipe's rest.
        let (mut durable, goal) = (0, 20 + round * 37);
        while let Some(Ok(line)) = lines.next() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["durable", id, mark] => {
                    expected.insert(id.parse::<u64>().unwrap(), mark.parse::<u64>().unwrap());
                    durable += 1;
                    if durable == goal {
                        child.kill().unwrap();
                    }
                }
                ["release", id] => drop(released.insert(id.parse::<u64>().unwrap())),
                _ => {}
            }
        }
        child.wait().unwrap();
        assert!(durable >= goal, "round {round}: the child ended early");
        expected.retain(|id, _| !released.contains(id));

        let disk = OsDisk::new(&queue).unwrap();
        let (segments, recovery) = Segments::open(Arc::new(disk), Arc::new(XorVault(9)), settings()).unwrap();
        assert_eq!(recovery.damage, [], "round {round}");
        for (id, mark) in &expected {
            let found = segments.read_blocking(RecordId(*id)).unwrap_or_else(|error| panic!("round {round}, record {id}: {error}"));
            assert!(found[..8] == mark.to_be_bytes() && found[8..] == content(*mark), "round {round}: record {id} is damaged");
        }
        // What was written but not said durable, or released without its release being written, is let go here.
        for live in recovery.live.iter().filter(|live| !expected.contains_key(&live.id.0)) {
            segments.release(live.id);
        }
        segments.close();
    }
}
