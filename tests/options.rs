//! Options: help, environment variables and the configuration file.

#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;
use system::process::{COMMANDS, xcher};
use system::relay::Relay;
use system::tree;
use tempfile::{TempDir, tempdir};

/// Creates a folder with one file to share.
fn shared() -> TempDir {
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "12345")]);
    folder
}

#[test]
fn help_lists_every_command_option_and_exit_code() {
    for (help, is_long) in [("--help", true), ("-h", false)] {
        let help = xcher([help]).run().code(0).quiet();
        let text = help.out.join("\n");
        for word in COMMANDS {
            assert!(text.contains(&format!("\n  {word} ")), "{word}\n{text}");
        }
        for word in ["--relay", "--nick", "--json"] {
            assert!(text.contains(word), "{word}\n{text}");
        }
        // The short help leaves out what is rarely used.
        for word in [
            "--plain",
            "--allow-private",
            "--timeout",
            "  0  success",
            "  1  ",
            "  2  invalid command line or configuration file",
            "  3  ",
            "  4  ",
            "XCHER_RELAY",
        ] {
            assert_eq!(text.contains(word), is_long, "{word}\n{text}");
        }
    }
    for command in COMMANDS {
        let help = xcher([command, "--help"]).run().code(0).quiet();
        assert!(help.out.iter().any(|line| line.starts_with("Usage: xcher ")), "{help}");
    }
    let version = xcher(["--version"]).run().code(0).quiet();
    version.out(&[concat!("xcher ", env!("CARGO_PKG_VERSION"))]);
}

#[test]
fn every_option_has_an_environment_variable() {
    for command in ["relay", "send", "receive", "share", "get", "up", "ls"] {
        let help = xcher([command, "--help"]).run().code(0);
        let text = help.out.join("\n");
        let mut options: Vec<_> = text.split("\n").filter_map(long_option).collect();
        // These apply to one run alone and have no variable.
        options.retain(|name| !["help", "all"].contains(name));
        assert!(options.len() > 8, "{text}");
        for name in options {
            let variable = format!("XCHER_{}]", name.to_uppercase().replace('-', "_"));
            assert!(text.contains(&variable), "{command}: {variable}\n{text}");
        }
    }
}

fn long_option(line: &str) -> Option<&str> {
    let option = line.trim_start().trim_start_matches("-o, ").trim_start_matches("-q, ");
    let option = option.trim_start_matches("-v, ").trim_start_matches("-h, ");
    let name = option.strip_prefix("--")?;
    Some(name.split([' ', '.']).next().unwrap_or(name))
}

/// Returns the nick that `share` takes, given a configuration file, a variable and a command-line option.
fn nick_of(file: Option<&Path>, variable: Option<&str>, flag: Option<&str>) -> String {
    let (relay, folder) = (Relay::start(), shared());
    let mut share = relay.xcher(["share", "-q"]).args([folder.path()]);
    if let Some(file) = file {
        share = share.env("XCHER_CONFIG", file);
    }
    if let Some(nick) = variable {
        share = share.env("XCHER_NICK", nick);
    }
    if let Some(nick) = flag {
        share = share.args(["--nick", nick]);
    }
    share.start().out("online ")
}

#[test]
fn command_line_overrides_the_environment_and_that_the_file() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, "nick = \"of-file\"\ntimeout = 5\nallow-private = false\n").unwrap();
    assert_eq!(nick_of(Some(&file), None, None), "of-file");
    assert_eq!(nick_of(Some(&file), Some("of-variable"), None), "of-variable");
    assert_eq!(nick_of(Some(&file), Some("of-variable"), Some("of-flag")), "of-flag");
    assert_eq!(nick_of(None, Some("of-variable"), Some("of-flag")), "of-flag");
}

