//! X_INIT as CTCP.

use super::Talk;
use crate::irc::call_policy;
use crate::peer::CallPolicy;

const INIT: &str = "PRIVMSG bob :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}";

#[test]
fn a_call_is_one_private_message() {
    let mut talk = Talk::online("kim", "bob");
    talk.host("X_INIT bob 192.0.2.7 40000");
    assert_eq!(talk.to_server(), [INIT]);
    talk.host("X_INIT BOB 2a00::1 40000");
    assert_eq!(talk.to_server(), ["PRIVMSG BOB :\u{1}XCHER X_INIT BOB 2a00::1 40000\u{1}"]);
    let mut bob = Talk::online("bob", "kim");
    bob.server(&alloc::format!(":Kim!~k@h {INIT}"));
    assert_eq!(bob.to_host(), ["X_FROM kim", "X_INIT bob 192.0.2.7 40000"]);
}

#[test]
fn a_code_is_called_by_its_number() {
    let mut talk = Talk::online("kim", "x4821");
    talk.host("X_INIT 4821 192.0.2.7 40000");
    let init = "PRIVMSG x4821 :\u{1}XCHER X_INIT 4821 192.0.2.7 40000\u{1}";
    assert_eq!(talk.to_server(), [init]);
    let mut maker = Talk::online("4821", "kim");
    maker.server(&alloc::format!(":kim!~k@h {init}"));
    assert_eq!(maker.to_host(), ["X_FROM kim", "X_INIT 4821 192.0.2.7 40000"]);
}

/// Nobody is asked about calls to a code, so no caller may name what is near its host.
#[test]
fn a_code_is_called_from_private_addresses_only_where_the_server_shows_them() {
    let call = |own: &str, allow_private: bool, host: &str, ip: &str| {
        let mut talk = Talk::online(own, "kim");
        talk.client.config.allow_private = allow_private;
        let irc = if own == "4821" { "x4821" } else { own };
        let text = alloc::format!("\u{1}XCHER X_INIT {own} {ip} 40000\u{1}");
        talk.server(&alloc::format!(":kim!~k@{host} PRIVMSG {irc} :{text}"));
        talk.to_host()
    };
    for (host, ip, passes) in [
        ("8.8.8.8", "9.9.9.9", true),
        ("cloak", "9.9.9.9", true),
        ("10.0.0.7", "10.0.0.7", true),
        ("localhost", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.1", true),
        ("0::1", "::1", true),
        ("fd00::7", "fd00::7", true),
        ("10.0.0.7", "10.0.0.8", false),
        ("10.0.0.7", "127.0.0.1", false),
        ("8.8.8.8", "127.0.0.1", false),
        ("cloak", "192.168.1.1", false),
        ("localhost", "192.168.1.1", false),
        ("cloak", "169.254.169.254", false),
        ("", "10.0.0.7", false),
    ] {
        let passed = |lines: &[alloc::string::String]| lines[0] == "X_FROM kim";
        let lines = call("4821", false, host, ip);
        assert_eq!(passed(&lines), passes, "{host} {ip}: {lines:?}");
        assert!(passes || lines[0].starts_with("X_ERR - ignored a call of kim: "), "{lines:?}");
        assert!(passed(&call("4821", true, host, ip)), "{host} {ip}");
        // The user of any other host is asked.
        assert!(passed(&call("bob", false, host, ip)), "{host} {ip}");
    }
}

#[test]
fn nobody_outside_the_channel_is_sent_anything() {
    let mut talk = Talk::online("kim", "bob");
    for (nick, reason) in [
        ("amy", "no such nick: amy"),
        ("4821", "no such nick: 4821"),
        ("#files", "refused: this is not an IRC nick: #files"),
        ("bob,amy", "refused: this is not an IRC nick: bob,amy"),
        ("åsa", "refused: this is not an IRC nick: åsa"),
    ] {
        talk.host(&alloc::format!("X_INIT {nick} 192.0.2.7 40000"));
        assert_eq!(talk.to_server(), [""; 0]);
        assert_eq!(talk.to_host(), [alloc::format!("X_ERR X_INIT {reason}")]);
    }
}

#[test]
fn names_are_compared_as_the_server_does() {
    let mut talk = Talk::online("kim[1]", "bob{");
    talk.host("X_INIT BOB[ 192.0.2.7 40000");
    assert_eq!(talk.to_server().len(), 1);
    talk.server(":bob{!~b@h PRIVMSG KIM{1} :\u{1}XCHER X_INIT kim[1] 192.0.2.8 40000\u{1}");
    assert_eq!(talk.to_host(), ["X_FROM bob{", "X_INIT kim[1] 192.0.2.8 40000"]);
}

#[test]
fn errors_about_a_call_name_its_callee() {
    for (line, reason) in [
        (":s 401 kim Bob :No such nick or channel name", "no such nick: bob"),
        (":s 404 kim bob :Cannot send", "Cannot send: bob"),
        (":s 477 kim bob :(+R)", "accepts messages of registered accounts only: bob"),
        (":s 486 kim bob :(+R)", "accepts messages of registered accounts only: bob"),
        (":s 439 kim bob :Target change too fast", "Target change too fast: bob"),
        (":s 716 kim bob :is in +g mode", "accepts messages of its friends only: bob"),
    ] {
        let mut talk = Talk::online("kim", "bob");
        talk.server(line);
        talk.silent();
        talk.host("X_INIT bob 192.0.2.7 40000");
        talk.server(":s 401 kim amy :No such nick");
        talk.silent();
        talk.server(":s 301 kim bob :away");
        talk.silent();
        talk.server(line);
        assert_eq!(talk.to_host(), [alloc::format!("X_ERR X_INIT {reason}")]);
        // It is reported once.
        talk.server(line);
        talk.silent();
    }
}

#[test]
fn calls_are_sent_no_faster_than_servers_permit() {
    let mut talk = Talk::online("kim", "bob");
    let began = talk.now;
    let mut sent = 0;
    for _ in 0..13 {
        talk.host("X_INIT bob 192.0.2.7 40000");
        assert_eq!(talk.to_host(), [""; 0]);
        sent += talk.to_server().len();
    }
    assert_eq!(sent, 5);
    talk.host("X_INIT bob 192.0.2.7 40000");
    let refused = "X_ERR X_INIT refused: the server permits no more calls for some seconds: bob";
    assert_eq!(talk.to_host(), [refused]);
    while talk.client.next_deadline().is_some() {
        talk.wait();
        assert_eq!(talk.to_server(), [INIT], "one at a time");
        sent += 1;
    }
    assert_eq!((sent, talk.now - began), (13, core::time::Duration::from_secs(16)));
}

#[test]
fn calls_are_always_asked_about_except_for_codes() {
    for (wanted, awaits_code, policy) in [
        (CallPolicy::Accept, false, CallPolicy::Ask),
        (CallPolicy::Accept, true, CallPolicy::Accept),
        (CallPolicy::Ask, false, CallPolicy::Ask),
        (CallPolicy::Ask, true, CallPolicy::Ask),
        (CallPolicy::Ignore, false, CallPolicy::Ignore),
    ] {
        assert_eq!(call_policy(wanted, awaits_code), policy);
    }
}
