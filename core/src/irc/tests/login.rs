//! Nick, login and channel.

use alloc::string::ToString as _;

use super::Talk;
use crate::irc::Credentials;

fn with_password(account: Option<&str>) -> Talk {
    Talk::with(Credentials {
        account: account.map(str::to_string),
        password: Some("secret".into()),
        ..Credentials::default()
    })
}

#[test]
fn the_nick_is_given_once_all_members_are_known() {
    let mut talk = Talk::new();
    talk.host("X_NICK kim");
    assert_eq!(talk.to_server(), ["NICK kim", "USER xcher 0 * :XCHER"]);
    // Some servers want an answer before they register anyone.
    talk.server("PING :4711");
    assert_eq!(talk.to_server(), ["PONG :4711"]);
    talk.server(":s NOTICE * :*** Looking up your hostname");
    talk.silent();
    talk.server(":s 001 kim :Welcome");
    assert_eq!(talk.to_server(), ["JOIN #files"]);
    for line in [
        ":s 376 kim :End of MOTD",
        ":kim!~xcher@198.51.100.9 JOIN :#files",
        ":s 353 kim @ #files :@amy kim",
    ] {
        talk.server(line);
        talk.silent();
    }
    talk.server(":s 366 kim #files :End");
    assert_eq!(talk.to_host(), ["X_NICK kim YES"]);
    talk.host("X_CAPS from key ticket near");
    talk.silent();
    talk.host("X_END");
    assert_eq!(talk.to_server(), ["QUIT"]);
    assert!(talk.output.is_over && talk.output.reason.is_none());
}

#[test]
fn the_address_is_the_one_that_the_server_shows_if_it_shows_one() {
    let mut talk = Talk::new();
    talk.host("X_ADDR");
    assert_eq!(talk.to_host(), ["X_ADDR 192.0.2.7"]);
    for (host, shown) in [
        ("198.51.100.9", "198.51.100.9"),
        ("0::1", "::1"),
        ("user/cloak-192.0.2.1", "192.0.2.7"),
        ("a.example", "192.0.2.7"),
        ("", "192.0.2.7"),
    ] {
        let mut talk = Talk::new();
        talk.host("X_NICK kim");
        talk.server(":s 001 kim :Welcome");
        talk.server(":amy!~a@9.9.9.9 JOIN #files");
        talk.server(&alloc::format!(":kim!~xcher@{host} JOIN #files"));
        talk.host("X_ADDR");
        assert_eq!(talk.to_host(), [alloc::format!("X_ADDR {shown}")]);
    }
}

#[test]
fn another_nick_is_tried_while_one_is_taken() {
    for numeric in [433, 436, 437] {
        let mut talk = Talk::new();
        talk.host("X_NICK kim");
        talk.server(&alloc::format!(":s {numeric} * kim :Nickname already in use"));
        assert_eq!(talk.to_host(), ["X_NICK kim NO"]);
        talk.host("X_NICK kim-2");
        assert_eq!(talk.to_server(), ["NICK kim-2"]);
        talk.server(":s 001 kim-2 :Welcome");
        assert_eq!(talk.to_server(), ["JOIN #files"]);
    }
}

#[test]
fn a_nick_that_irc_does_not_know_is_refused_before_anything_is_sent() {
    for nick in ["åsa", "4you", "-a", "a.b", "a,b", "#files", "a!b", "a@b", "a*", "日本", "$x"] {
        let mut talk = Talk::new();
        talk.host(&alloc::format!("X_NICK {nick}"));
        assert_eq!(talk.to_server(), [""; 0]);
        assert!(talk.output.is_over, "{nick}");
        let reason = talk.output.reason.as_deref().unwrap_or_default();
        assert!(reason.contains("is not an IRC nick"), "{nick}: {reason}");
    }
}

