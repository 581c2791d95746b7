//! `xcher get`: calls, lists, asks, requests, receives.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use xcher_core::code::Code;
use xcher_core::peer::{Event, SessionCommand};
use xcher_core::session::Want;
use xcher_core::{FileName, Kind, Nick, NotStored, Quoted};

use crate::cli::dup_stdio::own;
use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::fetch_queue::FetchQueue;
use crate::cli::listing_spool::{ListingSpool, unlisted};
use crate::cli::options::{Common, GetArgs};
use crate::cli::outgoing_session::{Callee, OutgoingSession};
use crate::cli::target::Target;
use crate::cli::ui::consent::{Answer, Consent, Question};
use crate::cli::ui::manifest::{Chosen, tell_wary};
use crate::cli::ui::selection::is_in;
use crate::cli::ui::skip_reason::SkipReason;
use crate::cli::unfetched_files::forgo;
use crate::files::Shares;
use crate::host::Sink;

pub(crate) async fn run(common: &Common, args: &GetArgs) -> Result<(), CliError> {
    let whom = whom(common, args)?;
    let mut wanted = Wanted::parse(args, &whom)?;
    // Before anything is done that someone would notice.
    let mut consent = match &whom {
        Callee::Code(_) => Some(Consent::new(args.yes)?),
        Callee::Nick(_) => None,
    };
    // What is named is meant, whatever it is called.
    let hidden = args.hidden || !args.names.is_empty();
    let to = Target { hidden, ..Target::new(&args.to, args.yes) };
    let sink = match to.is_stdout() {
        true => stdout(common)?,
        false => {
            let inbox = to.open()?;
            inbox.check_writable().map_err(CliError::local)?;
            Sink::Folder(inbox)
        }
    };
    let mut call =
        OutgoingSession::begin_with(common, whom.clone(), Shares::nothing(), sink).await?;
    if !to.is_stdout() {
        call.running.output.receives_into(to.clone());
    }
    // What is wanted and cannot be had now, for the other side to know that a code is to stay good for
    // another try: until all is listed at least something, and nothing once it was told what becomes of it.
    let mut untold = Some(Want { files: 1, ..Want::default() });
    let done = async {
        let (mut spool, unreadable) = choose(&mut call, &mut wanted, &to).await?;
        wanted.tell_missing(&call, &whom);
        let all = Want { files: spool.count(), bytes: spool.bytes(), already_stored: 0 };
        // What is not there is not there for another try either, such as a pipe that was sent.
        untold = Some(all).filter(|all| all.files > 0);
        if to.is_stdout() {
            one_alone(&wanted, &spool)?;
        }
        let mut rest = None;
        if consent.is_some() || !to.is_stdout() {
            let agreed = agree(&mut call, consent.as_mut(), spool, &to, &mut untold).await?;
            let chosen = agreed.ok_or_else(nothing_wanted)?;
            (spool, rest) = (chosen.wanted, Some(chosen.rest).filter(|rest| rest.count() > 0));
        }
        untold = None;
        if let Some(rest) = &mut rest {
            // A rule left them, and nobody said that they are not wanted.
            tell_wary(&call.running.output, call.session, rest)?;
            forgo(&mut call.running, call.session, rest, NotStored::Name)?;
        }
        fetch(&mut call, &to, &wanted, spool).await?;
        match (unreadable, rest) {
            (true, _) => Err(CliError::told(ExitCode::Incomplete)),
            (false, Some(_)) => Err(CliError::told(ExitCode::Policy)),
            (false, None) => Ok(()),
        }
    }
    .await;
    if let Some(want) = untold {
        // A session that is over takes no reports.
        let _ = call.running.host.command(call.session, SessionCommand::Want(want));
    }
    call.end(done).await
}

fn nothing_wanted() -> CliError {
    CliError::new(ExitCode::Incomplete, "nothing was fetched")
}

/// Standard output, for the bytes of one file.
fn stdout(common: &Common) -> Result<Sink, CliError> {
    if common.json {
        return Err(CliError::usage("expected -o - or --json, got both for standard output"));
    }
    if io::stdout().is_terminal() {
        return Err(CliError::usage(
            "expected a pipe or a file as standard output for -o -, got a terminal, which not every \
             file is good for: `| cat` shows it all the same",
        ));
    }
    let own = own(&io::stdout())
        .map_err(|error| CliError::usage(format!("no standard output: {error}")))?;
    Ok(Sink::Stream(own))
}

