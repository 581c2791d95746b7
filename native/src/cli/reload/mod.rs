//! SIGHUP and `xcher relay reload`: reads files and options again, and applies what can change at runtime.

mod admission;
mod live_options;
mod reread;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use xcher_core::registry::Users;

use crate::admin::{AwaitedReloads, Reloaded};
use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::http_front::RunningBridge;
use crate::cli::options::{
    Admission, Command, Common, RawValues, RelayArgs, RelayCommandLine, UpArgs,
};
use crate::cli::service_manager;
use crate::cli::signals::Hangups;
use crate::cli::ui::output::Output;
use crate::http::{Access, Tls};
use crate::relay::Relay;

use live_options::{ACCESS, HOOK, HOOK_TOKEN_FILE, TlsFiles, USERS};
use reread::{Certificate, Reread};

/// The running servers, and the options in force.
pub(crate) struct Reload {
    output: Output,
    relay: Option<Relay>,
    bridge: Option<RunningBridge>,
    /// The certificate of their ports.
    tls: Option<Tls>,
    /// The lists in force, and the hook.
    admission: Admission,
    options: RawValues,
    token_file: Option<PathBuf>,
    /// As at the start.
    any_address: bool,
    /// The users in force.
    users: Option<Arc<Users>>,
}

impl Reload {
    /// For servers that were started with these options; `relay` with whether it forwards any address.
    pub(crate) fn new(
        common: &Common,
        relay: Option<(Relay, bool)>,
        bridge: Option<RunningBridge>,
        tls: Option<Tls>,
        admission: Admission,
    ) -> Self {
        let (relay, any_address) = relay.unzip();
        let any_address = any_address.unwrap_or_default();
        let (options, token_file) = (common.raw.clone(), common.token_file.clone());
        let output = Output::new(common);
        let users = None;
        Self { output, relay, bridge, tls, admission, options, token_file, any_address, users }
    }

    /// Adds the users that the servers were started with.
    #[must_use]
    pub(crate) fn with_users(self, users: Option<Arc<Users>>) -> Self {
        Self { users, ..self }
    }

    /// Reads and applies at each SIGHUP and for each operator who awaits it, one after the other, as long as the
    /// runtime runs.
    pub(crate) async fn at_each(mut self, mut hangups: Hangups, mut awaited: AwaitedReloads) {
        loop {
            let answer = tokio::select! {
                () = hangups.next() => None,
                Some(answer) = awaited.recv() => Some(answer),
            };
            service_manager::reloading();
            let reloaded = self.reload().await;
            let Reloaded { notes, errors } = &reloaded;
            errors.iter().for_each(|error| self.output.error(format_args!("{error}")));
            notes.iter().for_each(|note| self.output.note(format_args!("{note}")));
            service_manager::ready();
            if let Some(answer) = answer {
                // The operator may have gone away.
                let _ = answer.send(reloaded);
            }
        }
    }

    /// Reads options and files again, and applies what can change at runtime.
    pub(crate) async fn reload(&mut self) -> Reloaded {
        let (has_bridge, tls) = (self.bridge.is_some(), self.tls.clone());
        let (token_file, any_address) = (self.token_file.clone(), self.any_address);
        // A slow disk must not block the clients.
        let read = move || Reread::now(has_bridge, tls, token_file, any_address);
        let read = spawn_blocking(read).await;
        let applied = read.map_err(CliError::local).flatten().and_then(|read| self.apply(read));
        applied.unwrap_or_else(|error| {
            let error = error.message.unwrap_or_default();
            Reloaded { notes: Vec::new(), errors: vec![format!("{error}; nothing was changed")] }
        })
    }

    /// Applies what can change at runtime.
    fn apply(&mut self, reread: Reread) -> Result<Reloaded, CliError> {
        let Reread { cli, token, certificate, users, lists, hook_token } = reread;
        let (mut notes, mut errors) = (Vec::new(), Vec::new());
        match (relay_args(&cli.command), cli.command.server()) {
            (Some(args), _) => args.bridge.check_proxies(Some(&args.listen))?,
            (None, Some(args)) => args.check_proxies(None)?,
            (None, None) => {}
        }
        let has_users = self.take_users(users, &mut notes, &mut errors);
        if let (Some(bridge), Some(args)) = (&mut self.bridge, cli.command.server()) {
            let before = bridge.token.clone();
            let now = token.as_ref().unwrap_or(&before).clone();
            let access = Access { users: self.users.clone(), ..args.access(now.clone()) };
            bridge.http.set_access(&access).map_err(CliError::local)?;
            bridge.set_config(args);
            if before.is_some() && now.is_none() {
                // The bridge continues even if standard output is closed.
                let users = self.users.as_deref();
                for at in &bridge.addresses {
                    let _ = exposure::warn_of_bridge(&cli.common, &self.output, users, *at);
                }
            }
            notes.extend(token_change(before.as_deref(), now.as_deref()));
            errors.extend(token.as_ref().err().map(|error| token_error(error, before.is_some())));
            bridge.token = now;
            if let Some(acme) = &bridge.acme {
                acme.notify_waiters();
            }
        }
        if let (Some(relay), Some(args)) = (&self.relay, relay_args(&cli.command)) {
            relay.set_limits(args.limits());
            relay.set_proxies(args.bridge.relay_proxies());
            // Before the tunnels are closed, so that their clients get the reason.
            relay.set_users(self.users.clone());
        }
        if let Some(bridge) = &self.bridge {
            bridge.bridge.set_users(self.users.clone());
        }
        let tls_files = match certificate {
            Ok(Certificate::None) => TlsFiles::NeedRestart,
            Ok(Certificate::Unchanged) => TlsFiles::InForce,
            Ok(Certificate::Changed) => {
                notes.push("the new certificate is in force".to_owned());
                TlsFiles::InForce
            }
            Err(error) => {
                errors.push(format!("{error}; the old certificate stays in force"));
                TlsFiles::Unread
            }
        };
        let mut unread = Vec::new();
        if !self.take_lists(lists, &mut notes, &mut errors) {
            unread.push(ACCESS);
        }
        let keeps_hook = self.options.has_same(HOOK, &cli.common.raw);
        if !self.take_hook_token(hook_token, keeps_hook, &mut notes, &mut errors) {
            unread.push(HOOK_TOKEN_FILE);
        }
        if !has_users {
            unread.push(USERS);
        }
        notes.extend(self.take_options(&cli, token.is_ok(), tls_files, &unread));
        if notes.is_empty() && errors.is_empty() {
            notes.push("nothing has changed".to_owned());
        }
        Ok(Reloaded { notes, errors })
    }
}

/// Returns the options of the relay that a command runs.
fn relay_args(command: &Command) -> Option<&RelayArgs> {
    match command {
        Command::Relay(RelayCommandLine { args, .. }) => Some(&args.relay),
        Command::Up(UpArgs { relay, .. }) => Some(relay),
        _ => None,
    }
}

fn token_change(before: Option<&str>, now: Option<&str>) -> Option<String> {
    let change = match (before, now) {
        (before, now) if before == now => return None,
        (_, None) => "new tunnels need no token now",
        (None, Some(_)) => "new tunnels need the token now",
        (Some(_), Some(_)) => "new tunnels need the new token now",
    };
    Some(change.to_owned())
}

fn token_error(error: &CliError, had_token: bool) -> String {
    let error = error.message.as_deref().unwrap_or_default();
    match had_token {
        true => format!("{error}; the old token stays in force"),
        false => format!("{error}; tunnels still need no token"),
    }
}
