//! `xcher send PATH…`: shares with whoever knows a code, until they have what they want.

use std::io::{self, IsTerminal as _};

use xcher_core::ProtocolError;
use xcher_core::code::{Code, CodeError};
use xcher_core::delivery::{CodeDelivery, Status};
use xcher_core::peer::{CallPolicy, Delivery, Error, Event};
use xcher_core::secure::Entropy;

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::online_host::{OnlineHost, limits_to_think};
use crate::cli::options::{Common, SendArgs};
use crate::cli::ui::delivery_report;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::qr;
use crate::cli::ui::share_link;
use crate::files::Shares;
use crate::keys::KeysError;

/// Codes that are tried where others have their nicks.
const TRIES: u32 = 8;

pub(crate) async fn run(common: &Common, args: &SendArgs, shares: Shares) -> Result<(), CliError> {
    let served =
        if shares.is_a_pipe() { CodeDelivery::for_piped_input() } else { CodeDelivery::new() };
    let (mut running, code) = online(common, shares).await?;
    let sent = match show(&running, common, args, &code) {
        Ok(()) => serve(&mut running, served).await,
        Err(error) => Err(error),
    };
    let output = running.stop().await;
    sent.and_then(|()| output.left_outcome()).and_then(|()| output.written())
}

/// Goes online by the nick of a new code.
async fn online(common: &Common, shares: Shares) -> Result<(OnlineHost, Code), CliError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|source| KeysError::NoRandomness { source })?;
    let mut entropy = Entropy::new(seed);
    let mut tries = 0;
    loop {
        let Some(privacy) = common.privacy()? else {
            return Err(CliError::usage("expected a private session for a code, got --plain"));
        };
        let code = Code::random(&mut entropy);
        let privacy = Some(privacy.with_code(code.clone()));
        let nicks = vec![code.nick().clone()];
        tries += 1;
        let (limits, shares) = (limits_to_think(common), shares.clone());
        match OnlineHost::online_as(
            common,
            nicks,
            limits,
            CallPolicy::Accept,
            shares,
            None,
            privacy,
        )
        .await
        {
            Ok(running) => return Ok((running, code)),
            Err(not) if not.nick_taken && tries < TRIES => {}
            Err(not) => return Err(not.error),
        }
    }
}

/// Says the code, and what to do with it.
fn show(
    running: &OnlineHost,
    common: &Common,
    args: &SendArgs,
    code: &Code,
) -> Result<(), CliError> {
    let (code, output) = (code.to_string(), &running.output);
    let command = share_link::get(&code, &common.relay.to_string());
    let page = args.page_url.clone().or_else(|| common.relay.page());
    // Digits, letters and dashes need no escaping; what follows `#` is sent to nobody.
    let link = page.map(|page| format!("{page}#{code}"));
    let line = JsonEvent::Code { code: code.clone(), command: &command, link: link.as_deref() };
    let said = output.result(format_args!("{code}")).and_then(|()| output.json(&line));
    said.map_err(CliError::unwritten)?;
    output.note(format_args!("in another terminal: {command}"));
    let Some(link) = link else { return Ok(()) };
    output.note(format_args!("in a browser: {link}"));
    if !(args.no_qr || output.is_quiet()) && io::stderr().is_terminal() {
        output.show(&qr::lines(&link).unwrap_or_default());
    }
    Ok(())
}

/// Serves until someone with the code has everything they want.
async fn serve(running: &mut OnlineHost, mut served: CodeDelivery) -> Result<(), CliError> {
    loop {
        let event = match running.next().await {
            Ok(event) => event,
            Err(error) => return Err(stopped(running, &served, error)),
        };
        if let Event::OpenFailed {
            error: Error::Protocol(ProtocolError::Code(CodeError::Wrong)),
            ..
        } = &event
        {
            running.output.note(format_args!("someone had a wrong code; after ten it is dead"));
        }
        served.event(&event);
        loop {
            match served.status(running.host.is_busy()) {
                Status::Pending => break,
                Status::Incomplete(outcome) => {
                    delivery_report::missing(&running.output, &outcome);
                    let what = delivery_report::not_arrived(&outcome);
                    running.output.note(format_args!(
                        "{what}; the code is still good, and the same command resumes there"
                    ));
                }
                Status::Complete(outcome) if outcome.is_empty() => {
                    delivery_report::sent(&running.output, &outcome);
                    return Err(CliError::new(ExitCode::Incomplete, "the other side took nothing"));
                }
                Status::Complete(outcome) => {
                    delivery_report::sent(&running.output, &outcome);
                    return Ok(());
                }
                Status::CodeExhausted(outcome) => {
                    delivery_report::missing(&running.output, &outcome);
                    return Err(CliError::new(
                        ExitCode::NotPrivate,
                        "ten wrong codes were tried, so this one is dead: send again for another",
                    ));
                }
                Status::Lost(fate) => return Err(lost(&fate)),
            }
        }
    }
}

/// The user stopped it: what somebody wanted and did not get is named.
fn stopped(running: &OnlineHost, served: &CodeDelivery, error: CliError) -> CliError {
    let outcome = served.outcome();
    if error.message.is_none() && !outcome.is_complete() {
        delivery_report::missing(&running.output, &outcome);
        return CliError::new(error.code, delivery_report::not_arrived(&outcome));
    }
    error
}

/// Standard input cannot be read again.
fn lost(fate: &Delivery) -> CliError {
    let text = match fate {
        Delivery::Unconfirmed => {
            "what came on standard input was sent, but the other side never confirmed that it \
             arrived whole"
                .to_owned()
        }
        fate => format!(
            "what came on standard input did not arrive whole, and cannot be sent again: {fate}"
        ),
    };
    CliError::new(ExitCode::Incomplete, text)
}
