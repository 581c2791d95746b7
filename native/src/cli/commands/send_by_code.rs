//! `xcher send PATH…`: shares files with anyone who has the code, until they are fetched.

use std::io::{self, IsTerminal as _};
use std::num::NonZeroU32;

use xcher_core::ProtocolError;
use xcher_core::code::{Code, CodeError, MAX_NICK_ATTEMPTS, MAX_TRIES};
use xcher_core::delivery::{CodeDelivery, Status};
use xcher_core::peer::{CallPolicy, Delivery, Error, Event};
use xcher_core::secure::Entropy;

use super::send_to_many;
use crate::cli::encryption;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::lan_relay::LanRelay;
use crate::cli::online_host::{OnlineHost, patient_limits};
use crate::cli::open_shares::is_stdin;
use crate::cli::options::{Common, SendArgs};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::cli::ui::{delivery_report, qr, share_link};
use crate::files::Shares;
use crate::keys::KeysError;

pub(crate) async fn run(common: &Common, args: &SendArgs, shares: Shares) -> Result<(), CliError> {
    if args.to_many.is_some() && args.paths.iter().any(|path| is_stdin(path)) {
        return Err(CliError::usage(
            "standard input (-) can be sent once; leave out --to-many, or send a file",
        ));
    }
    let delivery =
        if shares.is_a_pipe() { CodeDelivery::for_piped_input() } else { CodeDelivery::new() };
    let mut lan = LanRelay::start(common).await?;
    let common = &lan.as_ref().map_or_else(|| common.clone(), |lan| lan.options(common));
    let (mut online, code) = go_online(common, shares).await?;
    let announced = match &mut lan {
        Some(lan) => lan.announce_random(code.nick()).await,
        None => Ok(()),
    };
    let sent = match announced.and_then(|()| print_code(&online, common, args, &code)) {
        Ok(()) => match args.to_many {
            None => serve(&mut online, delivery).await,
            Some(limit) => send_to_many::serve(&mut online, NonZeroU32::new(limit)).await,
        },
        Err(error) => Err(error),
    };
    let output = online.stop().await;
    if let Some(lan) = lan {
        lan.end().await;
    }
    sent.and_then(|()| output.left_outcome()).and_then(|()| output.written())
}

/// Goes online under the nick of a new code.
async fn go_online(common: &Common, shares: Shares) -> Result<(OnlineHost, Code), CliError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|source| KeysError::NoRandomness { source })?;
    let mut entropy = Entropy::new(seed);
    let mut tries = 0;
    loop {
        let Some(encryption) = encryption::load(common)? else {
            return Err(CliError::usage("a code needs an encrypted session; leave out --plain"));
        };
        let code = Code::random(&mut entropy);
        let encryption = Some(encryption.with_code(code.clone()));
        let nicks = vec![code.nick().clone()];
        tries += 1;
        let (limits, calls) = (patient_limits(common), CallPolicy::Accept);
        match OnlineHost::start_as(common, nicks, limits, calls, shares.clone(), None, encryption)
            .await
        {
            Ok(online) => return Ok((online, code)),
            Err(not) if not.nick_taken && tries < MAX_NICK_ATTEMPTS => {}
            Err(not) => return Err(not.error),
        }
    }
}

/// Prints the code, and how to use it.
fn print_code(
    online: &OnlineHost,
    common: &Common,
    args: &SendArgs,
    code: &Code,
) -> Result<(), CliError> {
    let (code, output) = (code.to_string(), &online.output);
    let command = share_link::get_command(&code, common);
    let page = args.page_url.clone().or_else(|| common.relay.page());
    // A code needs no escaping, and browsers send nothing after `#` to any server.
    let link = page.map(|page| format!("{page}#{code}"));
    let event = JsonEvent::Code { code: code.clone(), command: &command, link: link.as_deref() };
    let printed = output.result(format_args!("{code}")).and_then(|()| output.json(&event));
    printed.map_err(CliError::unwritten)?;
    let place = if common.relay.is_lan() { "in the local network" } else { "in another terminal" };
    output.note(format_args!("{place}: {command}"));
    let Some(link) = link else { return Ok(()) };
    output.note(format_args!("in a browser: {link}"));
    if !(args.no_qr || output.is_quiet()) && io::stderr().is_terminal() {
        output.show(&qr::lines(&link).unwrap_or_default());
    }
    Ok(())
}

/// Serves until a peer with the code has everything it wants.
async fn serve(online: &mut OnlineHost, mut delivery: CodeDelivery) -> Result<(), CliError> {
    let mut wrong_codes = WrongCodes::default();
    loop {
        let event = match online.next().await {
            Ok(event) => event,
            Err(error) => return Err(stopped(online, &delivery, error)),
        };
        wrong_codes.event(&event, &online.output);
        delivery.event(&event);
        loop {
            match delivery.status(online.host.is_busy()) {
                Status::Pending => break,
                Status::Incomplete(outcome) => {
                    delivery_report::missing(&online.output, &outcome);
                    let text = delivery_report::not_arrived(&outcome);
                    online.output.note(format_args!(
                        "{text}; the code is still valid, and the same command resumes there"
                    ));
                }
                Status::Complete(outcome) if outcome.is_empty() => {
                    delivery_report::sent(&online.output, &outcome);
                    return Err(CliError::new(ExitCode::Incomplete, "the peer fetched nothing"));
                }
                Status::Complete(outcome) => {
                    delivery_report::sent(&online.output, &outcome);
                    return Ok(());
                }
                Status::CodeExhausted(outcome) => {
                    delivery_report::missing(&online.output, &outcome);
                    let text = format!(
                        "this code no longer works after {MAX_TRIES} wrong tries; send again for a new one"
                    );
                    return Err(CliError::new(ExitCode::NotPrivate, text));
                }
                Status::Lost(fate) => return Err(lost(&fate)),
            }
        }
    }
}

/// Counts wrong codes, of all peers together.
#[derive(Default)]
pub(super) struct WrongCodes(u32);

impl WrongCodes {
    /// Takes an event, and notes a wrong code.
    pub(super) fn event(&mut self, event: &Event, output: &Output) {
        if is_wrong_code(event) {
            self.0 += 1;
            let left = tries(MAX_TRIES.saturating_sub(self.0));
            output.note(format_args!("a peer tried a wrong code; {left}"));
        }
    }
}

fn is_wrong_code(event: &Event) -> bool {
    let wrong = Error::Protocol(ProtocolError::Code(CodeError::Wrong));
    matches!(event, Event::OpenFailed { error, .. } if *error == wrong)
}

fn tries(left: u32) -> String {
    match left {
        0 => "no tries are left".to_owned(),
        1 => "1 try is left".to_owned(),
        left => format!("{left} tries are left"),
    }
}

/// Names the files that a peer wanted and did not get before the user stopped the command.
fn stopped(online: &OnlineHost, delivery: &CodeDelivery, error: CliError) -> CliError {
    let outcome = delivery.outcome();
    if error.message.is_none() && !outcome.is_complete() {
        delivery_report::missing(&online.output, &outcome);
        return CliError::new(error.code, delivery_report::not_arrived(&outcome));
    }
    error
}

/// Explains the loss of piped input, which cannot be read again.
fn lost(fate: &Delivery) -> CliError {
    let text = match fate {
        Delivery::Unconfirmed => {
            "standard input was sent, but the peer did not confirm that it arrived complete"
                .to_owned()
        }
        fate => format!("standard input was not sent completely and cannot be resumed: {fate}"),
    };
    CliError::new(ExitCode::Incomplete, text)
}
