//! An IRC channel as relay, on Debian's ngircd (`apt-get install --no-install-recommends ngircd`).

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

#[path = "irc/sasl_server.rs"]
mod sasl_server;
mod system;

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;

use rustix::process::Signal;
use sasl_server::SaslServer;
use system::authority::Authority;
use system::irc_server::{CHANNEL, IrcServer};
use system::networks::{Host, Networks};
use system::not_tested;
use system::process::{Process, xcher};
use system::terminal::Terminal;
use system::tree;
use tempfile::{TempDir, tempdir};

/// Starts a server without special settings. Reports if that is not possible.
fn server() -> Option<IrcServer> {
    server_with("", "")
}

fn server_with(global: &str, sections: &str) -> Option<IrcServer> {
    IrcServer::start(global, sections).map_err(not_tested).ok()
}

/// Creates a folder to share.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    let files = [("s/a b.txt", tree::bytes(1, 5)), ("s/träd/日本.bin", tree::bytes(2, 3_000_000))];
    tree::write(folder.path(), files);
    folder
}

/// Shares the folder as kim, who is online afterwards.
fn share(irc: &IrcServer, folder: &TempDir) -> Process {
    let shared = folder.path().join("s");
    let kim = irc.xcher(&["share", "--nick", "kim"]).args([shared]).start();
    kim.out("online kim");
    kim
}

/// Accepts the next call to a host that asks on its standard error.
fn accept(host: &mut Process, caller: &str) {
    host.err(&format!("{caller} (127.0.0.1, an address that nobody checked) wants to"));
    host.say("y\n");
}

#[test]
fn two_terminals_exchange_a_folder_in_an_encrypted_session() {
    let Some(irc) = server() else { return };
    let (folder, keys) = (folder(), tempdir().unwrap());
    for known in ["seen for the first time", "same as before"] {
        let kim = irc.xcher(&["share", "--nick", "kim"]).args([folder.path().join("s")]);
        let mut kim = kim.env("XCHER_DATA_DIR", folder.path().join("keys")).start();
        kim.out("online kim");
        kim.err("#files: online as its member; you are asked about each caller");
        let out = tempdir().unwrap();
        let amy = irc.xcher(&["get", "kim", "--all", "--nick", "amy", "-o"]).args([out.path()]);
        let amy = amy.env("XCHER_DATA_DIR", keys.path()).start();
        amy.err("waiting for kim to accept the call; it will connect to 127.0.0.1");
        accept(&mut kim, "amy");
        amy.wait().code(0).session_line(&["the session is encrypted", known]);
        assert_eq!(tree::read(&out.path().join("s")), tree::read(&folder.path().join("s")));
        kim.stop(Signal::TERM).code(0);
    }
    // The key is pinned for the server and the channel.
    let peers = irc.xcher(&["peers"]).env("XCHER_DATA_DIR", keys.path()).run().code(0);
    assert!(peers.out[0].starts_with("kim\t"), "{peers}");
    assert!(peers.out[0].ends_with(&format!("\tirc://{}/#files", irc.address)), "{peers}");
    let other = xcher(["peers", "--relay", &irc.url("#other")]);
    assert_eq!(other.env("XCHER_DATA_DIR", keys.path()).run().code(0).out, [""; 0]);
}

#[test]
fn every_call_is_asked_about() {
    let Some(irc) = server() else { return };
    let folder = folder();
    let mut kim = share(&irc, &folder);
    let amy = irc.xcher(&["ls", "kim", "--nick", "amy", "--timeout", "3"]).start();
    kim.err("amy (127.0.0.1, an address that nobody checked) wants to see what you share");
    kim.say("n\n");
    amy.wait().code(3).error(&["kim did not connect back within 12 s", "did not accept the call"]);

    // --yes is an answer to offers, not to calls.
    let out = tempdir().unwrap();
    let bob = irc.xcher(&["receive", "--yes", "--once", "--nick", "bob", "-o"]).args([out.path()]);
    let mut bob = bob.start();
    bob.out("online bob");
    let send = irc.xcher(&["send", "bob", "--nick", "eve"]).args([folder.path().join("s")]).start();
    accept(&mut bob, "eve");
    send.wait().code(0);
    bob.wait().code(0);
    assert_eq!(tree::read(&out.path().join("s")), tree::read(&folder.path().join("s")));
}

