//! What a command prints: for people, or with `--json` for scripts; and its exit code (contract.md "Commands").

use std::process::ExitCode;

use model::{Fault, Guilty, Language};
use serde_json::{Map, Value, json};

/// The command-line face of a fault: 3 if node or store can't be reached, else 1.
#[must_use]
pub fn fault(fault: &Fault, as_json: bool) -> ExitCode {
    let message = texts::fault(Language::En, fault);
    let hint = if fault.guilty == Guilty::Ourselves || fault.guilty == Guilty::Configuration { fault.cause.as_ref() } else { "" };
    problem(fault.code, &message, hint, as_json);
    ExitCode::from(if ["node-unreachable", "store-away"].contains(&fault.code) { 3 } else { 1 })
}

/// Prints an error: on standard error for people, as an object on standard output for scripts.
pub fn problem(code: &str, message: &str, hint: &str, as_json: bool) {
    if as_json {
        println!("{}", json!({ "error": { "code": code, "message": message, "hint": hint } }));
    } else {
        eprintln!("sealgate: {message}");
        if !hint.is_empty() && !message.contains(hint) {
            eprintln!("  {hint}");
        }
    }
}

/// Prints what the API answered with a status of 4xx or 5xx (problem+json, RFC 9457).
#[must_use]
pub fn refused(status: u16, body: &Value, as_json: bool) -> ExitCode {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let code = text("type").rsplit([':', '/']).next().unwrap_or_default();
    let title = if text("title").is_empty() { body.as_str().unwrap_or("the node refused it") } else { text("title") };
    problem(if code.is_empty() { "refused" } else { code }, title, text("detail"), as_json);
    if !as_json && let Some(lines) = body.get("errors").and_then(Value::as_array) {
        for line in lines {
            eprintln!("{}", line.as_str().map_or_else(|| line.to_string(), str::to_owned));
        }
    }
    ExitCode::from(if status == 503 { 3 } else { 1 })
}

/// Prints a result.
pub fn result(value: &Value, as_json: bool) {
    if as_json {
        println!("{value}");
        return;
    }
    match value {
        Value::Null => println!("done"),
        Value::String(text) => print!("{text}{}", if text.ends_with('\n') { "" } else { "\n" }),
        Value::Object(map) if map.get("items").is_some_and(Value::is_array) => {
            table(map.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice))
        }
        Value::Array(rows) => table(rows),
        Value::Object(map) => fields(map, 0),
        other => println!("{other}"),
    }
}

fn fields(map: &Map<String, Value>, indent: usize) {
    let width = map.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in map {
        match value {
            Value::Object(inner) => {
                println!("{:indent$}{name}:", "");
                fields(inner, indent + 2);
            }
            other => println!("{:indent$}{name:width$}  {}", "", plain(other)),
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Columns as wide as their widest value, at most 60.
fn table(rows: &[Value]) {
    let Some(first) = rows.first() else {
        println!("none");
        return;
    };
    let Some(names) = first.as_object().map(|row| row.keys().cloned().collect::<Vec<_>>()) else {
        for row in rows {
            println!("{}", plain(row));
        }
        return;
    };
    let cell =
        |row: &Value, name: &str| row.get(name).map_or_else(String::new, plain).replace('\n', " ").chars().take(60).collect::<String>();
    let widths: Vec<usize> =
        names.iter().map(|name| rows.iter().map(|row| cell(row, name).chars().count()).chain([name.len()]).max().unwrap_or(0)).collect();
    let line = |cells: Vec<String>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", padded.join("  ").trim_end());
    };
    line(names.iter().map(|name| name.to_uppercase()).collect());
    for row in rows {
        line(names.iter().map(|name| cell(row, name)).collect());
    }
}
