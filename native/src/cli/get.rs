//! `xcher get`: calls, lists, asks, requests, receives.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use xcher_core::code::Code as Spoken;
use xcher_core::peer::Event;
use xcher_core::session::Want;
use xcher_core::{FileName, Nick, Quoted};

use super::answers::Consent;
use super::args::Common;
use super::call::{Call, Whom};
use super::consent::{self, Answer, Question};
use super::exit::{Code, Failure, code_of};
use super::fetching::{Fetching, Target};
use super::manifest::{Chosen, tell_wary};
use super::own_stream::own;
use super::send_args::GetArgs;
use super::skipped::WhySkipped;
use super::spool::{Spool, unlisted};
use crate::files::Shares;
use crate::host::Sink;

pub(super) async fn run(common: &Common, args: &GetArgs) -> Result<(), Failure> {
    let whom = whom(common, args)?;
    let mut wanted = Wanted::parse(args, &whom)?;
    // Before anything is done that someone would notice.
    let mut consent = match &whom {
        Whom::Code(_) => Some(Consent::new(args.yes)?),
        Whom::Nick(_) => None,
    };
    // What is named is meant, whatever it is called.
    let hidden = args.hidden || !args.names.is_empty();
    let to = Target { hidden, ..Target::new(&args.to, args.yes) };
    let sink = match to.is_stdout() {
        true => stdout(common)?,
        false => {
            let inbox = to.open()?;
            inbox.check_writable().map_err(Failure::local)?;
            Sink::Folder(inbox)
        }
    };
    let mut call = Call::begin_with(common, whom.clone(), Shares::nothing(), sink).await?;
    if !to.is_stdout() {
        call.running.output.receives_into(to.clone());
    }
    // Whether the other side knows what becomes of its files: they are not wanted, or about to be
    // requested.
    let mut settled = false;
    let done = async {
        let (mut spool, unreadable) = choose(&mut call, &mut wanted).await?;
        wanted.tell_missing(&call, &whom);
        // What is not there is not there for another try either, such as a pipe that was sent.
        settled = spool.count() == 0;
        if to.is_stdout() {
            one_alone(&wanted, &spool)?;
        }
        let mut wary = false;
        if consent.is_some() || !to.is_stdout() {
            let agreed = agree(&mut call, consent.as_mut(), spool, &to).await?;
            settled = agreed.is_none();
            (spool, wary) = agreed.ok_or_else(nothing_wanted)?;
        }
        settled = true;
        fetch(&mut call, &to, &wanted, spool).await?;
        match (unreadable, wary) {
            (true, _) => Err(Failure::told(Code::Incomplete)),
            (false, true) => Err(Failure::told(Code::Policy)),
            (false, false) => Ok(()),
        }
    }
    .await;
    if !settled {
        // They are wanted, and cannot be had now: a code stays good for another try.
        let want = Want { files: 1, ..Want::default() };
        let _ = call.running.host.want(call.session, want);
    }
    call.end(done).await
}

fn nothing_wanted() -> Failure {
    Failure::new(Code::Incomplete, "nothing was fetched")
}

/// Standard output, for the bytes of one file.
fn stdout(common: &Common) -> Result<Sink, Failure> {
    if common.json {
        return Err(Failure::usage("expected -o - or --json, got both for standard output"));
    }
    if io::stdout().is_terminal() {
        return Err(Failure::usage(
            "expected a pipe or a file as standard output for -o -, got a terminal, which not every \
             file is good for: `| cat` shows it all the same",
        ));
    }
    let own = own(&io::stdout())
        .map_err(|error| Failure::usage(format!("no standard output: {error}")))?;
    Ok(Sink::Stream(own))
}

/// Whether one file is wanted, and no more.
fn one_alone(wanted: &Wanted, spool: &Spool) -> Result<(), Failure> {
    match (spool.count(), wanted.fault()) {
        (1, None) => Ok(()),
        // What is missing was told.
        (0, Some(code)) => Err(Failure::told(code)),
        (0, None) => Err(Failure::new(Code::Incomplete, "there is nothing to fetch")),
        (count, _) => Err(Failure::usage(format!(
            "expected one file for standard output, got {count}: `xcher get … NAME -o -` fetches one"
        ))),
    }
}

/// Whom the command line names, or a code that is typed or piped in.
fn whom(common: &Common, args: &GetArgs) -> Result<Whom, Failure> {
    let typed;
    let text = match args.peer.as_deref() {
        Some("-") | None => {
            typed = typed_code(args.peer.is_none())?;
            &typed
        }
        Some(text) if Spoken::is_like(text) => text,
        Some(text) => {
            let nick = Nick::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
            return Ok(Whom::Nick(nick));
        }
    };
    let code = Spoken::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
    if common.plain {
        return Err(Failure::usage("expected a private session for a code, got --plain"));
    }
    Ok(Whom::Code(code))
}

