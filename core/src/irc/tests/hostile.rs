//! Lines that were made to do harm.

use super::Talk;

#[test]
fn only_private_messages_of_members_are_calls() {
    let mut talk = Talk::online("bob", "kim");
    for line in [
        // In the channel, as a notice, to another nick, from outside the channel, from a server.
        ":kim!~k@h PRIVMSG #files :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}",
        ":kim!~k@h PRIVMSG @#files :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}",
        ":kim!~k@h NOTICE bob :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}",
        ":kim!~k@h PRIVMSG amy :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}",
        ":eve!~e@h PRIVMSG bob :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}",
        ":irc.example PRIVMSG bob :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}",
        "PRIVMSG bob :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}",
        // Not CTCP, another CTCP, another packet, and bad fields.
        ":kim!~k@h PRIVMSG bob :XCHER X_INIT bob 192.0.2.7 40000",
        ":kim!~k@h PRIVMSG bob :X_INIT bob 192.0.2.7 40000",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_INIT bob 192.0.2.7 40000",
        ":kim!~k@h PRIVMSG bob :\u{1}VERSION\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}PING 1\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}DCC SEND x 3221225985 40000 1\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER \u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_NICK bob NO\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_END\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_FROM amy\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_TICKET BwcHBwcHBwcHBwcHBwcHBw==\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_INIT bob relay.example 40000\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_INIT bob 192.0.2.7 0\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_INIT b\u{1b}ob 192.0.2.7 40000\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}X_INIT bob 9.9.9.9 1024\u{1}",
        ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_INIT bob 192.0.2.7 40000\rX_INIT\u{1}",
    ] {
        talk.server(line);
        talk.silent();
    }
    talk.server(":kim!~k@h PRIVMSG bob :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}");
    assert_eq!(talk.to_host().len(), 2);
}

#[test]
fn a_call_before_the_host_is_online_is_ignored() {
    let mut talk = Talk::new();
    talk.host("X_NICK bob");
    let call = ":kim!~k@h PRIVMSG bob :\u{1}XCHER X_INIT bob 192.0.2.7 40000\u{1}";
    talk.server(":kim!~k@h JOIN #files");
    talk.server(call);
    talk.silent();
    talk.server(":s 001 bob :Welcome");
    talk.server(call);
    talk.silent();
}

#[test]
fn unknown_and_misplaced_messages_are_ignored() {
    let mut talk = Talk::online("bob", "kim");
    for line in [
        "",
        ":s",
        ":s 999 bob :?",
        ":s 001 eve :Welcome",
        ":s 366 bob #files :again",
        ":s 433 * bob :in use",
        ":s 475 bob #files :(+k)",
        ":s 464 bob :no",
        ":s 904 bob :no",
        "AUTHENTICATE +",
        "CAP * LS :sasl",
        "CAP * NEW :sasl",
        ":kim!~k@h PRIVMSG #files :hello, bob",
        ":s PONG s :x",
        ":s NOTICE bob :\u{1b}[2J",
        "\u{1}\u{1}\u{1}",
    ] {
        talk.server(line);
        talk.silent();
    }
}

#[test]
fn a_ping_cannot_add_a_line_or_make_a_long_one() {
    let mut talk = Talk::online("bob", "");
    talk.server(&alloc::format!("PING :{}", "x".repeat(2000)));
    assert_eq!(talk.to_server(), [alloc::format!("PONG :{}", "x".repeat(504))]);
    talk.server("PING :a\rQUIT");
    assert_eq!(talk.to_server(), ["PONG :aQUIT"]);
}
