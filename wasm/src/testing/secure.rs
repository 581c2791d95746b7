//! Encrypted sessions for the test vectors (`core/tests/vectors/secure.json`), so that these check this
//! module's arithmetic and not only a native build's.

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
    /// Starts a handshake.
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

    /// Returns the next message of the handshake.
    pub fn write(&mut self) -> Result<String, JsValue> {
        started(&mut self.handshake)?.write().map_err(thrown)
    }

    /// Takes a message of the handshake.
    pub fn read(&mut self, message: &str) -> Result<(), JsValue> {
        started(&mut self.handshake)?.read(message).map_err(thrown)
    }

    /// Ends the handshake. Returns its hash.
    pub fn finish(&mut self) -> Result<Vec<u8>, JsValue> {
        let handshake = self.handshake.take().ok_or("the handshake has ended")?;
        let session = handshake.finish().map_err(thrown)?;
        Ok(self.session.insert(session).0.hash().to_vec())
    }

    /// Returns the key of the other end.
    pub fn remote(&mut self) -> Result<String, JsValue> {
        Ok(started(&mut self.session)?.0.remote_key().to_string())
    }

    /// Seals lines of the control connection.
    pub fn seal(&mut self, text: &[u8]) -> Result<Vec<u8>, JsValue> {
        let mut out = Vec::new();
        started(&mut self.session)?.1.seal(text, &mut out).map_err(thrown)?;
        Ok(out)
    }

    /// Opens one record of the control connection.
    pub fn open(&mut self, mut record: &[u8]) -> Result<Vec<u8>, JsValue> {
        let text = started(&mut self.session)?.2.receive(&mut record).map_err(thrown)?;
        Ok(text.unwrap_or_default().to_vec())
    }

    /// Returns the provider's end of a data connection.
    pub fn provide(&mut self, requester: bool, number: u32) -> Result<Provided, JsValue> {
        let keys = &started(&mut self.session)?.0;
        let key = keys.data(side(requester), number.into(), Cipher::default());
        Ok(Provided(Some(key.sealer().map_err(thrown)?)))
    }

    /// Returns the requester's end of a data connection.
    pub fn request(&mut self, requester: bool, number: u32) -> Result<Requested, JsValue> {
        let keys = &started(&mut self.session)?.0;
        let key = keys.data(side(requester), number.into(), Cipher::default());
        Ok(Requested(key.opener().map_err(thrown)?))
    }

    /// Starts the exchange of safety words.
    pub fn compare(&mut self, entropy: &[u8]) -> Result<(), JsValue> {
        let safety =
            Safety::new(&started(&mut self.session)?.0, &mut Entropy::new(bytes(entropy)?));
        self.safety = Some(safety);
        Ok(())
    }

    /// Returns the next line of that exchange.
    pub fn say(&mut self) -> Result<Option<String>, JsValue> {
        Ok(started(&mut self.safety)?.write())
    }

    /// Takes a line of that exchange.
    pub fn hear(&mut self, line: &str) -> Result<(), JsValue> {
        started(&mut self.safety)?.read(line).map_err(thrown)
    }

    /// Returns the safety words.
    pub fn words(&mut self) -> Result<Option<String>, JsValue> {
        Ok(started(&mut self.safety)?.words().map(|words| words.to_string()))
    }

    /// Starts the caller's proof of a code. Returns its first line.
    pub fn prove(&mut self, code: &str, entropy: &[u8]) -> Result<String, JsValue> {
        let (code, entropy) = (parse(code)?, &mut Entropy::new(bytes(entropy)?));
        let prover = Prover::new(&code, &started(&mut self.session)?.0, entropy);
        Ok(self.prover.insert(prover).start().to_owned())
    }

    /// Prepares the callee for the proof of a code.
    pub fn await_proof(&mut self, code: &str, entropy: &[u8]) -> Result<(), JsValue> {
        let (code, entropy) = (parse(code)?, &mut Entropy::new(bytes(entropy)?));
        self.verifier = Some(Verifier::new(&code, &started(&mut self.session)?.0, entropy));
        Ok(())
    }

    /// Returns the answer to the other side's first line about the code.
    pub fn answer(&mut self, line: &str) -> Result<String, JsValue> {
        match &mut self.prover {
            Some(prover) => prover.answer(line),
            None => started(&mut self.verifier)?.answer(line),
        }
        .map_err(thrown)
    }

    /// Checks the other side's proof. Returns the callee's own.
    pub fn confirm(&mut self, line: &str) -> Result<String, JsValue> {
        match &mut self.prover {
            Some(prover) => prover.confirm(line).map(|()| String::new()),
            None => started(&mut self.verifier)?.confirm(line),
        }
        .map_err(thrown)
    }
}

