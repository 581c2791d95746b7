//! `--exclude` and `--include` of `get`, in the order of the command line.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

const EXCLUDE: &str = "exclude";
const INCLUDE: &str = "include";

/// Patterns in order, each with true if it excludes.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterArgs(pub(crate) Vec<(String, bool)>);

impl Args for FilterArgs {
    fn augment_args(command: Command) -> Command {
        let arg = |name: &'static str| {
            Arg::new(name)
                .long(name)
                .value_name("PATTERN")
                .value_delimiter('\n')
                .allow_hyphen_values(true)
                .action(ArgAction::Append)
        };
        let exclude = arg(EXCLUDE).env("XCHER_EXCLUDE").help(
            "Do not fetch files and folders that match this pattern, such as '*.tmp' or '/photos/raw'; \
             repeatable",
        );
        let include = arg(INCLUDE).env("XCHER_INCLUDE").hide_short_help(true);
        let include = include.help(
            "Fetch what matches this pattern although a later --exclude matches it, too; repeatable",
        );
        let include = include.long_help(
            "Fetch what matches this pattern although a later --exclude matches it, too; repeatable\n\n\
             The syntax of both is that of .gitignore, and names are as `ls` shows them. The first pattern \
             that matches decides, for a folder and then for what is in it.",
        );
        command.arg(exclude).arg(include)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FilterArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut patterns: Vec<_> =
            of(matches, EXCLUDE, true).into_iter().chain(of(matches, INCLUDE, false)).collect();
        patterns.sort_by_key(|(at, ..)| *at);
        Ok(Self(patterns.into_iter().map(|(_, pattern, excludes)| (pattern, excludes)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns the values of an option with their positions on the command line.
fn of(matches: &ArgMatches, name: &str, excludes: bool) -> Vec<(usize, String, bool)> {
    let values = matches.get_many::<String>(name).into_iter().flatten().cloned();
    let positions = matches.indices_of(name).into_iter().flatten();
    positions.zip(values).map(|(at, pattern)| (at, pattern, excludes)).collect()
}
