//! `--check`: reads everything that a server would, says what would be in force or what is wrong, and opens no port.

use clap::Args;

use crate::bridge::read_quota_file;
use crate::cli::acme_front::AcmeFront;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::{Admission, BridgeArgs, Common, RelayArgs, StopArgs, UsersArgs};
use crate::cli::quota_keeper;
use crate::cli::ui::output::Output;
use crate::http::{Http, HttpConfig};
use crate::keys;
use crate::keys::identity::{self, KeyOwner};

/// Checks the options and files of a server. The configuration file and the command line have been read.
///
/// # Errors
///
/// [`ExitCode::Usage`] once everything that is wrong was reported, a line each.
pub(crate) fn check(
    common: &Common,
    relay: Option<&RelayArgs>,
    bridge: &BridgeArgs,
    users: &UsersArgs,
) -> Result<(), CliError> {
    let output = Output::new(common);
    let mut errors = Vec::new();
    if relay.is_some() {
        errors.extend(key_error(common));
    } else if common.relay.tcp().is_none() {
        let named = &common.relay;
        errors.push(format!("a bridge connects to HOST:PORT, and {named} is none; set --relay"));
    }
    errors.extend(quota_keeper::folder(common).and_then(|folder| read_quota_file(&folder).err()));
    errors.extend(bridge.http().err().and_then(|error| error.message));
    let admission = Admission::read(&bridge.access_args);
    errors.extend(admission.err().and_then(|error| error.message));
    let token = common.token().map_err(|error| errors.extend(error.message)).ok().flatten();
    let tls = AcmeFront::tls(common, bridge).map_err(|error| errors.extend(error.message));
    let tls = tls.ok().and_then(|(tls, _)| tls);
    let ports = match relay {
        Some(relay) => relay.check_listen(tls.is_some()),
        None => bridge.check_proxies(None),
    };
    errors.extend(ports.err().and_then(|error| error.message));
    let config = HttpConfig { access: bridge.access(token), tls, ..HttpConfig::default() };
    if let Err(error) = Http::new(config, |_, _| async {}) {
        errors.push(error.to_string());
    }
    errors.extend(users.read().err().and_then(|error| error.message));
    let cluster = relay.map_or(Ok(None), |relay| relay.cluster.cluster());
    let cluster = cluster.map_err(|error| errors.extend(error.message)).ok().flatten();
    if !errors.is_empty() {
        errors.iter().for_each(|error| output.error(format_args!("{error}")));
        return Err(CliError::reported(ExitCode::Usage));
    }
    let mut known = names::<BridgeArgs>();
    known.extend(names::<StopArgs>());
    known.extend(names::<UsersArgs>());
    known.extend(["data-dir", "reuse-port", "token-file"].map(str::to_owned));
    match relay {
        Some(_) => known.extend(names::<RelayArgs>()),
        None => known.push("relay".to_owned()),
    }
    for (option, value) in common.raw.iter().filter(|(option, _)| known.contains(option)) {
        // As a line of the configuration file, but without a password of NATS.
        let value = match &cluster {
            Some(cluster) if option == "cluster" => cluster.servers.to_string(),
            _ => value.to_string_lossy().into_owned(),
        };
        let value = toml::Value::String(value);
        output.result(format_args!("{option} = {value}")).map_err(CliError::unwritten)?;
    }
    output.written()
}

/// Returns what is wrong with the relay's key, which is not created.
fn key_error(common: &Common) -> Option<String> {
    let folder = common.data_dir.clone().or_else(keys::usual_folder)?;
    if !identity::exists(&folder, KeyOwner::Relay) {
        return None;
    }
    identity::load_or_create(&folder, KeyOwner::Relay).err().map(|error| error.to_string())
}

/// Returns the long names of a set of options.
fn names<A: Args>() -> Vec<String> {
    let command = A::augment_args(clap::Command::new("names"));
    command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
}
