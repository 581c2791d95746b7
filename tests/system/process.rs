//! Runs the binary as a child process and waits for lines of its output.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::pace::Pace;
use super::patience::Patience;

/// The commands of the binary.
pub(crate) const COMMANDS: [&str; 15] = [
    "relay",
    "bridge",
    "send",
    "receive",
    "share",
    "ls",
    "check",
    "get",
    "partial",
    "peers",
    "who",
    "doctor",
    "up",
    "completions",
    "man",
];

/// The variable with the path of another build of the binary, optimised, that is tested instead.
pub(crate) const OPTIMISED: &str = "XCHER_OPTIMISED";

/// A command line of the binary, and its data directory: a new, empty one.
pub(crate) struct Xcher(Command, TempDir);

/// Builds a command line that ignores this machine's configuration and keys.
pub(crate) fn xcher<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Xcher {
    let optimised = std::env::var_os(OPTIMISED);
    let mut command =
        Command::new(optimised.as_deref().unwrap_or(OsStr::new(env!("CARGO_BIN_EXE_xcher"))));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("XCHER_") {
            command.env_remove(name);
        }
    }
    command.env("XDG_CONFIG_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/no-such-folder"));
    command.args(args);
    Xcher::new(command)
}

impl Xcher {
    /// Builds a command line of another program, watched in the same way.
    pub(crate) fn other(program: &str) -> Self {
        Self::new(Command::new(program))
    }

    fn new(mut command: Command) -> Self {
        let keys = tempdir().unwrap();
        command.env("XCHER_DATA_DIR", keys.path());
        // A test of a cut expects its end.
        command.env("XCHER_RETRY", "0");
        // Tests stay off the networks of this machine.
        command.env("XCHER_NO_LAN", "1");
        Self(command, keys)
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.0.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.0.current_dir(dir);
        self
    }

    pub(crate) fn start(mut self) -> Process {
        self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let title = format!("{:?}", self.0);
        let mut child = self.0.spawn().expect("the binary starts");
        let seen = Arc::new(Seen::default());
        let stdin = child.stdin.take();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        seen.watch(out, |lines| &mut lines.out);
        seen.watch(err, |lines| &mut lines.err);
        Process { title, child, stdin, seen, began: Instant::now(), _keys: self.1 }
    }

    /// Runs it until it exits.
    pub(crate) fn run(self) -> Done {
        self.start().wait()
    }

    /// Starts it in a pipeline: the test does not hold these ends of the pipes.
    pub(crate) fn between(mut self, stdin: Stdio, stdout: Stdio) -> RawProcess {
        self.0.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        RawProcess(self.0.spawn().expect("the binary starts"), self.1)
    }

    /// Returns the command and its data directory, for callers that start it in another way.
    pub(super) fn parts(self) -> (Command, TempDir) {
        (self.0, self.1)
    }

    /// Starts it without reading its standard output and error, which the test may do or not.
    pub(crate) fn spawn(mut self) -> RawProcess {
        self.0.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        RawProcess(self.0.spawn().expect("the binary starts"), self.1)
    }
}

#[derive(Default)]
struct Seen {
    lines: Mutex<Lines>,
    more: Condvar,
}

/// A process's output so far.
#[derive(Default)]
pub(crate) struct Lines {
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
    /// Streams that reached their end: two once the process has exited.
    ended: u32,
}

impl Lines {
    /// Returns true once the process has exited.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended == 2
    }
}

impl Seen {
    fn watch(
        self: &Arc<Self>,
        from: impl Read + Send + 'static,
        which: fn(&mut Lines) -> &mut Vec<String>,
    ) {
        let seen = Arc::clone(self);
        // The thread ends with the process.
        std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = line.strip_suffix(b"\n").unwrap_or(&line);
                let text = String::from_utf8_lossy(text).into_owned();
                which(&mut seen.lines.lock().unwrap()).push(text);
                seen.more.notify_all();
                line.clear();
            }
            seen.lines.lock().unwrap().ended += 1;
            seen.more.notify_all();
        });
    }
}

/// A running process; killed when dropped.
pub(crate) struct Process {
    title: String,
    child: Child,
    stdin: Option<ChildStdin>,
    seen: Arc<Seen>,
    began: Instant,
    _keys: TempDir,
}

