//! The command line.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};
use xcher_core::{Nick, Size};

use super::exit::Failure;
use crate::files::OnConflict;
use crate::host::{RelayAddress, Trust};
use crate::http::Tls;

/// Exchange files with someone by nick, straight between the two of you.
#[derive(Debug, Parser)]
#[command(name = "xcher", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(disable_help_subcommand = true, infer_subcommands = false)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) common: Common,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  the other side said no, or a transfer did not complete
  2  usage
  3  the relay or the other side cannot be reached
  4  refused by a rule: an address, a name, a limit

Every option can also be set as an environment variable (XCHER_RELAY for --relay) or in the
configuration file (relay = \"…\"). The command line goes before the environment, and that before
the file.";

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// The relay to meet at; the URL of its bridge (wss://HOST/xcher, or its page's) to go through
    /// that
    #[arg(long, global = true, env = "XCHER_RELAY", value_name = "HOST:PORT")]
    #[arg(default_value = "127.0.0.1:9247")]
    pub(super) relay: RelayAddress,
    /// What to be called there [default: your user name, made unique]
    #[arg(long, global = true, env = "XCHER_NICK")]
    pub(super) nick: Option<Nick>,
    /// The address that others reach you at, where it is not the one the relay sees
    #[arg(long, global = true, env = "XCHER_ADVERTISE", value_name = "IP")]
    pub(super) advertise: Option<IpAddr>,
    /// A file whose first line is the bridge's token: what it wants, or what it is shown
    #[arg(long, global = true, env = "XCHER_TOKEN_FILE", value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// PEM certificates of the authorities that may vouch for a bridge, in place of the system's
    #[arg(long, global = true, env = "XCHER_TLS_CA", value_name = "FILE")]
    pub(super) tls_ca: Option<PathBuf>,
    /// Take up calls from private addresses over any relay
    #[arg(long, global = true, env = "XCHER_ALLOW_PRIVATE", value_parser = switch())]
    pub(super) allow_private: bool,
    /// Speak the six packets only; never offer an extension
    #[arg(long, global = true, env = "XCHER_PLAIN", value_parser = switch())]
    pub(super) plain: bool,
    /// How long to wait for someone; twice as long for what stands still
    #[arg(
        long,
        global = true,
        env = "XCHER_TIMEOUT",
        value_name = "SECONDS",
        default_value = "30"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) timeout: u64,
    /// Tell what happens as one JSON object a line on standard output
    #[arg(long, global = true, env = "XCHER_JSON", value_parser = switch())]
    pub(super) json: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true, env = "XCHER_QUIET", value_parser = switch())]
    pub(super) quiet: bool,
    /// Say more; twice for the log's debug lines too
    #[arg(short, long, global = true, action = ArgAction::Count, env = "XCHER_VERBOSE")]
    pub(super) verbose: u8,
    /// Configuration file [default: the platform's usual place]
    #[arg(long, global = true, env = "XCHER_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the relay where people meet by nick
    Relay(RelayArgs),
    /// Share files and folders until stopped
    Share(ShareArgs),
    /// List what someone shares: SIZE, a tab, NAME
    Ls {
        /// Who shares
        #[arg(value_name = "NICK")]
        peer: Nick,
    },
    /// Ask whether someone shares a file: NAME YES or NAME NO
    Check {
        /// Who shares
        #[arg(value_name = "NICK")]
        peer: Nick,
        /// The file, as `ls` spells it
        name: String,
    },
    /// Fetch files from someone
    Get(GetArgs),
    /// Show who is online
    Who,
    /// Run a relay and share, in one: the quickest start
    Up(UpArgs),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for every command
    Man {
        /// Write the pages into this folder
        #[arg(long, short, value_name = "DIR")]
        output: Option<PathBuf>,
    },
}

