//! The command line.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use xcher_core::peer::{Path, PathPolicy};
use xcher_core::secure::PublicKey;
use xcher_core::{Nick, RelayLimits, Size};

use super::bridge_args::BridgeArgs;
use super::exit::CliError;
use super::given::Given;
use super::send_args::{GetArgs, OffersArgs, ReceiveArgs, SendArgs};
use crate::RelayAddress;
use crate::data::Rate;
use crate::files::Links;
use crate::host::{Rates, Trust};
use crate::keys;

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
  1  someone said no, a transfer did not complete, or a file could not be sent
  2  the command line is wrong
  3  the relay or the other side cannot be reached
  4  refused by a rule: an address, a name, a limit
  5  the other side is not who it was, would not speak in private, or had the wrong code

Every option can also be set as an environment variable (XCHER_RELAY for --relay) or in the
configuration file (relay = \"…\"). The command line goes before the environment, and that before
the file. At SIGHUP, relay, bridge and up read the file, the token and the certificate again, apply
what can change while they run, and name what needs a restart.";

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// The relay to meet at; the URL of its bridge (wss://HOST/xcher, or its page's) to meet there,
    /// and to go through that where the two of you cannot connect
    #[arg(long, global = true, env = "XCHER_RELAY", value_name = "HOST:PORT")]
    #[arg(default_value = "127.0.0.1:9247")]
    pub(super) relay: RelayAddress,
    /// What to be called there [default: your user name, made unique]
    #[arg(long, global = true, env = "XCHER_NICK")]
    pub(super) nick: Option<Nick>,
    /// The address that others reach you at, where it is not the one the relay sees
    #[arg(long, global = true, env = "XCHER_ADVERTISE", value_name = "IP")]
    pub(super) advertise: Option<IpAddr>,
    /// Which way connections go where --relay names a bridge: straight between the two of you,
    /// through the bridge, or through it only where they do not come about otherwise
    #[arg(long, global = true, env = "XCHER_VIA", value_name = "WAY", default_value = "auto")]
    #[arg(value_enum)]
    pub(super) via: Way,
    /// A file whose first line is the bridge's token: what it wants, or what it is shown
    #[arg(long, global = true, env = "XCHER_TOKEN_FILE", value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// PEM certificates of the authorities that may vouch for a bridge, in place of the system's
    #[arg(long, global = true, env = "XCHER_TLS_CA", value_name = "FILE")]
    pub(super) tls_ca: Option<PathBuf>,
    /// Take up calls from private addresses over any relay
    #[arg(long, global = true, env = "XCHER_ALLOW_PRIVATE", value_parser = switch())]
    pub(super) allow_private: bool,
    /// Speak in the clear, in the six packets alone, also with those who can do more
    #[arg(long, global = true, env = "XCHER_PLAIN", value_parser = switch())]
    pub(super) plain: bool,
    /// Speak in private or not at all
    #[arg(long, global = true, env = "XCHER_SECURE", value_parser = switch())]
    pub(super) secure: bool,
    /// The folder of this host's key and of those it knows [default: the platform's usual place]
    #[arg(long, global = true, env = "XCHER_DATA_DIR", value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
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
    /// The most bytes a second that files are sent with, all together, such as 500kb or 2mb
    #[arg(long, global = true, env = "XCHER_LIMIT_SEND", value_name = "RATE", value_parser = rate)]
    pub(super) limit_send: Option<NonZeroU64>,
    /// The most bytes a second that files are received with, all together
    #[arg(long, global = true, env = "XCHER_LIMIT_RECEIVE", value_name = "RATE")]
    #[arg(value_parser = rate)]
    pub(super) limit_receive: Option<NonZeroU64>,
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
    /// How all options were given.
    #[arg(skip)]
    pub(super) given: Given,
}

/// Which way connections go.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum Way {
    /// Directly, then through the bridge.
    Auto,
    /// Directly.
    Direct,
    /// Through the bridge.
    Bridge,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the relay where people meet by nick
    Relay(RelayArgs),
    /// Run a bridge to a relay elsewhere, for browsers and hosts behind NAT
    Bridge(BridgeArgs),
    /// Send files and folders to whoever is told a code, or to someone online
    Send(SendArgs),
    /// Wait for what others send, and ask whether it is wanted
    Receive(ReceiveArgs),
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
    /// Fetch files from someone, or by a code
    Get(GetArgs),
    /// Show or remove what did not arrive whole
    Partial(PartialArgs),
    /// Show who is online
    Who,
    /// Run a relay and share, in one: the quickest start
    Up(UpArgs),
    /// Show whose keys are known, change that, or show your own
    Peers(PeersArgs),
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
    #[command(flatten)]
    pub(super) bridge: BridgeArgs,
}

