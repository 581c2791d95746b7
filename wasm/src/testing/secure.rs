//! A private session as the test vectors speak of it (`core/tests/vectors/secure.json`), so that they
//! prove this module's arithmetic and not only that of a native build.

use wasm_bindgen::prelude::*;
use xcher_core::code::{Code, Prover, Verifier};
use xcher_core::secure::{
    Cipher, DataOpener, DataSealer, Entropy, Handshake, Identity, Keys, Opener, Safety, Sealer,
    Side,
};

/// One end of a session.
#[wasm_bindgen]
pub struct Secure {
    handshake: Option<Handshake>,
    session: Option<(Keys, Sealer, Opener)>,
    safety: Option<Safety>,
    prover: Option<Prover>,
    verifier: Option<Verifier>,
}

#[wasm_bindgen]
impl Secure {
    /// Begins a handshake.
    #[wasm_bindgen(constructor)]
    pub fn new(
        caller: bool,
        secret: &[u8],
        prologue: &str,
        entropy: &[u8],
    ) -> Result<Self, JsValue> {
        let identity = Identity::new(bytes(secret)?);
        let entropy = &mut Entropy::new(bytes(entropy)?);
        let handshake = Handshake::new(side(caller), &identity, prologue.as_bytes(), entropy);
        let handshake = Some(handshake);
        Ok(Self { handshake, session: None, safety: None, prover: None, verifier: None })
    }

    /// The next message of the handshake.
    pub fn write(&mut self) -> Result<String, JsValue> {
        there(&mut self.handshake)?.write().map_err(thrown)
    }

    /// Takes one.
    pub fn read(&mut self, message: &str) -> Result<(), JsValue> {
        there(&mut self.handshake)?.read(message).map_err(thrown)
    }

    /// Ends it: the handshake hash.
    pub fn finish(&mut self) -> Result<Vec<u8>, JsValue> {
        let handshake = self.handshake.take().ok_or("expected a handshake")?;
        let session = handshake.finish().map_err(thrown)?;
        Ok(self.session.insert(session).0.hash().to_vec())
    }

    /// The other end's key.
    pub fn remote(&mut self) -> Result<String, JsValue> {
        Ok(there(&mut self.session)?.0.remote_key().to_string())
    }

    /// Seals lines of the control connection.
    pub fn seal(&mut self, text: &[u8]) -> Result<Vec<u8>, JsValue> {
        let mut out = Vec::new();
        there(&mut self.session)?.1.seal(text, &mut out).map_err(thrown)?;
        Ok(out)
    }

    /// Opens one record of it.
    pub fn open(&mut self, mut record: &[u8]) -> Result<Vec<u8>, JsValue> {
        let text = there(&mut self.session)?.2.receive(&mut record).map_err(thrown)?;
        Ok(text.unwrap_or_default().to_vec())
    }

    /// The provider's end of a data connection.
    pub fn provide(&mut self, requester: bool, number: u32) -> Result<Provided, JsValue> {
        let keys = &there(&mut self.session)?.0;
        let key = keys.data(side(requester), number.into(), Cipher::default());
        Ok(Provided(Some(key.sealer().map_err(thrown)?)))
    }

    /// The requester's end.
    pub fn request(&mut self, requester: bool, number: u32) -> Result<Requested, JsValue> {
        let keys = &there(&mut self.session)?.0;
        let key = keys.data(side(requester), number.into(), Cipher::default());
        Ok(Requested(key.opener().map_err(thrown)?))
    }

    /// Begins the safety words.
    pub fn compare(&mut self, entropy: &[u8]) -> Result<(), JsValue> {
        let safety = Safety::new(&there(&mut self.session)?.0, &mut Entropy::new(bytes(entropy)?));
        self.safety = Some(safety);
        Ok(())
    }

    /// The next of their lines.
    pub fn say(&mut self) -> Result<Option<String>, JsValue> {
        Ok(there(&mut self.safety)?.write())
    }