#[test]
fn codes_work_without_a_question_about_the_call() {
    let Some(irc) = server() else { return };
    let (folder, out) = (folder(), tempdir().unwrap());
    let send = irc.xcher(&["send"]).args([folder.path().join("s")]).start();
    let code = send.until("a code", |lines| lines.out.first().cloned());
    let command = send.err("in another terminal: ");
    assert!(command.ends_with(&format!("--relay '{}'", irc.url(CHANNEL))), "{command}");
    let number = code.split('-').next().unwrap();
    // People in the channel see the number of the code, but `who` does not list it.
    let mut person = irc.person("pat", Some(CHANNEL));
    person.says(&format!("NAMES {CHANNEL}"));
    let names = person.hears(" 353 ").pop().unwrap();
    assert!(names.contains(&format!("x{number}")), "{names}");
    irc.xcher(&["who"]).run().code(0).out(&["pat"]);

    // Its host is not asked, so nobody can name addresses near it.
    person.says(&format!("PRIVMSG x{number} :\u{1}XCHER X_INIT {number} 10.0.0.9 4000\u{1}"));
    send.err(
        "ignored a call of pat: 10.0.0.9 is private and not the address that the server shows",
    );
    let wrong = format!("{number}-adroitness-aardvark-adroitness");
    if wrong != code {
        irc.xcher(&["get", &wrong, "--yes"]).run().code(5).error(&["wrong code"]);
        send.err("a peer tried a wrong code");
    }
    let get = irc.xcher(&["get", &code, "--yes", "-o"]).args([out.path()]).run().code(0);
    get.session_line(&["authenticated by the code"]);
    send.wait().code(0);
    assert_eq!(tree::read(&out.path().join("s")), tree::read(&folder.path().join("s")));
    irc.xcher(&["get", &code, "--yes"]).run().code(3).error(&["no sender is online for this code"]);
}

/// The server shows the addresses of all hosts, which are private ones.
#[test]
fn hosts_of_one_network_use_a_server_there() {
    let Some(networks) = Networks::new() else {
        return not_tested("this user cannot create network namespaces");
    };
    let Some(_irc) = IrcServer::start_between(&networks).map_err(not_tested).ok() else { return };
    let (folder, out) = (folder(), tempdir().unwrap());
    let url = format!("irc://{}/#files", networks.relay_seen_by(Host::A));
    let relay = ["--relay", &url, "--irc-cleartext"];
    let shared = folder.path().join("s");
    let kim = networks.between(&["share", "--nick", "kim"]).args(relay).args([&shared]);
    let mut kim = kim.start();
    kim.out("online kim");
    let ls = networks.xcher(Host::A, &["ls", "kim", "--nick", "amy"]).args(relay).start();
    ls.err("it will connect to 10.255.1.2, a private address; to name another: --advertise");
    kim.err("amy (10.255.1.2, an address that nobody checked) wants to see what you share");
    kim.say("y\n");
    assert_eq!(ls.wait().code(0).out.len(), 2);

    let send = networks.between(&["send"]).args(relay).args([&shared]).start();
    let code = send.until("a code", |lines| lines.out.first().cloned());
    let get = networks.xcher(Host::A, &["get", &code, "--yes", "-o"]).args([out.path()]);
    get.args(relay).run().code(0);
    send.wait().code(0);
    assert_eq!(tree::read(&out.path().join("s")), tree::read(&shared));
}

#[test]
fn who_lists_the_members_of_the_channel() {
    let Some(irc) = server() else { return };
    let _pat = irc.person("pat", Some(CHANNEL));
    let _elsewhere = irc.person("eve", Some("#other"));
    let _nowhere = irc.person("dan", None);
    let _kim = share(&irc, &folder());
    let note = "these are the members of #files, XCHER hosts or not";
    irc.xcher(&["who"]).run().code(0).out_sorted(&["kim", "pat"]).one_error(&[note]);
}