#[test]
fn reads_the_default_configuration_file_or_the_named_one() {
    let (relay, folder) = (Relay::start(), shared());
    let home = folder.path().join("home");
    let address = relay.address;
    tree::write(
        &home,
        [
            ("xcher/config.toml", format!("relay = \"{address}\"\njson = true\n")),
            ("other.toml", format!("relay = \"{address}\"\nquiet = true\n")),
        ],
    );
    let _bob = relay.share("bob", folder.path());
    let usual = xcher(["who"]).env("XDG_CONFIG_HOME", &home).run().code(0);
    assert!(usual.events().contains(&json!({"event": "nick", "nick": "bob"})), "{usual}");
    let other = home.join("other.toml");
    let other = other.to_str().unwrap();
    let with_equals = format!("--config={other}");
    for named in
        [vec!["who", "--config", other], vec!["--config", other, "who"], vec!["who", &with_equals]]
    {
        xcher(named).env("XDG_CONFIG_HOME", &home).run().code(0).quiet().out(&["bob"]);
    }
}

#[test]
fn a_table_of_the_configuration_file_is_for_one_command() {
    let (relay, folder) = (Relay::start(), shared());
    let file = folder.path().join("config.toml");
    let write = |text: &str| fs::write(&file, text).unwrap();
    let config = file.to_str().unwrap();
    let who = || relay.xcher(["who", "--config", config]).run();
    write("json = true\n[who]\njson = false\n[share]\ntimeout = 0\n");
    who().code(0).quiet().out(&[]);
    for (text, error) in [
        ("[whom]\njson = true\n", "[whom] is not a command; name one, such as [relay]"),
        ("[who]\nlisten = 1\n", "in [who]: \"listen\" is not an option of xcher who"),
        ("[who]\njson = [true]\n", "in [who]: json takes one value; write it without brackets"),
        ("nick = [\"a\", \"b\"]\n", "nick takes one value; write it without brackets"),
        ("host-name = [1.5]\n", "host-name has a value of type float"),
        ("[who.more]\njson = true\n", "in [who]: more has a value of type table"),
    ] {
        write(text);
        let refused = who().code(2);
        assert!(refused.err.join("\n").contains(error), "{text}: {refused}");
    }
}

#[test]
fn an_option_takes_several_values_from_an_array() {
    let folder = shared();
    tree::write(folder.path(), [("shared/a.tmp", "1"), ("shared/b.bak", "2"), ("shared/c", "3")]);
    let (relay, file) = (Relay::start(), folder.path().join("config.toml"));
    fs::write(&file, "exclude = [\"*.tmp\", \"*.bak\"]\n").unwrap();
    let config = file.to_str().unwrap();
    let shared = folder.path().join("shared");
    let share = ["share", "--nick", "bob", "--config", config, shared.to_str().unwrap()];
    let bob = relay.xcher(share).start();
    bob.out("online bob");
    relay.xcher(["ls", "bob"]).run().code(0).out(&["1\tshared/c"]);
}

#[test]
fn an_option_without_effect_is_refused_on_the_command_line_only() {
    for (command, option) in [
        (vec!["relay", "--listen", "127.0.0.1:0"], vec!["--nick", "bob"]),
        (vec!["relay"], vec!["--plain"]),
        (vec!["bridge"], vec!["--limit-send", "1mb"]),
        (vec!["peers", "me"], vec!["--timeout", "3"]),
        (vec!["partial"], vec!["--relay", "127.0.0.1:1"]),
        (vec!["man"], vec!["--data-dir", "x"]),
    ] {
        let name = command[0];
        let refused = xcher(command.iter().chain(&option)).run().code(2);
        let text = format!("{} has no effect on `xcher {name}`; leave it out", option[0]);
        assert!(refused.err[0].contains(&text), "{refused}");
        let help = xcher([name, "--help"]).run().code(0);
        assert!(!help.out.iter().any(|line| line.contains(option[0])), "{help}");
    }
    xcher(["man"]).env("XCHER_NICK", "bob").env("XCHER_DATA_DIR", "x").run().code(0);
}