#[derive(Clone, Debug, Args)]
pub(super) struct RelayArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "XCHER_LISTEN", value_name = "IP:PORT", default_value = "127.0.0.1:9247")]
    pub(super) listen: std::net::SocketAddr,
    /// Pass on X_INITs that name any address, not only the sender's own
    #[arg(long, env = "XCHER_ANY_ADDRESS", value_parser = switch())]
    pub(super) any_address: bool,
    /// Connections in all
    #[arg(long, env = "XCHER_MAX_CONNECTIONS", value_name = "N", default_value = "20000")]
    pub(super) max_connections: usize,
    /// Connections from one address
    #[arg(long, env = "XCHER_MAX_PER_ADDRESS", value_name = "N", default_value = "256")]
    pub(super) max_per_address: usize,
    /// Where the bridge for browsers and hosts behind NAT listens, or off [default: 127.0.0.1, the
    /// port after that of --listen]
    #[arg(long, env = "XCHER_HTTP", value_name = "IP:PORT", value_parser = address_or_off)]
    pub(super) http: Option<HttpAddress>,
    /// The ports that the bridge lends [default: any that is free]
    #[arg(long, env = "XCHER_TUNNEL_PORTS", value_name = "LOW-HIGH", value_parser = port_range)]
    pub(super) tunnel_ports: Option<RangeInclusive<u16>>,
    /// The address that lent ports are reached at [default: the one that a client came to]
    #[arg(long, env = "XCHER_PUBLIC_IP", value_name = "IP")]
    pub(super) public_ip: Option<IpAddr>,
    /// Another origin whose pages may open a tunnel
    #[arg(long, env = "XCHER_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub(super) allow_origin: Vec<String>,
    /// Speak TLS at --http, with this PEM certificate chain; read again when it changes
    #[arg(long, env = "XCHER_TLS_CERT", value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The PEM private key of --tls-cert
    #[arg(long, env = "XCHER_TLS_KEY", value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,
    /// A reverse proxy whose X-Forwarded-For is believed
    #[arg(long, env = "XCHER_TRUSTED_PROXY", value_name = "IP", value_delimiter = ',')]
    pub(super) trusted_proxy: Vec<IpAddr>,
    /// The most bytes a second of one tunnel, both ways together, such as 10mb [default: no limit]
    #[arg(long, env = "XCHER_TUNNEL_RATE", value_name = "SIZE", value_parser = rate)]
    pub(super) tunnel_rate: Option<NonZeroU64>,
    /// The same of all tunnels of one address
    #[arg(long, env = "XCHER_ADDRESS_RATE", value_name = "SIZE", value_parser = rate)]
    pub(super) address_rate: Option<NonZeroU64>,
    /// The same of all tunnels
    #[arg(long, env = "XCHER_TOTAL_RATE", value_name = "SIZE", value_parser = rate)]
    pub(super) total_rate: Option<NonZeroU64>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ShareArgs {
    /// Files and folders to share
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Ask before each session
    #[arg(long, env = "XCHER_ASK", value_parser = switch())]
    pub(super) ask: bool,
    /// End after one session
    #[arg(long, env = "XCHER_ONCE", value_parser = switch())]
    pub(super) once: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct GetArgs {
    /// Who shares
    #[arg(value_name = "NICK")]
    pub(super) peer: Nick,
    /// Files, or folders with all that is in them, as `ls` spells them
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    pub(super) names: Vec<String>,
    /// Everything that is shared
    #[arg(long, env = "XCHER_ALL")]
    pub(super) all: bool,
    /// The folder to put them into
    #[arg(long, short, env = "XCHER_OUTPUT", value_name = "DIR", default_value = ".")]
    pub(super) output: PathBuf,
    /// What to do where a file of that name is there already
    #[arg(long, env = "XCHER_ON_CONFLICT", value_name = "WHAT", default_value = "rename")]
    pub(super) on_conflict: OnConflict,
}

#[derive(Clone, Debug, Args)]
pub(super) struct UpArgs {
    #[command(flatten)]
    pub(super) share: ShareArgs,
    #[command(flatten)]
    pub(super) relay: RelayArgs,
}

/// The command line as clap knows it. Of the environment, help shows the names and not the values:
/// those may be nobody else's business.
pub(super) fn command() -> clap::Command {
    fn tidy(command: clap::Command) -> clap::Command {
        let command = command.mut_args(|arg| arg.hide_env_values(true));
        command.mut_subcommands(tidy)
    }
    tidy(<Cli as clap::CommandFactory>::command())
}

/// A variable or a file sets a switch with `1`, `true`, `yes` or `on`.
fn switch() -> BoolishValueParser {
    BoolishValueParser::new()
}

/// `LOW-HIGH`, both included.
fn port_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let parsed = text.split_once('-').and_then(|(low, high)| {
        let (low, high) = (low.parse::<u16>().ok()?, high.parse::<u16>().ok()?);
        (1024 <= low && low <= high).then_some(low..=high)
    });
    parsed.ok_or_else(|| "expected LOW-HIGH from 1024 up, such as 40000-40999".to_owned())
}