impl Process {
    /// Waits until `look` returns a value for the output so far; `what` describes it if that never happens.
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut(&Lines) -> Option<T>) -> T {
        let mut patience = Patience::new();
        let mut seen = (0, 0);
        let mut lines = self.seen.lines.lock().unwrap();
        loop {
            if let Some(found) = look(&lines) {
                return found;
            }
            if std::mem::replace(&mut seen, (lines.out.len(), lines.err.len())) != seen {
                patience.renew();
            }
            let left = patience.left();
            if lines.ended == 2 || left.is_none() {
                let how =
                    if lines.ended == 2 { "the process ended" } else { "there is no progress" };
                let (out, err) = (lines.out.join("\n"), lines.err.join("\n"));
                // Destructors may still lock it while this unwinds.
                drop(lines);
                panic!("expected {what}, but {how}\n{}\nout:\n{out}\nerr:\n{err}", self.title);
            }
            lines = self.seen.more.wait_timeout(lines, left.unwrap_or_default()).unwrap().0;
        }
    }

    /// Waits for a line on standard output with this prefix; returns the rest of it.
    pub(crate) fn out(&self, start: &str) -> String {
        self.until(&format!("{start:?} on standard output"), |lines| {
            lines.out.iter().find_map(|line| Some(line.strip_prefix(start)?.to_owned()))
        })
    }

    /// Waits for a line on standard output that contains this; returns the line.
    pub(crate) fn out_contains(&self, part: &str) -> String {
        self.until(&format!("{part:?} on standard output"), |lines| {
            lines.out.iter().find(|line| line.contains(part)).cloned()
        })
    }

    /// Returns how many lines on standard output contain this so far.
    pub(crate) fn count_out(&self, part: &str) -> usize {
        self.seen.lines.lock().unwrap().out.iter().filter(|line| line.contains(part)).count()
    }

    /// Returns how many lines on standard error contain this so far.
    pub(crate) fn count_err(&self, part: &str) -> usize {
        self.seen.lines.lock().unwrap().err.iter().filter(|line| line.contains(part)).count()
    }

    /// Waits for a line on standard error that contains this; returns the line.
    pub(crate) fn err(&self, part: &str) -> String {
        self.until(&format!("{part:?} on standard error"), |lines| {
            lines.err.iter().find(|line| line.contains(part)).cloned()
        })
    }

    /// True if a line on standard error contains this already.
    pub(crate) fn seen_err(&self, part: &str) -> bool {
        self.seen.lines.lock().unwrap().err.iter().any(|line| line.contains(part))
    }

    /// Waits for a `--json` event with these fields; returns it.
    pub(crate) fn event(&self, fields: &[(&str, &str)]) -> Value {
        self.until(&format!("an event with {fields:?}"), |lines| {
            let mut events = lines.out.iter().filter_map(|line| parse(line));
            events.find(|event| fields.iter().all(|(name, value)| event[name] == *value))
        })
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        signal_to(&self.child, signal);
    }

    /// Returns its peak memory in KiB. Pages of the binary that are mapped now are not counted: the kernel
    /// chooses how many there are, and the page cache holds them anyway.
    pub(crate) fn peak(&self) -> u64 {
        peak(&self.child).expect("a running process")
    }

    /// Waits until it exits by itself.
    pub(crate) fn wait(mut self) -> Done {
        self.stdin = None;
        self.until("the process to end", |lines| (lines.ended == 2).then_some(()));
        let code = self.child.wait().unwrap().code();
        let mut lines = self.seen.lines.lock().unwrap();
        let (session_lines, err) =
            std::mem::take(&mut lines.err).into_iter().partition(|line| is_session_line(line));
        let done = Done {
            title: self.title.clone(),
            code,
            out: std::mem::take(&mut lines.out),
            err,
            session_lines,
            took: self.began.elapsed(),
        };
        assert!(
            !done.err.iter().any(|line| line.contains("panicked")),
            "the process panicked\n{done}"
        );
        done
    }

    /// Signals it and expects it to exit within two seconds, as an idle machine counts them (see [`Pace`]).
    pub(crate) fn stop(self, signal: Signal) -> Done {
        let pace = Pace::start();
        self.signal(signal);
        let done = self.wait();
        let took = pace.elapsed();
        assert!(took < Duration::from_secs(2), "took {took:?} to exit after {signal:?}\n{done}");
        done
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running process whose pipes belong to the test; killed when dropped.
pub(crate) struct RawProcess(pub(crate) Child, TempDir);

impl RawProcess {
    /// As [`Process::peak`].
    pub(crate) fn peak(&self) -> u64 {
        self.peak_if_running().expect("a running process")
    }

    /// As [`peak`](Self::peak); `None` once it has exited.
    pub(crate) fn peak_if_running(&self) -> Option<u64> {
        peak(&self.0)
    }

    /// Waits until it exits, expects this exit code, and returns the lines of standard error.
    pub(crate) fn end(mut self, code: i32) -> Vec<String> {
        let mut err = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(code), "{err}");
        err.lines().filter(|line| !is_session_line(line)).map(str::to_owned).collect()
    }
}

