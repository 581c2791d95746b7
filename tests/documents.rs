//! Checks that each claim of SECURITY.md, ARCHITECTURE.md and README has a test that exists and runs.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// The beginning of each sentence of README's "What is safe", in order, and the tests that verify it.
const README: &[(&str, &[&str])] = &[
    (
        "No received file lands outside the folder.",
        &["native/src/files/inbox/tests.rs::does_not_store_through_a_link_that_leaves"],
    ),
    (
        "Names that climb, absolute names, links that lead out, and names with characters that",
        &[
            "tests/hostile_provider.rs::names_that_move_a_cursor_or_leave_the_folder_are_escaped_and_left_out",
            "native/src/files/inbox/tests.rs::does_not_create_a_link_that_could_lead_out",
            "tests/hostile_provider.rs::nothing_is_written_through_a_link_that_leaves_the_folder",
        ],
    ),
    (
        "Nothing is overwritten unless you ask for it, and a terminal stores nothing under a",
        &[
            "tests/files.rs::on_conflict_renames_overwrites_skips_or_fails",
            "tests/left_out.rs::hidden_files_are_shared_and_received_only_on_request",
            "tests/left_out.rs::an_offer_cannot_write_hidden_names",
        ],
    ),
    (
        "A share exposes its folder and nothing else.",
        &["native/src/files/shares/tests.rs::follows_links_only_to_files_inside"],
    ),
    (
        "Links that lead out of it are not followed, even if they are swapped in between listing",
        &[
            "native/src/files/shares/tests.rs::does_not_follow_a_link_swapped_in_after_the_check",
            "tests/hostile_requester.rs::a_shared_folder_replaced_by_a_link_exposes_no_other_files",
        ],
    ),
    (
        "The keys, configuration, token and certificate key of the sharing program are never",
        &[
            "tests/left_out.rs::the_programs_own_keys_are_never_shared",
            "tests/left_out.rs::keys_created_while_a_folder_is_shared_are_not_shared",
            "tests/own_files.rs::default_configuration_is_not_shared",
            "tests/own_files.rs::named_configuration_is_not_shared",
            "tests/own_files.rs::configuration_created_later_is_not_shared",
        ],
    ),
    (
        "Callers cannot use your machine as a proxy.",
        &["tests/hostile_relay.rs::calls_to_addresses_that_cannot_be_a_peer_are_refused"],
    ),
    (
        "A call makes your machine connect to the caller.",
        &["tests/commands.rs::share_reports_that_it_is_online_and_every_transfer"],
    ),
    (
        "It does so only for addresses that fit the relay you use, for ports from 1024 up, and",
        &[
            "tests/hostile_relay.rs::calls_to_addresses_that_cannot_be_a_peer_are_refused",
            "core/src/addr.rs::callee_dials_no_narrower_scope_than_the_relays",
            "core/src/peer/call_guard.rs::one_caller_leaves_dials_to_others",
        ],
    ),
    (
        "The relay forwards only the caller's own address or, on a private network, another",
        &["tests/hostile_relay.rs::the_relay_refuses_addresses_other_than_the_callers"],
    ),
    (
        "An IRC channel checks no address, so there you are asked about each call.",
        &["tests/irc.rs::every_call_is_asked_about"],
    ),
    (
        "The bridge is not an open proxy.",
        &["native/tests/bridge/refusals.rs::a_dial_to_an_address_no_x_init_brought"],
    ),
    (
        "It connects a tunnel only to where a call led, whatever its options and however many of",
        &["core/tests/tunnel/colluding.rs::colluding_clients_cannot_dial_beyond_their_calls"],
    ),
    (
        "It reaches its own host only at ports that it allocated, except for clients on that",
        &[
            "native/tests/bridge/colluding.rs::reaches_its_own_machine_only_at_allocated_ports",
            "native/tests/bridge/colluding.rs::permits_only_the_callers_own_private_address",
            "native/tests/bridge/colluding.rs::with_a_relay_elsewhere_no_private_address_is_reached",
        ],
    ),
    (
        "Clients cannot host services at it: a listener belongs to one call or one session and",
        &["native/tests/bridge/colluding.rs::visitors_without_a_call_are_refused"],
    ),
    (
        "It must know who connects: a proxy in front of it that does not forward client",
        &["native/tests/http/opening.rs::clients_of_a_tcp_proxy_have_its_address"],
    ),
    (
        "The bridge answers to its own names.",
        &["native/tests/http/opening.rs::a_page_under_another_name_cannot_open_a_tunnel"],
    ),
    (
        "It refuses pages of other sites, and names that a foreign name server points at your",
        &[
            "native/tests/http/opening.rs::refuses_pages_of_other_sites",
            "native/tests/http/opening.rs::refuses_host_names_that_point_here_by_dns_rebinding",
            "tests/tls.rs::bridge_answers_to_the_names_in_its_certificate",
        ],
    ),
    (
        "With `--token-file`, only clients that know the token open a tunnel, and an address",
        &[
            "native/tests/bridge/refusals.rs::a_missing_or_wrong_token",
            "native/tests/http/opening.rs::limits_wrong_tokens_of_an_address",
            "tests/tunnel.rs::the_token_does_not_guard_the_relays_own_port",
        ],
    ),
    (
        "With `--users`, relay and bridge serve only those whose tokens a file has the hashes of.",
        &[
            "tests/users.rs::users_exchange_files_over_every_pair_of_ways_and_others_do_not",
            "core/tests/registry/users.rs::without_a_valid_token_nothing_is_answered",
        ],
    ),
    (
        "A relay without users, or a bridge without a token, that others can reach says so when it",
        &["tests/options.rs::warns_of_ports_that_are_reachable_from_other_machines"],
    ),
    (
        "A single client cannot exhaust the bridge.",
        &["native/tests/bridge/refusals.rs::a_tunnel_too_many_of_one_address"],
    ),
    (
        "Connections, tunnels and listeners per address are limited, and so is the memory a",
        &[
            "native/tests/http/opening.rs::limits_tunnels_in_total_and_per_address",
            "native/tests/bridge/allocating.rs::limits_a_tunnels_listeners_and_frees_them",
            "native/tests/bridge/endurance.rs::bounds_the_memory_of_a_tunnel",
            "native/tests/http/hostile.rs::incomplete_requests_do_not_lock_out_other_clients",
            "native/tests/bridge/threads.rs::busy_tunnels_do_not_delay_another",
            "native/tests/http/stopping.rs::a_panic_ends_only_its_own_tunnel",
        ],
    ),
    (
        "`--tunnel-rate`, `--address-rate` and `--total-rate` limit the bytes per second, `--address-quota`",
        &[
            "native/tests/bridge/quotas.rs::used_up_quota_cuts_both_ends_and_leaves_the_link",
            "native/tests/bridge/quotas.rs::used_up_total_cuts_everybody",
            "native/tests/bridge/rates.rs::a_tunnel_has_its_rate",
            "native/tests/bridge/rates.rs::tunnels_of_one_address_share_its_rate",
            "native/tests/bridge/rates.rs::all_tunnels_share_the_total_rate",
        ],
    ),
    (
        "[Many addresses together can exhaust it](SECURITY.md#denial-of-service).",
        &["native/tests/http/opening.rs::limits_tunnels_in_total_and_per_address"],
    ),
    (
        "The page loads nothing from elsewhere.",
        &["native/tests/http/page.rs::every_response_has_the_security_headers"],
    ),
    (
        "Its content security policy allows its own files and its own bridge; names from peers",
        &[
            "native/tests/http/page.rs::every_response_has_the_security_headers",
            "tests/browser/naughty.test.js::as names of files shared by a terminal",
            "tests/browser/naughty.test.js::as nicks of online peers and of callers",
        ],
    ),
    (
        "What the browser keeps of the page is compared with the digests of one build.",
        &["tests/browser/offline.test.js::stores no build that is not whole"],
    ),
    (
        "Bad input gets one clear message.",
        &[
            "tests/bad_input.rs::bad_input_from_the_command_line_gets_one_clear_message",
            "tests/bad_input.rs::bad_input_from_a_peer_gets_one_clear_message",
            "tests/bad_input.rs::bad_input_to_a_relay_gets_one_clear_message",
        ],
    ),
    (
        "Every line, size, name and address is treated as hostile; memory, time and numbers are",
        &[
            "core/tests/registry/any_bytes.rs::arbitrary_inputs_do_not_panic",
            "tests/memory.rs::lists_a_hundred_thousand_files_in_bounded_memory",
            "native/tests/http/hostile.rs::disconnects_a_client_that_does_not_read_and_holds_few_bytes",
        ],
    ),
    (
        "A session is encrypted with every peer that supports it, and says so: see",
        &["tests/private.rs::names_and_contents_cross_encrypted"],
    ),
    (
        "An observer of the network, the relay and the bridge learn at most who calls whom,",
        &[
            "tests/private.rs::names_and_contents_cross_encrypted",
            "tests/code.rs::the_words_of_a_code_reach_neither_the_relay_nor_the_log",
        ],
    ),
    (
        "An attacker who can modify traffic can force a *first* session to be unencrypted, which",
        &[
            "tests/private.rs::both_sides_report_a_first_session_downgraded_to_unencrypted",
            "tests/private.rs::secure_refuses_every_unencrypted_session",
        ],
    ),
    (
        "A peer you called is recognised.",
        &["tests/private.rs::changed_key_stops_the_session_until_the_pin_is_forgotten"],
    ),
    (
        "Its key is pinned when it is first seen; another host under its nick is stopped, at",
        &[
            "core/tests/hosts/pins.rs::pins_a_called_nick_at_first_sight",
            "core/tests/hosts/pins.rs::rejects_a_changed_key",
            "tests/relay_key.rs::peer_known_at_one_address_of_a_relay_is_known_at_all",
        ],
    ),
    (
        "No host gets a nick that looks like theirs while they are online.",
        &["core/tests/registry/nicks.rs::look_alike_nick_is_taken"],
    ),
    (
        "Three safety words, equal on both sides, prove that no attacker is in between: compare",
        &[
            "core/src/secure/tests/safety.rs::both_sides_derive_the_same_words",
            "core/src/secure/tests/safety.rs::words_differ_with_a_man_in_the_middle",
        ],
    ),
    (
        "Without that, a nick proves nothing the first time.",
        &["core/src/secure/tests/safety.rs::words_differ_with_a_man_in_the_middle"],
    ),
    (
        "The first host to connect to your port is not mistaken for the one you called.",
        &["tests/tickets.rs::caller_ignores_connections_without_the_ticket"],
    ),
    (
        "The relay gives both sides of a call a random ticket, and only a host that shows it is",
        &["core/tests/registry/caps.rs::both_sides_get_a_ticket_for_each_call"],
    ),
    (
        "If the peer or the relay does not support tickets, the first host that speaks is",
        &["tests/tickets.rs::without_tickets_caller_talks_to_the_first_connection"],
    ),
    (
        "A page is as trustworthy as its origin.",
        &[
            "tests/browser/private.test.js::a page of another origin has another key and no pinned ones",
        ],
    ),
    (
        "A browser keeps its key, and those of known peers, for the address the page came from.",
        &[
            "tests/browser/private.test.js::a page of another origin has another key and no pinned ones",
        ],
    ),
    (
        "Anyone who can modify a page loaded over `http://`, or who runs the bridge that serves",
        &[
            "tests/browser/private.test.js::a page of another origin has another key and no pinned ones",
        ],
    ),
    (
        "Everyone at the relay can see what you share, and learns your address by calling you,",
        &["tests/commands.rs::share_ask_reads_answers_from_standard_input"],
    ),
    (
        "`--via bridge` shows them the bridge's address instead.",
        &["tests/reach.rs::via_bridge_shows_the_peer_the_bridges_address_alone"],
    ),
];

