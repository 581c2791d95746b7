//! The raw text of each option, to be compared with a later reading.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::{ArgMatches, Command};

/// Values by the options' long names, defaults included.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawValues(BTreeMap<String, Vec<OsString>>);

impl RawValues {
    /// Collects the values of the subcommand in `matches`.
    pub(super) fn of(command: &Command, matches: &ArgMatches) -> Self {
        let Some((name, matches)) = matches.subcommand() else { return Self::default() };
        let args = command.find_subcommand(name).into_iter().flat_map(Command::get_arguments);
        // The subcommand knows global options by the same names.
        let all = args.chain(command.get_arguments());
        let values = all.filter_map(|arg| {
            let raw = matches.try_get_raw(arg.get_id().as_str()).ok()??;
            Some((arg.get_long()?.to_owned(), raw.map(OsString::from).collect()))
        });
        Self(values.collect())
    }

    /// Returns the options whose values differ from `now`, in order.
    pub(crate) fn changed(&self, now: &Self) -> Vec<String> {
        let differs = |option: &&String| self.0.get(*option) != now.0.get(*option);
        let mut changed: Vec<_> =
            self.0.keys().chain(now.0.keys()).filter(differs).cloned().collect();
        changed.sort();
        changed.dedup();
        changed
    }

    /// Returns true if one option has the same value in `now`.
    pub(crate) fn has_same(&self, option: &str, now: &Self) -> bool {
        self.0.get(option) == now.0.get(option)
    }

    /// Returns all options with their values, several separated by commas.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, OsString)> {
        self.0.iter().map(|(option, values)| (option, values.join(OsStr::new(","))))
    }

    /// Copies the value of one option from `now`.
    pub(crate) fn copy(&mut self, option: &str, now: &Self) {
        match now.0.get(option) {
            Some(values) => self.0.insert(option.to_owned(), values.clone()),
            None => self.0.remove(option),
        };
    }
}
