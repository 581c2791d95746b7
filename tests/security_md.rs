//! SECURITY.md and README name tests, or have them: each is there and is run.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Each sentence of README's "What is safe" by its beginning, in order, and the tests that show it.
const README: &[(&str, &[&str])] = &[
    (
        "No file of theirs lands outside the folder.",
        &["native/src/files/inbox/tests.rs::does_not_store_through_a_link_that_leaves"],
    ),
    (
        "Names that climb, absolute ones, links that lead out, and names with characters that hide",
        &[
            "tests/hostile_provider.rs::names_that_would_move_a_cursor_or_climb_are_shown_escaped_and_left_out",
            "native/src/files/inbox/tests.rs::does_not_create_a_link_that_could_lead_out",
            "tests/hostile_provider.rs::nothing_is_written_through_a_link_out_of_the_folder",
        ],
    ),
    (
        "Nothing is overwritten unless you say so, and nothing lands in a terminal's folder under a",
        &[
            "tests/files.rs::on_conflict_does_as_it_says",
            "tests/left_out.rs::hidden_things_are_shared_and_taken_only_where_asked_for",
            "tests/left_out.rs::an_offer_is_not_let_onto_hidden_names",
        ],
    ),
    (
        "A share shows its folder and no more.",
        &["native/src/files/shares/tests.rs::follows_links_only_to_files_inside"],
    ),
    (
        "Links out of it are not followed, not even when they are swapped in",
        &[
            "native/src/files/shares/tests.rs::does_not_follow_a_link_swapped_in_after_the_check",
            "tests/hostile_requester.rs::a_shared_folder_that_is_swapped_for_a_link_leads_nowhere_else",
        ],
    ),
    (
        "The keys, configuration, token and certificate key of the program that shares are not",
        &[
            "tests/left_out.rs::the_programs_own_keys_are_never_shared",
            "tests/left_out.rs::keys_that_are_made_while_a_folder_is_shared_are_not_shared",
            "tests/own_files.rs::the_configuration_is_not_shared_from_its_usual_place",
            "tests/own_files.rs::the_configuration_is_not_shared_where_it_is_named",
            "tests/own_files.rs::a_configuration_that_is_made_later_is_not_shared",
        ],
    ),
    (
        "Your machine is nobody's tool.",
        &["tests/hostile_relay.rs::calls_to_addresses_that_are_no_peers_are_not_taken_up"],
    ),
    (
        "A call makes your machine connect to the caller.",
        &["tests/commands.rs::share_says_it_is_online_and_tells_what_happens"],
    ),
    (
        "It does so only to addresses that fit the relay you use, to ports from 1024 up, and at most",
        &[
            "tests/hostile_relay.rs::calls_to_addresses_that_are_no_peers_are_not_taken_up",
            "core/src/addr.rs::b_dials_no_nearer_than_its_relay",
            "core/src/peer/call_guard.rs::one_caller_uses_up_nobody_elses_calls",
        ],
    ),
    (
        "The relay passes on only the caller's own address or, on a private network, another one",
        &["tests/hostile_relay.rs::the_relay_refuses_addresses_that_are_not_the_callers"],
    ),
    (
        "The bridge is no proxy.",
        &["native/tests/bridge/refusals.rs::a_dial_to_an_address_no_x_init_brought"],
    ),
    (
        "It connects a tunnel only to where a call led it, whatever its options and however many",
        &[
            "core/tests/tunnel/colluding.rs::it_connects_only_to_where_a_call_led_however_many_clients_work_together",
        ],
    ),
    (
        "It reaches its own host only at ports that it allocated, but for clients on that very host;",
        &[
            "native/tests/bridge/colluding.rs::reaches_its_own_machine_only_at_allocated_ports",
            "native/tests/bridge/colluding.rs::permits_only_the_callers_own_private_address",
            "native/tests/bridge/colluding.rs::with_a_relay_elsewhere_no_private_address_is_reached",
        ],
    ),
    (
        "Nobody hosts anything at it: a listener is for one call or one session, and closed to all",
        &["native/tests/bridge/colluding.rs::visitors_without_a_call_are_refused"],
    ),
    (
        "It has to know who connects: a proxy in front of it that does not say so makes all who come",
        &[
            "native/tests/http/opening.rs::clients_of_a_tcp_proxy_have_its_address",
        ],
    ),
    (
        "The bridge answers to its own names.",
        &["native/tests/http/opening.rs::a_page_under_another_name_cannot_open_a_tunnel"],
    ),
    (
        "Pages of other sites are refused, and so are names that another's name server points at",
        &[
            "native/tests/http/opening.rs::refuses_pages_of_other_sites",
            "native/tests/http/opening.rs::refuses_host_names_that_point_here_by_dns_rebinding",
            "tests/tls.rs::over_tls_the_bridge_goes_by_the_names_of_its_certificate",
        ],
    ),
    (
        "With `--token-file` only who knows the token opens a tunnel, and an address that guesses",
        &[
            "native/tests/bridge/refusals.rs::a_missing_or_wrong_token",
            "native/tests/http/opening.rs::limits_wrong_tokens_of_an_address",
            "tests/tunnel.rs::the_relays_own_port_knows_no_token",
        ],
    ),
    (
        "A relay, or a bridge without a token, that others can reach says so at its start.",
        &["tests/options.rs::what_strangers_can_reach_is_said_loudly"],
    ),
    (
        "One stranger does not use the bridge up.",
        &["native/tests/bridge/refusals.rs::a_tunnel_too_many_of_one_address"],
    ),
    (
        "Connections, tunnels and listeners of an address are bounded, and what a tunnel makes the",
        &[
            "native/tests/http/opening.rs::limits_tunnels_in_total_and_per_address",
            "native/tests/bridge/allocating.rs::limits_a_tunnels_listeners_and_frees_them",
            "native/tests/bridge/endurance.rs::bounds_the_memory_of_a_tunnel",
            "native/tests/http/hostile.rs::incomplete_requests_do_not_lock_out_other_clients",
            "native/tests/http/stopping.rs::a_panic_ends_only_its_own_tunnel",
        ],
    ),
    (
        "`--tunnel-rate`, `--address-rate` and `--total-rate` bound the bytes a second.",
        &[
            "native/tests/bridge/rates.rs::a_tunnel_has_its_rate",
            "native/tests/bridge/rates.rs::tunnels_of_one_address_share_its_rate",
            "native/tests/bridge/rates.rs::all_tunnels_share_the_total_rate",
        ],
    ),
    (
        "[Many addresses do use it up](SECURITY.md#denial-of-service).",
        &["native/tests/http/opening.rs::limits_tunnels_in_total_and_per_address"],
    ),
    (
        "The page takes nothing from elsewhere.",
        &["native/tests/http/page.rs::every_response_has_the_security_headers"],
    ),
    (
        "Its content security policy allows its own files and its own bridge; names of others are",
        &[
            "native/tests/http/page.rs::every_response_has_the_security_headers",
            "tests/browser/naughty.test.js::as names of files that a terminal shares",
            "tests/browser/naughty.test.js::as nicks of who is online, and of callers",
        ],
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
        "Every line, size, name and address is taken for an attacker's; memory, time and numbers are",
        &[
            "core/tests/registry/any_bytes.rs::any_bytes_at_any_time_do_not_panic",
            "tests/memory.rs::a_hundred_thousand_files_are_listed_and_not_held",
            "native/tests/http/hostile.rs::disconnects_a_client_that_does_not_read_and_holds_few_bytes",
        ],
    ),
    (
        "A session is private with whoever can be private, and says so: see",
        &["tests/private.rs::neither_names_nor_bytes_cross_in_the_clear"],
    ),
    (
        "Who watches the network, the relay and the bridge see at most who calls whom, when, and",
        &[
            "tests/private.rs::neither_names_nor_bytes_cross_in_the_clear",
            "tests/code.rs::the_words_are_neither_heard_at_the_relay_nor_logged",
        ],
    ),
    (
        "Someone who can change what passes can make a *first* session one in the clear, which both",
        &[
            "tests/private.rs::a_first_session_that_someone_made_unencrypted_says_so_on_both_sides",
            "tests/private.rs::with_secure_nobody_is_spoken_with_in_the_clear",
        ],
    ),
    (
        "Who you called is known again.",
        &["tests/private.rs::a_changed_key_stops_until_it_is_forgotten"],
    ),
    (
        "Their key is pinned when it is first seen; someone else under their nick is stopped, at whichever",
        &[
            "core/tests/hosts/pins.rs::a_nick_that_is_called_is_pinned_at_first_sight",
            "core/tests/hosts/pins.rs::another_key_is_someone_else",
            "tests/relay_key.rs::whoever_is_known_at_one_address_of_a_relay_is_known_at_all",
        ],
    ),
    (
        "Nobody gets a nick that looks like theirs while they are online.",
        &["core/tests/registry/nicks.rs::a_nick_that_could_be_taken_for_another_is_taken"],
    ),
    (
        "Three safety words, the same on both sides, show that nobody is in between: compare them by",
        &[
            "core/src/secure/tests/safety.rs::both_sides_see_the_same_words",
            "core/src/secure/tests/safety.rs::someone_in_between_makes_the_words_differ",
        ],
    ),
    (
        "Without that, a nick proves nothing the first time.",
        &["core/src/secure/tests/safety.rs::someone_in_between_makes_the_words_differ"],
    ),
    (
        "Whoever comes to your port first is not taken for whom you called.",
        &["tests/tickets.rs::whoever_comes_first_is_not_who_was_called"],
    ),
    (
        "The relay hands both sides of a call a random ticket, and only the host that shows it is",
        &["core/tests/registry/caps.rs::both_sides_of_a_call_get_a_ticket_of_its_own"],
    ),
    (
        "Where the other side or the relay knows no tickets, the first who speaks is taken, and what",
        &["tests/tickets.rs::without_tickets_whoever_comes_first_is_asked"],
    ),
    (
        "A page is as safe as its way to you.",
        &[
            "tests/browser/private.test.js::whoever has a page of another address has another key, and knows nobody",
        ],
    ),
    (
        "A browser keeps its key, and those of the people it knows, for the address that the page",
        &[
            "tests/browser/private.test.js::whoever has a page of another address has another key, and knows nobody",
        ],
    ),
    (
        "Whoever can change a page that comes by `http://`, or runs the bridge that serves it, could",
        &[
            "tests/browser/private.test.js::whoever has a page of another address has another key, and knows nobody",
        ],
    ),
    (
        "Everyone at the relay can see what you share, and learns your address by calling you,",
        &["tests/commands.rs::share_ask_takes_its_answers_from_standard_input"],
    ),
    (
        "`--via bridge` shows them the bridge's address.",
        &["tests/reach.rs::by_the_bridge_alone_the_other_side_learns_the_bridges_address"],
    ),
];

#[test]
fn every_test_that_is_named_exists_and_is_run() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let named: Vec<_> = text.split('`').filter(|part| part.contains("::")).collect();
    assert!(named.len() > 50, "{} are named", named.len());
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
fn a_test_that_is_gone_or_is_not_run_is_found_out() {
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

/// The sentences of a paragraph, each with its lines joined and nothing of its type.
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

/// Expects that there is a test, `FILE::NAME`, which is no other function and is not left out.
#[track_caller]
fn is_run(test: &str) {
    let (file, name) = test.split_once("::").unwrap();
    let code = fs::read_to_string(root().join(file)).unwrap_or_default();
    let found = match file.ends_with(".js") {
        true => code.contains(&format!("\n  test(\"{name}\", async (t) => {{")),
        false => runs_in_rust(&code, name),
    };
    assert!(found, "expected a test {name} that is run in {file}");
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