/// Returns the public key of a secret.
#[wasm_bindgen]
#[allow(unreachable_pub)]
pub fn public_of(secret: &[u8]) -> Result<String, JsValue> {
    Ok(Identity::new(bytes(secret)?).public().to_string())
}

/// A file being sealed.
#[wasm_bindgen]
pub struct Provided(Option<DataSealer>);

#[wasm_bindgen]
impl Provided {
    /// Seals a record laid out as space for the head, the text, and space for the tag.
    pub fn seal(&mut self, mut record: Vec<u8>) -> Result<Vec<u8>, JsValue> {
        started(&mut self.0)?.seal(&mut record).map_err(thrown)?;
        Ok(record)
    }

    /// Returns the last record.
    pub fn finish(&mut self) -> Result<Vec<u8>, JsValue> {
        let sealer = self.0.take().ok_or("the file is complete")?;
        Ok(sealer.finish().map_err(thrown)?.to_vec())
    }
}

/// A file being opened.
#[wasm_bindgen]
pub struct Requested(DataOpener);

#[wasm_bindgen]
impl Requested {
    /// Opens a complete record.
    pub fn open(&mut self, mut record: Vec<u8>) -> Result<Vec<u8>, JsValue> {
        Ok(self.0.open(&mut record).map_err(thrown)?.to_vec())
    }

    /// Fails unless the last record has arrived.
    pub fn close(&self) -> Result<(), JsValue> {
        self.0.close().map_err(thrown)
    }
}

fn side(caller: bool) -> Side {
    if caller { Side::Caller } else { Side::Callee }
}

fn started<T>(part: &mut Option<T>) -> Result<&mut T, JsValue> {
    part.as_mut().ok_or_else(|| "another step must come first".into())
}

fn bytes(bytes: &[u8]) -> Result<[u8; 32], JsValue> {
    bytes.try_into().map_err(|_| "give 32 bytes".into())
}

fn parse(code: &str) -> Result<Code, JsValue> {
    Code::parse(code).map_err(thrown)
}

fn thrown(error: impl std::fmt::Display) -> JsValue {
    error.to_string().into()
}

/// Returns a text encrypted by the records' cipher, with its tag.
#[wasm_bindgen]
#[allow(unreachable_pub)]
pub fn sealed(key: &[u8], nonce: &[u8], aad: &[u8], text: &[u8]) -> Result<Vec<u8>, JsValue> {
    let nonce = nonce.try_into().map_err(|_| "a nonce of another length")?;
    let mut text = text.to_vec();
    let tag = aead(key)?.seal(nonce, aad, &mut text);
    text.extend_from_slice(&tag);
    Ok(text)
}

/// Returns what [`sealed`] was given.
#[wasm_bindgen]
#[allow(unreachable_pub)]
pub fn opened(key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, JsValue> {
    let nonce = nonce.try_into().map_err(|_| "a nonce of another length")?;
    let (text, tag) = sealed.split_last_chunk().ok_or("no tag")?;
    let mut text = text.to_vec();
    let is_authentic = aead(key)?.open(nonce, aad, &mut text, *tag);
    if is_authentic { Ok(text) } else { Err("not authentic".into()) }
}

fn aead(key: &[u8]) -> Result<xcher_aead::Aead, JsValue> {
    let aead = xcher_aead::Aead::new(&bytes(key)?, xcher_aead::Cipher::default());
    aead.ok_or_else(|| "no such cipher".into())
}
