//! An operator of NATS: whoever has a JWT of its account may log in.

use std::fs;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use nkeys::KeyPair;
use serde_json::{Value, json};

/// An operator with one account.
pub(crate) struct NatsOperator {
    operator: KeyPair,
    account: KeyPair,
}

impl NatsOperator {
    pub(crate) fn new() -> Self {
        Self { operator: KeyPair::new_operator(), account: KeyPair::new_account() }
    }

    /// Returns the lines of a server's configuration that trust it.
    pub(crate) fn settings(&self) -> String {
        let operator = token(&self.operator, &self.operator, json!({ "type": "operator" }));
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1, "leaf": -1,
            "wildcards": true,
        });
        let claims = json!({ "type": "account", "limits": limits });
        let (account, id) =
            (token(&self.operator, &self.account, claims), self.account.public_key());
        format!(
            "operator: \"{operator}\"\nresolver: MEMORY\nresolver_preload: {{ {id}: \"{account}\" }}"
        )
    }

    /// Writes the credentials of a user that may use these subjects; returns the file and the user's secret.
    pub(crate) fn credentials(&self, subjects: &str, folder: &Path) -> (PathBuf, String) {
        let (user, may) = (KeyPair::new_user(), json!({ "allow": [subjects] }));
        let claims = json!({ "type": "user", "pub": may, "sub": may, "subs": -1, "data": -1, "payload": -1 });
        let (jwt, seed) = (token(&self.account, &user, claims), user.seed().unwrap());
        let file = folder.join(format!("{}.creds", user.public_key()));
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        fs::write(&file, text).unwrap();
        (file, seed)
    }
}

/// Returns the JWT in which one key says something of another.
fn token(issuer: &KeyPair, subject: &KeyPair, mut claims: Value) -> String {
    claims["version"] = json!(2);
    let (iss, sub) = (issuer.public_key(), subject.public_key());
    let body =
        json!({ "jti": "test", "iat": 1, "iss": iss, "name": "test", "sub": sub, "nats": claims });
    let head = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let [head, body] = [head, body].map(|part| encoded(part.to_string().as_bytes()));
    let signed = format!("{head}.{body}");
    let signature = encoded(&issuer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
