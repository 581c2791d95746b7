//! Runs the binary at a terminal.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

use super::patience::Patience;
use super::process::{Xcher, signal_to};

/// A process whose standard input and error are a terminal; killed when dropped.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Screen>,
    out: Arc<Screen>,
    /// True if standard output is the terminal, too.
    shows_output: bool,
    _keys: TempDir,
}

#[derive(Default)]
struct Screen {
    /// The output so far, and whether it has ended.
    shown: Mutex<(Vec<u8>, bool)>,
    more: Condvar,
}

/// A process at a terminal that has exited.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) screen: String,
    pub(crate) out: Vec<String>,
}

impl Terminal {
    pub(crate) fn start(command: Xcher) -> Self {
        Self::start_at(command, false)
    }

    /// Starts it with standard output at the terminal, too.
    pub(crate) fn start_with_output(command: Xcher) -> Self {
        Self::start_at(command, true)
    }

    fn start_at(command: Xcher, with_output: bool) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
        let terminal = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
        let (mut command, keys) = command.parts();
        command.stdin(terminal()).stderr(terminal()).stdout(Stdio::piped());
        if with_output {
            command.stdout(terminal());
        }
        let mut child = command.spawn().expect("the binary starts");
        // It holds the terminal open, and reads would not end with the process.
        drop(command);
        let keyboard = File::from(controller);
        let screen = Screen::watch(keyboard.try_clone().unwrap());
        let out = child.stdout.take().map_or_else(Arc::default, Screen::watch);
        Self { child, keyboard, screen, out, shows_output: with_output, _keys: keys }
    }

    /// Waits until the screen contains this, shown earlier or not; returns the whole screen.
    pub(crate) fn shows(&self, text: &str) -> String {
        self.screen.until(text)
    }

    /// As [`shows`](Self::shows), for a text that appears several times.
    pub(crate) fn shows_times(&self, text: &str, times: usize) {
        let holds = |shown: &str, _| shown.matches(text).count() >= times;
        self.screen.wait(&format!("{text:?} {times} times"), holds);
    }

    /// As [`shows`](Self::shows), for standard output.
    pub(crate) fn says(&self, text: &str) -> String {
        self.out.until(text)
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) {
        self.presses(&format!("{line}\n"));
    }

    /// Types keys, such as a tab.
    pub(crate) fn presses(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        signal_to(&self.child, signal);
    }

    /// Waits until it exits by itself.
    pub(crate) fn wait(mut self) -> Finished {
        let screen = self.screen.until_end();
        let out = match self.shows_output {
            true => Vec::new(),
            false => self.out.until_end().lines().map(str::to_owned).collect(),
        };
        Finished { code: self.child.wait().unwrap().code(), screen, out }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Expects this exit code.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{}\n{:?}", self.screen, self.out);
        self
    }
}

impl Screen {
    fn watch(mut from: impl Read + Send + 'static) -> Arc<Self> {
        let screen = Arc::<Self>::default();
        let watched = Arc::clone(&screen);
        // The thread ends with the process: a terminal without processes cannot be read.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut bytes) {
                screen.shown.lock().unwrap().0.extend(&bytes[..length]);
                screen.more.notify_all();
            }
            screen.shown.lock().unwrap().1 = true;
            screen.more.notify_all();
        });
        watched
    }

    fn until(&self, text: &str) -> String {
        let holds = |shown: &str, _| shown.contains(text);
        self.wait(&format!("{text:?}"), holds)
    }

    fn until_end(&self) -> String {
        self.wait("the process to end", |_, ended| ended)
    }

    fn wait(&self, what: &str, is_there: impl Fn(&str, bool) -> bool) -> String {
        let mut patience = Patience::new();
        let mut seen = 0;
        let mut shown = self.shown.lock().unwrap();
        loop {
            let (text, ended) = (String::from_utf8_lossy(&shown.0).into_owned(), shown.1);
            if is_there(&text, ended) {
                return text;
            }
            if std::mem::replace(&mut seen, shown.0.len()) != seen {
                patience.renew();
            }
            let left = patience.left();
            if ended || left.is_none() {
                drop(shown);
                panic!("expected {what}, ended: {ended}\n{text}");
            }
            shown = self.more.wait_timeout(shown, left.unwrap_or_default()).unwrap().0;
        }
    }
}
