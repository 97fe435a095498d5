//! Sealgate, the program: reads the command line, then runs a node, the demonstration, or one command.

mod alarms;
mod bridges;
mod cli;
mod client_tls;
mod config;
mod demo;
mod engines;
mod housekeeping;
mod https;
mod listeners;
mod logging;
mod node;
mod place;
mod ready;
mod secrets;
mod sockets;
mod telemetry;
mod tls;

use std::process::ExitCode;

use clap::Parser;
use model::Fault;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use cli::args::{Cli, Command};
use cli::client::Node as Api;
use cli::output;
use config::NodeConfig;
use node::{Core, Node, Runtimes};
use place::{Place, Use};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let as_json = cli.json;
    match start(cli) {
        Ok(code) => code,
        Err(fault) => output::fault(&fault, as_json),
    }
}

/// Three runtimes: the mail gate's, the mobile gate's, and the one for everything else.
struct Threads {
    main: Runtime,
    mail: Runtime,
    mobile: Runtime,
}

impl Threads {
    fn start() -> Result<Self, Fault> {
        let build =
            |name: &str| Builder::new_multi_thread().thread_name(name).enable_all().build().map_err(|e| secrets::ourselves("threads", e));
        Ok(Self { main: build("main")?, mail: build("mail")?, mobile: build("mobile")? })
    }

    fn handles(&self) -> Runtimes {
        Runtimes { mail: self.mail.handle().clone(), mobile: self.mobile.handle().clone() }
    }
}

fn start(cli: Cli) -> Result<ExitCode, Fault> {
    if let Command::DemoPeer { kind } = cli.command {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| secrets::ourselves("threads", e))?;
        return runtime.block_on(demo::peers::run(kind)).map(|()| ExitCode::SUCCESS).map_err(|e| secrets::ourselves("demo", e));
    }
    let config = NodeConfig::load(cli.config.as_deref(), cli.data.as_deref())?;
    // The process-wide choice of rustls; a second call in one process is no error.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match cli.command {
        Command::Serve => serve(&config),
        Command::Demo(options) => demonstrate(config, cli.data.is_some(), options.check),
        command => one(&config, command, cli.json),
    }
}

fn log_to(config: &NodeConfig, level: Option<&str>, data: Option<&std::path::Path>) -> Result<logging::Logging, Fault> {
    let mut settings = config.log.clone();
    if let Some(level) = level {
        level.clone_into(&mut settings.level);
    }
    logging::start(&settings, data)
        .map_err(|cause| Fault::permanent(model::Guilty::Configuration, "configuration-invalid", cause.clone()).with("detail", cause))
}

fn serve(config: &NodeConfig) -> Result<ExitCode, Fault> {
    let place = Place::take(&config.data)?;
    let logging = log_to(config, None, Some(place.data()))?;
    let threads = Threads::start()?;
    threads.main.block_on(async {
        let node = Node::start(config, place, &threads.handles()).await?;
        node.keep_logs(logging);
        let fail = |e| secrets::ourselves("signals", e);
        let (mut term, mut int, mut hup) = (
            signal(SignalKind::terminate()).map_err(fail)?,
            signal(SignalKind::interrupt()).map_err(fail)?,
            signal(SignalKind::hangup()).map_err(fail)?,
        );
        loop {
            tokio::select! {
                _ = term.recv() => break,
                _ = int.recv() => break,
                _ = hup.recv() => node.reload(),
            }
        }
        node.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

fn demonstrate(config: NodeConfig, data_was_named: bool, check: bool) -> Result<ExitCode, Fault> {
    log_to(&config, Some("error"), None)?;
    let threads = Threads::start()?;
    threads.main.block_on(demo::run(config, data_was_named, check, &threads.handles()))
}

/// One command: over the socket of a running node, or in this process with no node running.
fn one(config: &NodeConfig, command: Command, as_json: bool) -> Result<ExitCode, Fault> {
    log_to(config, Some("error"), None)?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| secrets::ourselves("threads", e))?;
    runtime.block_on(async {
        match Place::look(&config.data)? {
            Use::Running(socket) => cli::run(&Api::Running(socket), command, as_json).await,
            Use::Ours(place) => {
                let core = Core::open(config, place).await?;
                let with_queue = matches!(command, Command::Queue(_) | Command::Rules(_) | Command::Status);
                let (router, queue) = bridges::local_router(config, &core, with_queue).await?;
                let code = cli::run(&Api::Here(Box::new(router)), command, as_json).await;
                if let Some(queue) = queue {
                    queue.stop().await;
                }
                core.live.stop().await;
                core.store.close().await;
                code
            }
        }
    })
}
