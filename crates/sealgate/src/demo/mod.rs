//! `sealgate demo`: all of it on loopback, with a demo company and a demo partner; and `demo --check`, the same without
//! staying up, exit 0 only when every step gave what it should.

pub mod peers;
mod scene;
mod script;

use std::path::Path;
use std::process::ExitCode;

use model::Fault;

use crate::config::NodeConfig;
use crate::node::{Node, Runtimes};
use crate::place::Place;
use scene::Scene;

/// Where the demonstration's data lie when `--data` names nothing else.
const DATA: &str = "./demo-data";

/// Runs the demonstration. With `check` on ports that the system chooses, so that it never collides with a running node.
///
/// # Errors
/// When the gateway does not start. A step that fails is printed and makes the exit code 1.
pub async fn run(mut config: NodeConfig, data_was_named: bool, check: bool, runtimes: &Runtimes) -> Result<ExitCode, Fault> {
    if !data_was_named {
        config.data = Path::new(DATA).to_owned();
    }
    if check {
        let any = |listen: &mut Vec<std::net::SocketAddr>| listen.iter_mut().for_each(|address| address.set_port(0));
        any(&mut config.smtp.listen);
        any(&mut config.console.listen);
        any(&mut config.mobile.listen);
        config.metrics.listen.iter_mut().for_each(|address| address.set_port(0));
    }
    println!("Sealgate demonstration in {}", config.data.display());
    let mut scene = Scene::start(&config.data)?;
    let node = Node::start(&config, Place::take(&config.data)?, runtimes).await?;
    let failed = script::play(&mut scene, &node).await;
    if let Some((step, cause)) = &failed {
        println!("\nFAILED: {step}\n  {cause}");
    } else {
        println!("\nEvery step gave what it should.");
    }
    if !check && failed.is_none() {
        stay(&node).await;
    }
    node.stop().await;
    Ok(if failed.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Tells where everything is and waits for Ctrl-C.
async fn stay(node: &Node) {
    let address = |name: &str| node.listeners().get(name).and_then(|all| all.first()).map_or_else(String::new, ToString::to_string);
    println!("\nThe gateway stays up:");
    println!("  console       https://{}/   (self-signed: the browser will warn)", address("console"));
    match &node.first_password {
        Some(password) => println!("  sign in as    admin, one-time password {}", password.expose()),
        None => println!("  sign in as    admin, with the password from the first run (rm -rf the data for a new one)"),
    }
    println!("  SMTP          {}", address("smtp"));
    println!("  phones        https://{}/Microsoft-Server-ActiveSync", address("mobile"));
    println!("  metrics       http://{}/metrics", address("metrics"));
    println!("Ctrl-C stops it.");
    let _ = tokio::signal::ctrl_c().await;
    println!("stopping …");
}
