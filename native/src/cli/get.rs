//! `xcher get`: calls, lists, requests, receives.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use xcher_core::peer::{Event, TransferId};
use xcher_core::{FileName, Quoted};

use super::args::{Common, GetArgs};
use super::call::Call;
use super::exit::{Code, Failure, code_of, code_of_transfer};
use super::spool::{Listed, Spool};
use crate::files::{Inbox, OnConflict};

/// Requests under way at a time: enough that some always wait their turn.
const UNDER_WAY: usize = 64;

pub(super) async fn run(common: &Common, args: &GetArgs) -> Result<(), Failure> {
    let mut wanted = Wanted::parse(args)?;
    let inbox = Inbox::open(&args.output, args.on_conflict).map_err(Failure::local)?;
    let mut call = Call::begin(common, &args.peer, Some(inbox)).await?;
    let done = match choose(&mut call, &mut wanted).await {
        Ok(spool) => fetch(&mut call, args, &wanted, spool).await,
        Err(failure) => Err(failure),
    };
    call.end().await;
    done
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
    fn parse(args: &GetArgs) -> Result<Self, Failure> {
        if args.all {
            return Ok(Self::All { refused: false });
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
            let rest = name.as_str().strip_prefix(wanted.name.as_str());
            if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
                wanted.found = true;
                takes = true;
            }
        }
        takes
    }
}

/// Reads the other side's list and keeps what is wanted of it.
async fn choose(call: &mut Call<'_>, wanted: &mut Wanted) -> Result<Spool, Failure> {
    let mut spool = Spool::new().map_err(unlisted)?;
    let session = call.session;
    call.running.host.list(session).map_err(Failure::misuse)?;
    loop {
        match call.next().await? {
            Event::Entry { name, size, stat, .. } if wanted.takes(&name) => {
                spool.push(&name, size, stat).map_err(unlisted)?;
            }
            Event::BadEntry { .. } => {
                if let Wanted::All { refused } = wanted {
                    *refused = true;
                }
            }
            Event::ListEnd { .. } => return Ok(spool),
            _ => {}
        }
    }
}

/// The list lies in a temporary file, which has no name to tell.
fn unlisted(error: std::io::Error) -> Failure {
    let folder = std::env::temp_dir();
    Failure::new(Code::Incomplete, format!("cannot keep the list of files in {folder:?}: {error}"))
}

struct Fetching<'a> {
    args: &'a GetArgs,
    under_way: HashSet<TransferId>,
    done: u64,
    count: u64,
    worst: Option<Code>,
}

async fn fetch(
    call: &mut Call<'_>,
    args: &GetArgs,
    wanted: &Wanted,
    spool: Spool,
) -> Result<(), Failure> {
    let count = spool.count();
    let mut fetching = Fetching { args, under_way: HashSet::new(), done: 0, count, worst: None };
    match wanted {
        Wanted::All { refused: true } => fetching.worse(Code::Policy),
        Wanted::All { refused: false } => {}
        Wanted::Named(named) => {
            for missing in named.iter().filter(|named| !named.found) {
                let name = Quoted(missing.name.as_str());
                call.running.output.error(format_args!("{} does not share {name}", args.peer));
                fetching.worse(Code::Incomplete);
            }
        }
    }
    if let Some(progress) = call.running.output.progress().filter(|_| count > 1) {
        progress.begin_total(spool.bytes());
        progress.set_count(0, count);
    }
    let mut listed = spool.read().map_err(unlisted)?;
    let mut more = true;
    let mut ended = None;
    loop {
        while more && ended.is_none() && fetching.under_way.len() < UNDER_WAY {
            more = fetching.request_next(call, &mut listed)?;
        }
        if fetching.under_way.is_empty() && (!more || ended.is_some()) {
            break;
        }
        let event = call.running.next().await?;
        if let Event::Ended { session, fault } = &event
            && *session == call.session
        {
            // What is under way goes on without the session.
            ended = Some(fault.as_ref().map_or(Code::Incomplete, code_of));
        }
        fetching.event(call, &event)?;
    }
    // A provider may say X_END as soon as everything was asked for.
    if let (true, Some(code)) = (more, ended)
        && let Some((next, ..)) = listed.next().map_err(unlisted)?
    {
        let message = format!("the session ended before {next} and what follows it came");
        return Err(Failure::new(code, message));
    }
    fetching.worst.map_or(Ok(()), |code| Err(Failure::told(code)))
}

impl Fetching<'_> {
    /// Requests one more file; `false` where there is none.
    fn request_next(&mut self, call: &mut Call<'_>, listed: &mut Listed) -> Result<bool, Failure> {
        let next = listed.next();
        let next = next.map_err(unlisted)?;
        let Some((name, size, stat)) = next else { return Ok(false) };
        if self.conflicts(call, &name) {
            return Ok(true);
        }
        let session = call.session;
        match call.running.host.get(session, name.clone(), size, stat) {
            Ok(transfer) => {
                self.under_way.insert(transfer);
            }
            Err(error) => {
                call.running.output.error(format_args!("{name}: {error}"));
                self.worse(Code::Incomplete);
            }
        }
        Ok(true)
    }

    /// Whether the file need not come, because one of its name is there.
    fn conflicts(&mut self, call: &mut Call<'_>, name: &FileName) -> bool {
        let taken = call.running.host.inbox().is_some_and(|inbox| inbox.taken(name));
        let output = &call.running.output;
        match self.args.on_conflict {
            OnConflict::Skip if taken => {
                output.note(format_args!("{name}: skipped, it is there already"));
                self.done += 1;
                true
            }
            OnConflict::Fail if taken => {
                output.error(format_args!("{name}: expected a free name, and it is there already"));
                self.worse(Code::Incomplete);
                true
            }
            _ => false,
        }
    }

    fn event(&mut self, call: &mut Call<'_>, event: &Event) -> Result<(), Failure> {
        match event {
            Event::Finished { transfer, name, .. } if self.under_way.remove(transfer) => {
                self.done += 1;
                let path = shown(&self.args.output, name);
                // Files are fetched for their own sake: a reader that is gone stops nothing.
                let _ = call.running.output.result(format_args!("{}", path.display()));
            }
            Event::Failed { transfer, fault, .. } if self.under_way.remove(transfer) => {
                self.worse(code_of_transfer(fault));
            }
            _ => return Ok(()),
        }
        let (done, count) = (self.done, self.count);
        if let Some(progress) = call.running.output.progress() {
            progress.set_count(done, count);
        }
        Ok(())
    }

    /// A file that did not come counts for more than one that was not wanted.
    fn worse(&mut self, code: Code) {
        self.worst = Some(self.worst.map_or(code, |worst| worst.min(code)));
    }
}

fn shown(folder: &Path, name: &FileName) -> PathBuf {
    if folder == Path::new(".") { name.as_str().into() } else { folder.join(name.as_str()) }
}
