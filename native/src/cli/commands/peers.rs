//! `xcher peers`: the keys of known peers, and this host's own. Needs no network.

use xcher_core::Nick;
use xcher_core::secure::{Identity, PublicKey};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::{Common, PeersArgs, PeersCommand};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::keys::identity::{self, KeyOwner};
use crate::keys::{KnownPeer, KnownPeers, RelayId};
use crate::relay_address::RelayAddress;

pub(crate) fn run(common: &Common, args: &PeersArgs) -> Result<(), CliError> {
    let every = args.scope.every_relay;
    let peers = Peers { common, output: Output::new(common) };
    match &args.command {
        None => peers.list(every),
        Some(PeersCommand::List { scope }) => peers.list(every || scope.every_relay),
        // `--all` is not consulted: the configuration file could set it beside a nick.
        Some(PeersCommand::Forget { peer, scope, .. }) => {
            peers.forget(peer.as_ref(), every || scope.every_relay)
        }
        Some(_) if every => {
            Err(CliError::usage("--every-relay applies to list and forget only; leave it out"))
        }
        Some(PeersCommand::Pin { peer, key }) => peers.pin(peer, *key),
        Some(PeersCommand::Me) => peers.me(),
    }
}

struct Peers<'a> {
    common: &'a Common,
    output: Output,
}

impl Peers<'_> {
    fn list(&self, every: bool) -> Result<(), CliError> {
        let file = self.known()?;
        let (scope, mut known) = (self.scope(&file, every)?, file.list()?);
        let all = known.len();
        known.retain(|peer| scope.includes(&peer.relay));
        if known.is_empty() && all > 0 {
            let relays = self.relays();
            self.output.note(format_args!(
                "no known peers at {relays}; --every-relay lists the {all} known at other relays"
            ));
        }
        self.print("known", &known, &file.addresses()?)
    }

    fn forget(&self, nick: Option<&Nick>, every: bool) -> Result<(), CliError> {
        let file = self.known()?;
        // Read first: forgetting a relay also forgets the address it is shown by.
        let (scope, addresses) = (self.scope(&file, every)?, file.addresses()?);
        let is_named = |peer: &KnownPeer| nick.is_none_or(|nick| peer.nick.eq_ignore_case(nick));
        let here: Vec<_> = self.common.pin_scope().iter().map(RelayAddress::canonical).collect();
        // Forgetting all peers of a relay forgets the relay itself, too.
        let is_relay =
            |address: &str| nick.is_none() && (every || here.iter().any(|here| here == address));
        let forgotten =
            file.forget(|peer| is_named(peer) && scope.includes(&peer.relay), is_relay)?;
        match nick {
            Some(nick) if forgotten.is_empty() => {
                let text = match every {
                    true => format!("no key of {nick} is known"),
                    false => format!(
                        "no key of {nick} is known at {}; --every-relay looks at every relay",
                        self.relays()
                    ),
                };
                Err(CliError::new(ExitCode::Incomplete, text))
            }
            _ => self.print("forgotten", &forgotten, &addresses),
        }
    }

    fn pin(&self, nick: &Nick, key: PublicKey) -> Result<(), CliError> {
        let known = self.known()?;
        for relay in self.common.pin_scope() {
            let relay = known.id_of(&relay)?;
            let (peer, before) = known.replace(&relay, nick, key)?;
            if let Some(before) = before {
                self.output.note(format_args!("replaced the previous key of {nick}: {before}"));
            }
            self.print("pinned", &[peer], &known.addresses()?)?;
        }
        Ok(())
    }

    fn me(&self) -> Result<(), CliError> {
        let secret = identity::load_or_create(&self.common.data_folder()?, KeyOwner::Host)?;
        let key = Identity::new(*secret).public();
        let event = JsonEvent::Me { key: key.to_string() };
        let printed = self.output.result(format_args!("{key}"));
        printed.and_then(|()| self.output.json(&event)).map_err(CliError::unwritten)
    }

    fn known(&self) -> Result<KnownPeers, CliError> {
        Ok(KnownPeers::open(&self.common.data_folder()?)?)
    }

    /// Returns the relays that a command applies to, for people.
    fn relays(&self) -> String {
        let relays: Vec<_> = self.common.pin_scope().iter().map(RelayAddress::to_string).collect();
        relays.join(" or ")
    }

    /// Returns the relays that a command applies to: the one of `--relay`, by address and by key, or all. Without
    /// `--relay` they are that of this machine and the local network.
    fn scope(&self, file: &KnownPeers, every: bool) -> Result<Scope, CliError> {
        if every {
            return Ok(Scope(None));
        }
        let mut relays = Vec::new();
        for relay in self.common.pin_scope() {
            relays.extend([RelayId::from(&relay), file.id_of(&relay)?]);
        }
        Ok(Scope(Some(relays)))
    }

    fn print(
        &self,
        state: &'static str,
        peers: &[KnownPeer],
        addresses: &[(String, PublicKey)],
    ) -> Result<(), CliError> {
        for KnownPeer { relay, nick, key, since } in peers {
            let relay = &relay_name(relay, addresses, &self.common.relay.canonical());
            let printed = self.output.result(format_args!("{nick}\t{key}\t{since}\t{relay}"));
            let (key, since) = (key.to_string(), since.to_string());
            let event = JsonEvent::Pin { state, nick: nick.as_str(), key, since, relay };
            printed.and_then(|()| self.output.json(&event)).map_err(CliError::unwritten)?;
        }
        Ok(())
    }
}

/// The relays that a command applies to; all if `None`.
struct Scope(Option<Vec<RelayId>>);

impl Scope {
    fn includes(&self, relay: &RelayId) -> bool {
        self.0.as_ref().is_none_or(|relays| relays.contains(relay))
    }
}

/// Returns an address of a relay, if one is known, preferably `named`; otherwise its key.
fn relay_name(relay: &RelayId, addresses: &[(String, PublicKey)], named: &str) -> String {
    let RelayId::Key(key) = relay else { return relay.to_string() };
    let mut own = addresses.iter().filter(|(_, its)| its == key).map(|(address, _)| address);
    let first = own.clone().next();
    own.find(|address| *address == named).or(first).map_or_else(|| relay.to_string(), String::clone)
}
