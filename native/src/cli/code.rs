//! `xcher send PATH…`: shares with whoever knows a code, until they have what they want.

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal as _};

use indicatif::HumanBytes;
use xcher_core::code::{Code as Spoken, CodeError};
use xcher_core::peer::{Calls, Event, Fault, TransferId};
use xcher_core::secure::Entropy;
use xcher_core::{FileName, ProtocolError};

use super::args::Common;
use super::exit::{Code, Failure};
use super::json::Line;
use super::send_args::SendArgs;
use super::start::{Running, limits_to_think};
use super::{link, qr};
use crate::files::Shares;
use crate::keys::KeysError;

/// Codes that are tried where others have their nicks.
const TRIES: u32 = 8;

pub(super) async fn run(common: &Common, args: &SendArgs, shares: Shares) -> Result<(), Failure> {
    let pipe_alone = shares.is_pipe_alone();
    let (mut running, code) = online(common, shares).await?;
    let sent = match show(&running, common, args, &code) {
        Ok(()) => serve(&mut running, pipe_alone).await,
        Err(failure) => Err(failure),
    };
    running.stop().await;
    sent
}

/// Goes online by the nick of a new code.
async fn online(common: &Common, shares: Shares) -> Result<(Running, Spoken), Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|source| KeysError::NoRandomness { source })?;
    let mut entropy = Entropy::new(seed);
    let mut tries = 0;
    loop {
        let Some(privacy) = common.privacy()? else {
            return Err(Failure::usage("expected a private session for a code, got --plain"));
        };
        let code = Spoken::random(&mut entropy);
        let privacy = Some(privacy.with_code(code.clone()));
        let nicks = vec![code.nick().clone()];
        tries += 1;
        let (limits, shares) = (limits_to_think(common), shares.clone());
        match Running::online_as(common, nicks, limits, Calls::Take, shares, None, privacy).await {
            Ok(running) => return Ok((running, code)),
            Err(not) if not.nick_taken && tries < TRIES => {}
            Err(not) => return Err(not.failure),
        }
    }
}

/// Says the code, and what to do with it.
fn show(running: &Running, common: &Common, args: &SendArgs, code: &Spoken) -> Result<(), Failure> {
    let (code, output) = (code.to_string(), &running.output);
    let command = link::get(&code, &common.relay.to_string());
    let page = args.page_url.clone().or_else(|| common.relay.page());
    // Digits, letters and dashes need no escaping; what follows `#` is sent to nobody.
    let link = page.map(|page| format!("{page}#{code}"));
    let line = Line::Code { code: code.clone(), command: &command, link: link.as_deref() };
    let said = output.result(format_args!("{code}")).and_then(|()| output.json(&line));
    said.map_err(|_| Failure::told(Code::Incomplete))?;
    output.note(format_args!("in another terminal: {command}"));
    let Some(link) = link else { return Ok(()) };
    output.note(format_args!("in a browser: {link}"));
    if !(args.no_qr || output.is_quiet()) && io::stderr().is_terminal() {
        output.show(&qr::lines(&link).unwrap_or_default());
    }
    Ok(())
}

/// What has left so far.
#[derive(Default)]
struct Sent {
    files: u64,
    bytes: u64,
    /// How many others go with the first file of each transfer.
    under_way: HashMap<TransferId, u64>,
    /// What was asked for in this session and did not get across: it may be asked for again.
    missing: HashSet<FileName>,
    /// Somebody who knew the code has left in order.
    left: bool,
    /// Somebody's connection was cut.
    cut: bool,
    open: u32,
    dead: bool,
    /// What became of standard input, once somebody took it.
    piped: Option<Piped>,
}

#[derive(Clone, Copy)]
enum Piped {
    Going(TransferId),
    Whole,
    Cut,
}

impl Piped {
    /// It went, or not, if this transfer is its.
    fn ended(self, transfer: TransferId, end: Self) -> Self {
        match self {
            Self::Going(own) if own == transfer => end,
            other => other,
        }
    }
}

/// Serves until whoever knew the code has what they want.
async fn serve(running: &mut Running, pipe_alone: bool) -> Result<(), Failure> {
    let mut sent = Sent::default();
    loop {
        let event = running.next().await?;
        sent.event(running, event);
        // Whoever is in already is not sent away.
        if sent.open > 0 || running.host.is_busy() {
            continue;
        }
        if let Some(Piped::Cut) = sent.piped {
            return Err(Failure::new(
                Code::Incomplete,
                "what came on standard input did not arrive whole, and cannot be sent again",
            ));
        }
        if let (true, false, Some(Piped::Whole)) = (pipe_alone, sent.left, sent.piped) {
            return Err(Failure::new(
                Code::Incomplete,
                "what came on standard input was sent, and whether it arrived whole is not known",
            ));
        }
        let (left, cut) = (std::mem::take(&mut sent.left), std::mem::take(&mut sent.cut));
        if left && sent.missing.is_empty() {
            return sent.outcome(running);
        }
        if left || cut {
            let what = match sent.missing.len() {
                0 => "the code is still good".to_owned(),
                1 => "1 file did not arrive".to_owned(),
                missing => format!("{missing} files did not arrive"),
            };
            running.output.note(format_args!("{what}; the same command goes on there"));
        }
        if sent.dead {
            return Err(Failure::new(
                Code::NotPrivate,
                "three wrong codes were tried, so this one is dead: send again for another",
            ));
        }
    }
}

impl Sent {
    fn event(&mut self, running: &Running, event: Event) {
        match event {
            Event::Opened { .. } => {
                if self.open == 0 {
                    // They know by now what they lack, and ask for it.
                    self.missing.clear();
                }
                self.open += 1;
            }
            Event::OpenFailed {
                fault: Fault::Protocol(ProtocolError::Code(CodeError::Wrong)),
                ..
            } => {
                let text = format_args!("someone had a wrong code; after three it is dead");
                running.output.note(text);
            }
            Event::CodeDead => self.dead = true,
            Event::Started { transfer, size, more, .. } => {
                if size.is_unknown() {
                    self.piped = Some(Piped::Going(transfer));
                }
                self.under_way.insert(transfer, more);
            }
            Event::Finished { transfer, name, bytes } => {
                self.files += 1 + self.under_way.remove(&transfer).unwrap_or(0);
                self.bytes = self.bytes.saturating_add(bytes);
                self.missing.remove(&name);
                self.piped = self.piped.map(|piped| piped.ended(transfer, Piped::Whole));
            }
            Event::Failed { transfer, name, .. } => {
                self.piped = self.piped.map(|piped| piped.ended(transfer, Piped::Cut));
                self.under_way.remove(&transfer);
                self.missing.insert(name);
            }
            Event::Ended { fault, .. } => {
                self.open = self.open.saturating_sub(1);
                self.left |= fault.is_none();
                self.cut |= fault.is_some();
            }
            _ => {}
        }
    }

    fn outcome(&self, running: &Running) -> Result<(), Failure> {
        let Self { files, bytes, .. } = *self;
        let _ = running.output.json(&Line::Sent { files, bytes, declined: 0 });
        if files == 0 {
            return Err(Failure::new(Code::Incomplete, "the other side took nothing"));
        }
        let count = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
        running.output.note(format_args!("sent {count}, {}", HumanBytes(bytes)));
        Ok(())
    }
}
