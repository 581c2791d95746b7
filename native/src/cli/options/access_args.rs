//! The options that say who may use a relay or bridge.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use xcher_core::registry::{AccessLists, AccessRules, HookFailure};

use super::common::read_token;
use crate::cli::access_file;
use crate::cli::exit::CliError;
use crate::hook::{Hook, HookUrl};

#[derive(Clone, Debug, Args)]
pub(crate) struct AccessArgs {
    /// Admit networks, keys and nicks by the lists in this TOML file; it is read again on SIGHUP
    ///
    /// [networks], [keys] and [nicks] have lists `allow` and `deny`; [reserved] says which keys alone get a nick. A list
    /// of what is allowed refuses all others, and what is denied is refused in any case.
    #[arg(long, env = "XCHER_ACCESS", value_name = "FILE", hide_short_help = true)]
    pub(crate) access: Option<PathBuf>,
    /// Ask this HTTP server about each connection, nick and tunnel
    ///
    /// It gets a POST of JSON such as {"event":"nick","address":"192.0.2.1","nick":"bob","key":null}, and answers
    /// {"allow":true} or {"allow":false,"reason":"…"} within 5 seconds.
    #[arg(long, env = "XCHER_HOOK", value_name = "URL", hide_short_help = true)]
    pub(crate) hook: Option<HookUrl>,
    /// Send the token on the first line of this file to --hook
    #[arg(long, env = "XCHER_HOOK_TOKEN_FILE", value_name = "FILE", hide_short_help = true)]
    pub(crate) hook_token_file: Option<PathBuf>,
    /// What becomes of clients while --hook does not answer
    #[arg(long, env = "XCHER_HOOK_FAILURE", value_name = "CHOICE", default_value = "deny")]
    #[arg(value_enum, hide_short_help = true)]
    pub(crate) hook_failure: FailureChoice,
}

/// A choice of `--hook-failure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailureChoice {
    /// Refuse them
    Deny,
    /// Admit them
    Allow,
}

impl From<FailureChoice> for HookFailure {
    fn from(choice: FailureChoice) -> Self {
        match choice {
            FailureChoice::Deny => Self::Deny,
            FailureChoice::Allow => Self::Allow,
        }
    }
}

impl AccessArgs {
    /// Reads the lists; without a file they allow everyone.
    pub(crate) fn rules(&self) -> Result<AccessRules, CliError> {
        self.access.as_deref().map_or_else(|| Ok(AccessRules::default()), access_file::read)
    }

    /// Reads the hook's token, if a file for it is named.
    pub(crate) fn hook_token(&self) -> Result<Option<String>, CliError> {
        if self.hook.is_none() && self.hook_token_file.is_some() {
            return Err(CliError::usage(
                "--hook-token-file has no effect without --hook; name a URL there",
            ));
        }
        self.hook_token_file.as_deref().map(read_token).transpose()
    }

    /// Returns the hook, if one is named.
    pub(crate) fn hook(&self) -> Result<Option<Hook>, CliError> {
        let token = self.hook_token()?;
        let hook =
            |url: &HookUrl| Hook::new(url.clone(), token.as_deref(), self.hook_failure.into());
        self.hook.as_ref().map(hook).transpose().map_err(CliError::usage)
    }
}

/// What the options say about who may use a server.
pub(crate) struct Admission {
    pub(crate) rules: AccessRules,
    pub(crate) hook: Option<Hook>,
}

impl Admission {
    /// Reads the files that the options name.
    pub(crate) fn read(args: &AccessArgs) -> Result<Self, CliError> {
        Ok(Self { rules: args.rules()?, hook: args.hook()? })
    }

    /// Returns the lists.
    pub(crate) fn lists(&self) -> Arc<AccessLists> {
        Arc::new(AccessLists::new(self.rules.clone()))
    }
}
