//! NATS servers on loopback.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::{TempDir, tempdir};

/// Servers that know each other; killed when dropped.
pub(crate) struct Nats {
    servers: Vec<(SocketAddr, Option<Child>)>,
    folder: TempDir,
}

impl Nats {
    pub(crate) fn start(count: usize) -> Self {
        let folder = tempdir().unwrap();
        let ports: Vec<_> = (0..count * 2).map(|_| free_port()).collect();
        let (clients, routes) = ports.split_at(count);
        let known: Vec<_> = routes.iter().map(|at| format!("\"nats://{at}\"")).collect();
        for (number, (client, route)) in clients.iter().zip(routes).enumerate() {
            let config = format!(
                "listen: \"{client}\"\nping_interval: \"5s\"\nping_max: 2\nserver_name: n{number}\n\
                 cluster {{ name: load, listen: \"{route}\", routes: [{}] }}\n",
                known.join(", ")
            );
            fs::write(folder.path().join(number.to_string()), config).unwrap();
        }
        let mut nats = Self { servers: clients.iter().map(|at| (*at, None)).collect(), folder };
        (0..count).for_each(|number| nats.start_again(number));
        nats
    }

    /// Returns the servers' addresses, as `--cluster` takes them.
    pub(crate) fn urls(&self) -> String {
        let urls: Vec<_> = self.servers.iter().map(|(at, _)| format!("nats://{at}")).collect();
        urls.join(",")
    }

    pub(crate) fn kill(&mut self, number: usize) {
        let mut child = self.servers[number].1.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self, number: usize) {
        let mut command = Command::new("nats-server");
        command.arg("-c").arg(self.folder.path().join(number.to_string()));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let (at, running) = &mut self.servers[number];
        *running = Some(child.expect("nats-server is installed"));
        while TcpStream::connect(*at).is_err() {
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        for (_, child) in &mut self.servers {
            if let Some(child) = child {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
