//! Who may use the servers, as read again: users, lists, and the token of the hook.

use std::sync::Arc;

use xcher_core::registry::{AccessRules, Users};

use super::Reload;
use crate::cli::exit::CliError;
use crate::cli::http_front::RunningBridge;

impl Reload {
    /// Takes over the users of a file that can be used. Returns false if it cannot.
    pub(super) fn take_users(
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
    pub(super) fn take_lists(
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
    pub(super) fn take_hook_token(
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
}
