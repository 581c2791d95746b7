//! `xcher send NICK PATH…`: offers files to someone who is online, and serves what they take.

use std::collections::HashMap;

use indicatif::HumanBytes;
use xcher_core::peer::{Event, TransferId};
use xcher_core::{Listed, Nick};

use super::args::Common;
use super::call::{Call, Whom};
use super::exit::{Code, Failure, code_of_transfer};
use super::json::Line;
use super::output::Output;
use crate::files::Shares;

/// Files in one offer: it is held in memory, here and there.
const MOST: usize = 100_000;

pub(super) async fn run(common: &Common, to: Nick, shares: Shares) -> Result<(), Failure> {
    let files = walk(common, &shares).await?;
    let mut offered = Offered::new(files.len() as u64);
    let mut call = Call::begin_with(common, Whom::Nick(to.clone()), shares, None).await?;
    let session = call.session;
    let done = match call.running.host.offer(session, files) {
        Ok(()) => offered.serve(&mut call, &to).await,
        Err(error) => Err(Failure::misuse(error)),
    };
    call.end().await;
    done
}

/// All that is in the shares.
async fn walk(common: &Common, shares: &Shares) -> Result<Vec<Listed>, Failure> {
    let mut walk = shares.walk();
    let read = tokio::task::spawn_blocking(move || {
        let (mut files, mut skipped) = (Vec::new(), Vec::new());
        loop {
            let chunk = walk.next_chunk(512);
            files.extend(chunk.entries.into_iter().map(Listed::from));
            skipped.extend(chunk.skipped);
            if chunk.done || files.len() > MOST {
                return (files, skipped);
            }
        }
    });
    let (files, skipped) = read.await.map_err(Failure::local)?;
    let output = Output::new(common);
    for skipped in skipped {
        output.note(format_args!("{skipped}"));
    }
    match files.len() {
        0 => Err(Failure::usage("expected files to send, got none")),
        count if count > MOST => Err(Failure::usage(format!(
            "expected at most {MOST} files in an offer, got more: `xcher send PATH` with a code, or \
             `xcher share`, have no such bound"
        ))),
        _ => Ok(files),
    }
}

/// What became of the files.
struct Offered {
    files: u64,
    /// How many files each transfer has.
    under_way: HashMap<TransferId, u64>,
    sent: u64,
    bytes: u64,
    declined: u64,
    failed: u64,
    /// A transfer failed before it showed how many files it has.
    lost: bool,
    worst: Option<Code>,
}

impl Offered {
    fn new(files: u64) -> Self {
        Self {
            files,
            under_way: HashMap::new(),
            sent: 0,
            bytes: 0,
            declined: 0,
            failed: 0,
            lost: false,
            worst: None,
        }
    }

    /// Whether every file was taken or declined.
    fn is_settled(&self) -> bool {
        self.lost || self.sent + self.failed + self.declined >= self.files
    }

    /// Serves until every file was taken or declined.
    async fn serve(&mut self, call: &mut Call<'_>, to: &Nick) -> Result<(), Failure> {
        let mut ended = None;
        while !(self.is_settled() && self.under_way.is_empty()) {
            if ended.is_some() && !call.running.host.is_busy() {
                break;
            }
            let event = match &ended {
                None => call.next().await,
                // What is under way goes on without the session.
                Some(_) => call.running.next().await,
            };
            match event {
                Ok(event) => self.event(call, to, event)?,
                Err(failure) if failure.message.is_some() && call.running.host.is_busy() => {
                    ended = Some(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        match ended {
            Some(failure) if !self.is_settled() => Err(failure),
            _ => self.outcome(call, to),
        }
    }

    fn event(&mut self, call: &Call<'_>, to: &Nick, event: Event) -> Result<(), Failure> {
        match event {
            Event::Opened { session, .. } if session == call.session => {
                call.running.output.note(format_args!("{to} is asked"));
            }
            Event::NotOffered { .. } => {
                return Err(Failure::new(
                    Code::Incomplete,
                    format!(
                        "{to} speaks the six packets alone and cannot be offered anything: \
                         `xcher share PATH`, and let {to} fetch it"
                    ),
                ));
            }
            Event::Declined { name, .. } => {
                self.declined += 1;
                call.running.output.detail(format_args!("{name}: declined"));
            }
            Event::Started { transfer, more, .. } => {
                self.under_way.insert(transfer, 1 + more);
            }
            Event::Finished { transfer, bytes, .. } => {
                self.sent += self.under_way.remove(&transfer).unwrap_or(1);
                self.bytes = self.bytes.saturating_add(bytes);
            }
            Event::Failed { transfer, fault, .. } => {
                match self.under_way.remove(&transfer) {
                    Some(files) => self.failed += files,
                    None => self.lost = true,
                }
                self.worst = Some(code_of_transfer(&fault));
            }
            _ => {}
        }
        Ok(())
    }

    fn outcome(&self, call: &Call<'_>, to: &Nick) -> Result<(), Failure> {
        let Self { files, sent, bytes, declined, .. } = *self;
        let output = &call.running.output;
        let _ = output.json(&Line::Sent { files: sent, bytes, declined });
        let count = if sent == 1 { "1 file".to_owned() } else { format!("{sent} files") };
        if sent > 0 {
            output.note(format_args!("sent {count}, {}", HumanBytes(bytes)));
        }
        match (self.worst, declined) {
            (Some(code), _) => Err(Failure::told(code)),
            (None, 0) => Ok(()),
            (None, 1) if files == 1 => {
                Err(Failure::new(Code::Incomplete, format!("{to} did not take it")))
            }
            (None, _) => Err(Failure::new(
                Code::Incomplete,
                format!("{to} did not take {declined} of {files} files"),
            )),
        }
    }
}
