//! A base-protocol peer, written from the original specification, XCHER.txt, alone: blocking sockets, text
//! split at spaces, and none of this project's code.
//!
//! XCHER.txt does not say how a client registers a nick with the chat server; this peer sends
//! `X_NICK nick` and expects YES. [`provide`] runs as client B, [`request`] as client A.

// Each test file is a crate of its own and uses a part of this module.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{JoinHandle, spawn};

use crate::system::patience::Patience;

/// The results of client A.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// The listing as received: name and size, both as text.
    pub(crate) list: Vec<(String, String)>,
    /// The answers to X_CHK.
    pub(crate) checked: Vec<(String, bool)>,
    /// The received files: name and bytes.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// The files whose X_REQUEST was answered NO.
    pub(crate) refused: Vec<String>,
}

/// The requests of client A in its session, sent in this order.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Sends X_FILELIST.
    pub(crate) list: bool,
    /// Sends X_CHK for each of these.
    pub(crate) check: Vec<String>,
    /// Sends X_REQUEST for each: name and size.
    pub(crate) request: Vec<(String, String)>,
    /// Sends X_REQUEST for every entry of the listing, with its listed size.
    pub(crate) request_all: bool,
}

/// Runs client B: registers as `nick`, calls `online`, waits for one X_INIT, serves `files` until X_END, and
/// returns every line received on the control connection.
pub(crate) fn provide(
    relay: SocketAddr,
    nick: &str,
    files: Vec<(String, Vec<u8>)>,
    online: impl FnOnce() + Send + 'static,
) -> JoinHandle<Result<Vec<String>>> {
    let nick = nick.to_owned();
    spawn(move || {
        let mut chat = register(relay, &nick)?;
        online();
        let init = line_that_begins(&mut chat, "X_INIT ")?;
        let (rest, port) = last_word(&init);
        let (_, ip) = last_word(rest);
        let control = TcpStream::connect(format!("{ip}:{port}"))?;
        serve(control, &files)
    })
}

fn serve(mut control: TcpStream, files: &[(String, Vec<u8>)]) -> Result<Vec<String>> {
    let mut reader = BufReader::new(control.try_clone()?);
    let mut lines = Vec::new();
    while let Some(line) = read_line(&mut reader)? {
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match verb {
            "X_FILELIST" => {
                for (name, bytes) in files {
                    writeln!(control, "X_FILELIST {name} {}", bytes.len())?;
                }
                writeln!(control, "X_FILELIST EOF EOF")?;
            }
            "X_CHK" => {
                let shared = files.iter().any(|(name, _)| name == rest);
                writeln!(control, "X_CHK {rest} {}", if shared { "YES" } else { "NO" })?;
            }
            "X_REQUEST" => {
                let (rest, port) = last_word(rest);
                let (name, _size) = last_word(rest);
                match files.iter().find(|(shared, _)| shared == name) {
                    Some((_, bytes)) => {
                        let port: u16 = port.parse().map_err(Error::other)?;
                        let mut data = TcpStream::connect((control.peer_addr()?.ip(), port))?;
                        data.write_all(bytes)?;
                    }
                    // The only packet of the original specification for a missing file.
                    None => writeln!(control, "X_CHK {name} NO")?,
                }
            }
            _ => {}
        }
        let end = verb == "X_END";
        lines.push(line);
        if end {
            break;
        }
    }
    Ok(lines)
}

/// Runs client A: listens, calls `nick` with X_INIT, sends its requests, and ends with X_END.
pub(crate) fn request(
    relay: SocketAddr,
    own_nick: &str,
    nick: &str,
    wishes: Wishes,
) -> JoinHandle<Result<Received>> {
    let (own_nick, nick) = (own_nick.to_owned(), nick.to_owned());
    spawn(move || {
        let mut chat = register(relay, &own_nick)?;
        let server = TcpListener::bind((chat.get_ref().local_addr()?.ip(), 0))?;
        let address = server.local_addr()?;
        writeln!(chat.get_mut(), "X_INIT {nick} {} {}", address.ip(), address.port())?;
        let (control, _) = server.accept()?;
        receive(control, wishes)
    })
}