#[test]
fn a_person_in_the_channel_sees_one_message_at_most() {
    let Some(irc) = server() else { return };
    let mut pat = irc.person("pat", Some(CHANNEL));
    let mut dan = irc.person("dan", None);
    let call =
        |nick: &str| irc.xcher(&["ls", nick, "--nick", "amy", "--timeout", "3"]).run().code(3);
    call("pat").error(&["pat did not connect back within 12 s", "it is no XCHER host"]);
    call("dan").error(&["no such nick: dan"]);
    let messages = |lines: Vec<String>| -> Vec<String> {
        lines
            .into_iter()
            .filter(|line| line.contains("PRIVMSG") || line.contains("NOTICE"))
            .collect()
    };
    let heard = messages(pat.hears_until_now());
    assert_eq!(heard.len(), 1, "{heard:?}");
    let (start, end) = (":amy!", "\u{1}");
    let is_call = heard[0].starts_with(start)
        && heard[0].contains(" PRIVMSG pat :\u{1}XCHER X_INIT pat 127.0.0.1 ")
        && heard[0].ends_with(end);
    assert!(is_call, "{heard:?}");
    assert_eq!(messages(dan.hears_until_now()), [""; 0]);
}

#[test]
fn only_private_messages_of_members_are_calls() {
    let Some(irc) = server() else { return };
    let kim = share(&irc, &folder());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let call =
        format!("\u{1}XCHER X_INIT kim 127.0.0.1 {}\u{1}", listener.local_addr().unwrap().port());
    let mut dan = irc.person("dan", None);
    dan.says(&format!("PRIVMSG kim :{call}"));
    dan.hears_until_now();
    let mut pat = irc.person("pat", Some(CHANNEL));
    for line in [
        format!("PRIVMSG {CHANNEL} :{call}"),
        format!("NOTICE kim :{call}"),
        "PRIVMSG kim :\u{1}VERSION\u{1}".into(),
        "PRIVMSG kim :\u{1}XCHER X_INIT kim 127.0.0.1 80\u{1}".into(),
        "PRIVMSG kim :\u{1}XCHER X_INIT kim 169.254.169.254 4000\u{1}".into(),
        "PRIVMSG kim :\u{1}XCHER X_END\u{1}".into(),
        format!("PRIVMSG kim :{call}"),
    ] {
        pat.says(&line);
    }
    // What came before was not asked about.
    kim.err("pat (127.0.0.1, an address that nobody checked) wants to see what you share");
    assert!(!kim.seen_err("dan"), "somebody outside the channel called");
    kim.err("refused a call from 127.0.0.1:80");
    kim.err("refused a call from 169.254.169.254:4000");
    // CTCP is answered by nobody.
    let answers: Vec<_> =
        pat.hears_until_now().into_iter().filter(|line| line.starts_with(":kim!")).collect();
    assert_eq!(answers, [""; 0]);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "dialled without an answer");
}

#[test]
fn a_nick_that_is_taken_or_impossible_is_reported() {
    let Some(irc) = server() else { return };
    let _pat = irc.person("pat", None);
    let who = |nick: &str| irc.xcher(&["who", "--nick", nick]).run();
    who("Pat").code(1).one_error(&["the nick Pat is taken at irc://", "--nick"]);
    who("åsa").code(2).one_error(&["\"åsa\" is not an IRC nick", "--nick"]);
    who("4you").code(2).one_error(&["\"4you\" is not an IRC nick"]);
    let long = "a-nick-of-over-twenty-chars";
    who(long).code(3).one_error(&["does not accept the nick a-nick", "too long"]);
    for peer in ["åsa", "#files", "pat,eve"] {
        irc.xcher(&["ls", peer]).run().code(2).one_error(&["is not an IRC nick"]);
    }
}

#[test]
fn reports_why_a_channel_cannot_be_joined() {
    let sections = "[Channel]\nName = #locked\nModes = +tnk sesame\n\
                    [Channel]\nName = #club\nModes = +i\n\
                    [Channel]\nName = #strict\nModes = +b *!*@*\n";
    let Some(irc) = server_with("", sections) else { return };
    let who = |channel: &str| xcher(["who", "--relay", &irc.url(channel)]);
    who("#club").run().code(3).one_error(&["#club is invite-only"]);
    who("#strict").run().code(3).one_error(&["this host is banned from #strict"]);
    who("#locked")
        .run()
        .code(3)
        .one_error(&["#locked needs a channel key", "--irc-channel-key-file"]);
    let folder = tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "wrong\n").unwrap();
    who("#locked").env("XCHER_IRC_CHANNEL_KEY_FILE", &key).run().code(3);
    fs::write(&key, "sesame\n").unwrap();
    who("#locked").args([Path::new("--irc-channel-key-file"), &key]).run().code(0).out(&[]);
    fs::write(&key, "two words\n").unwrap();
    who("#locked").args([Path::new("--irc-channel-key-file"), &key]).run().code(2);
}

