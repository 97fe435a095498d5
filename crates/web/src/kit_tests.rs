//! The kit's templates in every language, escaping whatever a template's name, strictness, and labels at all inputs.

use async_trait::async_trait;
use model::{FixedClock, SecretText};

use super::*;
use crate::caller::AccountState;
use crate::chart::{Chart, ChartKind, Series};
use crate::confirm::Confirm;
use crate::form::{Field, FieldKind, Form};
use crate::table::{Cell, Column, Table, Tone};

struct Nobody;

#[async_trait]
impl Identity for Nobody {
    async fn account(&self, _: &str) -> Result<Option<AccountState>, Fault> {
        Ok(None)
    }
    async fn token(&self, _: &SecretText, _: std::net::IpAddr) -> Result<Option<model::Actor>, Fault> {
        Ok(None)
    }
}

const NAVIGATION: &[Entry] = &[Entry { path: "/", text: "kit-to-home", group: "kit-menu", right: model::Right::Home }];

fn kit(templates: &[(&str, &str)]) -> Kit {
    Kit::new(KitParts {
        templates: templates.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect(),
        navigation: NAVIGATION,
        identity: Arc::new(Nobody),
        clock: Arc::new(FixedClock::default()),
        sessions: SessionSettings::default(),
    })
    .unwrap()
}

