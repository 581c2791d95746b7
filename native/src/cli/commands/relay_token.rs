//! `xcher relay token`: makes a token for a user of a relay.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xcher_core::registry::{TokenHash, UserName};
use zeroize::Zeroizing;

use crate::cli::exit::CliError;
use crate::cli::options::Common;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;

/// Random bytes of a token: 256 bits, of which a hash reveals nothing.
const TOKEN_BYTES: usize = 32;

/// Prints a new token, which is stored nowhere, and an entry for the file of `--users`, which has its hash.
pub(crate) fn run(common: &Common, name: Option<&UserName>) -> Result<(), CliError> {
    let mut random = Zeroizing::new([0; TOKEN_BYTES]);
    getrandom::fill(&mut *random).map_err(|error| {
        CliError::local(format!("the system provides no random bytes: {error}"))
    })?;
    let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random));
    let hash = TokenHash::of(&token).to_string();
    let output = Output::new(common);
    let name = name.map(UserName::as_str);
    let entry = name.map(|name| format!("\n[[user]]\nname = \"{name}\"")).unwrap_or_default();
    output
        .result(format_args!("{}{entry}\ntokens = [\"{hash}\"]", *token))
        .and_then(|()| output.json(&JsonEvent::Token { token: &token, hash: &hash, name }))
        .map_err(CliError::unwritten)?;
    output.note(format_args!(
        "the first line is the token, which is not stored: give it to the user, for --token-file; the rest belongs \
         into the file of --users"
    ));
    output.written()
}
