//! Memory use does not depend on the size or number of files.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![cfg(target_os = "linux")]

mod system;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use system::process::Process;
use system::relay::Relay;
use system::tree;
use system::wire::{Chat, Conn};

/// Returns the limit of either side's own memory in a transfer of any size, in KiB: 5 MiB for the released
/// program, for which `tests/release/run` runs this file, and any other optimised build. Sixteen threads of a debug
/// build need more for stack frames that are not optimised, so its limit is 8 MiB above its idle use.
fn max_memory() -> u64 {
    if !cfg!(debug_assertions) || std::env::var_os(system::process::OPTIMISED).is_some() {
        return 5 << 10;
    }
    let (relay, folder) = (Relay::start(), tempfile::tempdir().unwrap());
    relay.share("idle", folder.path()).peak() + (8 << 10)
}

/// Lists everything; returns the lister's peak once nine tenths were read, and the number of lines.
fn list(relay: &Relay, options: &[&str]) -> (u64, usize) {
    let mut ls = relay.xcher(["ls", "bob"]).args(options).spawn();
    let mut lines = BufReader::new(ls.0.stdout.take().unwrap()).lines();
    let mut read = lines.by_ref().take(90_000).map(Result::unwrap).count();
    let peak = ls.peak();
    read += lines.map(Result::unwrap).count();
    assert!(ls.0.wait().unwrap().success());
    (peak, read)
}

fn create(folder: &Path, files: usize) {
    for n in 0..files {
        let folder = folder.join((n / 25_000).to_string());
        if n % 25_000 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        fs::File::create(folder.join(format!("a name of some length {n}"))).unwrap();
    }
}

#[test]
fn lists_a_hundred_thousand_files_in_bounded_memory() {
    let relay = Relay::start();
    let folder = tree::room_for(100 << 20);
    create(folder.path(), 100_000);
    let bob = relay.share("bob", folder.path());
    let idle = bob.peak();
    let (lister, lines) = list(&relay, &[]);
    assert_eq!(lines, 100_000);
    println!("peaks in KiB: share {} (idle {idle}), ls {lister}", bob.peak());
    let bound = max_memory();
    assert!(bob.peak() < bound && lister < bound, "{bound}");
    // A tree is sorted on disk, 16 MiB of it at a time in memory.
    let (lister, lines) = list(&relay, &["--tree"]);
    assert!(lines > 100_000 && lister < bound + (20 << 10), "{lister} of {bound}");
}

/// Transfers `size` bytes; returns the peaks of provider and requester just before the last byte.
fn transfer(size: u64) -> (u64, u64) {
    let (relay, folder) = (Relay::start(), tree::room_for(2 * size));
    let path = folder.path().join("file");
    fs::File::create(&path).unwrap().set_len(size).unwrap();
    let bob = relay.share("bob", &path);
    let mut amy = Chat::join(relay.address, "amy");
    let mut control = amy.call("bob");
    let port = system::wire::Port::open();
    control.say(format!("X_REQUEST file {size} {}\n", port.number()));
    let mut data = port.accept();
    for _ in 0..size >> 20 {
        data.bytes(1 << 20);
    }
    let provider = bob.peak();
    // The requester, from a provider that withholds the last byte.
    let mut cid = Chat::join(relay.address, "cid");
    let get: Process = relay
        .xcher(["get", "cid", "file", "--json", "-o"])
        .args([folder.path().join("out")])
        .start();
    let mut control = cid.called();
    control.lists(&[&format!("file {size}")]);
    let mut data = Conn::to(control.requested("file", &size.to_string()));
    let block = vec![0; 1 << 20];
    for _ in 0..(size >> 20) - 1 {
        data.say(&block);
    }
    data.say(&block[1..]);
    get.until("all bytes but one", |lines| {
        let bytes = format!("\"bytes\":{}", size - 1);
        lines.out.iter().any(|line| line.contains(&bytes)).then_some(())
    });
    let requester = get.peak();
    data.say([0]);
    drop(data);
    get.wait().code(0);
    (provider, requester)
}

#[test]
fn transfers_a_large_file_in_no_more_memory_than_a_small_one() {
    let (small, large) = (transfer(4 << 20), transfer(512 << 20));
    println!("peaks in KiB of share, get: 4 MiB {small:?}, 512 MiB {large:?}");
    let bound = max_memory();
    assert!(large.0 < bound && large.1 < bound, "{large:?}");
    // Allows for a few pages more or less.
    assert!(large.0 < small.0 + 1024 && large.1 < small.1 + 1024, "{small:?}, {large:?}");
}

#[test]
fn transfers_sixteen_files_at_once_in_bounded_memory() {
    let (relay, folder) = (Relay::start(), tree::room_for(1 << 30));
    let share = folder.path().join("s");
    // The larger files are spliced through a pipe, the smaller ones pass through buffers.
    let size = |n| if n % 2 == 0 { 3 << 20 } else { 900_000 };
    tree::write(&share, (0..128).map(|n| (format!("{n:03}"), tree::bytes(n, size(n)))));
    let bob = relay.share("bob", &share);
    let mut get = relay.xcher(["get", "bob", "--all", "--json", "-o"]);
    get = get.args([folder.path().join("out")]);
    let mut get = get.spawn();
    let mut peak = 0;
    for line in BufReader::new(get.0.stdout.take().unwrap()).lines() {
        // It can have exited after the last line; its peak never falls.
        if line.unwrap().contains("\"finished\"") {
            peak = get.peak_if_running().unwrap_or(peak);
        }
    }
    assert!(peak > 0, "expected `get` to be running");
    assert!(get.0.wait().unwrap().success());
    println!("peaks in KiB: share {}, get {peak}", bob.peak());
    let bound = max_memory();
    assert!(bob.peak() < bound && peak < bound, "share {}, get {peak}", bob.peak());
    assert!(tree::read(&folder.path().join("out/s")) == tree::read(&share), "bytes differ");
}