impl RelayArgs {
    pub(super) fn limits(&self) -> RelayLimits {
        RelayLimits {
            connections: self.max_connections,
            per_address: self.max_per_address,
            any_address: self.any_address,
            ..RelayLimits::default()
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(super) struct ShareArgs {
    /// Files and folders to share; - is standard input, which can be fetched once
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// What standard input is called [default: stdin]
    #[arg(long, env = "XCHER_NAME")]
    pub(super) name: Option<String>,
    /// What becomes of symbolic links in folders; a link that is named is followed
    #[arg(long, env = "XCHER_LINKS", value_name = "WHAT", default_value = "skip")]
    pub(super) links: Links,
    /// Share what has a dot in front of its name, too
    #[arg(long, env = "XCHER_HIDDEN", value_parser = switch())]
    pub(super) hidden: bool,
    /// Ask before each session
    #[arg(long, env = "XCHER_ASK", value_parser = switch())]
    pub(super) ask: bool,
    /// End after one session
    #[arg(long, env = "XCHER_ONCE", value_parser = switch())]
    pub(super) once: bool,
    #[command(flatten)]
    pub(super) offers: OffersArgs,
}

#[derive(Clone, Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(super) struct PartialArgs {
    #[command(subcommand)]
    pub(super) command: Option<PartialCommand>,
    /// The folder they were to be put into
    #[arg(long, short, global = true, env = "XCHER_OUTPUT", value_name = "DIR")]
    #[arg(default_value = ".")]
    pub(super) output: PathBuf,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum PartialCommand {
    /// List them: BYTES, SIZE, FROM, AGE, NAME, a tab between each [default]
    List,
    /// Remove those that no transfer works on, all or some
    Clear {
        /// Files, or folders with all that is in them, as `list` spells them
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

#[derive(Clone, Debug, Args)]
pub(super) struct UpArgs {
    #[command(flatten)]
    pub(super) share: ShareArgs,
    #[command(flatten)]
    pub(super) relay: RelayArgs,
}

#[derive(Clone, Debug, Args)]
pub(super) struct PeersArgs {
    #[command(flatten)]
    pub(super) relays: Relays,
    #[command(subcommand)]
    pub(super) command: Option<PeersCommand>,
}

/// At which relays.
#[derive(Clone, Debug, Args)]
pub(super) struct Relays {
    /// At every relay, not only the one of --relay
    #[arg(long)]
    pub(super) every_relay: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum PeersCommand {
    /// Show whose keys are known at the relay: NICK, KEY, SINCE and RELAY, with tabs between
    List {
        #[command(flatten)]
        relays: Relays,
    },
    /// Forget keys, and show which those were: the next key that someone shows is pinned in its
    /// place
    Forget {
        /// Whose
        #[arg(value_name = "NICK", required_unless_present = "all", conflicts_with = "all")]
        peer: Option<Nick>,
        /// Everyone's
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        relays: Relays,
    },
    /// Pin the key that someone has told you, also in place of another
    Pin {
        /// Whose
        #[arg(value_name = "NICK")]
        peer: Nick,
        /// What `xcher peers me` shows there
        #[arg(value_parser = PublicKey::parse)]
        key: PublicKey,
    },
    /// Show the key that others know this host by; it is made at first use
    Me,
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
pub(super) fn switch() -> BoolishValueParser {
    BoolishValueParser::new()
}

/// The least rate: with sixteen files at a time, each still moves well within a minute, which is how
/// long the other side waits.
const LEAST: u64 = 16 << 10;

/// Bytes a second of files.
fn rate(text: &str) -> Result<NonZeroU64, String> {
    let bytes = Size::parse(text).map(Size::bytes).filter(|bytes| *bytes >= LEAST);
    let rate = bytes.and_then(NonZeroU64::new);
    rate.ok_or_else(|| "expected bytes a second from 16kb up, such as 500kb or 2mb".to_owned())
}

impl Common {
    /// How fast files may go.
    pub(super) fn rates(&self) -> Rates {
        Rates { send: Rate::new(self.limit_send), receive: Rate::new(self.limit_receive) }
    }

    /// The bridge's token, if there is a file with one.
    pub(super) fn token(&self) -> Result<Option<String>, CliError> {
        let Some(file) = &self.token_file else { return Ok(None) };
        let text = std::fs::read_to_string(file);
        let at = file.display();
        let text = text.map_err(|error| CliError::usage(format!("cannot read {at}: {error}")))?;
        match text.lines().next().map(str::trim) {
            Some(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => {
                Ok(Some(token.to_owned()))
            }
            _ => Err(CliError::usage(format!(
                "{at}: expected a token of printable ASCII on the first line, got none"
            ))),
        }
    }
}

impl Common {
    /// Which ways its connections may go.
    pub(super) fn via(&self) -> Result<PathPolicy, CliError> {
        let straight = self.relay.tcp().is_some();
        match self.via {
            Way::Bridge if straight => {
                let relay = &self.relay;
                let text = format!("expected the URL of a bridge for --via bridge, got {relay}");
                Err(CliError::usage(text))
            }
            Way::Auto if straight => Ok(PathPolicy::Only(Path::Direct)),
            Way::Auto => Ok(PathPolicy::Auto),
            Way::Direct => Ok(PathPolicy::Only(Path::Direct)),
            Way::Bridge => Ok(PathPolicy::Only(Path::Bridge)),
        }
    }

    /// Who vouches for a bridge.
    pub(super) fn trust(&self) -> Result<Trust, CliError> {
        let file = self.tls_ca.as_deref();
        file.map_or_else(|| Ok(Trust::default()), Trust::only).map_err(CliError::usage)
    }
}

impl Common {
    /// The folder of the keys.
    pub(super) fn data_folder(&self) -> Result<PathBuf, CliError> {
        self.data_dir.clone().or_else(keys::usual_folder).ok_or_else(|| {
            CliError::usage(
                "expected a home to keep keys in, got none: name a folder with --data-dir",
            )
        })
    }
}
