//! Which options a reload applies, and which need a restart.

use super::Reload;
use crate::cli::options::{Cli, Command};

/// The options that can change at runtime.
const LIVE: [&str; 15] = [
    ACCESS,
    "max-connections",
    "max-per-address",
    "allow-origin",
    "host-name",
    "page-stun",
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
pub(super) const ACCESS: &str = "access";
/// Likewise, except where files are shared: only the token file named at the start is kept from being shared, and
/// the host there may be registered over loopback, which nobody else may name.
const LIVE_UNLESS_SHARING: [&str; 2] = [TOKEN_FILE, "any-address"];
const TOKEN_FILE: &str = "token-file";
/// The hook's token can change while the hook is the same: the hook that is in force must not get the token of another
/// one, which needs a restart.
pub(super) const HOOK_TOKEN_FILE: &str = "hook-token-file";
pub(super) const HOOK: &str = "hook";
/// The file of the users can change where there is one. A server that admits everybody needs a restart to know users,
/// and one that knows users to admit everybody.
pub(super) const USERS: &str = "users";
/// The files of a certificate can change where there is one; TLS itself needs a restart.
const TLS_FILES: [&str; 2] = ["tls-cert", "tls-key"];

/// The files that the options name for a certificate.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum TlsFiles {
    InForce,
    /// They cannot be used, and are tried again at the next reload.
    Unread,
    /// They turn TLS on or off.
    NeedRestart,
}

impl Reload {
    /// Takes over the values of options that are in force now. Returns lines about these, and about those
    /// that need a restart.
    pub(super) fn take_options(
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

/// Returns true if a command shares files.
fn shares(command: &Command) -> bool {
    matches!(command, Command::Up(_))
}
