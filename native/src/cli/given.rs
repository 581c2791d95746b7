//! What each option was given as, so that a later reading can be compared with it.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{ArgMatches, Command};

/// The values of the options by their long names, as text; defaults too.
#[derive(Clone, Debug, Default)]
pub(super) struct Given(BTreeMap<String, Vec<OsString>>);

impl Given {
    /// What the subcommand in `matches` was given.
    pub(super) fn of(command: &Command, matches: &ArgMatches) -> Self {
        let Some((name, matches)) = matches.subcommand() else { return Self::default() };
        let args = command.find_subcommand(name).into_iter().flat_map(Command::get_arguments);
        // Those of every command are known to the subcommand under the same name.
        let all = args.chain(command.get_arguments());
        let values = all.filter_map(|arg| {
            let raw = matches.try_get_raw(arg.get_id().as_str()).ok()??;
            Some((arg.get_long()?.to_owned(), raw.map(OsString::from).collect()))
        });
        Self(values.collect())
    }

    /// The options that are given in another way than here.
    pub(super) fn changed(&self, now: &Self) -> Vec<String> {
        let differs = |option: &&String| self.0.get(*option) != now.0.get(*option);
        let mut changed: Vec<_> =
            self.0.keys().chain(now.0.keys()).filter(differs).cloned().collect();
        changed.sort();
        changed.dedup();
        changed
    }

    /// Takes over what an option is given as there.
    pub(super) fn take(&mut self, option: &str, now: &Self) {
        match now.0.get(option) {
            Some(values) => self.0.insert(option.to_owned(), values.clone()),
            None => self.0.remove(option),
        };
    }
}
