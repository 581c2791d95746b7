//! Whether a session is private, with whom, and why not: what is asked for, and what a person reads
//! of it.

use std::fmt;
use std::path::Path;

use crate::cli::exit::CliError;
use crate::cli::options::Common;
use crate::cli::ui::output::Output;
use crate::host::EncryptionSetup;
use crate::keys::{self, KeysError};

impl Common {
    /// With what sessions are private; `None` with `--plain`. Makes this host's key at first use.
    pub(crate) fn privacy(&self) -> Result<Option<EncryptionSetup>, CliError> {
        if self.plain {
            return Ok(None);
        }
        let privacy = match (&self.data_dir, keys::usual_folder()) {
            (Some(named), _) => EncryptionSetup::load(named, &self.relay)?,
            (None, Some(usual)) => match EncryptionSetup::load(&usual, &self.relay) {
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
    ) -> Result<EncryptionSetup, CliError> {
        Output::new(self).note(format_args!(
            "no key can be kept ({why}): this host has one for this run alone, and others will not \
             know it again; --data-dir names a folder for keys"
        ));
        Ok(EncryptionSetup::for_this_run(folder, &self.relay)?)
    }
}
