//! Whatever a host and a server write, an IRC client passes on only lines that the other side knows.

use core::time::Duration;

use proptest::prelude::*;
use xcher_core::irc::{Channel, IrcClient, IrcConfig, IrcOutput};

#[path = "irc/known_lines.rs"]
mod known_lines;

const HOST_LINES: [&str; 7] = [
    "X_NICK bob",
    "X_NICK 4821",
    "X_INIT kim 9.9.9.9 4000",
    "X_INIT 1 9.9.9.9 4000",
    "X_WHO",
    "X_ADDR",
    "X_PING 1",
];

/// What a server writes before a host is online.
const ONLINE: &str = ":s 001 bob :Welcome\r\n\
                      :bob!~xcher@h JOIN #files\r\n\
                      :s 353 bob = #files :bob @kim x1\r\n\
                      :s 366 bob #files :End\r\n";

fn client() -> IrcClient {
    let channel = Channel::parse("#files").expect("a channel");
    IrcClient::new(IrcConfig::new(channel), [192, 0, 2, 7].into())
}

fn online() -> IrcClient {
    let (mut client, mut output) = (client(), IrcOutput::default());
    client.receive_from_host(b"X_NICK bob\n", Duration::ZERO, &mut output);
    client.receive_from_server(ONLINE.as_bytes(), Duration::ZERO, &mut output);
    assert_eq!(output.to_host, b"X_NICK bob YES\n");
    client
}

/// Lines that a server may send, with parts replaced by any text.
fn server_line() -> impl Strategy<Value = String> {
    let nick = prop_oneof!["bob", "kim", "BOB", "x4821", "[a-z\\[\\]{}~]{0,9}", ".{0,12}"];
    let text = prop_oneof![
        "\u{1}XCHER X_INIT (bob|BOB|kim) [0-9]{1,3}\\.0\\.2\\.7 [0-9]{1,5}\u{1}",
        "\u{1}[A-Z ]{0,12}\u{1}",
        ".{0,40}",
        "(@kim |bob |x1 |.{1,3} ){0,6}",
    ];
    let target = prop_oneof!["bob", "#files", "#FILES", "\\*", ".{0,12}"];
    let command = prop_oneof![
        "PRIVMSG",
        "NOTICE",
        "JOIN",
        "PART",
        "KICK",
        "QUIT",
        "NICK",
        "PING",
        "PONG",
        "ERROR",
        "CAP",
        "AUTHENTICATE",
        "001",
        "005",
        "353",
        "366",
        "40[0-9]",
        "43[0-9]",
        "46[0-9]",
        "47[0-9]",
        "90[0-9]",
        "[0-9]{3}",
    ];
    (nick, command, target.clone(), target, text, 0..4).prop_map(
        |(nick, command, one, two, text, form)| match form {
            0 => format!(":{nick}!~u@9.9.9.9 {command} {one} :{text}"),
            1 => format!(":s {command} {nick} {one} {two} :{text}"),
            2 => format!("{command} {one} :{text}"),
            _ => format!("{text} {command}"),
        },
    )
}

proptest! {
    #[test]
    fn both_sides_get_only_lines_they_know(
        steps in prop::collection::vec((any::<bool>(), server_line(), 1u64..5000), 1..60),
        is_online in any::<bool>(),
    ) {
        let mut client = if is_online { online() } else { client() };
        let mut now = Duration::from_secs(1000);
        for (at, (from_server, line, wait)) in steps.iter().enumerate() {
            now += Duration::from_millis(*wait);
            let mut output = IrcOutput::default();
            match from_server {
                true => client.receive_from_server(format!("{line}\r\n").as_bytes(), now, &mut output),
                false => {
                    let line = format!("{}\n", HOST_LINES[at % HOST_LINES.len()]);
                    client.receive_from_host(line.as_bytes(), now, &mut output);
                }
            }
            check(&output);
            if client.next_deadline().is_some_and(|at| at <= now) {
                client.tick(now, &mut output);
                check(&output);
            }
        }
    }

    #[test]
    fn any_bytes_are_taken_in_any_pieces(
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        at in 0usize..3000,
    ) {
        let (mut client, mut output) = (online(), IrcOutput::default());
        let (one, two) = bytes.split_at(at.min(bytes.len()));
        for piece in [one, two, b"\nPING :end\r\n"] {
            client.receive_from_server(piece, Duration::ZERO, &mut output);
            check(&output);
        }
        prop_assert!(output.is_over || output.to_server.ends_with(b"PONG :end\r\n"));
    }
}

fn check(output: &IrcOutput) {
    let known = ["PONG :", "PING :", "PRIVMSG ", "NICK ", "USER ", "JOIN ", "QUIT"];
    known_lines::check(output, &known);
}