#[test]
fn the_nick_of_a_code_begins_with_a_letter() {
    let mut talk = Talk::new();
    talk.host("X_NICK 4821");
    assert_eq!(talk.to_server()[0], "NICK x4821");
    talk.server(":s 433 * x4821 :in use");
    assert_eq!(talk.to_host(), ["X_NICK 4821 NO"]);
}

#[test]
fn a_server_that_shortens_the_nick_is_left() {
    let mut talk = Talk::new();
    talk.host("X_NICK bartholomew");
    talk.server(":s 001 bartholom :Welcome");
    talk.ended(false, "the server gave this host the nick bartholom instead of its own");
    assert_eq!(talk.to_server(), ["QUIT"]);
}

#[test]
fn logs_in_by_sasl() {
    let mut talk = with_password(Some("amy"));
    talk.host("X_NICK kim");
    assert_eq!(talk.to_server(), ["CAP LS 302", "NICK kim", "USER xcher 0 * :XCHER"]);
    talk.server("CAP * LS * :multi-prefix away-notify");
    talk.silent();
    talk.server("CAP * LS :sasl=PLAIN,EXTERNAL server-time");
    assert_eq!(talk.to_server(), ["CAP REQ :sasl"]);
    talk.server(":s CAP kim ACK :sasl");
    assert_eq!(talk.to_server(), ["AUTHENTICATE PLAIN"]);
    talk.server("AUTHENTICATE +");
    // NUL amy NUL secret.
    assert_eq!(talk.to_server(), ["AUTHENTICATE AGFteQBzZWNyZXQ="]);
    talk.server(":s 900 kim kim!~xcher@h amy :You are now logged in as amy");
    talk.silent();
    talk.server(":s 903 kim :SASL authentication successful");
    assert_eq!(talk.to_server(), ["CAP END"]);
    talk.server(":s 001 kim :Welcome");
    assert_eq!(talk.to_server(), ["JOIN #files"]);
}

#[test]
fn the_account_is_the_first_nick_if_none_is_named() {
    let mut talk = with_password(None);
    talk.host("X_NICK kim");
    talk.server("CAP * LS :sasl");
    talk.server("CAP * ACK :sasl");
    talk.server(":s 433 * kim :in use");
    talk.server("AUTHENTICATE +");
    // NUL kim NUL secret.
    assert_eq!(talk.to_server(), ["AUTHENTICATE AGtpbQBzZWNyZXQ="]);
}

#[test]
fn long_credentials_are_sent_in_pieces() {
    for (len, pieces) in [(100, &[140][..]), (297, &[400, 1]), (298, &[400, 4]), (300, &[400, 4])] {
        let mut talk = Talk::with(Credentials {
            account: Some("a".into()),
            password: Some("p".repeat(len)),
            ..Credentials::default()
        });
        talk.host("X_NICK kim");
        talk.server("CAP * LS :sasl");
        talk.server("CAP * ACK :sasl");
        talk.server("AUTHENTICATE +");
        let sent: alloc::vec::Vec<_> =
            talk.to_server().iter().map(|line| line.len() - "AUTHENTICATE ".len()).collect();
        assert_eq!(sent, pieces, "{len}");
    }
}

#[test]
fn a_failed_login_ends_before_the_host_is_online() {
    let offers_none = "the server offers no SASL login with a password";
    let rejected = "SASL login failed: wrong password, or no account kim";
    for (lines, reason) in [
        (&["CAP * LS :multi-prefix"][..], offers_none),
        (&["CAP * LS :sasl=EXTERNAL,SCRAM-SHA-256"], offers_none),
        (&["CAP * LS :sasl", "CAP * NAK :sasl"], offers_none),
        // A server that does not know CAP.
        (&[":s 421 * CAP :Unknown command", ":s 001 kim :Welcome"], offers_none),
        (&["CAP * LS :sasl", "CAP * ACK :sasl", ":s 001 kim :Welcome"], offers_none),
        (&["CAP * LS :sasl", "CAP * ACK :sasl", ":s 908 kim EXTERNAL :are"], offers_none),
        (&["CAP * LS :sasl", "CAP * ACK :sasl", "AUTHENTICATE +", ":s 904 kim :no"], rejected),
        (&["CAP * LS :sasl", "CAP * ACK :sasl", ":s 902 kim :locked"], rejected),
    ] {
        let mut talk = with_password(None);
        talk.host("X_NICK kim");
        for line in lines {
            assert!(!talk.output.is_over, "{lines:?}");
            talk.server(line);
        }
        talk.ended(false, reason);
    }
}

