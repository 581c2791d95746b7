//! `xcher doctor`: says what this network allows.
//!
//! It changes nothing here and calls nobody. It connects to the relay and the bridge, announces a random number
//! in the local network, and, from behind a NAT, asks the router for a port that it gives back at once.

mod connect;
mod ipv6;
mod lan;
mod mapping;
mod nat;
mod outside;
mod relay_answers;
mod seen_by_bridge;
mod servers;
mod subjects;
mod verdict;

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::Common;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use outside::Outside;
use subjects::Subjects;
use verdict::Verdict;

/// Prints a line for each finding. Fails if no files can be exchanged with these options.
pub(crate) async fn run(common: &Common) -> Result<(), CliError> {
    if common.relay.irc_channel().is_some() {
        return Err(CliError::usage(
            "doctor checks relays and bridges, not IRC channels; name another --relay, or none",
        ));
    }
    let output = Output::new(common);
    let subjects = Subjects::of(common).await;
    let outside = async {
        let outside = Outside::look(common, &subjects).await?;
        let seen = outside.seen.map(|(seen, _)| seen);
        let mapping = mapping::check(outside.nat.as_ref(), seen).await;
        Ok::<_, CliError>((outside, mapping))
    };
    let (outside, lan, ipv6) =
        tokio::join!(outside, lan::check(!common.no_lan), ipv6::check(&subjects));
    let (outside, mapping) = outside?;
    let verdict = Verdict::new(&subjects, &outside, lan.works, mapping.helps);
    for finding in [
        servers::relay(common, &subjects, &outside),
        servers::bridge(&subjects, &outside),
        lan.finding,
        servers::address(&outside),
        servers::nat(&outside),
        mapping.finding,
        ipv6,
        verdict.direct(),
        verdict.verdict(),
    ] {
        let printed = output.result(format_args!("{}", finding.line()));
        let printed = printed.and_then(|()| output.json(&JsonEvent::Finding(&finding)));
        printed.map_err(CliError::unwritten)?;
    }
    match verdict.is_good() {
        true => Ok(()),
        false => Err(CliError::reported(ExitCode::Unreachable)),
    }
}
