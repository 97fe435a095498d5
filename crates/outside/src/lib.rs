//! Clients of the outside world that are no mail servers.
//!
//! So far one: [`dns`]. Directories, scanners, key servers and everything else that a gate asks over the
//! network come here, each in a file of its own, each with its time-outs and bounds. Nothing here knows mail
//! or phones; `flow` and `keyring` glue these clients to the ports of the rooms beside.

pub mod dns;