#[test]
fn every_named_test_exists_and_runs() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let named: Vec<_> = text.split('`').filter(|part| part.contains("::")).collect();
    assert!(named.len() > 50, "only {} tests are named", named.len());
    for test in named {
        is_run(test);
    }
}

#[test]
fn every_sentence_of_what_is_safe_has_a_test() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = text.split_once("\n## What is safe, and what is not yet\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let points = section.split("\n* ").skip(1);
    let sentences: Vec<_> = points.flat_map(sentences).collect();
    for (sentence, (begins, tests)) in sentences.iter().zip(README) {
        assert!(sentence.starts_with(begins), "expected {begins:?}, got {sentence:?}");
        assert!(!tests.is_empty(), "{begins:?}");
        for test in *tests {
            is_run(test);
        }
    }
    assert_eq!(sentences.len(), README.len(), "{:?}", sentences.last());
}

#[test]
fn every_path_and_test_of_the_architecture_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let is_path = |part: &&str| {
        let top = part.split('/').next().unwrap_or_default();
        part.contains('/') && ["core", "native", "tests", "wasm", "www"].contains(&top)
    };
    let paths: Vec<_> = text.split('`').filter(is_path).collect();
    assert!(paths.len() > 50, "only {} paths are named", paths.len());
    for path in paths {
        match path.contains("::") {
            true => is_run(path),
            false => assert!(root().join(path).exists(), "expected {path} to exist"),
        }
    }
}

