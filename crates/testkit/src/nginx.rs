//! nginx as a mail server for phones: answers what its configuration says, and writes down what it was asked.

use std::path::PathBuf;

use crate::child::{Room, Server};
use crate::wait;

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    _server: Server,
    log: PathBuf,
}

impl Nginx {
    /// Starts it with these `server { … }` blocks and waits for these addresses. What a former one in the same room was asked stays.
    ///
    /// # Panics
    /// When it can't be started: `scripts/install tests` installs it.
    #[must_use]
    pub fn start(room: &Room, servers: &str, addresses: &[&str]) -> Self {
        let (log, folder) = (room.path().join("nginx.log"), room.file("nginx"));
        std::fs::create_dir_all(&folder).expect("folder");
        let config = format!(
            "daemon off; master_process off; error_log {folder}/error.log; pid {folder}/pid; events {{}}\n\
             http {{ log_format own '$server_addr $request_method $request_uri'; access_log {} own; client_body_temp_path {folder}/b;\n\
             proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{servers}}}",
            log.display()
        );
        let config = room.write("nginx.conf", config);
        let server = Server::start("/usr/sbin/nginx", &["-c", &config], &room.path().join("nginx.out"));
        addresses.iter().for_each(|address| wait::port(address));
        Self { _server: server, log }
    }

    /// The POST requests that came: address of the server, and path with query.
    #[must_use]
    pub fn asked(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let posted = text.lines().filter_map(|line| line.split_once(" POST "));
        posted.map(|(server, target)| (server.to_owned(), target.to_owned())).collect()
    }
}
