//! Why a session could not be opened, for people.

use xcher_core::code::CodeError;
use xcher_core::peer::Error;
use xcher_core::{Nick, ProtocolError};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::Common;

/// What to say of a call to `nick` that would not have been private, or not with them.
pub(crate) fn call_error(common: &Common, nick: &Nick, error: &Error) -> Option<CliError> {
    let Error::Protocol(error) = error else { return None };
    let relay = match common.relay.to_string() {
        usual if usual == "127.0.0.1:9247" => String::new(),
        other => format!(" --relay {other}"),
    };
    let forget = format!("xcher peers forget {nick}{relay}");
    let text = match error {
        ProtocolError::KeyChanged { expected, got } => format!(
            "STOP: {nick} has another key than before\n  \
             before: {expected}\n  \
             now:    {got}\n\
             Someone else may go by that nick, or be between the two of you; or {nick} has a new \
             key,\nof a new machine for example. Nothing was asked or sent. Let {nick} tell you, \
             not by this\nrelay, what `xcher peers me` shows there. If it is the key of now:\n  \
             {forget}"
        ),
        ProtocolError::EncryptionNotOffered => format!(
            "STOP: {nick} knows encryption, and the session would not be encrypted\n\
             Someone between the two of you may have changed what {nick} says. Nothing was asked or \
             sent.\nTry another network, or another relay."
        ),
        ProtocolError::Unencrypted if common.secure => {
            format!("{nick} speaks in the clear alone, and --secure forbids that")
        }
        ProtocolError::Unencrypted => format!(
            "STOP: {nick} speaks in the clear alone, and had a key before\n\
             Someone else may go by that nick, or be between the two of you. Nothing was asked or \
             sent.\nIf {nick} has told you, not by this relay, that it is so:\n  {forget}"
        ),
        _ => return None,
    };
    Some(CliError::new(ExitCode::NotPrivate, text))
}

/// Why a code did not lead to who made it up.
pub(crate) fn code_error(error: &Error) -> Option<CliError> {
    let text = match error {
        Error::Protocol(ProtocolError::Code(CodeError::Wrong)) => {
            "the code is wrong; after ten wrong tries it is dead"
        }
        Error::Protocol(ProtocolError::Unencrypted | ProtocolError::EncryptionNotOffered) => {
            "STOP: who answers there knows no codes, so it is not who made this one up"
        }
        Error::Relay(_) => {
            let text = "nobody is there with this code: it was used or is dead, or it is wrong";
            return Some(CliError::new(ExitCode::Unreachable, text));
        }
        _ => return None,
    };
    Some(CliError::new(ExitCode::NotPrivate, text))
}
