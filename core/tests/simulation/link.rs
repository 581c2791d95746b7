//! Links: the streams of a control connection through NATs (section 5.8).

use std::net::SocketAddr;

use xcher_core::peer::ConnId;

use crate::host::{Due, Listening};
use crate::net::{End, Life, Use, Wire};
use crate::world::World;

impl World {
    /// Opens a stream to a port of the other side. It has no answer: one to a port that is not open is reset.
    pub(crate) fn dial_over_link(
        &mut self,
        host: usize,
        conn: ConnId,
        to: SocketAddr,
        control: ConnId,
    ) {
        let own = End { host: Some(host), conn: control.0 };
        let found = self.wires.iter().find_map(|wire| {
            let side = wire.side(own)?;
            let is_up = wire.life[side] == Life::Up && !wire.cut;
            (is_up && wire.of == Use::Control).then_some((wire, side))
        });
        let Some((control, side)) = found else {
            return self.hosts[host].due.push(Due::ConnectFailed(conn));
        };
        assert_eq!(to.ip(), control.views[side].1.ip(), "a stream leads to the other side");
        let link = control.link.expect("a link");
        let far = control.ends[1 - side];
        let views = [control.views[side], control.views[1 - side]];
        let target = far.host.unwrap();
        let is_it =
            |open: &Listening| open.port == to.port() && open.link == Some(ConnId(far.conn));
        let listener = self.hosts[target].listeners.iter().find(|(_, open)| is_it(open));
        let listener = listener.map(|(listener, _)| listener.0);
        let from = End { host: Some(host), conn: conn.0 };
        let to = End { host: Some(target), conn: listener.unwrap_or(0) };
        let mut wire = Wire::new(from, to, Use::Data, views);
        wire.link = Some(link);
        if listener.is_none() {
            wire.life[1] = Life::Closed;
            wire.cut();
        }
        self.wires.push(wire);
        self.totals.streams += 1;
    }

    /// Resets the streams of links whose control connection is over.
    pub(crate) fn end_links(&mut self) {
        let is_over = |wire: &&Wire| wire.of == Use::Control && (wire.cut || wire.is_closed());
        let over: Vec<_> = self.wires.iter().filter(is_over).filter_map(|wire| wire.link).collect();
        for wire in &mut self.wires {
            if wire.is_data() && wire.link.is_some_and(|link| over.contains(&link)) {
                wire.cut();
            }
        }
    }

    /// Breaks a connection. All streams of a link break together.
    pub(crate) fn cut(&mut self, index: usize) {
        let link = self.wires[index].link;
        for (at, wire) in self.wires.iter_mut().enumerate() {
            if at == index || link.is_some() && wire.link == link {
                wire.cut();
            }
        }
    }
}