/// An event that client A waits for.
enum Event {
    Line(String),
    File(Result<Vec<u8>>),
}

fn receive(mut control: TcpStream, wishes: Wishes) -> Result<Received> {
    let (sender, events) = channel();
    let (mut reader, lines) = (BufReader::new(control.try_clone()?), sender.clone());
    spawn(move || {
        while let Ok(Some(line)) = read_line(&mut reader) {
            if lines.send(Event::Line(line)).is_err() {
                break;
            }
        }
    });
    let mut received = Received::default();
    if wishes.list || wishes.request_all {
        writeln!(control, "X_FILELIST")?;
        loop {
            let line = answer(&events, "X_FILELIST ")?;
            let (name, size) = last_word(&line);
            if (name, size) == ("EOF", "EOF") {
                break;
            }
            received.list.push((name.to_owned(), size.to_owned()));
        }
    }
    for name in wishes.check {
        writeln!(control, "X_CHK {name}")?;
        let yes = last_word(&answer(&events, "X_CHK ")?).1 == "YES";
        received.checked.push((name, yes));
    }
    let mut requests = wishes.request;
    if wishes.request_all {
        requests.extend(received.list.clone());
    }
    for (name, size) in requests {
        let server = TcpListener::bind((control.local_addr()?.ip(), 0))?;
        let address = server.local_addr()?;
        writeln!(control, "X_REQUEST {name} {size} {}", address.port())?;
        let files = sender.clone();
        spawn(move || files.send(Event::File(accept_file(&server))));
        match next(&events)? {
            Event::File(bytes) => received.files.push((name, bytes?)),
            Event::Line(_) => {
                // The provider answered NO and will not connect: ends the wait for it.
                drop(TcpStream::connect(address)?);
                while !matches!(events.recv(), Ok(Event::File(_))) {}
                received.refused.push(name);
            }
        }
    }
    writeln!(control, "X_END")?;
    control.shutdown(Shutdown::Write)?;
    Ok(received)
}

fn accept_file(server: &TcpListener) -> Result<Vec<u8>> {
    let (mut data, _) = server.accept()?;
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the rest of the next line that begins with `start`.
fn answer(events: &Receiver<Event>, start: &str) -> Result<String> {
    loop {
        if let Event::Line(line) = next(events)?
            && let Some(rest) = line.strip_prefix(start)
        {
            return Ok(rest.to_owned());
        }
    }
}

/// Waits for the next event, as long as there is progress.
fn next(events: &Receiver<Event>) -> Result<Event> {
    let mut patience = Patience::new();
    loop {
        let left = patience.left().ok_or_else(|| Error::other("expected an answer, got none"))?;
        match events.recv_timeout(left) {
            Err(RecvTimeoutError::Timeout) => {}
            next => return next.map_err(Error::other),
        }
    }
}

/// Connects to the chat server and registers a nick.
fn register(relay: SocketAddr, nick: &str) -> Result<BufReader<TcpStream>> {
    let mut chat = BufReader::new(TcpStream::connect(relay)?);
    writeln!(chat.get_mut(), "X_NICK {nick}")?;
    let answer = line_that_begins(&mut chat, "X_NICK ")?;
    assert_eq!(last_word(&answer).1, "YES", "the nick {nick} is free");
    Ok(chat)
}

/// Reads the next line with this prefix, and ignores others.
fn line_that_begins(reader: &mut BufReader<TcpStream>, start: &str) -> Result<String> {
    loop {
        match read_line(reader)? {
            Some(line) if line.starts_with(start) => return Ok(line),
            Some(_) => {}
            None => {
                return Err(Error::other(format!("expected {start:?}, got the end")));
            }
        }
    }
}

fn read_line(reader: &mut BufReader<TcpStream>) -> Result<Option<String>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn last_word(text: &str) -> (&str, &str) {
    text.rsplit_once(' ').unwrap_or(("", text))
}
