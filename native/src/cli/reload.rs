//! SIGHUP: the files and options are read again, and what can change while serving is applied.

use std::path::PathBuf;

use tokio::task::spawn_blocking;

use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::http_front::RunningBridge;
use crate::cli::options::command_line;
use crate::cli::options::{BridgeArgs, Cli, Command, Common, RawValues, RelayArgs, UpArgs};
use crate::cli::signals::Hangups;
use crate::cli::ui::output::Output;
use crate::http::Tls;
use crate::relay::Relay;

/// The options that are applied while serving.
const LIVE: [&str; 9] = [
    "max-connections",
    "max-per-address",
    "any-address",
    "allow-origin",
    "host-name",
    "trusted-proxy",
    "tunnel-rate",
    "address-rate",
    "total-rate",
];
/// The same, but where files are shared.
const TOKEN_FILE: &str = "token-file";

/// What serves, and what is in force there.
pub(crate) struct Reload {
    output: Output,
    relay: Option<Relay>,
    bridge: Option<RunningBridge>,
    given: RawValues,
    token_file: Option<PathBuf>,
}

/// What was read again.
struct Read {
    cli: Cli,
    /// Of a bridge.
    token: Result<Option<String>, CliError>,
    /// Whether it is another one.
    certificate: Result<bool, String>,
}

impl Reload {
    /// Of what was started with these options.
    pub(crate) fn new(
        common: &Common,
        relay: Option<Relay>,
        bridge: Option<RunningBridge>,
    ) -> Self {
        let (given, token_file) = (common.raw.clone(), common.token_file.clone());
        Self { output: Output::new(common), relay, bridge, given, token_file }
    }

    /// Reads and applies at each SIGHUP, for as long as the runtime runs.
    pub(crate) async fn at_each(mut self, mut hangups: Hangups) {
        loop {
            hangups.next().await;
            let tls = self.bridge.as_ref().map(|bridge| bridge.tls.clone());
            let token_file = self.token_file.clone();
            // A slow disk keeps nobody waiting who is served.
            let read = spawn_blocking(move || Read::again(tls, token_file)).await;
            let applied = read.map_err(CliError::local).flatten().and_then(|read| self.apply(read));
            if let Err(error) = applied {
                let error = error.message.unwrap_or_default();
                self.output.error(format_args!("{error}: everything stays as it was"));
            }
        }
    }

    /// Applies what can change while serving, and says what did and what needs a restart.
    fn apply(&mut self, read: Read) -> Result<(), CliError> {
        let Read { cli, token, certificate } = read;
        let (mut notes, mut errors) = (Vec::new(), Vec::new());
        let (relay_args, bridge_args) = args(&cli.command);
        if let (Some(bridge), Some(args)) = (&mut self.bridge, bridge_args) {
            let before = bridge.token.clone();
            let now = token.as_ref().unwrap_or(&before).clone();
            bridge.http.set_access(&args.access(now.clone())).map_err(CliError::local)?;
            bridge.bridge.set_rates(args.rates());
            if before.is_some() && now.is_none() {
                // Where nobody reads it, the bridge serves on.
                let _ = exposure::warn_of_bridge(&cli.common, &self.output, bridge.address);
            }
            notes.extend(told_of_token(before.as_deref(), now.as_deref()));
            errors.extend(token.as_ref().err().map(|error| unread_token(error, &before)));
            bridge.token = now;
        }
        if let (Some(relay), Some(args)) = (&self.relay, relay_args) {
            relay.set_limits(args.limits());
        }
        match certificate {
            Ok(true) => notes.push("the new certificate is used from now on".to_owned()),
            Ok(false) => {}
            Err(error) => errors.push(format!("{error}: the certificate stays as it was")),
        }
        notes.extend(self.take_options(&cli, token.is_ok()));
        if notes.is_empty() && errors.is_empty() {
            notes.push("nothing has changed".to_owned());
        }
        errors.iter().for_each(|error| self.output.error(format_args!("{error}")));
        notes.iter().for_each(|note| self.output.note(format_args!("{note}")));
        Ok(())
    }

    /// Takes over how options are given that are in force now. Returns what to say of these and of
    /// those that need a restart.
    fn take_options(&mut self, cli: &Cli, has_token: bool) -> Vec<String> {
        let (given, shares) = (&cli.common.raw, shares(&cli.command));
        let is_token_file = |option: &String| option == TOKEN_FILE;
        let mut changed = self.given.changed(given);
        changed.retain(|option| has_token || !is_token_file(option));
        let (live, others): (Vec<_>, Vec<_>) = changed
            .into_iter()
            .partition(|option| LIVE.contains(&&**option) || is_token_file(option) && !shares);
        for option in &live {
            self.given.copy(option, given);
        }
        if has_token {
            self.token_file.clone_from(&cli.common.token_file);
        }
        let applied =
            live.iter().map(|option| format!("--{option}")).collect::<Vec<_>>().join(", ");
        let applied = (!live.is_empty()).then(|| format!("in force from now on: {applied}"));
        let restart = |option| format!("--{option} has changed: restart to apply it");
        applied.into_iter().chain(others.into_iter().map(restart)).collect()
    }
}

impl Read {
    /// Reads the configuration file, and for a bridge the certificate and the token.
    fn again(bridge: Option<Option<Tls>>, token_file: Option<PathBuf>) -> Result<Self, CliError> {
        let mut cli = command_line::read_again()?;
        if shares(&cli.command) {
            // What is shared leaves out the file that was named at the start, and might hold another.
            cli.common.token_file = token_file;
        }
        let Some(tls) = bridge else {
            return Ok(Self { cli, token: Ok(None), certificate: Ok(false) });
        };
        let certificate = tls.map_or(Ok(false), |tls| tls.read_again());
        Ok(Self { token: cli.common.token(), cli, certificate })
    }
}

/// The options of the relay and of the bridge that a command runs.
fn args(command: &Command) -> (Option<&RelayArgs>, Option<&BridgeArgs>) {
    match command {
        Command::Relay(relay) | Command::Up(UpArgs { relay, .. }) => {
            (Some(relay), Some(&relay.bridge))
        }
        Command::Bridge(bridge) => (None, Some(bridge)),
        _ => (None, None),
    }
}

fn shares(command: &Command) -> bool {
    matches!(command, Command::Up(_))
}

fn told_of_token(before: Option<&str>, now: Option<&str>) -> Option<String> {
    let told = match (before, now) {
        (before, now) if before == now => return None,
        (_, None) => "tunnels need no token from now on",
        (None, Some(_)) => "tunnels need the token from now on",
        (Some(_), Some(_)) => "tunnels need the new token from now on",
    };
    Some(told.to_owned())
}

fn unread_token(error: &CliError, before: &Option<String>) -> String {
    let error = error.message.as_deref().unwrap_or_default();
    match before {
        Some(_) => format!("{error}: the token stays as it was"),
        None => format!("{error}: tunnels still need no token"),
    }
}
