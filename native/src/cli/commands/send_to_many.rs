//! `xcher send --to-many`: serves a code until several receivers have everything, or until stopped.

use std::collections::HashMap;
use std::num::NonZeroU32;

use xcher_core::HumanSize;
use xcher_core::code::MAX_TRIES;
use xcher_core::delivery::{Outcome, Progress, Receivers};
use xcher_core::peer::{Event, SessionCommand, SessionId};

use super::send_by_code::WrongCodes;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::online_host::OnlineHost;
use crate::cli::ui::delivery_report;
use crate::cli::ui::file_count::file_count;
use crate::cli::ui::json::JsonEvent;

/// Serves until `limit` receivers have every file they wanted, or until the user stops it.
pub(super) async fn serve(
    online: &mut OnlineHost,
    limit: Option<NonZeroU32>,
) -> Result<(), CliError> {
    match limit {
        Some(limit) => {
            online.output.note(format_args!("the code is for {}", receivers(limit.get())))
        }
        None => online.output.note(format_args!("the code is valid until you stop this command")),
    }
    let mut serving = Serving { receivers: Receivers::new(limit), names: HashMap::new() };
    let mut wrong_codes = WrongCodes::default();
    loop {
        let event = match online.next().await {
            Ok(event) => event,
            Err(error) => return serving.stopped(online, error),
        };
        wrong_codes.event(&event, &online.output);
        if let Event::Opened { session, .. } = &event {
            serving.names.insert(*session, online.output.name(session.0).to_owned());
        }
        serving.receivers.event(&event);
        if let Some(end) = serving.report(online) {
            return end;
        }
    }
}

struct Serving {
    receivers: Receivers,
    /// The nicks, or the addresses, of receivers that are connected.
    names: HashMap<SessionId, String>,
}

impl Serving {
    /// Reports what the last event settled. Returns the result of the command once there is one.
    fn report(&mut self, online: &mut OnlineHost) -> Option<Result<(), CliError>> {
        loop {
            match self.receivers.next_progress() {
                Progress::Pending => return None,
                Progress::Complete { session, outcome, is_new } => {
                    self.json(online, session, "complete", &outcome);
                    let (who, count) = (self.forget(session), self.count());
                    match is_new {
                        true => online.output.note(format_args!("{who} has everything; {count}")),
                        false => online.output.note(format_args!("{who} had everything; {count}")),
                    }
                }
                Progress::Incomplete { session, outcome } => {
                    self.json(online, session, "incomplete", &outcome);
                    delivery_report::missing(&online.output, &outcome);
                    let (who, text) =
                        (self.forget(session), delivery_report::not_arrived(&outcome));
                    online.output.note(format_args!(
                        "{who}: {text}; the code is still valid, and the same command resumes there"
                    ));
                }
                Progress::Declined { session } => {
                    self.json(online, session, "declined", &Outcome::default());
                    online.output.note(format_args!("{} fetched nothing", self.forget(session)));
                }
                Progress::Late(session) => {
                    online.output.detail(format_args!("{} came too late", self.forget(session)));
                    // It may have ended already.
                    let _ = online.host.command(session, SessionCommand::End);
                }
                Progress::Done => {
                    self.sum_up(online);
                    return Some(Ok(()));
                }
                Progress::CodeExhausted => {
                    self.sum_up(online);
                    let text = format!(
                        "this code no longer works after {MAX_TRIES} wrong tries, and {}; send again for \
                         a new one",
                        self.count()
                    );
                    return Some(Err(CliError::new(ExitCode::NotPrivate, text)));
                }
            }
        }
    }

    /// Returns the result when the host stopped, or the user stopped it.
    fn stopped(&self, online: &OnlineHost, error: CliError) -> Result<(), CliError> {
        self.sum_up(online);
        match (error.stopped, self.receivers.limit()) {
            (true, None) if !self.receivers.is_sending() => Ok(()),
            (true, _) => Err(CliError::new(error.code, self.count())),
            (false, _) => Err(error),
        }
    }

    fn sum_up(&self, online: &OnlineHost) {
        let total = self.receivers.total();
        online.output.remember(online.output.json(&JsonEvent::sent(total)));
        let files = file_count(total.delivered());
        let (bytes, count) = (HumanSize(total.bytes), receivers(self.receivers.complete()));
        online.output.note(format_args!("sent {files} ({bytes}); {count} have everything"));
    }

    fn json(&self, online: &OnlineHost, session: SessionId, state: &'static str, got: &Outcome) {
        online.output.remember(online.output.json(&JsonEvent::Receiver {
            session: session.0,
            state,
            files: got.delivered(),
            bytes: got.bytes,
            complete: self.receivers.complete(),
            of: self.receivers.limit().map(NonZeroU32::get),
        }));
    }

    /// Returns the name of a receiver, which is not mentioned again.
    fn forget(&mut self, session: SessionId) -> String {
        self.names.remove(&session).unwrap_or_else(|| "a peer".to_owned())
    }

    fn count(&self) -> String {
        let complete = self.receivers.complete();
        match self.receivers.limit() {
            Some(limit) => format!("{complete} of {} have everything", receivers(limit.get())),
            None if complete == 1 => "1 receiver has everything".to_owned(),
            None => format!("{} have everything", receivers(complete)),
        }
    }
}

fn receivers(count: u32) -> String {
    if count == 1 { "1 receiver".to_owned() } else { format!("{count} receivers") }
}
