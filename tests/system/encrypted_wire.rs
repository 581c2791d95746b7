//! A host with encrypted sessions, whose every byte the test writes itself.

use xcher_core::secure::{
    Cipher, DataSealer, Entropy, Handshake, Identity, Keys, Opener, Sealer, Side,
};

use super::wire::{Chat, Conn};

/// An encrypted control connection to a caller.
pub(crate) struct EncryptedConn {
    conn: Conn,
    keys: Keys,
    sealer: Sealer,
    opener: Opener,
    heard: String,
}

impl EncryptedConn {
    /// Waits for X_INIT and connects as client B with these capabilities and this secret key.
    pub(crate) fn called(chat: &mut Chat, caps: &str, secret: [u8; 32]) -> Self {
        let mut conn = Conn::to(chat.called_from());
        let probe = "X_CHK //xcher/2";
        conn.hears(probe);
        conn.say(format!("{probe} YES\n{caps}\n"));
        let caller_caps = conn.line().unwrap();
        let prologue =
            format!("X_INIT {}\n{probe}\n{probe} YES\n{caps}\n{caller_caps}\n", chat.nick());
        let (identity, mut entropy) = (Identity::new(secret), Entropy::new([7; 32]));
        let mut handshake =
            Handshake::new(Side::Callee, &identity, prologue.as_bytes(), &mut entropy);
        let message = |conn: &mut Conn| {
            let line = conn.line().unwrap();
            line.strip_prefix("X_SECURE ").unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        handshake.read(&message(&mut conn)).unwrap();
        conn.say(format!("X_SECURE {}\n", handshake.write().unwrap()));
        handshake.read(&message(&mut conn)).unwrap();
        let (keys, sealer, opener) = handshake.finish().unwrap();
        Self { conn, keys, sealer, opener, heard: String::new() }
    }

    /// Sends the text in a record.
    pub(crate) fn say(&mut self, text: &str) {
        let mut sealed = Vec::new();
        self.sealer.seal(text.as_bytes(), &mut sealed).unwrap();
        self.conn.say(sealed);
    }

    /// Reads the next line. Skips X_SAS, which this host does not answer.
    pub(crate) fn line(&mut self) -> String {
        loop {
            if let Some((line, rest)) = self.heard.split_once('\n') {
                let line = line.to_owned();
                self.heard = rest.to_owned();
                if !line.starts_with("X_SAS ") {
                    return line;
                }
                continue;
            }
            let mut record = self.conn.bytes(2);
            let length = u16::from_be_bytes([record[0], record[1]]);
            record.extend(self.conn.bytes(length.into()));
            let text = self.opener.receive(&mut &record[..]).unwrap().unwrap();
            self.heard.push_str(std::str::from_utf8(text).unwrap());
        }
    }

    /// Lists this one file and waits for its request; returns the data connection to send it on.
    #[track_caller]
    pub(crate) fn requested(&mut self, name: &str, size: usize) -> Conn {
        assert_eq!(self.line(), "X_FILELIST");
        self.say(&format!("X_FILELIST {name} {size}\nX_FILELIST EOF EOF\n"));
        let line = self.line();
        let port = line.strip_prefix(&format!("X_REQUEST {name} {size} "));
        let port = port.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        Conn::to(([127, 0, 0, 1], port).into())
    }

    /// Returns the sealer for the file of the peer's request of this number.
    pub(crate) fn sealer(&self, number: u64) -> DataSealer {
        self.keys.data(Side::Caller, number, Cipher::ChaCha20Poly1305).sealer().unwrap()
    }
}

/// Seals one record of a file.
pub(crate) fn record(sealer: &mut DataSealer, text: &[u8]) -> Vec<u8> {
    let mut record = [&[0; 2], text, &[0; 16]].concat();
    sealer.seal(&mut record).unwrap();
    record
}
