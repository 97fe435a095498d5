//! Every page in every language, with what strangers may put into it (security.md ).

use model::{Language, Rights};

use crate::sample::{self, EVIL, Sample, kit, text};
use crate::sample_keys;

#[tokio::test]
async fn x_10_x_15_every_page_speaks_every_language_and_escapes_everything() {
    let kit = kit();
    for language in Language::ALL {
        for (sample, evil) in [(Sample::usual(), false), (Sample::hostile(), true), (Sample::empty(), false)] {
            let word = if evil { EVIL } else { "bob@partner.example" };
            for (name, page) in sample.draw_all(&kit, language).into_iter().chain(sample_keys::draw_all(&kit, language, word)) {
                let page = text(page.unwrap_or_else(|failed| panic!("{name} {language:?}: {}", failed.0))).await;
                assert!(page.contains(&format!("<html lang=\"{}\">", language.tag())), "{name}");
                assert!(!page.contains("<script>") && !page.contains("<img src=x") && !page.contains(EVIL), "{name}");
                assert!(
                    !evil || ["sign-in", "password", "orders-confirm", "fixed"].contains(&name) || page.contains("&lt;script&gt;"),
                    "{name} shows what it is about"
                );
                assert_labelled(&page, name);
            }
        }
    }
}

/// Each visible input has a label, each table a caption, each page one heading of the first level.
fn assert_labelled(page: &str, name: &str) {
    for tag in page.split("<input").skip(1).chain(page.split("<textarea").skip(1)).chain(page.split("<select").skip(1)) {
        let tag = tag.split('>').next().unwrap();
        if !tag.contains("type=\"hidden\"") {
            let id = tag.split("id=\"").nth(1).unwrap().split('"').next().unwrap();
            assert!(page.contains(&format!("<label for=\"{id}\"")), "{name}: {id}");
        }
    }
    assert_eq!(page.matches("<table>").count(), page.matches("<caption").count(), "{name}");
    assert_eq!(page.matches("<h1").count(), 1, "{name}");
    assert!(!page.contains(" style="), "{name}");
}

#[tokio::test]
async fn who_may_only_look_sees_no_buttons() {
    let (kit, sample) = (kit(), Sample::usual());
    let mut caller = sample::caller(Language::En);
    let with = text(console::pages::queue::draw_item(&kit, &caller, &sample.queue.items[0]).unwrap()).await;
    caller.actor.rights = Rights::from_words(["logsadmin:read", "mobiledashboardadmin:read"]);
    let without = text(console::pages::queue::draw_item(&kit, &caller, &sample.queue.items[0]).unwrap()).await;
    assert!(with.contains("remove") && !without.contains("remove"));
    let device = text(
        console::pages::devices::draw_item(&kit, &caller, &sample.devices.page.items[0], (&sample.decisions, &sample.transactions), false)
            .unwrap(),
    )
    .await;
    assert!(!device.contains("x2f;blacklist"));
    let list = text(console::pages::devices::draw_list(&kit, &caller, &sample.devices).unwrap()).await;
    assert!(!list.contains("device-actions") && !list.contains("type=\"checkbox\""));
    assert!(!without.contains("href=\"/audit\""), "the menu shows what is permitted");
}

#[tokio::test]
async fn m_p10_home_shows_the_scanners_and_the_age_of_their_data() {
    let (kit, caller, mut sample) = (kit(), sample::caller(Language::En), Sample::usual());
    let shown = text(console::pages::home::draw(&kit, &caller, &sample.home).unwrap()).await;
    assert!(shown.contains("<dt>clamd</dt><dd><strong>answers, data 3 days old (ClamAV 1.4.6, 27820)</strong></dd>"), "{shown}");
    assert!(shown.contains("<dt>rspamd</dt><dd><strong>does not answer</strong></dd>"));
    sample.home.engines.clear();
    assert!(!text(console::pages::home::draw(&kit, &caller, &sample.home).unwrap()).await.contains("clamd"), "none is set");
}