#[test]
fn sends_the_servers_password_and_the_channels_key() {
    let mut talk = Talk::with(Credentials {
        server_password: Some(":a b".into()),
        channel_key: Some("key".into()),
        ..Credentials::default()
    });
    talk.host("X_NICK kim");
    assert_eq!(talk.to_server(), ["PASS ::a b", "NICK kim", "USER xcher 0 * :XCHER"]);
    talk.server(":s 001 kim :Welcome");
    assert_eq!(talk.to_server(), ["JOIN #files key"]);
}

#[test]
fn a_secret_cannot_add_a_line() {
    let mut talk = Talk::with(Credentials {
        server_password: Some("a\r\nQUIT".into()),
        channel_key: Some("key\nPRIVMSG #files :x".into()),
        ..Credentials::default()
    });
    talk.host("X_NICK kim");
    assert_eq!(talk.to_server()[0], "PASS :aQUIT");
    talk.server(":s 001 kim :Welcome");
    assert_eq!(talk.to_server(), ["JOIN #files keyPRIVMSG #files :x"]);
}

#[test]
fn reports_why_the_server_or_the_channel_refuses() {
    for (line, reason) in [
        (":s 464 kim :Password incorrect", "wrong or missing server password"),
        (":s 465 kim :No open proxies", "this host is banned from the server: No open proxies"),
        (
            ":s 432 * kim :Nickname too long",
            "the server does not accept the nick kim: Nickname too long",
        ),
        (
            "ERROR :Closing Link: (Bad password)",
            "the server closed the connection: Closing Link: (Bad password)",
        ),
    ] {
        let mut talk = Talk::new();
        talk.host("X_NICK kim");
        talk.server(line);
        talk.ended(false, reason);
    }
    for (line, reason) in [
        (":s 403 kim #files :No such channel", "the server does not allow a channel called #files"),
        (":s 405 kim #files :Too many", "too many channels to join #files"),
        (":s 437 kim #files :Unavailable", "cannot join #files: Unavailable"),
        (
            ":s 470 kim #files ##other :Forwarding",
            "the server forwards #files to ##other; name a channel that can be joined",
        ),
        (":s 471 kim #files :(+l)", "the channel #files is full"),
        (":s 473 kim #Files :(+i)", "#files is invite-only; ask its operators for an invitation"),
        (":s 474 kim #files :(+b)", "this host is banned from #files"),
        (":s 475 kim #files :(+k)", "#files needs a channel key, or another one"),
        (":s 477 kim #files :(+r)", "#files is for registered accounts; log in to one"),
        (":s 489 kim #files :(+z)", "#files is for connections with TLS"),
        (":s 520 kim #files :\u{3}4Not\u{1b}[2J so", "cannot join #files: 4Not[2J so"),
    ] {
        let mut talk = Talk::new();
        talk.host("X_NICK kim");
        talk.server(":s 001 kim :Welcome");
        talk.server(":s 475 kim #other :(+k)");
        talk.silent();
        talk.server(line);
        talk.ended(false, reason);
        // Those may be over soon.
        let is_for_now =
            [" 405 ", " 437 ", " 471 ", " 520 "].iter().any(|part| line.contains(part));
        assert_eq!(talk.output.is_barred, !is_for_now, "{line}");
    }
}
