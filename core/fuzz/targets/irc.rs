//! A host at an IRC server that sends anything: both sides get only lines that they know, one per call or
//! question, and the memory that others can use is bounded.

#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::irc::{Channel, Credentials, IrcClient, IrcConfig, IrcOutput};

#[path = "../../tests/irc/known_lines.rs"]
mod known_lines;

#[derive(Arbitrary, Debug)]
enum Step {
    Host(u8),
    /// A message with a known command.
    Message {
        source: u8,
        command: u8,
        params: [u8; 3],
        text: String,
    },
    Bytes(Vec<u8>),
    Wait(u16),
}

const HOST_LINES: [&str; 9] = [
    "X_NICK bob",
    "X_NICK 4821",
    "X_NICK träd",
    "X_INIT kim 9.9.9.9 4000",
    "X_INIT 1 9.9.9.9 4000",
    "X_INIT #files 9.9.9.9 4000",
    "X_WHO",
    "X_ADDR",
    "X_PING 1",
];
const SOURCES: [&str; 6] =
    ["", ":s ", ":bob!b@9.9.9.9 ", ":kim!k@10.0.0.7 ", ":x4821!x@h ", "@t=1 :kim "];
const COMMANDS: [&str; 24] = [
    "001",
    "005",
    "353",
    "366",
    "401",
    "432",
    "433",
    "437",
    "464",
    "475",
    "716",
    "902",
    "903",
    "904",
    "CAP",
    "AUTHENTICATE",
    "JOIN",
    "PART",
    "KICK",
    "QUIT",
    "NICK",
    "PRIVMSG",
    "PING",
    "PONG",
];
const PARAMS: [&str; 8] = ["bob", "x4821", "kim", "#files", "#FILES", "LS", "ACK", "+"];

fuzz_target!(|input: (bool, Vec<Step>)| {
    let (with_password, steps) = input;
    let channel = Channel::parse("#files").expect("a channel");
    let credentials = Credentials {
        password: with_password.then(|| "secret".to_owned()),
        ..Credentials::default()
    };
    let config = IrcConfig { credentials, ..IrcConfig::new(channel) };
    let mut client = IrcClient::new(config, [192, 0, 2, 7].into());
    let mut now = Duration::from_secs(1000);
    for step in steps.into_iter().take(300) {
        let mut output = IrcOutput::default();
        match step {
            Step::Host(line) => {
                let line = format!("{}\n", HOST_LINES[usize::from(line) % HOST_LINES.len()]);
                client.receive_from_host(line.as_bytes(), now, &mut output);
            }
            Step::Message { source, command, params, text } => {
                let source = SOURCES[usize::from(source) % SOURCES.len()];
                let command = COMMANDS[usize::from(command) % COMMANDS.len()];
                let [one, two, three] =
                    params.map(|param| PARAMS[usize::from(param) % PARAMS.len()]);
                let line = format!("{source}{command} {one} {two} {three} :{text}\r\n");
                client.receive_from_server(line.as_bytes(), now, &mut output);
            }
            Step::Bytes(bytes) => client.receive_from_server(&bytes, now, &mut output),
            Step::Wait(millis) => {
                now += Duration::from_millis(millis.into());
                if client.next_deadline().is_some_and(|at| at <= now) {
                    client.tick(now, &mut output);
                    assert!(client.next_deadline().is_none_or(|at| at > now), "a tick in vain");
                }
            }
        }
        check(&output);
        if output.is_over {
            assert_eq!(client.next_deadline(), None);
        }
    }
});

fn check(output: &IrcOutput) {
    let known = [
        "PONG :",
        "PING :",
        "PRIVMSG ",
        "NICK ",
        "USER ",
        "JOIN #files",
        "QUIT",
        "CAP ",
        "AUTHENTICATE ",
    ];
    known_lines::check(output, &known);
}
