//! 203 tests of the openspf suite for RFC 7208.

use std::collections::BTreeMap;

use mailauth::spf::{Query, check_host};
use model::Timestamp;
use yaml_rust2::Yaml;

use crate::kit::{Zone, compare, documents, material, text};

#[tokio::test]
async fn m_t11_spf_suite_of_openspf() {
    let Some(folder) = material("pyspf") else { return };
    let mut run = 0;
    let mut misses = BTreeMap::new();
    for document in documents(&folder.join("rfc7208-tests.yml")) {
        let zone = Zone::from_suite(&document["zonedata"]);
        for (name, test) in document["tests"].as_hash().unwrap() {
            run += 1;
            if let Err(what) = one(&zone, test).await {
                misses.insert(text(name), what);
            }
        }
    }
    compare("spf", run, &misses.into_iter().collect::<Vec<_>>());
    assert_eq!(run, 203);
}

async fn one(zone: &Zone, test: &Yaml) -> Result<(), String> {
    let (helo, sender) = (text(&test["helo"]), text(&test["mailfrom"]));
    let address = text(&test["host"]).parse().unwrap();
    let query = Query { address, helo: &helo, sender: &sender, receiver: "receiver.example", now: Timestamp(0) };
    let result = check_host(zone, query).await;
    let allowed: Vec<String> = match test["result"].as_vec() {
        Some(several) => several.iter().map(text).collect(),
        None => vec![text(&test["result"])],
    };
    if !allowed.iter().any(|word| word == result.verdict.word()) {
        return Err(format!("{} and not {}", result.verdict.word(), allowed.join(" or ")));
    }
    let wanted = Some(text(&test["explanation"])).filter(|wanted| !wanted.is_empty());
    match wanted.as_deref() {
        Some("DEFAULT") if result.explanation.is_some() => Err(format!("explanation {:?} and not none", result.explanation)),
        Some(wanted) if wanted != "DEFAULT" && result.explanation.as_deref() != Some(wanted) => {
            Err(format!("explanation {:?} and not {wanted:?}", result.explanation))
        }
        _ => Ok(()),
    }
}
