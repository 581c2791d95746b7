//! SIGHUP and `xcher relay reload`: reads files and options again, and applies what can change at runtime.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use xcher_core::registry::{AccessRules, Users};

use crate::admin::{AwaitedReloads, Reloaded};
use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::http_front::RunningBridge;
use crate::cli::options::{
    AccessArgs, Admission, Cli, Command, Common, RawValues, RelayArgs, RelayCommandLine, UpArgs,
    UsersArgs, command_line,
};
use crate::cli::service_manager;
use crate::cli::signals::Hangups;
use crate::cli::ui::output::Output;
use crate::http::{Access, Tls};
use crate::relay::Relay;

/// The options that can change at runtime.
const LIVE: [&str; 14] = [
    ACCESS,
    "max-connections",
    "max-per-address",
    "allow-origin",
    "host-name",
    "trusted-proxy",
    "proxy-protocol",
    "tunnel-ports",
    "public-ip",
    "tunnel-rate",
    "address-rate",
    "total-rate",
    "address-quota",
    "total-quota",
];
const ACCESS: &str = "access";
/// Likewise, except where files are shared: only the token file named at the start is kept from being shared, and
/// the host there may be registered over loopback, which nobody else may name.
const LIVE_UNLESS_SHARING: [&str; 2] = [TOKEN_FILE, "any-address"];
const TOKEN_FILE: &str = "token-file";
/// The hook's token can change while the hook is the same: the hook that is in force must not get the token of another
/// one, which needs a restart.
const HOOK_TOKEN_FILE: &str = "hook-token-file";
const HOOK: &str = "hook";
/// The file of the users can change where there is one. A server that admits everybody needs a restart to know users,
/// and one that knows users to admit everybody.
const USERS: &str = "users";
/// The files of a certificate can change where there is one; TLS itself needs a restart.
const TLS_FILES: [&str; 2] = ["tls-cert", "tls-key"];

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

/// Options and files as read again.
struct Reread {
    cli: Cli,
    /// The bridge's token.
    token: Result<Option<String>, CliError>,
    certificate: Result<Certificate, String>,
    users: Result<Option<Arc<Users>>, CliError>,
    lists: Result<AccessRules, CliError>,
    hook_token: Result<Option<String>, CliError>,
}

/// What became of the certificate.
enum Certificate {
    /// There is none, or the options name none any more.
    None,
    Unchanged,
    Changed,
}

/// The files that the options name for a certificate.
#[derive(Clone, Copy, PartialEq)]
enum TlsFiles {
    InForce,
    /// They cannot be used, and are tried again at the next reload.
    Unread,
    /// They turn TLS on or off.
    NeedRestart,
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

    /// Takes over the users of a file that can be used. Returns false if it cannot.
    fn take_users(
        &mut self,
        users: Result<Option<Arc<Users>>, CliError>,
        notes: &mut Vec<String>,
        errors: &mut Vec<String>,
    ) -> bool {
        match users {
            Ok(users) if users.is_some() == self.users.is_some() && users != self.users => {
                let count = users.as_ref().map_or(0, |users| users.all().len());
                notes.push(format!("the users have changed: {count} are in force"));
                self.users = users;
                true
            }
            // The same, or a change that needs a restart.
            Ok(_) => true,
            Err(error) => {
                let error = error.message.unwrap_or_default();
                let rest = match self.users {
                    Some(_) => "the old users stay in force",
                    None => "everybody is still admitted",
                };
                errors.push(format!("{error}; {rest}"));
                false
            }
        }
    }

    /// Applies the lists of a file that can be used. Returns false if it cannot.
    fn take_lists(
        &mut self,
        lists: Result<AccessRules, CliError>,
        notes: &mut Vec<String>,
        errors: &mut Vec<String>,
    ) -> bool {
        match lists {
            Ok(rules) if rules == self.admission.rules => {}
            Ok(rules) => {
                self.admission.rules = rules;
                notes.push(self.apply_lists());
            }
            Err(error) => {
                let error = error.message.unwrap_or_default();
                errors.push(format!("{error}; the old lists stay in force"));
                return false;
            }
        }
        true
    }

    /// Applies the token of the hook, if the hook in force is to stay. Returns false if the file cannot be used.
    fn take_hook_token(
        &self,
        token: Result<Option<String>, CliError>,
        keeps_hook: bool,
        notes: &mut Vec<String>,
        errors: &mut Vec<String>,
    ) -> bool {
        let hook = self.admission.hook.as_ref();
        let token = token.map_err(|error| error.message.unwrap_or_default());
        let taken = token.and_then(|token| match hook.filter(|_| keeps_hook) {
            Some(hook) => hook.set_token(token.as_deref()),
            None => Ok(false),
        });
        match (&taken, hook) {
            (Ok(true), _) => notes.push("the hook gets the new token now".to_owned()),
            (Ok(false), _) => {}
            (Err(error), Some(_)) => {
                errors.push(format!("{error}; the hook's old token stays in force"));
            }
            (Err(error), None) => errors.push(error.clone()),
        }
        taken.is_ok()
    }