async fn text_of(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

const ALL_PIECES: &str = r#"{% extends "kit/layout.html" %}
{% from "kit/table.html" import table %}{% from "kit/form.html" import form %}{% from "kit/chart.html" import chart %}
{% block title %}{{ page.evil }}{% endblock %}
{% block content %}{{ table(page.table) }}{{ form(page.form, frame.csrf) }}{{ chart(page.chart) }}{{ page.evil }}
{{ 1234567|num }} {{ 90|duration }} {{ 1500|size }}{% endblock %}"#;

const EVIL: &str = "<script>alert('x')</script>\"><img src=x onerror=y>";

fn pieces() -> Value {
    let cells = vec![
        Cell::link(EVIL, format!("/x/{}", crate::form::encode(EVIL))),
        Cell::code(EVIL),
        Cell::text(EVIL),
        Cell::state(EVIL, Tone::Warn),
        Cell::time(Timestamp(1_795_297_474_000_000)),
        Cell::number(5),
        Cell::Size { bytes: 5_000 },
    ];
    let columns = (0..7).map(|n| if n > 4 { Column::number(EVIL) } else { Column::text(EVIL) }).collect();
    let table = Table::new(EVIL, EVIL, columns).rows([cells]).paged("/x", Some("1"), Some(EVIL));
    let mut form = Form::new("/x", EVIL)
        .field(Field::new("a", EVIL, FieldKind::Text).value(EVIL).hint(EVIL).required())
        .field(Field::new("b", EVIL, FieldKind::Area { rows: 5 }).value(EVIL))
        .field(Field::new("c", EVIL, FieldKind::Check))
        .field(Field::new("d", EVIL, FieldKind::Select { options: vec![(EVIL.into(), EVIL.into())] }).value(EVIL))
        .password_twice("password", EVIL, EVIL, EVIL);
    form.error = EVIL.into();
    form.fields[0].error = EVIL.into();
    form.hidden = vec![("h".into(), EVIL.into())];
    form.cancel = "/".into();
    let chart = Chart {
        kind: ChartKind::Bars,
        title: EVIL.into(),
        description: EVIL.into(),
        label_head: EVIL.into(),
        labels: vec![EVIL.into()],
        series: vec![Series { name: EVIL.into(), values: vec![3] }, Series { name: EVIL.into(), values: vec![4] }],
    };
    context! { evil => EVIL, table, form, chart => chart.draw("c1", Language::En) }
}

fn caller(language: Language) -> Caller {
    let mut caller = Caller::local(language);
    caller.actor.name = EVIL.into();
    caller
}

#[tokio::test]
async fn x_10_x_15_every_value_is_escaped_whatever_the_template_is_called() {
    for name in ["page.html", "page", "page.txt", "page.js"] {
        let kit = kit(&[(name, ALL_PIECES)]);
        for language in Language::ALL {
            let page = text_of(kit.page(&caller(language), name, pieces()).unwrap()).await;
            assert!(page.contains("&lt;script&gt;"), "{name}");
            assert!(!page.contains("<script>") && !page.contains("<img src=x") && !page.contains("alert('x')"), "{name}: {page}");
            assert!(page.contains(&format!("<html lang=\"{}\">", language.tag())));
        }
    }
}

#[tokio::test]
async fn a_10_each_input_has_a_label_and_nothing_is_inline() {
    let page = text_of(kit(&[("p", ALL_PIECES)]).page(&caller(Language::De), "p", pieces()).unwrap()).await;
    assert_accessible(&page);
    assert!(page.contains("aria-invalid=\"true\"") && page.contains("aria-describedby=\"a-hint a-error\""));
    assert!(!page.contains("value=\"secret"), "passwords are never sent back");
}

/// Every visible input has an id that a label names, or stands inside a label; no inline script, style or handler.
fn assert_accessible(page: &str) {
    for kind in ["<input", "<textarea", "<select"] {
        for tag in page.split(kind).skip(1).map(|rest| rest.split('>').next().unwrap_or_default()) {
            if tag.contains("type=\"hidden\"") {
                continue;
            }
            let id = tag.split("id=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_else(|| panic!("no id: {tag}"));
            let labelled = page.contains(&format!("<label for=\"{id}\"")) || tag.contains("type=\"checkbox\"");
            assert!(labelled, "no label for {id}");
        }
    }
    assert!(!page.contains(" style=") && !page.contains("<style"), "inline style");
    assert!(page.matches("<script").count() == 1 && page.contains("<script src=\"/assets/app."), "inline script");
    for handler in [" onclick=", " onload=", " onerror=", "javascript:"] {
        assert!(!page.replace("&lt;img src=x onerror=", "").contains(handler), "{handler}");
    }
    assert!(page.contains("<main id=\"content\"") && page.contains("class=\"skip\""));
}

#[tokio::test]
async fn confirm_and_error_pages_speak_four_languages() {
    let kit = kit(&[]);
    let confirm = Confirm {
        question: "Remove?".into(),
        consequence: "Gone.".into(),
        subject: EVIL.into(),
        action: "/x".into(),
        submit: "Remove".into(),
        cancel: "/".into(),
        danger: true,
        hidden: vec![("id".into(), EVIL.into())],
    };
    for language in Language::ALL {
        let page = text_of(kit.page(&caller(language), "kit/confirm.html", context! { confirm }).unwrap()).await;
        assert!(page.contains(&texts::text(language, "kit-cancel", &[])) && !page.contains("<script>"));
        let fault = Fault::temporary(Guilty::NextHop, "not-found", "private cause");
        for caller in [None, Some(&caller(language))] {
            let response = kit.error_page(language, caller, &fault);
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            let page = text_of(response).await;
            assert!(page.contains(&texts::fault(language, &fault).replace('\'', "&#x27;")), "{page}");
            assert!(!page.contains("private cause"));
        }
    }
}

#[tokio::test]
async fn holes_are_errors() {
    for faulty in ["{{ page.missing }}", "{{ t('no-such-id') }}", "{{ t('kit-error-code') }}", "{{ asset('none.css') }}"] {
        let kit = kit(&[("p", faulty)]);
        assert_eq!(kit.page(&caller(Language::En), "p", context! {}).unwrap_err().0.code, "internal", "{faulty}");
    }
    assert!(
        Kit::new(KitParts {
            templates: vec![("p".into(), "{% if %}".into())],
            navigation: &[],
            identity: Arc::new(Nobody),
            clock: Arc::new(FixedClock::default()),
            sessions: SessionSettings::default(),
        })
        .is_err()
    );
}

#[test]
fn numbers_times_and_sizes_read_well() {
    assert_eq!(number_text(Language::De, 1_234_567), "1.234.567");
    assert_eq!(number_text(Language::En, -1_234), "\u{2212}1,234");
    assert_eq!(number_text(Language::Fr, 999), "999");
    assert_eq!(time_text(1_795_297_474_000_000), "2026-11-21 21:44:34");
    assert_eq!(size_text(Language::De, 1_550_000), "1,5\u{a0}MB");
    assert_eq!(size_text(Language::En, 250_000_000), "250\u{a0}MB");
    assert_eq!(size_text(Language::En, 12), "12\u{a0}B");
    assert_eq!(duration_text(Language::De, 119), "119 Sekunden");
    assert_eq!(duration_text(Language::Fr, 3_600), "60 minutes");
    assert_eq!(duration_text(Language::It, 86_400 * 9), "9 giorni");
    assert_eq!(texts::text(Language::En, "duration-hours", &[("count", "1".into())]), "1 hour");
}