/// True for a line that says whether a session is encrypted and with whom.
fn is_session_line(line: &str) -> bool {
    line.contains("; the session is ")
}

impl Drop for RawProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn signal_to(child: &Child, signal: Signal) {
    let pid = Pid::from_child(child);
    kill_process(pid, signal).unwrap();
}

fn peak(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let field = |name| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    field("VmHWM:")?.checked_sub(field("RssFile:")?)
}

fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// A process that has exited.
pub(crate) struct Done {
    title: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<String>,
    /// Standard error without the lines in `session_lines`.
    pub(crate) err: Vec<String>,
    /// Lines on standard error that say whether a session is encrypted and with whom.
    pub(crate) session_lines: Vec<String>,
    pub(crate) took: Duration,
}

impl Done {
    /// Expects this exit code.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "\n{self}");
        self
    }

    /// Expects exactly one line on standard error, which contains all of these parts.
    #[track_caller]
    pub(crate) fn one_error(self, parts: &[&str]) -> Self {
        assert_eq!(self.err.len(), 1, "\n{self}");
        self.error(parts)
    }

    /// Expects a line on standard error that contains all of these parts.
    #[track_caller]
    pub(crate) fn error(self, parts: &[&str]) -> Self {
        let holds = |line: &String| parts.iter().all(|part| line.contains(part));
        assert!(self.err.iter().any(holds), "expected {parts:?} on standard error\n{self}");
        self
    }

    /// Expects no line on standard error that contains this.
    #[track_caller]
    pub(crate) fn no_error(self, part: &str) -> Self {
        assert!(!self.err.iter().any(|line| line.contains(part)), "\n{self}");
        self
    }

    /// Expects exactly this on standard output.
    #[track_caller]
    pub(crate) fn out(self, expected: &[&str]) -> Self {
        assert_eq!(self.out, expected, "\n{self}");
        self
    }

    /// Expects exactly this on standard output, in any order.
    #[track_caller]
    pub(crate) fn out_sorted(self, expected: &[&str]) -> Self {
        let mut out = self.out.clone();
        out.sort();
        assert_eq!(out, expected, "\n{self}");
        self
    }

    /// Expects exactly one line about a session's encryption, which contains all of these parts.
    #[track_caller]
    pub(crate) fn session_line(self, parts: &[&str]) -> Self {
        let holds = |line: &String| parts.iter().all(|part| line.contains(part));
        let lines = &self.session_lines;
        assert!(lines.len() == 1 && lines.iter().all(holds), "expected {parts:?}\n{self}");
        self
    }

    /// Expects nothing on standard error but lines about sessions' encryption.
    #[track_caller]
    pub(crate) fn quiet(self) -> Self {
        assert!(self.err.is_empty(), "\n{self}");
        self
    }

    /// Parses standard output as `--json` events. Expects a time in each and removes it.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let timed = |line: &String| {
            let mut event = parse(line)?;
            let time = event.as_object_mut()?.remove("time")?;
            time.as_str()?.ends_with('Z').then_some(event)
        };
        let events = self.out.iter().map(timed);
        let not = || panic!("a line is not JSON, or has no time\n{self}");
        events.collect::<Option<_>>().unwrap_or_else(not)
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { title, code, out, err, session_lines, took } = self;
        writeln!(f, "{title}\ncode {code:?} after {took:?}")?;
        let [out, err, sessions] = [out, err, session_lines].map(|lines| lines.join("\n"));
        writeln!(f, "out:\n{out}\nerr:\n{err}\nsessions:\n{sessions}")
    }
}
