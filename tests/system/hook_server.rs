//! The operator's hook, as a test plays it.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::authority::Pair;

/// A hook whose answers a test decides.
pub(crate) struct HookServer {
    at: SocketAddr,
    has_tls: bool,
    /// What it was asked: the head of each request in lower case, and its body.
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    is_dead: Arc<AtomicBool>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl HookServer {
    /// Answers each question with this body, or never.
    pub(crate) fn start(answer: impl Fn(&Value) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::start_over(None, answer)
    }

    /// Does the same over TLS with this certificate.
    pub(crate) fn start_tls(
        certificate: &Pair,
        answer: impl Fn(&Value) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::start_over(Some(certificate.server_config()), answer)
    }

    fn start_over(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&Value) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hook = Self {
            at: listener.local_addr().unwrap(),
            has_tls: tls.is_some(),
            asked: Arc::default(),
            is_dead: Arc::default(),
            sockets: Arc::default(),
        };
        let (asked, is_dead) = (Arc::clone(&hook.asked), Arc::clone(&hook.is_dead));
        let (sockets, answer) = (Arc::clone(&hook.sockets), Arc::new(answer));
        thread::spawn(move || {
            for mut socket in listener.incoming().map_while(Result::ok) {
                if is_dead.load(Ordering::Relaxed) {
                    return;
                }
                sockets.lock().unwrap().push(socket.try_clone().unwrap());
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                let tls = tls.clone().map(|config| ServerConnection::new(config).unwrap());
                thread::spawn(move || match tls {
                    None => answer_all(&mut socket, &asked, &*answer),
                    Some(tls) => answer_all(&mut StreamOwned::new(tls, socket), &asked, &*answer),
                });
            }
        });
        hook
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.has_tls { "https" } else { "http" };
        format!("{scheme}://{}/ask", self.at)
    }

    /// Closes its port and all connections.
    pub(crate) fn die(&self) {
        self.is_dead.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.at);
        for socket in self.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Returns the heads of the requests, in lower case, and their bodies.
    pub(crate) fn requests(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns what it was asked.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }
}

fn answer_all(
    socket: &mut (impl Read + Write),
    asked: &Mutex<Vec<(String, Value)>>,
    answer: &dyn Fn(&Value) -> Option<String>,
) {
    while answer_one(socket, asked, answer).is_some() {}
}

fn answer_one(
    socket: &mut (impl Read + Write),
    asked: &Mutex<Vec<(String, Value)>>,
    answer: &dyn Fn(&Value) -> Option<String>,
) -> Option<()> {
    let mut reader = BufReader::new(&mut *socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let len = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    asked.lock().unwrap().push((head, body.clone()));
    let Some(answer) = answer(&body) else {
        // Until the other side gives up.
        let _ = reader.read(&mut [0]);
        return None;
    };
    let len = answer.len();
    write!(socket, "HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{answer}").ok()
}