#[test]
fn uses_the_password_of_the_server() {
    let Some(irc) = server_with("Password = open sesame", "") else { return };
    irc.xcher(&["who"]).run().code(3).one_error(&["cannot use irc://"]);
    let folder = tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "open sesame\n").unwrap();
    irc.xcher(&["who"]).env("XCHER_IRC_SERVER_PASSWORD_FILE", &file).run().code(0);
    let sasl = irc.xcher(&["who"]).env("XCHER_IRC_PASSWORD_FILE", &file);
    sasl.run().code(3).one_error(&["the server offers no SASL login", "--irc-password-file"]);
}

#[test]
fn logs_in_by_sasl() {
    // NUL amy NUL secret.
    let server = SaslServer::start("AGFteQBzZWNyZXQ=");
    let folder = tempdir().unwrap();
    let file = folder.path().join("password");
    let who = |password: &str| {
        fs::write(&file, password).unwrap();
        let relay = format!("irc://{}/#files", server.address);
        let who = xcher(["who", "--nick", "kim", "--irc-account", "amy", "--relay", &relay]);
        who.env("XCHER_IRC_PASSWORD_FILE", &file).run()
    };
    who("secret\nsecond line\n").code(0).out(&["amy"]);
    assert_eq!(server.login(), "AGFteQBzZWNyZXQ=");
    let failed = who("Secret").code(3);
    failed.one_error(&["SASL login failed: wrong password, or no account amy"]);
    assert_eq!(server.login(), "AGFteQBTZWNyZXQ=");
    assert_eq!(who("").code(2).err.len(), 1);
}

#[test]
fn password_files_are_not_shared() {
    let Some(irc) = server() else { return };
    let folder = folder();
    let file = folder.path().join("s/password");
    fs::write(&file, "sesame").unwrap();
    let send = irc.xcher(&["send"]).args([folder.path().join("s")]);
    let send = send.env("XCHER_IRC_CHANNEL_KEY_FILE", &file).start();
    let code = send.until("a code", |lines| lines.out.first().cloned());
    let out = tempdir().unwrap();
    irc.xcher(&["get", &code, "--yes", "-o"]).args([out.path()]).run().code(0);
    assert!(!out.path().join("s/password").exists() && out.path().join("s/a b.txt").exists());
    send.wait().code(0);
}

#[test]
fn checks_the_servers_certificate() {
    let (authority, other) = (Authority::new(), Authority::new());
    let pair = authority.good();
    // The server reads them as another user.
    let files = tempdir().unwrap();
    let copy = |from: &Path, name: &str| {
        let to = files.path().join(name);
        fs::copy(from, &to).unwrap();
        to.display().to_string()
    };
    let (certificate, key) = (copy(&pair.certificate, "cert"), copy(&pair.key, "key"));
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let tls = format!("[SSL]\nCertFile = {certificate}\nKeyFile = {key}\nPorts = {port}\n");
    let Some(irc) = server_with("", &tls) else { return };
    let url = |host: &str, port| format!("ircs://{host}:{port}/#files");
    let at = |relay: &str, ca: &Path, args: &[&str]| {
        xcher(["--relay", relay, "--tls-ca"]).args([ca]).args(args)
    };
    let (ca, relay) = (authority.file(), url("localhost", port));
    let folder = folder();
    let kim = at(&relay, &ca, &["share", "--nick", "kim"]).args([folder.path().join("s")]);
    let mut kim = kim.start();
    kim.out("online kim");
    let ls = at(&relay, &ca, &["ls", "kim", "--nick", "amy"]).start();
    accept(&mut kim, "amy");
    assert_eq!(ls.wait().code(0).out.len(), 2);

    let untrusted = at(&relay, &other.file(), &["who"]).run().code(3);
    untrusted.one_error(&["cannot use the IRC server at ircs://", "unknown authority", "--tls-ca"]);
    let plain = at(&url("localhost", irc.address.port()), &ca, &["who"]).run().code(3);
    plain.one_error(&["TLS", "6697"]);
}

