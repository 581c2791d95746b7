//! Options and files, read again.

use std::path::PathBuf;
use std::sync::Arc;

use xcher_core::registry::{AccessRules, Users};

use crate::cli::exit::CliError;
use crate::cli::options::{AccessArgs, Cli, Command, UsersArgs, command_line};
use crate::http::Tls;

/// Options and files as read again.
pub(super) struct Reread {
    pub(super) cli: Cli,
    /// The bridge's token.
    pub(super) token: Result<Option<String>, CliError>,
    pub(super) certificate: Result<Certificate, String>,
    pub(super) users: Result<Option<Arc<Users>>, CliError>,
    pub(super) lists: Result<AccessRules, CliError>,
    pub(super) hook_token: Result<Option<String>, CliError>,
}

/// What became of the certificate.
pub(super) enum Certificate {
    /// There is none, or the options name none any more.
    None,
    Unchanged,
    Changed,
}

impl Reread {
    /// Reads the configuration file, and for a bridge the certificate and the token.
    pub(super) fn now(
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
