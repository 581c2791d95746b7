//! The options of a relay or bridge for its operator.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::listen_address;
use crate::net::socket_address::SocketAddress;

/// The port of a listener for operators whose address names none.
const DEFAULT_PORT: u16 = 9249;

#[derive(Clone, Debug, Args)]
pub(crate) struct OperatorArgs {
    /// Serve metrics, health and `xcher relay status`, kick and ban at this address or Unix socket
    /// [default: none]
    ///
    /// An IP alone means port 9249, a port alone this machine alone. An address that other machines can reach
    /// needs --admin-token-file. A Unix socket serves programs of the same user and of root.
    #[arg(long, env = "XCHER_ADMIN", value_name = "IP:PORT|unix:PATH", global = true)]
    #[arg(value_parser = admin_address)]
    pub(crate) admin: Option<SocketAddress>,
    /// Require the token on the first line of this file for --admin
    #[arg(long, env = "XCHER_ADMIN_TOKEN_FILE", value_name = "FILE", global = true)]
    #[arg(hide_short_help = true)]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// Write the log in this format
    #[arg(long, env = "XCHER_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    #[arg(value_enum, hide_short_help = true)]
    pub(crate) log_format: LogFormat,
}

/// A choice of `--log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// A JSON object a line
    Json,
}

/// Parses `unix:PATH` or a TCP address.
fn admin_address(text: &str) -> Result<SocketAddress, String> {
    let address = listen_address::parse(text, DEFAULT_PORT).map(SocketAddress::Tcp);
    address
        .or_else(|| listen_address::unix(text))
        .ok_or_else(|| format!("not unix:PATH, nor {}", listen_address::forms(DEFAULT_PORT)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn reads_addresses_and_sockets() {
        for (text, address, is_local) in [
            ("127.0.0.1:9", "127.0.0.1:9", true),
            ("9", "127.0.0.1:9", true),
            ("localhost", "127.0.0.1:9249", true),
            ("[::1]", "[::1]:9249", true),
            ("0.0.0.0", "0.0.0.0:9249", false),
            ("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", true),
            ("192.168.1.2:1", "192.168.1.2:1", false),
            ("unix:/run/xcher/admin.sock", "unix:/run/xcher/admin.sock", true),
        ] {
            let parsed = admin_address(text).unwrap();
            assert_eq!((parsed.to_string().as_str(), parsed.is_local()), (address, is_local));
        }
        for text in ["", "unix:", "relay.example:9249", "/run/admin.sock"] {
            assert!(admin_address(text).unwrap_err().contains("not unix:PATH"), "{text}");
        }
    }
}
