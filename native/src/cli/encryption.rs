//! Loads the keys for encrypted sessions.

use std::fmt;
use std::path::Path;

use xcher_core::Device;

use crate::cli::exit::CliError;
use crate::cli::options::Common;
use crate::cli::ui::output::Output;
use crate::host::EncryptionSetup;
use crate::keys::{self, KeysError};

/// Loads this host's key, which is created at first use, and known peers; `None` with `--plain`.
pub(crate) fn load(common: &Common) -> Result<Option<EncryptionSetup>, CliError> {
    if common.plain {
        return Ok(None);
    }
    let encryption = match (&common.data_dir, keys::usual_folder()) {
        (Some(named), _) => EncryptionSetup::load(named, &common.relay)?,
        (None, Some(usual)) => match EncryptionSetup::load(&usual, &common.relay) {
            // A host that never had a key loses nothing without one.
            Err(error @ KeysError::System { .. }) if !keys::has_identity(&usual) => {
                temporary_key(common, &error, Some(&usual))?
            }
            loaded => loaded?,
        },
        (None, None) => temporary_key(common, &"no home directory", None)?,
    };
    let encryption = encryption.with_device(Device::Terminal);
    Ok(Some(if common.secure { encryption.required() } else { encryption }))
}

/// Loads this host's key for a command that opens no session, if there is one: a relay may list nicks for known hosts
/// only. A key that cannot be used is left alone.
pub(crate) fn load_existing(common: &Common) -> Option<EncryptionSetup> {
    let folder = common.data_dir.clone().or_else(keys::usual_folder)?;
    let is_wanted = !common.plain && keys::has_identity(&folder);
    is_wanted.then(|| EncryptionSetup::load(&folder, &common.relay).ok()).flatten()
}

/// Creates a key for this run, where none can be stored.
fn temporary_key(
    common: &Common,
    why: &dyn fmt::Display,
    folder: Option<&Path>,
) -> Result<EncryptionSetup, CliError> {
    Output::new(common).note(format_args!(
        "cannot store a key ({why}), so this one lasts for this run only and peers will not recognise \
         this host again; name a folder for keys with --data-dir"
    ));
    Ok(EncryptionSetup::for_this_run(folder, &common.relay)?)
}
