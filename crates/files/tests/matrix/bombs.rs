//! Bombs: each in a process of its own with 1 GiB of address space, at most 10 s of processor time and 300 MB.

use std::process::Command;

use files::State;
use model::BudgetKind;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{look, read};

const BOMBS: &[(&str, Option<BudgetKind>)] = &[
    ("bomb-100MiB.bz2", Some(BudgetKind::Ratio)),
    ("bomb-100MiB.xz", Some(BudgetKind::Ratio)),
    ("bomb-billion-laughs.docx", None), // a document of 516 octets: nobody expands it
    ("bomb-depth-40.zip", Some(BudgetKind::Depth)),
    ("bomb-nested-16x20MiB.zip", Some(BudgetKind::Ratio)),
    ("bomb-zeros-100MiB.gz", Some(BudgetKind::Bytes)),
    ("bomb-zeros-100MiB.zip", Some(BudgetKind::Bytes)),
    ("zip-10000-entries.zip", None), // many, but fewer than the bound
];

/// Memory (kB) and processor time (1/100 s) of this process at their highest.
fn spent() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |place: usize| fields[place].parse::<u64>().unwrap();
    (peak.trim().trim_end_matches(" kB").parse().unwrap(), ticks(11) + ticks(12))
}

/// The child's part: does nothing unless it is told which bomb.
#[test]
fn child() {
    let Ok(name) = std::env::var("SEALGATE_BOMB") else { return };
    let bound = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, bound(1 << 30)).unwrap();
    setrlimit(Resource::Cpu, bound(30)).unwrap();
    let looked = look(&read(&name).unwrap(), Some(&name));
    let cut = looked.found.walk().find_map(|found| match found.state {
        State::Cut(kind) | State::Stopped(kind) => Some(kind),
        _ => None,
    });
    let kind = looked.stopped.map(|exhausted| exhausted.kind).or(cut);
    let (peak, time) = spent();
    println!(
        "BOMB {} members={} peak_kb={peak} cpu_cs={time}",
        kind.map_or_else(|| "none".to_owned(), |kind| format!("{kind:?}")),
        looked.found.walk().count()
    );
}

#[test]
fn x_11_no_bomb_hurts() {
    if read("bomb-100MiB.xz").is_none() {
        return;
    }
    for (name, expected) in BOMBS {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "bombs::child", "--nocapture"])
            .env("SEALGATE_BOMB", name)
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(child.status.success(), "{name}: {out}{}", String::from_utf8_lossy(&child.stderr));
        let line = out.lines().find_map(|line| line.split_once("BOMB ")).unwrap_or_else(|| panic!("{name}: {out}")).1.to_owned();
        println!("{name}: {line}");
        let number = |key: &str| line.split_once(key).unwrap().1.split_whitespace().next().unwrap().parse::<u64>().unwrap();
        let stopped = line.split_whitespace().next().unwrap();
        assert_eq!(stopped, expected.map_or_else(|| "none".to_owned(), |kind| format!("{kind:?}")), "{name}");
        assert!(number("peak_kb=") <= 300_000, "{name}: {line}");
        assert!(number("cpu_cs=") <= 1_000, "{name}: {line}");
    }
}
