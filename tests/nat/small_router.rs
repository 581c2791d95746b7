//! A router that knows NAT-PMP alone (RFC 6886), and answers as the test wants it to.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::lab::{Host, Lab};

/// Seconds after which the mappings of a host that crashed expire.
const LEASE: u32 = 600;

/// What it says of a mapped port.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Honest,
    /// Nothing that can be parsed.
    Garbage,
    /// Another external port than was asked for.
    OtherPort,
    /// A mapping of so many seconds.
    Lifetime(u32),
    /// A result code for a lack of resources.
    Refusal,
}

/// A running router, stopped on drop.
pub(crate) struct SmallRouter {
    requests: Arc<AtomicUsize>,
    mapped: Arc<Mutex<Vec<u16>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl SmallRouter {
    /// Starts it on the first NAT of a lab, where it forwards mapped ports to a host.
    pub(crate) fn start(lab: &Lab, host: Host, answer: Answer) -> Self {
        let to = lab.address(host);
        let rules = format!(
            "table inet small {{
                set ports {{ type inet_service; }}
                chain in {{ type nat hook prerouting priority -100;
                    iifname wan tcp dport @ports dnat ip to {to}
                }}
            }}"
        );
        lab.filter(0, &rules).unwrap();
        let socket = lab.on_nat(0, || UdpSocket::bind("192.168.0.1:5351").unwrap());
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let router = lab.nat_name(0);
        let external: Ipv4Addr = lab.nat_address(0).parse().unwrap();
        let (requests, mapped) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<u16>>>::default());
        let stop = Arc::<AtomicBool>::default();
        let thread = std::thread::spawn({
            let (requests, mapped, stop) =
                (Arc::clone(&requests), Arc::clone(&mapped), Arc::clone(&stop));
            move || {
                let mut request = [0; 1100];
                while !stop.load(Ordering::Relaxed) {
                    match socket.recv_from(&mut request) {
                        Ok((length, from)) => {
                            requests.fetch_add(1, Ordering::Relaxed);
                            let reply = reply(&request[..length], external, answer, &mapped);
                            forward(&router, &mapped.lock().unwrap());
                            socket.send_to(&reply, from).unwrap();
                        }
                        Err(error) => assert!(matches!(
                            error.kind(),
                            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                        )),
                    }
                }
            }
        });
        Self { requests, mapped, stop, thread: Some(thread) }
    }

    /// Returns the number of requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the number of ports that were mapped and not deleted.
    pub(crate) fn mapped(&self) -> usize {
        self.mapped.lock().unwrap().len()
    }
}

impl Drop for SmallRouter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let result = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(result, Some(Ok(()))), "a request was wrong");
        }
    }
}

/// Makes a NAT forward exactly these ports.
fn forward(router: &str, ports: &[u16]) {
    let mut script = "flush set inet small ports".to_owned();
    for port in ports {
        script += &format!("; add element inet small ports {{ {port} }}");
    }
    let nft = Command::new("ip").args(["netns", "exec", router, "nft", &script]).status();
    assert!(nft.unwrap().success());
}

/// Answers a request (RFC 6886, section 3).
fn reply(request: &[u8], external: Ipv4Addr, answer: Answer, mapped: &Mutex<Vec<u16>>) -> Vec<u8> {
    const SUCCESS: u16 = 0;
    const UNSUPPORTED_VERSION: u16 = 1;
    const OUT_OF_RESOURCES: u16 = 4;
    let head = |operation: u8, result: u16| {
        [&[0, 128 | operation][..], &result.to_be_bytes(), &1u32.to_be_bytes()].concat()
    };
    let word = |at: usize| u16::from_be_bytes([request[at], request[at + 1]]);
    match request {
        [0, 0] => [head(0, SUCCESS), external.octets().to_vec()].concat(),
        [0, 2, ..] if request.len() == 12 => {
            let internal = word(4);
            let seconds = u32::from_be_bytes(request[8..12].try_into().unwrap());
            let is_deletion = seconds == 0;
            assert!(is_deletion || seconds == LEASE, "asked for {seconds} s");
            let mut mapped = mapped.lock().unwrap();
            mapped.retain(|port| *port != internal);
            let (port, seconds) = match (answer, is_deletion) {
                (_, true) => (0, 0u32),
                (Answer::Garbage, _) => return b"\0\x82what?".to_vec(),
                (Answer::Refusal, _) => (0, 0),
                (Answer::OtherPort, _) => (internal ^ 1, LEASE),
                (Answer::Lifetime(seconds), _) => (internal, seconds),
                (Answer::Honest, _) => (internal, LEASE),
            };
            if port != 0 {
                mapped.push(internal);
            }
            let is_refused = matches!(answer, Answer::Refusal) && !is_deletion;
            let result = if is_refused { OUT_OF_RESOURCES } else { SUCCESS };
            let ports = [internal.to_be_bytes(), port.to_be_bytes()].concat();
            [head(2, result), ports, seconds.to_be_bytes().to_vec()].concat()
        }
        // PCP.
        _ => head(0, UNSUPPORTED_VERSION),
    }
}
