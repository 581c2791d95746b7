//! The listener for operators of a server, before and after the server is started.

use crate::admin::{Admin, Readiness, Running, Servers, take_over};
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::{Common, OperatorArgs, StartArgs, read_token};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;

/// The listener, if one is wanted, and whether the server should get clients.
pub(crate) struct AdminFront {
    admin: Option<Admin>,
    /// Shared with whatever has a reason for the server to get no clients.
    pub(crate) readiness: Readiness,
}

impl AdminFront {
    /// Listens, and prints the address.
    pub(crate) async fn open(
        common: &Common,
        args: &OperatorArgs,
        start: &StartArgs,
    ) -> Result<Self, CliError> {
        let readiness = Readiness::starting();
        let token = token(args)?;
        let Some(at) = &args.admin else {
            return match token {
                None => Ok(Self { admin: None, readiness }),
                Some(_) => Err(CliError::usage(
                    "--admin-token-file has no effect without --admin; name an address there",
                )),
            };
        };
        if !at.is_local() && token.is_none() {
            return Err(CliError::usage(format!(
                "anyone who can reach {at} could disconnect your users; require a token with \
                 --admin-token-file, or use a loopback address or unix:PATH with --admin"
            )));
        }
        let reuse_port = start.reuse_port;
        let listener = take_over(at, token.as_deref(), reuse_port).await.map_err(|error| {
            let message =
                format!("cannot listen on {at}: {error}; choose another address with --admin");
            CliError::new(ExitCode::Unreachable, message)
        })?;
        let (output, address) = (Output::new(common), listener.address().to_string());
        output.result(format_args!("admin {address}")).map_err(CliError::unwritten)?;
        output.json(&JsonEvent::Admin { address }).map_err(CliError::unwritten)?;
        let admin = Some(Admin { listener, token, reuse_port });
        Ok(Self { admin, readiness })
    }

    /// Serves operators until the result is dropped.
    pub(crate) fn start(self, servers: Servers) -> Option<Running> {
        self.admin.map(|admin| admin.start(servers))
    }
}

/// Reads the token for operators, if a file for it is named.
pub(crate) fn token(args: &OperatorArgs) -> Result<Option<String>, CliError> {
    args.admin_token_file.as_deref().map(read_token).transpose()
}
