//! Counts and state: the home page's numbers.

use axum::extract::State;
use axum::response::Response;
use model::{Access, Right, Timestamp};
use serde_json::{Map, Value};
use web::{Caller, Failed};

use crate::api::answer::value;
use crate::api::doc::{Api, Op};
use crate::api::schema::{Counts, DeviceCounts, List, QueueCounts, Scanner, State as StateBody, Trouble as TroubleBody};
use crate::gather;
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::Trouble;

pub(super) fn routes(api: Api) -> Api {
    api.route(
        Op::get("/counts", "counts").needs(Right::Home, Access::Read).says("The live counts of the home page").answers("Counts"),
        counts,
    )
    .route(Op::get("/state", "state").needs(Right::Home, Access::Read).says("Is all well?").answers("State"), state)
    .route(
        Op::get("/scanners", "scanner_list")
            .needs(Right::Home, Access::Read)
            .says("The scanners that the site names: there or not, and how old their data are")
            .answers("ScannerList"),
        scanners,
    )
}

async fn scanners(State(state): State<ConsoleState>, _caller: Caller) -> Result<Response, Failed> {
    let now = state.kit().now();
    let shown = |engine: model::EngineState| Scanner {
        old: engine.old_by(now).is_some(),
        name: engine.name.to_owned(),
        place: engine.place,
        up: engine.up,
        version: engine.version,
        data_made: time(engine.data_made),
        asked: time(engine.asked),
        cause: engine.cause,
    };
    value(&List { items: state.engines().into_iter().map(shown).collect(), next: None })
}

async fn counts(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let counted = state.admin().counts(&caller.actor).await?;
    let (length, oldest) = gather::queue(&state).await;
    let mail: Map<String, Value> = counted.mail.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    value(&Counts {
        mail: Value::Object(mail),
        devices: DeviceCounts { allowed: counted.devices_allowed, blocked: counted.devices_blocked, unseen: counted.devices_unseen },
        queue: QueueCounts { length, oldest: time(oldest) },
        users_active: gather::users_active(&state.facts().site()),
    })
}

async fn state(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let home = gather::home(&state, &caller.actor).await?;
    let say = Say(caller.language);
    value(&StateBody {
        well: home.troubles.is_empty(),
        troubles: home.troubles.iter().map(|trouble| told(say, trouble)).collect(),
        node: home.node.clone(),
        hostname: home.hostname.clone(),
        version: home.version.clone(),
        uptime_seconds: home.uptime,
        site_number: state.facts().site().number,
    })
}

fn told(say: Say, trouble: &Trouble) -> TroubleBody {
    let (code, message) = match trouble {
        Trouble::QueueOld(age) => ("queue-old", say.with("trouble-queue-old", "age", web::kit::duration_text(say.0, *age))),
        Trouble::StoreAway => ("store-away", say.t("trouble-store-away")),
        Trouble::NoDomain => ("no-domain", say.t("trouble-no-domain")),
        Trouble::TestMode => ("test-mode", say.t("trouble-test-mode")),
        Trouble::ScannerDown(name) => ("scanner-down", say.with("trouble-scanner-down", "name", name.clone())),
        Trouble::ScannerOld(name, age) => ("scanner-old", scanner_old(say, name, *age)),
    };
    TroubleBody { code: code.to_owned(), message }
}

pub(crate) fn scanner_old(say: Say, name: &str, age: i64) -> String {
    texts::text(say.0, "trouble-scanner-old", &[("name", name.to_owned()), ("age", web::kit::duration_text(say.0, age))])
}

/// RFC 3339, or `null` for "never".
pub(super) fn time(at: Timestamp) -> Option<String> {
    (at.0 > 0).then(|| at.rfc3339())
}
