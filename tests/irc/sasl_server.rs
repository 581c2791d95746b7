//! An IRC server of one channel that demands a login by SASL PLAIN, which ngircd does not know.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;

use crate::system::wire::Conn;

/// A server that lets in one client after another.
pub(crate) struct SaslServer {
    pub(crate) address: SocketAddr,
    logins: mpsc::Receiver<String>,
}

impl SaslServer {
    /// Starts one that accepts these credentials, in base64.
    pub(crate) fn start(valid: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, logins) = mpsc::channel();
        // The thread ends with the process.
        std::thread::spawn(move || {
            loop {
                let Ok((socket, _)) = listener.accept() else { return };
                serve(Conn::of(socket), valid, &sender);
            }
        });
        Self { address, logins }
    }

    /// Returns the credentials that a client showed.
    pub(crate) fn login(&self) -> String {
        self.logins.recv().unwrap()
    }
}

fn serve(mut client: Conn, valid: &str, logins: &mpsc::Sender<String>) {
    while let Some(line) = client.line() {
        let line = line.trim_end_matches('\r');
        let answer = match line {
            "CAP LS 302" => "CAP * LS * :multi-prefix\r\nCAP * LS :sasl=PLAIN\r\n",
            "CAP REQ :sasl" => "CAP * ACK :sasl\r\n",
            "AUTHENTICATE PLAIN" => "AUTHENTICATE +\r\n",
            "CAP END" => ":irc.test 001 kim :Welcome\r\n",
            "JOIN #files" => {
                ":kim!~xcher@127.0.0.1 JOIN #files\r\n\
                 :irc.test 353 kim = #files :kim @amy\r\n\
                 :irc.test 366 kim #files :End\r\n"
            }
            _ => match line.strip_prefix("AUTHENTICATE ") {
                Some(credentials) => {
                    logins.send(credentials.to_owned()).unwrap();
                    match credentials == valid {
                        true => ":irc.test 903 kim :welcome\r\n",
                        false => ":irc.test 904 kim :no\r\n",
                    }
                }
                None => continue,
            },
        };
        client.try_say(answer);
    }
}
