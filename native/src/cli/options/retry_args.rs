//! The option of commands that resume by themselves.

use std::time::Duration;

use clap::Args;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct RetryArgs {
    /// Resume by itself for this long after a cut, such as 90s or 2h; 0 means not at all
    #[arg(long, env = "XCHER_RETRY", value_name = "TIME", default_value = "10m", value_parser = time)]
    #[arg(hide_short_help = true)]
    pub(crate) retry: Duration,
}

/// Parses a time; a number alone is in seconds.
fn time(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text).map_err(|_| "expected a time such as 90s, 10m or 2h".to_owned())
}
