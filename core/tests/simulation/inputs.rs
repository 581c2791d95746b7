//! The inputs that wait for their turn at a host.

use xcher_core::peer::Input;
use xcher_core::{Kind, NotStored};

use crate::host::Due;
use crate::world::World;

impl World {
    pub fn deliver_due(&mut self, host: usize, due: Due) {
        let why = || "injected".into();
        match due {
            Due::Listening(listener, port) => {
                let allocated = self.hosts[host].allocated.contains(&port);
                let allocated_at = allocated.then(|| self.places.bridge());
                if allocated {
                    self.allocate(host, port);
                }
                self.totals.allocated += u64::from(allocated);
                self.input(host, Input::Listening { listener, allocated_at, port })
            }
            Due::ListenFailed(listener) => {
                self.input(host, Input::ListenFailed { listener, why: why() });
            }
            Due::ConnectFailed(conn) => {
                self.input(host, Input::ConnectFailed { conn, why: why() });
            }
            Due::Entries(session, entries, done) => {
                self.input(host, Input::Entries { session, entries, done });
            }
            Due::PartialFound(transfer, has) => {
                self.input(host, Input::PartialFound { transfer, has });
            }
            Due::Opened(transfer, digest) => {
                self.input(host, Input::Opened { transfer, digest: Ok(digest) });
            }
            Due::Found(session, size) => {
                self.input(host, Input::Found { session, size, kind: Kind::File })
            }
            Due::Stored(transfer) => {
                if let Some(receiving) = self.hosts[host].received.remove(&transfer) {
                    let name = receiving.name;
                    let stored = (transfer, name.clone(), receiving.bytes);
                    self.hosts[host].stored.push(stored);
                    self.input(host, Input::Stored { transfer, name });
                }
            }
            Due::StoreFailed(transfer) => {
                self.hosts[host].received.remove(&transfer);
                let reason = NotStored::Space;
                self.input(host, Input::StoreFailed { transfer, reason, why: why() });
            }
            Due::Start => self.with(host, |peer, now, actions| peer.start(now, actions)),
            Due::SendEnded(transfer, bytes, broken) => {
                let why = broken.then(why);
                self.input(host, Input::SendEnded { transfer, bytes, unsent: Vec::new(), why });
            }
        }
    }
}
