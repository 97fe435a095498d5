//! What each command asks of the API. One command, one route of `/api/v1` (docs/openapi.json); nothing is decided here.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use data_encoding::BASE64;
use http::Method;
use model::{Fault, Guilty};
use serde_json::{Value, json};

use super::args::{Command, Config, Device, Gateway, LATER, Log, Message, Mobile, Noun, Policy, Queue, Remains, Rules, Token};
use super::client::{Answer, Call, Content, Node};
use super::{device, log, output};

/// How a command's answer is shown.
pub(super) enum Shown {
    /// As it is.
    Value(Answer),
    /// Only this text of it.
    Text(Answer, &'static str),
    /// Octets, which are in this base64 text of it.
    Octets(Answer, &'static str),
    /// Lines for people, made of it.
    Lines(Answer, fn(&Value) -> String),
    /// What went in, and what did not: the exit code says whether all went in.
    Partly(Answer),
    /// Nothing to ask: a name of a later version.
    Later(String),
    /// Nothing to ask: no such command.
    Unknown(String),
}

/// Runs a command against a node.
///
/// # Errors
/// When a file can't be read or the node can't be reached.
pub async fn run(node: &Node, command: Command, as_json: bool) -> Result<ExitCode, Fault> {
    let shown = ask(node, command).await?;
    let (answer, only) = match shown {
        Shown::Value(answer) => (answer, None),
        Shown::Text(answer, field) => (answer, Some(field)),
        Shown::Partly(answer) if answer.status < 400 => {
            output::result(&answer.body, as_json);
            let refused = ["refused", "failed"].iter().filter_map(|name| answer.body.get(*name).and_then(Value::as_u64)).sum::<u64>();
            return Ok(ExitCode::from(u8::from(refused > 0)));
        }
        Shown::Partly(answer) => (answer, None),
        Shown::Lines(answer, lines) if answer.status < 400 && !as_json => {
            output::result(&Value::String(lines(&answer.body)), false);
            return Ok(ExitCode::SUCCESS);
        }
        Shown::Lines(answer, _) => (answer, None),
        Shown::Octets(answer, field) if answer.status < 400 && !as_json => return octets(&answer.body, field),
        Shown::Octets(answer, _) => (answer, None),
        Shown::Later(name) => {
            output::problem("not-available-yet", &format!("`sealgate {name}` is not available yet in this version"), "", as_json);
            return Ok(ExitCode::from(1));
        }
        Shown::Unknown(name) => {
            output::problem("unknown-command", &format!("there is no command `{name}`"), "sealgate --help lists the commands", as_json);
            return Ok(ExitCode::from(2));
        }
    };
    if answer.status >= 400 {
        return Ok(output::refused(answer.status, &answer.body, as_json));
    }
    match only.filter(|_| !as_json).and_then(|field| answer.body.get(field)) {
        Some(text) => output::result(text, false),
        None => output::result(&answer.body, as_json),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes octets to standard output as they are.
fn octets(body: &Value, field: &str) -> Result<ExitCode, Fault> {
    let failed = |cause: String| Fault::permanent(Guilty::Ourselves, "internal", cause);
    let text = body.get(field).and_then(Value::as_str).unwrap_or_default();
    let octets = BASE64.decode(text.as_bytes()).map_err(|e| failed(e.to_string()))?;
    std::io::Write::write_all(&mut std::io::stdout().lock(), &octets).map_err(|e| failed(e.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

async fn ask(node: &Node, command: Command) -> Result<Shown, Fault> {
    let answer = match command {
        Command::Config(config) => site_file(node, config).await?,
        Command::Domain(noun) => domains(node, noun).await?,
        Command::Tls(noun) => thing(node, "tls", noun).await?,
        Command::User(noun) => thing(node, "users", noun).await?,
        Command::Partner(noun) => thing(node, "partners", noun).await?,
        Command::Template(noun) => thing(node, "templates", noun).await?,
        Command::Disclaimer(noun) => thing(node, "disclaimers", noun).await?,
        Command::File(noun) => thing(node, "files", noun).await?,
        Command::Group(noun) => thing(node, "groups", noun).await?,
        Command::Gateway(Gateway::Noun(noun)) => thing(node, "gateways", noun).await?,
        Command::Gateway(Gateway::Other(words)) => return Ok(named("gateway", &words, &["bundle", "join", "compare"])),
        Command::Gateway(gateway) => return super::gateway::run(node, gateway).await,
        Command::Policy(Policy::Import { key, file, replace }) => {
            let path = format!("/policies/{}/domains{}", part(&key), if replace { "?replace=true" } else { "" });
            return post(node, &path, Some(Content::Bytes(read(&file)?))).await.map(Shown::Partly);
        }
        Command::Policy(Policy::Export { key }) => get(node, &format!("/policies/{}/domains", part(&key))).await?,
        Command::Policy(Policy::Noun(noun)) => policies(node, noun).await?,
        Command::Device(Device::Import { file }) => return device::import(node, &file).await.map(Shown::Partly),
        Command::Device(Device::Export { file }) => return device::export(node, &file).await,
        Command::Device(device) => device::run(node, device).await?,
        Command::Key(key) => return super::key::run(node, key).await,
        Command::Rules(Rules::Other(words)) => return Ok(named("rules", &words, &[])),
        Command::Rules(Rules::Diff { from, to }) => {
            let to = to.map(|to| format!("&to={to}")).unwrap_or_default();
            return get(node, &format!("/rules/diff?from={from}{to}")).await.map(|answer| Shown::Text(answer, "diff"));
        }
        Command::Rules(Rules::Test { rules, tests }) => return rule_tests(node, rules, tests).await.map(Shown::Partly),
        Command::Rules(Rules::Show) => return get(node, "/rules").await.map(|answer| Shown::Text(answer, "text")),
        Command::Rules(rules) => rule_set(node, rules).await?,
        Command::Message(message) => one_message(node, message).await?,
        Command::Queue(queue) => waiting(node, queue).await?,
        Command::Log(Log::Search(search)) => return log::search(node, &search).await.map(|answer| Shown::Lines(answer, log::lines)),
        Command::Mobile(Mobile::Other(words)) => return Ok(named("mobile", &words, &[])),
        Command::Mobile(Mobile::Open { file }) => {
            let body = json!({ "file": BASE64.encode(&read(&file)?) });
            return post(node, "/mobile/open", Some(Content::Json(body))).await.map(|answer| Shown::Octets(answer, "content"));
        }
        Command::Mobile(Mobile::Decode { file }) => {
            let body = json!({ "body": BASE64.encode(&read(&file)?) });
            return post(node, "/mobile/decode", Some(Content::Json(body))).await.map(|answer| Shown::Text(answer, "xml"));
        }
        Command::Mobile(Mobile::Encode { file }) => {
            let body = json!({ "xml": text(&file)? });
            return post(node, "/mobile/encode", Some(Content::Json(body))).await.map(|answer| Shown::Octets(answer, "body"));
        }
        Command::Mobile(Mobile::Redirects(redirects)) => super::gateway::redirects(node, redirects).await?,
        Command::Mobile(mobile) => gate(node, mobile).await?,
        Command::Token(token) => tokens(node, token).await?,
        Command::Status => status(node).await?,
        Command::Other(words) => return Ok(named("", &words, LATER)),
        Command::Serve | Command::Demo(_) | Command::DemoPeer { .. } => return Ok(Shown::Unknown("serve".to_owned())),
    };
    Ok(Shown::Value(answer))
}

/// A name that the contract has for later, or none at all.
pub(super) fn named(noun: &str, words: &[String], later: &[&str]) -> Shown {
    let first = words.first().map_or("", String::as_str);
    let name = format!("{noun} {first}").trim().to_owned();
    if later.contains(&first) { Shown::Later(name) } else { Shown::Unknown(name) }
}

pub(super) async fn get(node: &Node, path: &str) -> Result<Answer, Fault> {
    node.call(Call { path, ..Call::default() }).await
}

pub(super) async fn post(node: &Node, path: &str, body: Option<Content>) -> Result<Answer, Fault> {
    node.call(Call { method: Method::POST, path, body, if_match: None }).await
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    bytes.map_err(|e| {
        Fault::permanent(Guilty::Configuration, "file-unreadable", format!("{}: {e}", file.display()))
            .with("path", file.display())
            .with("detail", e)
    })
}

pub(super) fn text(file: &Path) -> Result<String, Fault> {
    String::from_utf8(read(file)?).map_err(|e| {
        Fault::permanent(Guilty::Configuration, "file-unreadable", format!("{}: {e}", file.display()))
            .with("path", file.display())
            .with("detail", "it is not UTF-8 text")
    })
}

/// A path segment or query value, percent-encoded.
pub(super) fn part(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

async fn site_file(node: &Node, config: Config) -> Result<Answer, Fault> {
    let (path, file) = match &config {
        Config::Apply { file, allow_delete, users } => (format!("/config/apply{}", removal("allow_delete", *allow_delete, *users)), file),
        Config::Diff { file } => ("/config/diff".to_owned(), file),
        Config::Check { file } => ("/config/check".to_owned(), file),
        Config::Export => return get(node, "/config").await,
    };
    post(node, &path, Some(Content::Bytes(with_files(file)?.into_bytes()))).await
}

/// The site file with the content of the files that it names, each beside it unless its path is absolute.
fn with_files(file: &Path) -> Result<String, Fault> {
    let beside = file.parent().unwrap_or(Path::new(""));
    let whole = admin::site_file::inline_files(&text(file)?, &|name| std::fs::read(beside.join(name)).map_err(|error| error.to_string()));
    whole.map_err(|found| {
        let detail = found.first().map_or_else(String::new, ToString::to_string);
        Fault::permanent(Guilty::Configuration, "file-unreadable", format!("{}: {detail}", file.display()))
            .with("path", file.display())
            .with("detail", detail)
    })
}

/// The query of a removal.
fn removal(allow: &str, allow_delete: bool, users: Option<Remains>) -> String {
    let allow = allow_delete.then(|| format!("{allow}=true"));
    let users = users.map(|users| format!("users={}", users.word()));
    let pairs: Vec<String> = allow.into_iter().chain(users).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

async fn thing(node: &Node, kind: &str, noun: Noun) -> Result<Answer, Fault> {
    let at = |key: &str| format!("/{kind}/{}", part(key));
    match noun {
        Noun::List => get(node, &format!("/{kind}")).await,
        Noun::Show { key } => get(node, &at(&key)).await,
        Noun::Remove { users: Some(_), .. } if !["domains", "users"].contains(&kind) => {
            Err(Fault::permanent(Guilty::Configuration, "bad-field", "--users is of domains and users")
                .with("field", "--users")
                .with("expected", "a domain or a user"))
        }
        Noun::Remove { key, allow_delete, users } => {
            let path = format!("{}{}", at(&key), removal("with_keys", allow_delete, users));
            node.call(Call { method: Method::DELETE, path: &path, ..Call::default() }).await
        }
        Noun::Add { key, fields } => {
            let body = Some(Content::Json(with_fields(json!({}), &fields)));
            node.call(Call { method: Method::PUT, path: &at(&key), body, if_match: None }).await
        }
        Noun::Edit { key, fields } => {
            let now = get(node, &at(&key)).await?;
            if now.status >= 400 {
                return Ok(now);
            }
            let body = Some(Content::Json(with_fields(now.body, &fields)));
            node.call(Call { method: Method::PUT, path: &at(&key), body, if_match: now.etag }).await
        }
    }
}

/// Policies: a new one has the type that its key begins with.
async fn policies(node: &Node, noun: Noun) -> Result<Answer, Fault> {
    let Noun::Add { key, mut fields } = noun else { return thing(node, "policies", noun).await };
    if !fields.iter().any(|field| field.starts_with("type=")) {
        fields.push(format!("type={}", key.split([':', '@']).next().unwrap_or_default()));
    }
    thing(node, "policies", Noun::Add { key, fields }).await
}

/// Domains: several names in one word, separated by blanks, are made one after the other (M-T2), up to the first that is refused.
async fn domains(node: &Node, noun: Noun) -> Result<Answer, Fault> {
    let Noun::Add { key, fields } = noun else { return thing(node, "domains", noun).await };
    let mut answer = None;
    for name in key.split_whitespace() {
        let mut fields = fields.clone();
        if !fields.iter().any(|field| field.starts_with("name=")) {
            fields.push(format!("name={name}"));
        }
        let made = thing(node, "domains", Noun::Add { key: name.to_owned(), fields }).await?;
        let refused = made.status >= 400;
        answer = Some(made);
        if refused {
            break;
        }
    }
    match answer {
        Some(answer) => Ok(answer),
        None => thing(node, "domains", Noun::Add { key, fields }).await,
    }
}

/// Sets one member of an object.
pub(super) fn put(body: &mut Value, name: &str, value: Value) {
    if let Some(map) = body.as_object_mut() {
        map.insert(name.to_owned(), value);
    }
}

/// `name=value`; a value that is JSON (true, 5, ["a"]) is taken as such.
pub(super) fn with_fields(mut body: Value, fields: &[String]) -> Value {
    for field in fields {
        let (name, value) = field.split_once('=').unwrap_or((field, "true"));
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        put(&mut body, name, value);
    }
    body
}

async fn rule_set(node: &Node, rules: Rules) -> Result<Answer, Fault> {
    match rules {
        Rules::Check { file } => {
            post(node, "/rules/check", Some(Content::Json(json!({ "name": file.display().to_string(), "text": text(&file)? })))).await
        }
        Rules::Apply { file } => {
            let body = Some(Content::Json(json!({ "text": text(&file)? })));
            node.call(Call { method: Method::PUT, path: "/rules", body, if_match: None }).await
        }
        Rules::Run { rules, message, from, to, authenticated } => {
            let mut body = json!({ "message": BASE64.encode(&read(&message)?), "from": from, "to": to, "authenticated": authenticated });
            if let Some(file) = rules {
                put(&mut body, "rules", Value::String(text(&file)?));
                put(&mut body, "name", Value::String(file.display().to_string()));
            }
            post(node, "/rules/run", Some(Content::Json(body))).await
        }
        Rules::Replay { trace, rules } => {
            let mut body = json!({ "trace": trace });
            if let Some(file) = rules {
                put(&mut body, "rules", Value::String(text(&file)?));
                put(&mut body, "name", Value::String(file.display().to_string()));
            }
            post(node, "/rules/replay", Some(Content::Json(body))).await
        }
        Rules::Versions => get(node, "/rules/versions").await,
        Rules::Rollback { number } => post(node, "/rules/rollback", Some(Content::Json(json!({ "number": number })))).await,
        Rules::Show | Rules::Diff { .. } | Rules::Test { .. } | Rules::Other(_) => get(node, "/rules").await,
    }
}

/// A file of tests has `[[test]]` tables.
async fn rule_tests(node: &Node, rules: Option<PathBuf>, tests: Option<PathBuf>) -> Result<Answer, Fault> {
    let mut body = json!({});
    if let Some(file) = rules {
        put(&mut body, "rules", Value::String(text(&file)?));
        put(&mut body, "name", Value::String(file.display().to_string()));
    }
    if let Some(file) = tests {
        let unreadable = |detail: String| {
            Fault::permanent(Guilty::Configuration, "file-unreadable", format!("{}: {detail}", file.display()))
                .with("path", file.display())
                .with("detail", detail)
        };
        let mut read: Value = toml::from_str(&text(&file)?).map_err(|error| unreadable(error.to_string()))?;
        let tests = read.get_mut("test").map(Value::take).ok_or_else(|| unreadable("there is no [[test]] in it".to_owned()))?;
        put(&mut body, "tests", tests);
    }
    post(node, "/rules/test", Some(Content::Json(body))).await
}

async fn one_message(node: &Node, message: Message) -> Result<Answer, Fault> {
    let (path, file, to) = match message {
        Message::Verify { file, to } => ("/message/verify", file, to),
        Message::Parts { file } => ("/message/parts", file, None),
    };
    let body = json!({ "message": BASE64.encode(&read(&file)?), "to": to.into_iter().collect::<Vec<_>>() });
    post(node, path, Some(Content::Json(body))).await
}

/// How the node is, and its counts, in one answer.
async fn status(node: &Node) -> Result<Answer, Fault> {
    let mut state = get(node, "/state").await?;
    let counts = get(node, "/counts").await?;
    if counts.status < 400 {
        for (ours, theirs) in [("counts", "mail"), ("queue", "queue"), ("devices", "devices")] {
            put(&mut state.body, ours, counts.body.get(theirs).cloned().unwrap_or_default());
        }
    }
    Ok(state)
}

async fn waiting(node: &Node, queue: Queue) -> Result<Answer, Fault> {
    match queue {
        Queue::List(list) => {
            let limit = list.limit.map(|limit| limit.to_string());
            let given = [
                ("to", list.to),
                ("from", list.from),
                ("domain", list.domain),
                ("trace", list.trace),
                ("after", list.after),
                ("limit", limit),
            ];
            let pairs: Vec<String> =
                given.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}={}", part(&value)))).collect();
            let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
            get(node, &format!("/queue{query}")).await
        }
        Queue::Adopt { directory } => {
            let directory = std::path::absolute(&directory).unwrap_or(directory);
            post(node, "/queue/adopt", Some(Content::Json(json!({ "directory": directory.display().to_string() })))).await
        }
        Queue::Show { id } => get(node, &format!("/queue/{}", part(&id))).await,
        Queue::Retry { id } if id == "all" => post(node, "/queue/retry", None).await,
        Queue::Retry { id } => post(node, &format!("/queue/{}/retry", part(&id)), None).await,
        Queue::Hold { id } => post(node, &format!("/queue/{}/hold", part(&id)), None).await,
        Queue::Release { id } => post(node, &format!("/queue/{}/release", part(&id)), None).await,
        Queue::Remove { id, tell } => {
            let path = format!("/queue/{}{}", part(&id), if tell { "?tell=yes" } else { "" });
            node.call(Call { method: Method::DELETE, path: &path, ..Call::default() }).await
        }
    }
}

async fn gate(node: &Node, mobile: Mobile) -> Result<Answer, Fault> {
    match mobile {
        Mobile::Query { query } => post(node, "/mobile/query", Some(Content::Json(json!({ "query": query })))).await,
        Mobile::Decide { user, device, agent, command } => {
            let body = json!({ "user": user, "device": device, "agent": agent, "command": command });
            post(node, "/mobile/decide", Some(Content::Json(body))).await
        }
        Mobile::Decode { .. } | Mobile::Encode { .. } | Mobile::Open { .. } | Mobile::Redirects(_) | Mobile::Other(_) => {
            get(node, "/state").await
        }
    }
}

async fn tokens(node: &Node, token: Token) -> Result<Answer, Fault> {
    match token {
        Token::Add { name, scope, local } => {
            let scope = if local { vec![model::Right::MobileGateways.word().to_owned()] } else { scope };
            post(node, "/tokens", Some(Content::Json(json!({ "name": name, "scopes": scope })))).await
        }
        Token::List => get(node, "/tokens").await,
        Token::Remove { id } => {
            node.call(Call { method: Method::DELETE, path: &format!("/tokens/{}", part(&id)), ..Call::default() }).await
        }
    }
}
