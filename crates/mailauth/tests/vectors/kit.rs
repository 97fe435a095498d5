//! A zone in place of the DNS, the folder of the vectors, and the list of known misses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use mailauth::{Family, LookupError, Resolver};
use message::Message;
use model::Budget;
use yaml_rust2::{Yaml, YamlLoader};

/// Records by name (lower case) and type.
#[derive(Debug, Default)]
pub(crate) struct Zone {
    records: HashMap<(String, &'static str), Vec<Vec<u8>>>,
    /// Names that don't answer for what they don't have.
    silent: Vec<String>,
}

impl Zone {
    pub(crate) fn add(&mut self, name: &str, kind: &'static str, data: &[u8]) {
        self.records.entry((name.to_ascii_lowercase(), kind)).or_default().push(data.to_vec());
    }

    /// `zonedata` of the SPF suite. A record of type SPF stands for a TXT record where the name has none.
    pub(crate) fn from_suite(data: &Yaml) -> Self {
        let mut zone = Self::default();
        for (name, entries) in data.as_hash().into_iter().flatten() {
            let name = text(name).to_ascii_lowercase();
            let entries = entries.as_vec().cloned().unwrap_or_default();
            let pairs = || entries.iter().filter_map(Yaml::as_hash).flatten();
            let has_txt = pairs().any(|(kind, _)| text(kind) == "TXT");
            for (kind, value) in pairs() {
                zone.entry(&name, &text(kind), value, has_txt);
            }
            if entries.iter().any(|entry| entry.as_str() == Some("TIMEOUT")) {
                zone.silent.push(name);
            }
        }
        zone
    }

    fn entry(&mut self, name: &str, kind: &str, value: &Yaml, has_txt: bool) {
        let joined = |value: &Yaml| match value.as_vec() {
            Some(strings) => strings.iter().map(text).collect(),
            None => text(value),
        };
        match kind {
            "TXT" if text(value) != "NONE" => self.add(name, "TXT", joined(value).as_bytes()),
            "SPF" if !has_txt => self.add(name, "TXT", joined(value).as_bytes()),
            "MX" => {
                let pair = value.as_vec().unwrap();
                self.add(name, "MX", format!("{:05} {}", pair[0].as_i64().unwrap(), text(&pair[1])).as_bytes());
            }
            "A" => self.add(name, "A", text(value).as_bytes()),
            "AAAA" => self.add(name, "AAAA", text(value).as_bytes()),
            "PTR" => self.add(name, "PTR", text(value).as_bytes()),
            "CNAME" => self.add(name, "CNAME", text(value).as_bytes()),
            _ => {}
        }
    }

    fn ask(&self, name: &str, kind: &'static str) -> Result<Vec<String>, LookupError> {
        let mut name = name.trim_end_matches('.').to_ascii_lowercase();
        for _ in 0..8 {
            if let Some(found) = self.records.get(&(name.clone(), kind)) {
                return Ok(found.iter().map(|data| String::from_utf8_lossy(data).into_owned()).collect());
            }
            if self.silent.contains(&name) {
                return Err(LookupError("silent".into()));
            }
            match self.records.get(&(name.clone(), "CNAME")) {
                Some(target) => name = String::from_utf8_lossy(&target[0]).trim_end_matches('.').to_ascii_lowercase(),
                None => return Ok(Vec::new()),
            }
        }
        Err(LookupError("a loop of CNAME records".into()))
    }
}

#[async_trait]
impl Resolver for Zone {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, LookupError> {
        Ok(self.ask(name, "TXT")?.into_iter().map(String::into_bytes).collect())
    }

    async fn mx(&self, name: &str) -> Result<Vec<String>, LookupError> {
        let mut found = self.ask(name, "MX")?;
        found.sort();
        Ok(found.iter().map(|entry| entry[6..].trim_end_matches('.').to_owned()).collect())
    }

    async fn addresses(&self, name: &str, family: Family) -> Result<Vec<IpAddr>, LookupError> {
        let kind = if family == Family::V4 { "A" } else { "AAAA" };
        Ok(self.ask(name, kind)?.iter().filter_map(|address| address.parse().ok()).collect())
    }

    async fn names(&self, address: IpAddr) -> Result<Vec<String>, LookupError> {
        let name = match address {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(v6) => {
                let nibbles = v6.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
                format!("{}ip6.arpa", nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>())
            }
        };
        Ok(self.ask(&name, "PTR")?.iter().map(|name| name.trim_end_matches('.').to_owned()).collect())
    }
}

/// A scalar as text, however YAML took it.
pub(crate) fn text(value: &Yaml) -> String {
    match value {
        Yaml::String(text) | Yaml::Real(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}

pub(crate) fn documents(file: &Path) -> Vec<Yaml> {
    let text = distinct(&std::fs::read_to_string(file).unwrap());
    YamlLoader::load_from_str(&text).unwrap().into_iter().filter(|document| document.as_hash().is_some()).collect()
}

/// The same with tests of one name told apart: four names of the ARC suite stand twice.
fn distinct(text: &str) -> String {
    let mut seen = Vec::new();
    let mut out = String::new();
    for line in text.lines() {
        if line == "---" {
            seen.clear();
        }
        let name = line.strip_prefix("  ").and_then(|rest| rest.trim_end().strip_suffix(':'));
        match name.filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')) {
            Some(name) if seen.contains(&name) => out.push_str(&format!("  {name}_again:\n")),
            Some(name) => {
                seen.push(name);
                out.push_str(&format!("{line}\n"));
            }
            None => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

/// The folder of the vectors; with `CI=true` it must be there.
pub(crate) fn material(under: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("SEALGATE_MATERIAL").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = root.join("testdata/mailauth").join(under);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{} is missing: set SEALGATE_MATERIAL", folder.display());
    None
}

/// Compares what was decided otherwise with the known misses of this suite.
pub(crate) fn compare(suite: &str, run: usize, misses: &[(String, String)]) {
    let known: Vec<&str> = include_str!("misses.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .filter_map(|(name, _)| name.strip_prefix(suite)?.strip_prefix('/'))
        .collect();
    println!("{suite}: {run} run, {} as the suite says, {} otherwise", run - misses.len(), misses.len());
    for (name, what) in misses {
        println!("  {suite}/{name}: {what}");
    }
    let found: Vec<&str> = misses.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(found, known, "misses and misses.txt differ");
}

/// Line ends as SMTP has them.
pub(crate) fn crlf(text: &str) -> Vec<u8> {
    text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

pub(crate) fn parsed(bytes: Vec<u8>) -> Message {
    Message::parse(bytes.into(), &Budget::default()).unwrap()
}