/// Whether one file is wanted, and no more.
fn one_alone(wanted: &Wanted, spool: &ListingSpool) -> Result<(), CliError> {
    match (spool.count(), wanted.error()) {
        (1, None) => Ok(()),
        // What is missing was told.
        (0, Some(code)) => Err(CliError::told(code)),
        (0, None) => Err(CliError::new(ExitCode::Incomplete, "there is nothing to fetch")),
        (count, _) => Err(CliError::usage(format!(
            "expected one file for standard output, got {count}: `xcher get … NAME -o -` fetches one"
        ))),
    }
}

/// Callee the command line names, or a code that is typed or piped in.
fn whom(common: &Common, args: &GetArgs) -> Result<Callee, CliError> {
    let typed;
    let text = match args.peer.as_deref() {
        Some("-") | None => {
            typed = typed_code(args.peer.is_none())?;
            &typed
        }
        Some(text) if Code::looks_like(text) => text,
        Some(text) => {
            let nick = Nick::parse(text).map_err(|error| CliError::usage(error.to_string()))?;
            return Ok(Callee::Nick(nick));
        }
    };
    let code = Code::parse(text).map_err(|error| CliError::usage(error.to_string()))?;
    if common.plain {
        return Err(CliError::usage("expected a private session for a code, got --plain"));
    }
    Ok(Callee::Code(code))
}

/// A code from standard input, where it shows in no list of processes.
fn typed_code(needs_terminal: bool) -> Result<String, CliError> {
    if io::stdin().is_terminal() {
        let _ = io::stderr().write_all(b"The code, such as 4821-crossover-clockwork-universe: ");
    } else if needs_terminal {
        return Err(CliError::usage("expected a nick or a code, or - to read a code, got none"));
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| CliError::usage(format!("cannot read a code: {error}")))?;
    Ok(line)
}

/// What the command line asks for.
enum Wanted {
    All { refused: bool },
    Named(Vec<Named>),
}

struct Named {
    name: FileName,
    found: bool,
}

impl Wanted {
    fn parse(args: &GetArgs, whom: &Callee) -> Result<Self, CliError> {
        let by_code = matches!(whom, Callee::Code(_));
        if args.all || by_code && args.names.is_empty() {
            return Ok(Self::All { refused: false });
        }
        if args.names.is_empty() {
            return Err(CliError::usage(
                "expected <NAME>... or --all after a nick, got neither: `xcher ls` shows the names",
            ));
        }
        let parse = |text: &String| {
            // A folder is often typed, or completed, with a slash behind it.
            let name = FileName::new(text.trim_end_matches('/'));
            name.map(|name| Named { name, found: false })
                .map_err(|error| CliError::usage(error.to_string()))
        };
        args.names.iter().map(parse).collect::<Result<_, _>>().map(Self::Named)
    }

    /// Whether a listed file is asked for, by itself or with a folder it is in.
    fn takes(&mut self, name: &FileName) -> bool {
        let Self::Named(named) = self else { return true };
        let mut takes = false;
        for wanted in named {
            if is_in(name, wanted.name.as_str()) {
                wanted.found = true;
                takes = true;
            }
        }
        takes
    }

    fn tell_missing(&self, call: &OutgoingSession<'_>, whom: &Callee) {
        let Self::Named(named) = self else { return };
        for missing in named.iter().filter(|named| !named.found) {
            let name = Quoted(missing.name.as_str());
            let output = &call.running.output;
            output.error(format_args!("{whom} does not share {name}"));
            output.skip(call.session, missing.name.as_str(), None, &SkipReason::NotShared);
        }
    }

    /// What went wrong with the list itself.
    fn error(&self) -> Option<ExitCode> {
        match self {
            Self::All { refused } => refused.then_some(ExitCode::Policy),
            Self::Named(named) => {
                named.iter().any(|named| !named.found).then_some(ExitCode::Incomplete)
            }
        }
    }
}

/// Reads the other side's list and keeps what is wanted of it. Says whether the other side could not read
/// something of that.
async fn choose(
    call: &mut OutgoingSession<'_>,
    wanted: &mut Wanted,
    to: &Target,
) -> Result<(ListingSpool, bool), CliError> {
    let mut spool = ListingSpool::new().map_err(unlisted)?;
    let mut unreadable = false;
    let session = call.session;
    call.running.host.command(session, SessionCommand::List).map_err(CliError::misuse)?;
    loop {
        match call.next().await? {
            // Standard output is no place for a folder.
            Event::Entry { name, size, stat, .. }
                if wanted.takes(&name) && !(to.is_stdout() && stat.kind == Kind::Folder) =>
            {
                spool.push(&name, size, stat).map_err(unlisted)?;
            }
            Event::LeftOut { left, .. } if left.reason.is_error() && wanted.takes(&left.name) => {
                unreadable = true;
            }
            Event::InvalidEntry { .. } => {
                if let Wanted::All { refused } = wanted {
                    *refused = true;
                }
            }
            Event::ListEnd { .. } => return Ok((spool, unreadable)),
            _ => {}
        }
    }
}