#[test]
fn environment_variables_set_switches() {
    let (relay, folder) = (Relay::start(), shared());
    let _bob = relay.share("bob", folder.path());
    for value in ["1", "true", "yes", "on"] {
        let who = relay.xcher(["who"]).env("XCHER_JSON", value).run().code(0);
        assert!(who.events().contains(&json!({"event": "nick", "nick": "bob"})), "{who}");
    }
    for value in ["0", "false", "no", "off"] {
        relay.xcher(["who"]).env("XCHER_JSON", value).run().code(0).out(&["bob"]);
    }
}

#[test]
fn quiet_prints_errors_alone_and_verbose_prints_more() {
    let (relay, folder) = (Relay::start(), shared());
    fs::write(folder.path().join("bad\nname"), "").unwrap();
    let share = |level: &[&str], nick: &str| {
        let bob = relay.xcher(["share", "--once", "--nick", nick]).args(level);
        let bob = bob.args([folder.path()]).start();
        bob.out("online ");
        relay.xcher(["ls", nick, "--nick", "amy"]).run().code(0);
        bob.wait().code(0)
    };
    let quiet = share(&["-q"], "quiet").quiet();
    assert!(quiet.session_lines.is_empty(), "{quiet}");
    let normal = share(&[], "normal");
    let normal = normal
        .session_line(&["amy (127.0.0.1) is connected directly; the session is encrypted: key "]);
    normal.error(&["bad\\nname\" is sent as ", "bad%{0A}name: its own name cannot be sent"]);
    share(&["-v"], "verbose").error(&["amy (127.0.0.1) disconnected"]);
}

#[test]
fn default_nick_gets_a_unique_suffix() {
    let (relay, folder) = (Relay::start(), shared());
    let start = || {
        let share = relay.xcher(["share"]).args([folder.path()]).start();
        let nick = share.out("online ");
        (share, nick)
    };
    let ((_first, name), (_second, numbered)) = (start(), start());
    assert!(numbered.starts_with(&format!("{name}-")), "{name}, then {numbered}");
}

#[test]
fn warns_of_ports_that_are_reachable_from_other_machines() {
    // `--quiet` does not silence the warning, and `--json` reports it as an event, too.
    let all = ["--listen", "0.0.0.0:0", "--http", "0.0.0.0:0"];
    let relay = xcher(["relay", "--quiet", "--json"]).args(all).start();
    relay.event(&[("event", "http")]);
    relay.err("open tunnels");
    let done = relay.stop(Signal::TERM).code(0);
    let said = |what: &str| done.err.iter().filter(|line| line.contains(what)).count();
    assert_eq!(
        (said("WARNING: anyone who can reach 0.0.0.0:"), said("take a nick")),
        (2, 1),
        "{done}"
    );
    let notices = done.events().into_iter().filter(|event| event["event"] == "notice").count();
    assert_eq!(notices, 2, "{done}");
    let folder = tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "secret\n").unwrap();
    // A token guards the bridge, but not the relay's own port.
    let token = ["--token-file", token.to_str().unwrap()];
    for (args, expected) in [
        (vec!["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"], None),
        ([&all[..], &token].concat(), Some("require tokens with --users")),
        ([&["--listen", "127.0.0.1:0", "--http", "0.0.0.0:0"], &token[..]].concat(), None),
    ] {
        let relay = xcher(["relay", "--quiet"]).args(args).start();
        relay.out("http ");
        let done = relay.stop(Signal::TERM).code(0);
        assert_eq!(done.err.len(), usize::from(expected.is_some()), "{done}");
        assert!(expected.is_none_or(|text| done.err[0].contains(text)), "{done}");
    }
}

#[test]
fn rejects_invalid_proxies_and_host_names() {
    for (option, wrong) in [("--trusted-proxy", "10.0.0.0/33"), ("--trusted-proxy", "proxy")] {
        let here = ["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        xcher(here).args([option, wrong]).run().code(2).error(&["10.0.0.0/24"]);
    }
    let here = ["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let named = ["--host-name", "relay.example,other.example", "--trusted-proxy", "10.0.0.0/8,::1"];
    let relay = xcher(here).args(named).start();
    relay.out("http ");
    xcher(here)
        .args(["--host-name", "http://relay.example"])
        .run()
        .code(2)
        .error(&["relay.example"]);
}
