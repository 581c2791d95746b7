//! Whether a session is private, with whom, and why not: what is asked for, and what a person reads
//! of it.

use std::fmt;
use std::path::Path;

use clap::ArgMatches;
use xcher_core::peer::{Error, KeyStatus, Security, WhyUnencrypted};
use xcher_core::secure::PublicKey;
use xcher_core::{Nick, ProtocolError};

use super::args::Common;
use super::exit::{CliError, Code};
use super::output::Output;
use crate::host::Privacy;
use crate::keys::{self, KeysError};

impl Common {
    /// Of `--plain` and `--secure`, leaves the one that goes before the other: the command line
    /// before the environment, and that before the file.
    pub(super) fn settle_privacy(&mut self, matches: &ArgMatches) -> Result<(), CliError> {
        if self.plain && self.secure {
            let [plain, secure] = ["plain", "secure"].map(|option| matches.value_source(option));
            self.plain = plain > secure;
            self.secure = secure > plain;
            if plain == secure {
                return Err(CliError::usage("expected --plain or --secure, got both"));
            }
        }
        Ok(())
    }

    /// With what sessions are private; `None` with `--plain`. Makes this host's key at first use.
    pub(super) fn privacy(&self) -> Result<Option<Privacy>, CliError> {
        if self.plain {
            return Ok(None);
        }
        let privacy = match (&self.data_dir, keys::usual_folder()) {
            (Some(named), _) => Privacy::load(named, &self.relay)?,
            (None, Some(usual)) => match Privacy::load(&usual, &self.relay) {
                // Nothing is lost that was there before.
                Err(error @ KeysError::System { .. }) if !keys::has_identity(&usual) => {
                    self.do_without_key(&error, Some(&usual))?
                }
                loaded => loaded?,
            },
            (None, None) => self.do_without_key(&"there is no home", None)?,
        };
        Ok(Some(if self.secure { privacy.required() } else { privacy }))
    }
}

impl Common {
    /// A key for this run, where none can be kept.
    fn do_without_key(
        &self,
        why: &dyn fmt::Display,
        folder: Option<&Path>,
    ) -> Result<Privacy, CliError> {
        Output::new(self).note(format_args!(
            "no key can be kept ({why}): this host has one for this run alone, and others will not \
             know it again; --data-dir names a folder for keys"
        ));
        Ok(Privacy::for_this_run(folder, &self.relay)?)
    }
}

/// Who hears what is said in a session, in a few words.
pub(super) struct Hears<'a> {
    pub(super) security: Security,
    /// The safety words, where there are any.
    pub(super) words: Option<&'a str>,
}

impl fmt::Display for Hears<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.security {
            Security::Encrypted { key, status: known } => {
                let known_by_code = known == KeyStatus::ByCode;
                let known = match known {
                    KeyStatus::Pinned => "the same as before",
                    KeyStatus::FirstSeen => "seen for the first time",
                    KeyStatus::ByCode => "proved by the code",
                    KeyStatus::Unpinned => "not pinned",
                };
                let key = Short(key);
                write!(f, "the session is private: key {key}, {known}")?;
                match self.words {
                    // Who knows the code is who was told it: there is nothing to compare.
                    None if known_by_code => Ok(()),
                    words => write!(f, "; safety words: {}", words.unwrap_or("none yet")),
                }
            }
            Security::Unencrypted(why) => {
                write!(f, "the session is not private: {}", why_plain(why))
            }
        }
    }
}

/// Why a session is not private, in a few words.
pub(super) fn why_plain(why: WhyUnencrypted) -> &'static str {
    match why {
        WhyUnencrypted::Disabled => "--plain",
        WhyUnencrypted::PeerUnsupported => "the other side speaks the six packets alone",
    }
}

/// As much of a key as one looks at: `xcher peers` shows all of it.
struct Short(PublicKey);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.8}…", self.0.to_string())
    }
}

/// Whether a session was not taken up because of who would be in it, or who would hear it.
pub(super) fn is_about_privacy(error: &Error) -> bool {
    let Error::Protocol(error) = error else { return false };
    use ProtocolError::{EncryptionNotOffered, KeyChanged, Unencrypted};
    matches!(error, KeyChanged { .. } | Unencrypted | EncryptionNotOffered)
}

/// What to say of a call to `nick` that would not have been private, or not with them.
pub(super) fn warning(common: &Common, nick: &Nick, error: &Error) -> Option<CliError> {
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
    Some(CliError::new(Code::NotPrivate, text))
}