/// Shows what there is, and asks which of it is wanted; nothing where the user wants none. Without a consent
/// to ask for, only looks whether there is room. What is chosen leaves a rest where a rule did not take it.
async fn agree(
    call: &mut OutgoingSession<'_>,
    consent: Option<&mut Consent>,
    spool: ListingSpool,
    to: &Target,
    untold: &mut Option<Want>,
) -> Result<Option<Chosen>, CliError> {
    match (spool.count(), &consent) {
        (0, Some(_)) => {
            call.running.output.note(format_args!("there is nothing to fetch"));
            return Ok(None);
        }
        (0, None) => {
            let rest = ListingSpool::new().map_err(unlisted)?;
            return Ok(Some(Chosen { wanted: spool, rest }));
        }
        _ => {}
    }
    let inbox = call.running.host.inbox().cloned();
    let at = to.clone();
    // A long list is compared with the disk for a while.
    let compare = tokio::task::spawn_blocking(move || Question::new(spool, inbox, &at));
    let mut question = call.meanwhile(compare).await?.map_err(CliError::local)??;
    let agreed = decide(call, consent, &mut question).await;
    *untold = None;
    if let Err(error) = &agreed {
        let why = match error.stopped {
            true => NotStored::Cancelled,
            false if question.lacks_room() => NotStored::Space,
            false => NotStored::Other,
        };
        forgo(&mut call.running, call.session, &mut question.missing()?, why)?;
    }
    agreed
}

/// Asks, or does without.
async fn decide(
    call: &mut OutgoingSession<'_>,
    consent: Option<&mut Consent>,
    question: &mut Question,
) -> Result<Option<Chosen>, CliError> {
    if consent.is_some() {
        question.show(&call.running.output)?;
    }
    let answers = match consent {
        Some(Consent::Asked(answers)) if !question.is_idle() => answers,
        _ => return question.agreed().map(Some),
    };
    loop {
        question.ask(&call.running.output, " ");
        let line = call.meanwhile(answers.next()).await?;
        match question.answer(line.as_deref(), &call.running.output)? {
            Answer::Again => {}
            // What a person leaves is not wanted.
            Answer::Take(Chosen { wanted, rest }) => {
                let mut left = rest.read().map_err(unlisted)?;
                while let Some((name, ..)) = left.next().map_err(unlisted)? {
                    let (output, why) = (&call.running.output, SkipReason::Declined);
                    output.skip(call.session, name.as_str(), None, &why);
                }
                let rest = ListingSpool::new().map_err(unlisted)?;
                return Ok(Some(Chosen { wanted, rest }));
            }
            Answer::No => return Ok(None),
        }
    }
}

async fn fetch(
    call: &mut OutgoingSession<'_>,
    to: &Target,
    wanted: &Wanted,
    spool: ListingSpool,
) -> Result<(), CliError> {
    let bytes = spool.bytes();
    let mut fetching = FetchQueue::new(call.session, spool)?;
    if let Some(code) = wanted.error() {
        fetching.worse(code);
    }
    if let Some(progress) = call.running.output.progress().filter(|_| fetching.count() > 1) {
        progress.begin_total(bytes);
    }
    fetching.announce(&mut call.running, bytes);
    fetching.show_count(&mut call.running);
    let mut ended = None;
    loop {
        if ended.is_none() {
            fetching.request(&mut call.running, to)?;
        }
        if fetching.is_idle() && (fetching.is_all_requested() || ended.is_some()) {
            break;
        }
        let event = call.running.next().await?;
        if let Event::Ended { session, error } = &event
            && *session == call.session
        {
            // What is under way goes on without the session.
            ended = Some(error.as_ref().map_or(ExitCode::Incomplete, code_of));
        }
        fetching.event(&mut call.running, to, &event);
    }
    // A provider may say X_END as soon as everything was asked for.
    if let (false, Some(code)) = (fetching.is_all_requested(), ended)
        && let Some(next) = fetching.left()?
    {
        let message = format!("the session ended before {next} and what follows it came");
        return Err(CliError::new(code, message));
    }
    fetching.outcome(&call.running)
}