/// A code from standard input, where it shows in no list of processes.
fn typed_code(needs_terminal: bool) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        let _ = io::stderr().write_all(b"The code, such as 4821-crossover-clockwork-universe: ");
    } else if needs_terminal {
        return Err(Failure::usage("expected a nick or a code, or - to read a code, got none"));
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::usage(format!("cannot read a code: {error}")))?;
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
    fn parse(args: &GetArgs, whom: &Whom) -> Result<Self, Failure> {
        let by_code = matches!(whom, Whom::Code(_));
        if args.all || by_code && args.names.is_empty() {
            return Ok(Self::All { refused: false });
        }
        if args.names.is_empty() {
            return Err(Failure::usage(
                "expected <NAME>... or --all after a nick, got neither: `xcher ls` shows the names",
            ));
        }
        let parse = |text: &String| {
            // A folder is often typed, or completed, with a slash behind it.
            let name = FileName::new(text.trim_end_matches('/'));
            name.map(|name| Named { name, found: false })
                .map_err(|error| Failure::usage(error.to_string()))
        };
        args.names.iter().map(parse).collect::<Result<_, _>>().map(Self::Named)
    }

    /// Whether a listed file is asked for, by itself or with a folder it is in.
    fn takes(&mut self, name: &FileName) -> bool {
        let Self::Named(named) = self else { return true };
        let mut takes = false;
        for wanted in named {
            if consent::is_in(name, wanted.name.as_str()) {
                wanted.found = true;
                takes = true;
            }
        }
        takes
    }

    fn tell_missing(&self, call: &Call<'_>, whom: &Whom) {
        let Self::Named(named) = self else { return };
        for missing in named.iter().filter(|named| !named.found) {
            let name = Quoted(missing.name.as_str());
            let output = &call.running.output;
            output.error(format_args!("{whom} does not share {name}"));
            output.skip(call.session, missing.name.as_str(), None, &WhySkipped::NotShared);
        }
    }

    /// What went wrong with the list itself.
    fn fault(&self) -> Option<Code> {
        match self {
            Self::All { refused } => refused.then_some(Code::Policy),
            Self::Named(named) => {
                named.iter().any(|named| !named.found).then_some(Code::Incomplete)
            }
        }
    }
}

/// Reads the other side's list and keeps what is wanted of it. Says whether the other side could not read
/// something of that.
async fn choose(call: &mut Call<'_>, wanted: &mut Wanted) -> Result<(Spool, bool), Failure> {
    let mut spool = Spool::new().map_err(unlisted)?;
    let mut unreadable = false;
    let session = call.session;
    call.running.host.list(session).map_err(Failure::misuse)?;
    loop {
        match call.next().await? {
            Event::Entry { name, size, stat, .. } if wanted.takes(&name) => {
                spool.push(&name, size, stat).map_err(unlisted)?;
            }
            Event::LeftOut { left, .. } if left.why.is_error() && wanted.takes(&left.name) => {
                unreadable = true;
            }
            Event::BadEntry { .. } => {
                if let Wanted::All { refused } = wanted {
                    *refused = true;
                }
            }
            Event::ListEnd { .. } => return Ok((spool, unreadable)),
            _ => {}
        }
    }
}

/// Shows what there is, and asks which of it is wanted; nothing where the user wants none. Without a consent to ask for, only looks whether
/// there is room. Says whether something was left since it would land on a dot-name.
async fn agree(
    call: &mut Call<'_>,
    consent: Option<&mut Consent>,
    spool: Spool,
    to: &Target,
) -> Result<Option<(Spool, bool)>, Failure> {
    match (spool.count(), &consent) {
        (0, Some(_)) => {
            call.running.output.note(format_args!("there is nothing to fetch"));
            return Ok(None);
        }
        (0, None) => return Ok(Some((spool, false))),
        _ => {}
    }
    let inbox = call.running.host.inbox().cloned();
    let at = to.clone();
    // A long list is compared with the disk for a while.
    let compare = tokio::task::spawn_blocking(move || Question::new(spool, inbox, &at));
    let mut question = call.meanwhile(compare).await?.map_err(Failure::local)??;
    if consent.is_some() {
        question.show(&call.running.output)?;
    }
    let answers = match consent {
        Some(Consent::Asked(answers)) if !question.is_idle() => answers,
        _ => {
            let Chosen { wanted, mut rest } = question.agreed()?;
            let wary = rest.count() > 0;
            tell_wary(&call.running.output, call.session, &mut rest)?;
            return Ok(Some((wanted, wary)));
        }
    };
    loop {
        question.ask(&call.running.output, " ");
        let line = call.meanwhile(answers.next()).await?;
        match question.answer(line.as_deref(), &call.running.output)? {
            Answer::Again => {}
            Answer::Take(Chosen { wanted, rest }) => {
                let mut rest = rest.read().map_err(unlisted)?;
                while let Some((name, ..)) = rest.next().map_err(unlisted)? {
                    let (output, why) = (&call.running.output, WhySkipped::Declined);
                    output.skip(call.session, name.as_str(), None, &why);
                }
                return Ok(Some((wanted, false)));
            }
            Answer::No => return Ok(None),
        }
    }
}

async fn fetch(
    call: &mut Call<'_>,
    to: &Target,
    wanted: &Wanted,
    spool: Spool,
) -> Result<(), Failure> {
    let bytes = spool.bytes();
    let mut fetching = Fetching::new(call.session, spool)?;
    if let Some(code) = wanted.fault() {
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
        if let Event::Ended { session, fault } = &event
            && *session == call.session
        {
            // What is under way goes on without the session.
            ended = Some(fault.as_ref().map_or(Code::Incomplete, code_of));
        }
        fetching.event(&mut call.running, to, &event);
    }
    // A provider may say X_END as soon as everything was asked for.
    if let (false, Some(code)) = (fetching.is_all_requested(), ended)
        && let Some(next) = fetching.left()?
    {
        let message = format!("the session ended before {next} and what follows it came");
        return Err(Failure::new(code, message));
    }
    fetching.outcome(&call.running)
}
