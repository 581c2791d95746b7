//! An internet in which packets take time: not every kernel has netem.
//!
//! Each namespace has a TUN device; a thread reads the packets that leave there and writes each to the device of
//! its destination when it is due. What leaves by a TUN device is complete: no checksum or segment is left to
//! hardware.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{ioctl_fionbio, read, write};
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::system::namespaces::within;

/// The longest wait until the thread looks whether it is to end.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Packets that wait at once, as in a router's queue; more are lost. 10 MB/s for 100 ms are 700.
const MAX_PACKETS: usize = 10_000;
/// Packets read from one device before the others have their turn.
const MAX_PACKETS_A_TURN: usize = 64;
const MTU: usize = 1500;

/// A device, its address, and how long packets take between there and the middle of the internet.
pub(super) struct Line {
    device: SyncDevice,
    address: Ipv4Addr,
    delay: Duration,
}

impl Line {
    /// Creates the device in a namespace, down and without an address.
    pub(super) fn new(namespace: &str, name: &str, address: &str, delay: Duration) -> Option<Self> {
        let queue = MAX_PACKETS as u32;
        let builder = DeviceBuilder::new().name(name).mtu(MTU as u16).tx_queue_len(queue);
        let device = within(namespace, || builder.enable(false).build_sync()).ok()?;
        ioctl_fionbio(&*device, true).ok()?;
        Some(Self { device, address: address.parse().ok()?, delay })
    }

    /// Returns the next packet that leaves here.
    fn next<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        // A device that was deleted has none either.
        let length = read(&*self.device, &mut *buffer).ok()?;
        Some(&buffer[..length])
    }
}

/// Moves the packets, until it is dropped.
pub(super) struct Internet {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A packet on its way.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    due: Instant,
    /// Keeps those that are due at once in order.
    number: u64,
    /// The index of the line that it goes to.
    to: usize,
    bytes: Vec<u8>,
}

impl Internet {
    pub(super) fn start(lines: Vec<Line>) -> Self {
        let is_over = Arc::<AtomicBool>::default();
        let over = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut waiting = BinaryHeap::new();
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                wait(&lines, &waiting);
                accept(&lines, &mut waiting, &mut number);
                deliver(&lines, &mut waiting);
            }
        });
        Self { is_over, thread: Some(thread) }
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let result = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(result, Some(Ok(()))), "the internet broke");
        }
    }
}

/// Waits for a packet to leave or to be due.
fn wait(lines: &[Line], waiting: &BinaryHeap<Reverse<Packet>>) {
    let due = waiting.peek().map(|Reverse(packet)| packet.due);
    let left = due.map_or(POLL_INTERVAL, |due| due.saturating_duration_since(Instant::now()));
    let timeout = left.min(POLL_INTERVAL).try_into().unwrap();
    let poll_one = |line| PollFd::new(line, PollFlags::IN);
    let mut devices: Vec<_> = lines.iter().map(|line| poll_one(&*line.device)).collect();
    // Interrupted or not, what can be done is done next.
    let _ = poll(&mut devices, Some(&timeout));
}

fn accept(lines: &[Line], waiting: &mut BinaryHeap<Reverse<Packet>>, number: &mut u64) {
    let mut buffer = [0; MTU];
    for from in lines {
        for _ in 0..MAX_PACKETS_A_TURN {
            let Some(bytes) = from.next(&mut buffer) else { break };
            let to = destination(bytes);
            let to = lines.iter().position(|line| Some(line.address) == to);
            let Some(to) = to.filter(|_| waiting.len() < MAX_PACKETS) else { continue };
            let due = Instant::now() + from.delay + lines[to].delay;
            *number += 1;
            waiting.push(Reverse(Packet { due, number: *number, to, bytes: bytes.to_vec() }));
        }
    }
}

fn deliver(lines: &[Line], waiting: &mut BinaryHeap<Reverse<Packet>>) {
    let now = Instant::now();
    while waiting.peek().is_some_and(|Reverse(packet)| packet.due <= now) {
        let Some(Reverse(packet)) = waiting.pop() else { return };
        // A device that does not take it loses it.
        let _ = write(&*lines[packet.to].device, &packet.bytes);
    }
}

/// Returns the destination of a packet, unless it is one of IPv6, which the internet does not have.
fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let is_ipv4 = packet.first()? >> 4 == 4;
    let address: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    is_ipv4.then(|| address.into())
}
