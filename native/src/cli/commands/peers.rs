//! `xcher peers`: whose keys are known, and this host's own. No network is needed.

use xcher_core::Nick;
use xcher_core::secure::{Identity, PublicKey};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::{Common, PeersArgs, PeersCommand};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::keys::identity::{self, Whose};
use crate::keys::{KnownPeer, KnownPeers, RelayId};

pub(crate) fn run(common: &Common, args: &PeersArgs) -> Result<(), CliError> {
    let every = args.scope.every_relay;
    let peers = Peers { common, output: Output::new(common) };
    match &args.command {
        None => peers.list(every),
        Some(PeersCommand::List { scope }) => peers.list(every || scope.every_relay),
        // A default in the configuration file does not make `--all` of a nick.
        Some(PeersCommand::Forget { peer, scope, .. }) => {
            peers.forget(peer.as_ref(), every || scope.every_relay)
        }
        Some(_) if every => Err(CliError::usage(
            "expected --every-relay with list or forget, got it with another command",
        )),
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
        let (meant, mut known) = (self.meant(&file, every)?, file.list()?);
        let all = known.len();
        known.retain(|peer| meant.has(&peer.relay));
        if known.is_empty() && all > 0 {
            let relay = &self.common.relay;
            self.output.note(format_args!(
                "nobody is known at {relay}; --every-relay shows the {all} known elsewhere"
            ));
        }
        self.tell("known", &known, &file.addresses()?)
    }

    fn forget(&self, nick: Option<&Nick>, every: bool) -> Result<(), CliError> {
        let file = self.known()?;
        // The relays among those that are forgotten are shown by their addresses all the same.
        let (meant, addresses) = (self.meant(&file, every)?, file.addresses()?);
        let is_named = |peer: &KnownPeer| nick.is_none_or(|nick| peer.nick.eq_ignore_case(nick));
        let here = self.common.relay.canonical();
        // Whoever forgets everyone at a relay forgets the relay.
        let is_relay = |address: &str| nick.is_none() && (every || address == here);
        let forgotten = file.forget(|peer| is_named(peer) && meant.has(&peer.relay), is_relay)?;
        match nick {
            Some(nick) if forgotten.is_empty() => {
                let place = if every { "any relay" } else { &self.common.relay.to_string() };
                let message = format!("no key of {nick} is known at {place}");
                Err(CliError::new(ExitCode::Incomplete, message))
            }
            _ => self.tell("forgotten", &forgotten, &addresses),
        }
    }

    fn pin(&self, nick: &Nick, key: PublicKey) -> Result<(), CliError> {
        let known = self.known()?;
        let relay = known.id_of(&self.common.relay)?;
        let (peer, before) = known.replace(&relay, nick, key)?;
        if let Some(before) = before {
            self.output.note(format_args!("{nick} had another key until now: {before}"));
        }
        self.tell("pinned", &[peer], &known.addresses()?)
    }

    fn me(&self) -> Result<(), CliError> {
        let secret = identity::load_or_create(&self.common.data_folder()?, Whose::Host)?;
        let key = Identity::new(*secret).public();
        let json = JsonEvent::Me { key: key.to_string() };
        let told = self.output.result(format_args!("{key}"));
        told.and_then(|()| self.output.json(&json)).map_err(CliError::unwritten)
    }

    fn known(&self) -> Result<KnownPeers, CliError> {
        Ok(KnownPeers::open(&self.common.data_folder()?)?)
    }

    /// Which relays a command is about: this one, by its address and by its key, or every one.
    fn meant(&self, file: &KnownPeers, every: bool) -> Result<Meant, CliError> {
        if every {
            return Ok(Meant(None));
        }
        let relay = &self.common.relay;
        Ok(Meant(Some([relay.into(), file.id_of(relay)?])))
    }

    fn tell(
        &self,
        state: &'static str,
        peers: &[KnownPeer],
        addresses: &[(String, PublicKey)],
    ) -> Result<(), CliError> {
        for KnownPeer { relay, nick, key, since } in peers {
            let relay = &shown(relay, addresses, &self.common.relay.canonical());
            let told = self.output.result(format_args!("{nick}\t{key}\t{since}\t{relay}"));
            let (key, since) = (key.to_string(), since.to_string());
            let json = JsonEvent::Pin { state, nick: nick.as_str(), key, since, relay };
            // Where nobody reads any more, what was to be done is done.
            told.and_then(|()| self.output.json(&json)).map_err(CliError::unwritten)?;
        }
        Ok(())
    }
}

/// The relays that a command is about; every one where there is none.
struct Meant(Option<[RelayId; 2]>);

impl Meant {
    fn has(&self, relay: &RelayId) -> bool {
        self.0.as_ref().is_none_or(|relays| relays.contains(relay))
    }
}

/// A relay by an address of its own, where one is known: the one that the user named before others.
fn shown(relay: &RelayId, addresses: &[(String, PublicKey)], named: &str) -> String {
    let RelayId::Key(key) = relay else { return relay.to_string() };
    let mut own = addresses.iter().filter(|(_, its)| its == key).map(|(address, _)| address);
    let first = own.clone().next();
    own.find(|address| *address == named).or(first).map_or_else(|| relay.to_string(), String::clone)
}