/// Bytes a second.
fn rate(text: &str) -> Result<NonZeroU64, String> {
    let rate = Size::parse(text).and_then(|size| NonZeroU64::new(size.bytes()));
    rate.ok_or_else(|| "expected bytes a second from 1 up, such as 500kb or 10mb".to_owned())
}

/// An address to listen on, or `off`.
fn address_or_off(text: &str) -> Result<HttpAddress, String> {
    match text {
        "off" => Ok(HttpAddress(None)),
        text => text
            .parse()
            .map(|address| HttpAddress(Some(address)))
            .map_err(|_| "expected IP:PORT, such as 127.0.0.1:9248, or off".to_owned()),
    }
}

/// Where the bridge's page and WebSocket are, if anywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct HttpAddress(pub(super) Option<std::net::SocketAddr>);

impl Common {
    /// The bridge's token, if there is a file with one.
    pub(super) fn token(&self) -> Result<Option<String>, Failure> {
        let Some(file) = &self.token_file else { return Ok(None) };
        let text = std::fs::read_to_string(file);
        let at = file.display();
        let text = text.map_err(|error| Failure::usage(format!("cannot read {at}: {error}")))?;
        match text.lines().next().map(str::trim) {
            Some(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => {
                Ok(Some(token.to_owned()))
            }
            _ => Err(Failure::usage(format!(
                "{at}: expected a token of printable ASCII on the first line, got none"
            ))),
        }
    }
}

impl Common {
    /// Who vouches for a bridge.
    pub(super) fn trust(&self) -> Result<Trust, Failure> {
        let file = self.tls_ca.as_deref();
        file.map_or_else(|| Ok(Trust::default()), Trust::only).map_err(Failure::usage)
    }
}

impl RelayArgs {
    /// The certificate of the bridge's port, if it has one.
    pub(super) fn tls(&self) -> Result<Option<Tls>, Failure> {
        let lacks = |lacking: &str, got: &str| {
            Err(Failure::usage(format!("expected {lacking} beside {got}, got none")))
        };
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(None),
            (Some(_), None) => lacks("--tls-key", "--tls-cert"),
            (None, Some(_)) => lacks("--tls-cert", "--tls-key"),
            (Some(cert), Some(key)) => Tls::load(cert, key).map(Some).map_err(Failure::usage),
        }
    }

    /// Where the bridge listens, if anywhere.
    pub(super) fn http(&self) -> Option<std::net::SocketAddr> {
        match self.http {
            Some(HttpAddress(address)) => address,
            None => {
                // A relay on any free port has a bridge on any free port.
                let port = match self.listen.port() {
                    0 => 0,
                    port => port.checked_add(1)?,
                };
                Some((std::net::Ipv4Addr::LOCALHOST, port).into())
            }
        }
    }
}