/// The server is at an address of this machine that is not loopback; the connection stays on this machine.
#[test]
fn an_unencrypted_connection_over_a_network_must_be_permitted() {
    // Connecting a datagram socket sends nothing, and finds the address.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let own = socket.connect(("192.0.2.1", 9)).and_then(|()| socket.local_addr());
    let Some(ip) = own.ok().map(|own| own.ip()).filter(|ip| !ip.is_loopback()) else {
        return not_tested("this machine has no network");
    };
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let relay = format!("irc://{}/#files", listener.local_addr().unwrap());
    let who = xcher(["who", "--relay", &relay]).run().code(3);
    who.one_error(&["the connection would not be encrypted; use ircs://, or", "--irc-cleartext"]);
    let (mut conn, _) = listener.accept().unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut conn, &mut bytes).unwrap();
    assert_eq!(bytes, b"", "something was sent");

    let permitted = xcher(["who", "--nick", "kim", "--irc-cleartext", "--relay", &relay]).start();
    let (mut conn, _) = listener.accept().unwrap();
    let mut bytes = [0; 10];
    std::io::Read::read_exact(&mut conn, &mut bytes).unwrap();
    assert_eq!(&bytes, b"NICK kim\r\n");
    drop(permitted);
}

#[test]
fn a_host_comes_back_after_the_server_was_restarted() {
    let Some(mut irc) = server() else { return };
    let folder = folder();
    let mut kim = share(&irc, &folder);
    irc.stop();
    kim.err("disconnected from the relay (connection lost: the server closed the connection)");
    irc.start_again();
    kim.until("a second login", |lines| {
        (lines.out.iter().filter(|line| *line == "online kim").count() == 2).then_some(())
    });
    let ls = irc.xcher(&["ls", "kim", "--nick", "amy"]).start();
    accept(&mut kim, "amy");
    assert_eq!(ls.wait().code(0).out.len(), 2);
}

#[test]
fn a_host_that_was_kicked_says_so_and_stays_away() {
    let Some(irc) = server() else { return };
    // The first member is an operator of the channel.
    let mut op = irc.person("op", Some(CHANNEL));
    let kim = share(&irc, &folder());
    op.says(&format!("KICK {CHANNEL} kim :not \u{1b}[31mhere"));
    let kicked = ["disconnected from irc://", "kicked from #files by op: not [31mhere"];
    kim.wait().code(3).error(&kicked).no_error("reconnecting");
    let heard = op.hears_until_now();
    let after = heard.iter().skip_while(|line| !line.contains(" KICK "));
    assert_eq!(after.filter(|line| line.starts_with(":kim!")).count(), 0, "{heard:?}");
}

#[test]
fn a_terminal_is_asked_who_may_connect() {
    let Some(irc) = server() else { return };
    let (folder, out) = (folder(), tempdir().unwrap());
    let bob = irc.xcher(&["receive", "--once", "--nick", "bob", "-o"]).args([out.path()]);
    let mut bob = Terminal::start(bob);
    bob.says("online bob");
    let send = irc.xcher(&["send", "bob", "--nick", "eve"]).args([folder.path().join("s")]).start();
    bob.shows("eve (127.0.0.1, an address that nobody checked) wants to connect. Allow it? [y/N]");
    bob.types("y");
    bob.shows("2 files");
    bob.types("y");
    send.wait().code(0);
    bob.wait().code(0);
    assert_eq!(tree::read(&out.path().join("s")), tree::read(&folder.path().join("s")));
}

#[test]
fn standard_input_is_sent_by_code_only() {
    let Some(irc) = server() else { return };
    irc.xcher(&["share", "-"]).run().code(2).one_error(&["xcher send -"]);
}

#[test]
fn doctor_checks_no_channels() {
    let doctor = xcher(["doctor", "--relay", "ircs://irc.example/#files"]).run();
    doctor.code(2).one_error(&["doctor checks relays and bridges, not IRC channels"]);
}