    /// Applies new lists. Returns what that did.
    fn apply_lists(&self) -> String {
        let lists = self.admission.lists();
        let closed = self
            .relay
            .as_ref()
            .map(|relay| relay.set_access(Arc::clone(&lists)))
            .unwrap_or_default();
        let mut tunnels = 0;
        if let Some(RunningBridge { http, bridge, .. }) = &self.bridge {
            http.set_lists(Arc::clone(&lists));
            tunnels = bridge.kick_links(&closed);
            tunnels = tunnels.max(bridge.kick_clients(|ip| !lists.allow_address(ip)));
        }
        let connections = closed.len();
        format!(
            "the new lists are in force; they closed connections to the relay: {connections}, tunnels: {tunnels}"
        )
    }

    /// Takes over the values of options that are in force now. Returns lines about these, and about those
    /// that need a restart.
    fn take_options(
        &mut self,
        cli: &Cli,
        has_token: bool,
        tls_files: TlsFiles,
        unread: &[&str],
    ) -> Vec<String> {
        let (now, shares) = (&cli.common.raw, shares(&cli.command));
        let is_token_file = |option: &String| option == TOKEN_FILE;
        let mut changed = self.options.changed(now);
        let is_unread = tls_files == TlsFiles::Unread;
        changed.retain(|option| has_token || !is_token_file(option));
        changed.retain(|option| !unread.contains(&&**option));
        let names_users = cli.command.users().is_some_and(|args| args.users.is_some());
        let users_live = self.users.is_some() && names_users;
        let keeps_hook = self.options.has_same(HOOK, now);
        changed.retain(|option| !(is_unread && TLS_FILES.contains(&&**option)));
        let (live, others): (Vec<_>, Vec<_>) = changed.into_iter().partition(|option| {
            LIVE.contains(&&**option)
                || users_live && option == USERS
                || keeps_hook && option == HOOK_TOKEN_FILE
                || !shares && LIVE_UNLESS_SHARING.contains(&&**option)
                || tls_files == TlsFiles::InForce && TLS_FILES.contains(&&**option)
        });
        for option in &live {
            self.options.copy(option, now);
        }
        if has_token {
            self.token_file.clone_from(&cli.common.token_file);
        }
        let applied =
            live.iter().map(|option| format!("--{option}")).collect::<Vec<_>>().join(", ");
        let applied = (!live.is_empty()).then(|| format!("now in force: {applied}"));
        let restart = |option| format!("--{option} has changed; restart to apply it");
        applied.into_iter().chain(others.into_iter().map(restart)).collect()
    }
}

impl Reread {
    /// Reads the configuration file, and for a bridge the certificate and the token.
    fn now(
        has_bridge: bool,
        tls: Option<Tls>,
        token_file: Option<PathBuf>,
        any_address: bool,
    ) -> Result<Self, CliError> {
        let mut cli = command_line::read_again()?;
        if let Command::Up(up) = &mut cli.command {
            // See `LIVE_UNLESS_SHARING`.
            cli.common.token_file = token_file;
            up.relay.any_address = any_address;
        }
        let users = cli.command.users().map_or(Ok(None), UsersArgs::read);
        let args = cli.command.server().map(|args| &args.access_args);
        let lists = args.map_or_else(|| Ok(AccessRules::default()), AccessArgs::rules);
        let hook_token = args.map_or(Ok(None), AccessArgs::hook_token);
        let files =
            cli.command.server().and_then(|args| args.tls_cert.as_ref().zip(args.tls_key.as_ref()));
        // TLS with a certificate of an authority has no files; to change that needs a restart.
        let certificate = match tls.filter(Tls::has_files).zip(files) {
            None => Ok(Certificate::None),
            Some((tls, (cert, key))) => tls.reload(cert, key).map(|changed| match changed {
                true => Certificate::Changed,
                false => Certificate::Unchanged,
            }),
        };
        let token = if has_bridge { cli.common.token() } else { Ok(None) };
        Ok(Self { token, cli, certificate, users, lists, hook_token })
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

/// Returns true if a command shares files.
fn shares(command: &Command) -> bool {
    matches!(command, Command::Up(_))
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
