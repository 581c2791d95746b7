//! Candidates from the relay and from a peer, within short times. Errors mean no candidates.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;
use xcher_core::peer::{CallPolicy, Config, Event, SessionCommand};
use xcher_core::{Kind, Limits, Nick};

use super::command_line::Peer;
use crate::cli::callee::Callee;
use crate::cli::lan_relay::has_relay_here;
use crate::cli::online_host;
use crate::cli::options::Common;
use crate::cli::relay_search::RelaySearch;
use crate::files::{Inbox, Shares};
use crate::host::{EncryptionSetup, Host, HostEvent, IrcOptions, Setup};
use crate::lan;

/// Time for the relay to list its nicks.
const NICKS_TIMEOUT: Duration = Duration::from_secs(1);
/// Time for a peer to list its files. Those listed until then are candidates.
const NAMES_TIMEOUT: Duration = Duration::from_secs(2);
/// Time to end a session.
const END_TIMEOUT: Duration = Duration::from_millis(200);
/// Candidates that a prompt can show; a peer can list any number of names.
const MAX_CANDIDATES: usize = 1000;

/// Returns the nicks that are online.
pub(super) fn nicks(common: &Common) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    run(async {
        let at_relay = async {
            let mut at_relay = BTreeSet::new();
            if has_relay(common).await && !is_irc(common) {
                let _ = timeout(NICKS_TIMEOUT, list_nicks(common, &mut at_relay)).await;
            }
            at_relay
        };
        let in_lan = async {
            if !common.uses_lan() {
                return Vec::new();
            }
            lan::list(NICKS_TIMEOUT).await.unwrap_or_default()
        };
        let (at_relay, in_lan) = tokio::join!(at_relay, in_lan);
        let in_lan = in_lan.into_iter().filter(|nick| !nick.is_one_time());
        found.extend(at_relay);
        found.extend(in_lan.take(MAX_CANDIDATES).map(|nick| nick.as_str().to_owned()));
    });
    found
}

/// Returns the names of the peer's files that start with `current`, each up to the next folder.
pub(super) fn names(peer: &Peer<'_>, current: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    run(async {
        let _ = timeout(NAMES_TIMEOUT, list_names(peer, current, &mut found)).await;
    });
    found.into_iter().collect()
}

fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(work);
    // A slow name server must not delay the prompt.
    runtime.shutdown_background();
}

async fn list_nicks(common: &Common, found: &mut BTreeSet<String>) -> Option<()> {
    let mut host = online(common, None).await?;
    host.who().ok()?;
    let own = host.nick().cloned();
    loop {
        match next(&mut host).await? {
            Event::Nick { nick } if Some(&nick) != own.as_ref() && found.len() < MAX_CANDIDATES => {
                found.insert(nick.as_str().to_owned());
            }
            Event::NicksEnd => break,
            _ => {}
        }
    }
    let _ = timeout(END_TIMEOUT, host.stop()).await;
    Some(())
}

async fn list_names(peer: &Peer<'_>, current: &str, found: &mut BTreeSet<String>) -> Option<()> {
    let nick = &peer.nick;
    let common = &at_relay_of(&peer.common, nick).await?;
    if is_irc(common) {
        return None;
    }
    // A key for this call alone; those that are pinned apply.
    let encryption = match common.plain {
        true => None,
        false => {
            let folder = common.data_folder().ok();
            let setup = EncryptionSetup::for_this_run(folder.as_deref(), &common.relay).ok()?;
            Some(if common.secure { setup.required() } else { setup })
        }
    };
    let mut host = online(common, encryption).await?;
    let call = host.open(nick.clone()).ok()?;
    host.command(call, SessionCommand::List).ok()?;
    while found.len() < MAX_CANDIDATES {
        match next(&mut host).await? {
            Event::Entry { name, stat, .. } => {
                let is_folder = stat.kind == Kind::Folder;
                found.extend(up_to_the_next_folder(name.as_str(), is_folder, current));
            }
            Event::ListEnd { .. } | Event::OpenFailed { .. } | Event::Ended { .. } => break,
            _ => {}
        }
    }
    let _ = host.command(call, SessionCommand::End);
    let _ = timeout(END_TIMEOUT, host.stop()).await;
    Some(())
}

/// Returns true if the relay is a channel, which is not joined for a prompt: its members would see it.
fn is_irc(common: &Common) -> bool {
    common.relay.irc_channel().is_some()
}

/// Returns true unless the relay would be that of this machine, and there is none.
async fn has_relay(common: &Common) -> bool {
    match &common.named_relay {
        Some(relay) => !relay.is_lan(),
        None => has_relay_here(common).await,
    }
}

/// Returns the options with the relay where the peer is.
async fn at_relay_of<'a>(common: &'a Common, nick: &Nick) -> Option<Cow<'a, Common>> {
    let callee = Callee::Nick(nick.clone());
    let Some(mut search) = RelaySearch::new(common, &callee).await else {
        return Some(Cow::Borrowed(common));
    };
    Some(Cow::Owned(common.at(search.next().await.ok()??)))
}

fn up_to_the_next_folder(name: &str, is_folder: bool, current: &str) -> Option<String> {
    let rest = name.strip_prefix(current)?;
    Some(match rest.find('/') {
        Some(at) => name[..=current.len() + at].to_owned(),
        None if is_folder => format!("{name}/"),
        None => name.to_owned(),
    })
}

/// Starts a host, and waits until it is registered at the relay.
async fn online(common: &Common, encryption: Option<EncryptionSetup>) -> Option<Host> {
    // The nick that the user has, or will ask for, stays free: the first.
    let nicks = online_host::nicks(&Common { nick: None, ..common.clone() });
    let mut host = Host::start(Setup {
        config: Config {
            nicks: nicks.into_iter().skip(1).collect(),
            calls: CallPolicy::Ignore,
            allow_private: common.allow_private,
            via: common.via().ok()?,
            advertise: common.advertise,
            limits: Limits::with_timeout(NAMES_TIMEOUT),
            ..Config::default()
        },
        relay: common.relay.clone(),
        token: common.token().ok()?,
        irc: IrcOptions::default(),
        tls_roots: common.tls_roots().ok()?,
        encryption,
        shares: Shares::nothing(),
        sink: None::<Inbox>.into(),
        rates: common.rates(),
        map_ports: false,
    });
    while !matches!(next(&mut host).await?, Event::Online { .. }) {}
    Some(host)
}

/// Returns the next event of the protocol; `None` once the relay is lost.
async fn next(host: &mut Host) -> Option<Event> {
    loop {
        match host.next().await {
            HostEvent::Peer(Event::Offline { .. }) => return None,
            HostEvent::Peer(event) => return Some(event),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_at_the_next_folder() {
        for (name, is_folder, current, expected) in [
            ("a/b/c", false, "", Some("a/")),
            ("a/b/c", false, "a", Some("a/")),
            ("a/b/c", false, "a/", Some("a/b/")),
            ("a/b/c", false, "a/b/", Some("a/b/c")),
            ("a/b/c", false, "a/b/c", Some("a/b/c")),
            ("a/b", true, "a/", Some("a/b/")),
            ("å/ö", false, "å", Some("å/")),
            ("a/b", false, "b", None),
            ("a", false, "a/", None),
        ] {
            let found = up_to_the_next_folder(name, is_folder, current);
            assert_eq!(found.as_deref(), expected, "{name} {current}");
        }
    }
}