    /// Takes one.
    pub fn hear(&mut self, line: &str) -> Result<(), JsValue> {
        there(&mut self.safety)?.read(line).map_err(thrown)
    }

    /// The words.
    pub fn words(&mut self) -> Result<Option<String>, JsValue> {
        Ok(there(&mut self.safety)?.words().map(|words| words.to_string()))
    }

    /// A began with a code: its first line.
    pub fn prove(&mut self, code: &str, entropy: &[u8]) -> Result<String, JsValue> {
        let (code, entropy) = (parse(code)?, &mut Entropy::new(bytes(entropy)?));
        let prover = Prover::new(&code, &there(&mut self.session)?.0, entropy);
        Ok(self.prover.insert(prover).start().to_owned())
    }

    /// B waits for one.
    pub fn await_proof(&mut self, code: &str, entropy: &[u8]) -> Result<(), JsValue> {
        let (code, entropy) = (parse(code)?, &mut Entropy::new(bytes(entropy)?));
        self.verifier = Some(Verifier::new(&code, &there(&mut self.session)?.0, entropy));
        Ok(())
    }

    /// The answer to the other side's first line about the code.
    pub fn answer(&mut self, line: &str) -> Result<String, JsValue> {
        match &mut self.prover {
            Some(prover) => prover.answer(line),
            None => there(&mut self.verifier)?.answer(line),
        }
        .map_err(thrown)
    }

    /// Takes the other side's proof. B's own follows.
    pub fn confirm(&mut self, line: &str) -> Result<String, JsValue> {
        match &mut self.prover {
            Some(prover) => prover.confirm(line).map(|()| String::new()),
            None => there(&mut self.verifier)?.confirm(line),
        }
        .map_err(thrown)
    }
}

/// What others know a secret by.
#[wasm_bindgen]
#[allow(unreachable_pub)]
pub fn public_of(secret: &[u8]) -> Result<String, JsValue> {
    Ok(Identity::new(bytes(secret)?).public().to_string())
}

/// Seals a file.
#[wasm_bindgen]
pub struct Provided(Option<DataSealer>);

#[wasm_bindgen]
impl Provided {
    /// Seals a record that is laid out: room for the head, the text, room for the tag.
    pub fn seal(&mut self, mut record: Vec<u8>) -> Result<Vec<u8>, JsValue> {
        there(&mut self.0)?.seal(&mut record).map_err(thrown)?;
        Ok(record)
    }

    /// The last record.
    pub fn finish(&mut self) -> Result<Vec<u8>, JsValue> {
        let sealer = self.0.take().ok_or("expected a file that goes on")?;
        Ok(sealer.finish().map_err(thrown)?.to_vec())
    }
}

/// Opens a file.
#[wasm_bindgen]
pub struct Requested(DataOpener);

#[wasm_bindgen]
impl Requested {
    /// Opens a whole record.
    pub fn open(&mut self, mut record: Vec<u8>) -> Result<Vec<u8>, JsValue> {
        Ok(self.0.open(&mut record).map_err(thrown)?.to_vec())
    }

    /// Fails unless the last record came.
    pub fn close(&self) -> Result<(), JsValue> {
        self.0.close().map_err(thrown)
    }
}

fn side(caller: bool) -> Side {
    if caller { Side::Caller } else { Side::Callee }
}

fn there<T>(what: &mut Option<T>) -> Result<&mut T, JsValue> {
    what.as_mut().ok_or_else(|| "expected another step before this".into())
}

fn bytes(bytes: &[u8]) -> Result<[u8; 32], JsValue> {
    bytes.try_into().map_err(|_| "expected 32 bytes".into())
}

fn parse(code: &str) -> Result<Code, JsValue> {
    Code::parse(code).map_err(thrown)
}

fn thrown(error: impl std::fmt::Display) -> JsValue {
    error.to_string().into()
}