/// Each invariant of the architecture ends with a test.
#[test]
fn every_architecture_invariant_has_a_test() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, section) = text.split_once("\n## Architecture invariants\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let invariants: Vec<_> = section.split("\n**").skip(1).collect();
    assert!(invariants.len() >= 10, "only {} invariants", invariants.len());
    for invariant in invariants {
        assert!(invariant.contains("::"), "expected a test: {invariant}");
    }
}

/// Front ends word what the core reports, so that no text of it names an option of the command line.
#[test]
fn no_text_of_the_core_names_an_option() {
    let mut folders = vec![root().join("core/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let code = fs::read_to_string(&path).unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let option = line.match_indices("--").any(|(at, _)| {
                    line[..at].ends_with([' ', '"', '`', '('])
                        && line[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
                });
                assert!(!option, "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn detects_a_test_that_is_missing_or_ignored() {
    let rust = "#[test]\nfn first() {}\n\n#[test]\n#[ignore = \"slow\"]\nfn second() {}\n\nfn third() {}\n\
                /// Of tokio.\n#[tokio::test(start_paused = true)]\nasync fn fourth() {}\n\n\
                #[cfg_attr(miri, ignore)]\n#[test]\nfn fifth() {}\n\n//#[test]\nfn sixth() {}\n";
    let found = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"]
        .map(|name| runs_in_rust(rust, name));
    assert_eq!(found, [true, false, false, true, true, false, false]);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the sentences of a paragraph, each on one line and without Markdown emphasis.
fn sentences(paragraph: &str) -> Vec<String> {
    let words: Vec<_> = paragraph.split_whitespace().collect();
    let text = words.join(" ").replace("**", "");
    let mut sentences = vec![String::new()];
    for piece in text.split_inclusive(". ") {
        let begins = piece.starts_with(|c: char| c.is_uppercase() || "`[".contains(c));
        match sentences.last_mut() {
            Some(last) if last.is_empty() || !begins => last.push_str(piece),
            _ => sentences.push(piece.to_owned()),
        }
    }
    sentences.iter().map(|sentence| sentence.trim().to_owned()).collect()
}

/// Expects that `FILE::NAME` is a test that exists and is not ignored.
#[track_caller]
fn is_run(test: &str) {
    let (file, name) = test.split_once("::").unwrap();
    let code = fs::read_to_string(root().join(file)).unwrap_or_default();
    let found = match file.ends_with(".js") {
        true => {
            let test = format!("test(\"{name}\", async (t) => {{");
            code.lines().any(|line| line.trim_start() == test)
        }
        false => runs_in_rust(&code, name),
    };
    assert!(found, "expected {file} to contain a test {name} that runs");
}

fn runs_in_rust(code: &str, name: &str) -> bool {
    let lines: Vec<_> = code.lines().map(str::trim).collect();
    let is_it = |line: &str| {
        let line = line.trim_start_matches("async ");
        line.strip_prefix("fn ")
            .and_then(|line| line.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with('('))
    };
    let Some(at) = lines.iter().position(|line| is_it(line)) else { return false };
    let above = lines[..at].iter().rev();
    let attributes: Vec<_> =
        above.take_while(|line| line.starts_with("#[") || line.starts_with("//")).collect();
    let is_test = |line: &&&str| {
        **line == "#[test]"
            || line.starts_with("#[tokio::test]")
            || line.starts_with("#[tokio::test(")
    };
    attributes.iter().any(is_test) && !attributes.iter().any(|line| line.starts_with("#[ignore"))
}
