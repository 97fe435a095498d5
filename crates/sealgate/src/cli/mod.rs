//! The command line: grammar, the way to the node's API, what each command asks of it, and what it prints.

pub mod args;
pub mod client;
mod commands;
mod device;
mod gateway;
mod key;
pub mod log;
pub mod output;

pub use commands::run;
