//! Home: one sentence of state, the node, live counts, queue, devices, charts (console.md A-4).

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use minijinja::{Value, context};
use model::{Counter, EngineState, Language, Timestamp};
use serde::Serialize;
use web::kit::{duration_text, number_text};
use web::{Caller, Chart, ChartKind, Failed, Kit, Series};

use crate::gather;
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::{Home, Trouble};

/// `GET /`.
///
/// # Errors
/// When the counts can't be asked for at all.
pub async fn get(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let home = gather::home(&state, &caller.actor).await?;
    draw(state.kit(), &caller, &home)
}

/// `GET /live`: what the script refreshes.
///
/// # Errors
/// When the counts can't be asked for at all.
pub async fn live(State(state): State<ConsoleState>, caller: Caller) -> Result<Json<serde_json::Value>, Failed> {
    let home = gather::home(&state, &caller.actor).await?;
    let values = live_values(&home, caller.language, state.kit().now());
    Ok(Json(serde_json::json!({ "values": values })))
}

/// Something that is not well, with the page that shows it.
#[derive(Serialize)]
struct Shown {
    text: String,
    href: &'static str,
}

/// Draws the page.
///
/// # Errors
/// When a template fails.
pub fn draw(kit: &Kit, caller: &Caller, home: &Home) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let troubles: Vec<Shown> = home.troubles.iter().map(|trouble| shown(say, trouble)).collect();
    let counts: Vec<(String, String, String)> = home
        .counts
        .iter()
        .map(|(counter, value)| (counter.name().to_owned(), count_text(say, *counter), number_text(caller.language, *value)))
        .collect();
    let scanners: Vec<(String, String, bool)> = home.engines.iter().map(|engine| scanner(say, engine, kit.now())).collect();
    let values = context! {
        troubles,
        scanners,
        counts,
        node => home.node,
        hostname => home.hostname,
        version => home.version,
        live => live_values(home, caller.language, kit.now()),
        mail => mail_chart(home, say).draw("chart-mail", caller.language),
        smime => smime_chart(home, say).draw("chart-smime", caller.language),
        devices => devices_chart(home, say).draw("chart-devices", caller.language),
    };
    kit.page(caller, "home.html", values)
}

/// A scanner's name, a line about it, and whether it is well.
fn scanner(say: Say, engine: &EngineState, now: Timestamp) -> (String, String, bool) {
    let age = i64::try_from(now.since(engine.data_made).as_secs()).unwrap_or(i64::MAX);
    let line = match (engine.up, engine.data_made.0) {
        (false, _) => say.t("scanner-away"),
        (true, 0) => say.t("scanner-answers"),
        (true, _) => say.with("scanner-data-age", "age", duration_text(say.0, age)),
    };
    let line = if engine.version.is_empty() { line } else { format!("{line} ({})", engine.version) };
    (engine.name.to_owned(), line, engine.up && engine.old_by(now).is_none())
}

/// What the script refreshes: texts by name, ready to be shown.
#[must_use]
pub fn live_values(home: &Home, language: Language, now: Timestamp) -> Value {
    let number = |value: i64| number_text(language, value);
    let oldest = match home.queue_oldest {
        Timestamp(0) => "\u{2013}".to_owned(),
        at => duration_text(language, i64::try_from(now.since(at).as_secs()).unwrap_or(i64::MAX)),
    };
    let mut values: Vec<(String, String)> =
        home.counts.iter().map(|(counter, value)| (counter.name().to_owned(), number(*value))).collect();
    values.push(("queue_length".to_owned(), number(home.queue_length)));
    values.push(("queue_oldest".to_owned(), oldest));
    values.push(("devices_allowed".to_owned(), number(home.devices_allowed)));
    values.push(("devices_blocked".to_owned(), number(home.devices_blocked)));
    values.push(("users_active".to_owned(), number(home.users_active)));
    values.push(("uptime".to_owned(), duration_text(language, home.uptime)));
    values.into_iter().collect()
}

fn count_text(say: Say, counter: Counter) -> String {
    say.t(&format!("count-{}", counter.name()))
}

fn shown(say: Say, trouble: &Trouble) -> Shown {
    match trouble {
        Trouble::QueueOld(age) => Shown { text: say.with("trouble-queue-old", "age", duration_text(say.0, *age)), href: "/queue" },
        Trouble::StoreAway => Shown { text: say.t("trouble-store-away"), href: "" },
        Trouble::NoDomain => Shown { text: say.t("trouble-no-domain"), href: "/domains" },
        Trouble::TestMode => Shown { text: say.t("trouble-test-mode"), href: "/devices" },
        Trouble::ScannerDown(name) => Shown { text: say.with("trouble-scanner-down", "name", name.clone()), href: "" },
        Trouble::ScannerOld(name, age) => Shown { text: crate::api::home::scanner_old(say, name, *age), href: "" },
    }
}

fn value_of(home: &Home, counter: Counter) -> i64 {
    home.counts.iter().find(|(of, _)| *of == counter).map_or(0, |(_, value)| *value)
}

fn mail_chart(home: &Home, say: Say) -> Chart {
    let (received, sent): (Vec<i64>, Vec<i64>) = home.hours.iter().map(|(_, received, sent)| (*received, *sent)).unzip();
    Chart {
        kind: ChartKind::Area,
        title: say.t("chart-mail-title"),
        description: texts::text(
            say.0,
            "chart-mail-description",
            &[("received", received.iter().sum::<i64>().to_string()), ("sent", sent.iter().sum::<i64>().to_string())],
        ),
        label_head: say.t("chart-hour"),
        labels: home.hours.iter().map(|(label, ..)| label.clone()).collect(),
        series: vec![
            Series { name: say.t("count-mail_received"), values: received },
            Series { name: say.t("count-mail_sent"), values: sent },
        ],
    }
}

fn smime_chart(home: &Home, say: Say) -> Chart {
    let shown = [
        (Counter::SmimeDecrypted, "short-decrypted"),
        (Counter::SmimeEncrypted, "short-encrypted"),
        (Counter::SmimeSigned, "short-signed"),
        (Counter::SmimeValid, "short-valid"),
        (Counter::SmimeNotValid, "short-not-valid"),
    ];
    Chart {
        kind: ChartKind::Bars,
        title: say.t("chart-smime-title"),
        description: say.t("chart-smime-description"),
        label_head: say.t("chart-act"),
        labels: shown.iter().map(|(_, id)| say.t(id)).collect(),
        series: vec![Series { name: say.t("chart-mails"), values: shown.iter().map(|(counter, _)| value_of(home, *counter)).collect() }],
    }
}

fn devices_chart(home: &Home, say: Say) -> Chart {
    Chart {
        kind: ChartKind::Bars,
        title: say.t("chart-devices-title"),
        description: say.t("chart-devices-description"),
        label_head: say.t("chart-decision"),
        labels: vec![say.t("home-devices-allowed"), say.t("home-devices-blocked")],
        series: vec![Series { name: say.t("nav-devices"), values: vec![home.devices_allowed, home.devices_blocked] }],
    }
}
