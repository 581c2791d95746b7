//! Hole punching: invitations and rendezvous (section 5.8).

use super::*;

const ALL: &str = "from ticket meet";
/// Addresses at which the relay sees Alice and Bob.
const AT_ALICE: &str = "11.0.0.2";
const AT_BOB: &str = "12.0.0.3";
/// Their rendezvous, and one of somebody else.
const OF_ALICE: ConnId = ConnId(11);
const OF_BOB: ConnId = ConnId(12);
const STRANGER: ConnId = ConnId(13);

fn come_online(relay: &mut Relay, conn: ConnId, nick: &str, ip: &str, words: &str) {
    relay.connect_from(conn, &SocketAddr::new(ip.parse().unwrap(), 5000).to_string());
    assert_eq!(relay.ask(conn, &format!("X_NICK {nick}")), format!("X_NICK {nick} YES\n"));
    relay.ask(conn, &format!("X_CAPS {words}"));
}

fn two_with(words: [&str; 2], limits: RelayLimits) -> Relay {
    let mut relay = Relay::with_port(limits);
    come_online(&mut relay, ALICE, "alice", AT_ALICE, words[0]);
    come_online(&mut relay, BOB, "bob", AT_BOB, words[1]);
    relay
}

/// The default limits, but no pings.
fn limits() -> RelayLimits {
    RelayLimits { silence_timeout: seconds(10_000), ..RelayLimits::default() }
}

fn two() -> Relay {
    two_with([ALL, ALL], limits())
}

/// Lets Alice ask for a meeting with Bob, and returns their invitations.
fn invite(relay: &mut Relay) -> [String; 2] {
    let answer = relay.ask(ALICE, "X_MEET bob");
    let fields = answer.strip_prefix("X_MEET bob ").and_then(|rest| rest.strip_suffix(" 9247\n"));
    let of_alice = fields.unwrap_or_else(|| panic!("{answer}")).to_owned();
    let told = relay.output(BOB);
    let fields = told.strip_prefix("X_FROM alice\nX_MEET ").and_then(|t| t.strip_suffix(" 9247\n"));
    let of_bob = fields.unwrap_or_else(|| panic!("{told}")).to_owned();
    assert!(of_alice.len() == 24 && of_bob.len() == 24 && of_alice != of_bob);
    [of_alice, of_bob]
}

/// Opens a rendezvous, and returns the answer.
fn arrive(relay: &mut Relay, conn: ConnId, from: &str, invitation: &str) -> String {
    relay.connect_from(conn, from);
    relay.ask(conn, &format!("X_MEET {invitation}"))
}

const NO_INVITATION: &str =
    "X_ERR X_MEET no such invitation for your address, or it was used or has expired\n";
const NOBODY: &str = "X_ERR X_MEET the other host did not come\n";

fn assert_is_refused(relay: &mut Relay, from: &str, invitation: &str) {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1000);
    let conn = ConnId(COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    assert_eq!(arrive(relay, conn, from, invitation), NO_INVITATION, "{from}");
    assert_eq!(relay.closed(conn), Some(CloseReason::NotInvited));
}

#[test]
fn both_get_the_others_address_and_one_ticket_in_one_step() {
    for first in [ALICE, BOB] {
        let mut relay = two();
        let [of_alice, of_bob] = invite(&mut relay);
        let mut both = [(OF_ALICE, "11.0.0.2:40002", of_alice), (OF_BOB, "12.0.0.3:61000", of_bob)];
        if first == BOB {
            both.reverse();
        }
        let [(one, at, invitation), (other, to, last)] = both;
        assert_eq!(arrive(&mut relay, one, at, &invitation), "");
        relay.connect_from(other, to);
        let mut actions = Vec::new();
        let line = format!("X_MEET {last}\n");
        let input = Input::Received { conn: other, bytes: line.as_bytes() };
        relay.registry.handle(input, relay.now, &mut actions);
        let written: BTreeMap<_, _> = actions
            .into_iter()
            .filter_map(|action| match action {
                Action::Write { conn, bytes } => Some((conn, String::from_utf8(bytes).unwrap())),
                Action::Record { .. } => None,
                other => panic!("{other:?}"),
            })
            .collect();
        let to_alice = written[&OF_ALICE].strip_prefix("X_MEET 12.0.0.3 61000 ").unwrap();
        let to_bob = written[&OF_BOB].strip_prefix("X_MEET 11.0.0.2 40002 ").unwrap();
        assert_eq!(to_alice, to_bob);
        assert_eq!((to_alice.len(), written.len()), (25, 2));
        // Neither of the ways ends the other: both stay until their time is over.
        relay.wait(seconds(9));
        assert_eq!((relay.closed(OF_ALICE), relay.closed(OF_BOB)), (None, None));
        relay.wait(seconds(1));
        let met = Some(CloseReason::Met);
        assert_eq!((relay.closed(OF_ALICE), relay.closed(OF_BOB)), (met, met));
        assert_eq!(relay.closed(ALICE), None);
    }
}

#[test]
fn relay_without_a_port_knows_no_x_meet() {
    let mut relay = relay();
    come_online(&mut relay, ALICE, "alice", AT_ALICE, "");
    assert_eq!(relay.ask(ALICE, "X_MEET bob"), "X_ERR X_MEET unknown verb\n");
    relay.connect(CAROL);
    assert_eq!(relay.ask(CAROL, "X_CAPS meet"), "X_CAPS from ticket near move page path decline\n");
    let mut relay = Relay::with_port(RelayLimits::default());
    relay.connect(CAROL);
    assert_eq!(
        relay.ask(CAROL, "X_CAPS meet"),
        "X_CAPS from ticket near meet move page path decline\n"
    );
}

#[test]
fn host_that_does_not_know_it_notices_nothing() {
    for words in ["", "from", "from ticket", "from meet", "ticket meet", "from ticket near"] {
        let mut relay = two_with([ALL, words], RelayLimits::default());
        relay.output(BOB);
        assert_eq!(
            relay.ask(ALICE, "X_MEET bob"),
            "X_ERR X_MEET bob does not support hole punching\n"
        );
        assert_eq!(relay.output(BOB), "", "{words}");
        let mut relay = two_with([words, ALL], RelayLimits::default());
        assert_eq!(
            relay.ask(ALICE, "X_MEET bob"),
            "X_ERR X_MEET X_CAPS with the words from, ticket and meet must come first\n"
        );
        assert_eq!(relay.output(BOB), "", "{words}");
    }
}

#[test]
fn connection_without_a_nick_asks_for_no_meeting() {
    let mut relay = two();
    relay.connect(CAROL);
    relay.ask(CAROL, &format!("X_CAPS {ALL}"));
    assert_eq!(relay.ask(CAROL, "X_MEET bob"), "X_ERR X_MEET X_NICK must come first\n");
    let [of_alice, _] = invite(&mut relay);
    // Nor is it a rendezvous, because this is not its first line.
    let answer = relay.ask(CAROL, &format!("X_MEET {of_alice}"));
    assert_eq!(answer, "X_ERR X_MEET X_NICK must come first\n");
    assert_eq!(relay.output(BOB), "");
}

#[test]
fn invitation_is_valid_at_the_address_of_its_host_alone() {
    let mut relay = two();
    let [of_alice, of_bob] = invite(&mut relay);
    // A stranger, the other side, and a host whose port a proxy hides.
    for (from, invitation) in [
        ("13.0.0.4:1", &of_alice),
        ("12.0.0.3:1", &of_alice),
        ("11.0.0.2:1", &of_bob),
        ("11.0.0.2:0", &of_alice),
    ] {
        assert_is_refused(&mut relay, from, invitation);
    }
    // Neither an attempt nor an invalid invitation uses it up.
    for wrong in ["bob", "alice", "", "AAAA", &format!("{of_alice}="), "BwcHBwcHBwcHBwcHBwcHBw=="] {
        relay.connect_from(STRANGER, "11.0.0.2:1");
        let answer = relay.ask(STRANGER, &format!("X_MEET {wrong}"));
        assert!(answer.starts_with("X_ERR X_MEET "), "{wrong}: {answer}");
        relay.handle(Input::Closed { conn: STRANGER });
        relay.closed.remove(&STRANGER);
    }
    assert_eq!(arrive(&mut relay, OF_ALICE, "[::ffff:11.0.0.2]:40002", &of_alice), "");
    let answer = arrive(&mut relay, OF_BOB, "12.0.0.3:61000", &of_bob);
    assert!(answer.starts_with("X_MEET 11.0.0.2 40002 "), "{answer}");
}

/// One /64 counts as one address in limits, but another host in it is another host.
#[test]
fn invitation_is_not_valid_at_another_address_of_the_same_network() {
    let mut relay = Relay::with_port(RelayLimits::default());
    come_online(&mut relay, ALICE, "alice", "2a00:1:2:3::1", ALL);
    come_online(&mut relay, BOB, "bob", "2a00:1:2:3::2", ALL);
    let [of_alice, of_bob] = invite(&mut relay);
    assert_is_refused(&mut relay, "[2a00:1:2:3::2]:40000", &of_alice);
    assert_is_refused(&mut relay, "[2a00:1:2:3::9]:40000", &of_bob);
    assert_eq!(arrive(&mut relay, OF_ALICE, "[2a00:1:2:3::1]:40000", &of_alice), "");
    let answer = arrive(&mut relay, OF_BOB, "[2a00:1:2:3::2]:40000", &of_bob);
    assert!(answer.starts_with("X_MEET 2a00:1:2:3::1 40000 "), "{answer}");
}

#[test]
fn invitation_is_valid_once() {
    let mut relay = two();
    let [of_alice, of_bob] = invite(&mut relay);
    assert_eq!(arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice), "");
    assert_is_refused(&mut relay, "11.0.0.2:2", &of_alice);
    arrive(&mut relay, OF_BOB, "12.0.0.3:1", &of_bob);
    assert_is_refused(&mut relay, "11.0.0.2:3", &of_alice);
    assert_is_refused(&mut relay, "12.0.0.3:2", &of_bob);
    assert_eq!((relay.closed(OF_ALICE), relay.closed(OF_BOB)), (None, None));
}

#[test]
fn invitation_expires() {
    let mut relay = two();
    let [of_alice, of_bob] = invite(&mut relay);
    relay.wait(seconds(59));
    assert_eq!(arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice), "");
    relay.wait(seconds(1));
    assert_eq!(relay.output(OF_ALICE), NOBODY);
    assert_eq!(relay.closed(OF_ALICE), Some(CloseReason::NotMet));
    assert_is_refused(&mut relay, "12.0.0.3:1", &of_bob);
    assert_eq!(relay.closed(ALICE), None);
}

/// The driver may be late with a tick.
#[test]
fn invitation_expires_without_a_tick() {
    let mut relay = two();
    let [of_alice, _] = invite(&mut relay);
    relay.now += seconds(60);
    assert_is_refused(&mut relay, "11.0.0.2:1", &of_alice);
}

#[test]
fn meeting_ends_with_either_host() {
    for leaver in [ALICE, BOB] {
        let mut relay = two();
        let [of_alice, of_bob] = invite(&mut relay);
        arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice);
        relay.handle(Input::Closed { conn: leaver });
        relay.wait(Duration::ZERO);
        assert_eq!(relay.output(OF_ALICE), NOBODY);
        assert_eq!(relay.closed(OF_ALICE), Some(CloseReason::NotMet));
        assert_is_refused(&mut relay, "12.0.0.3:1", &of_bob);
        let again = ConnId(20);
        let (nick, at) = if leaver == ALICE { ("alice", AT_ALICE) } else { ("bob", AT_BOB) };
        come_online(&mut relay, again, nick, at, ALL);
        assert_is_refused(&mut relay, "12.0.0.3:1", &of_bob);
    }
}

#[test]
fn meeting_ends_with_its_rendezvous() {
    let mut relay = two();
    let [of_alice, of_bob] = invite(&mut relay);
    arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice);
    relay.handle(Input::Closed { conn: OF_ALICE });
    assert_is_refused(&mut relay, "12.0.0.3:1", &of_bob);
    // A host may also say that it leaves.
    let [of_alice, of_bob] = invite(&mut relay);
    arrive(&mut relay, OF_BOB, "12.0.0.3:1", &of_bob);
    relay.send(OF_BOB, "X_END\n");
    assert_eq!(relay.closed(OF_BOB), Some(CloseReason::End));
    assert_is_refused(&mut relay, "11.0.0.2:1", &of_alice);
}

/// What was begun goes on: the hosts need the relay no more.
#[test]
fn rendezvous_of_hosts_that_have_met_does_not_need_them_online() {
    let mut relay = two();
    let [of_alice, of_bob] = invite(&mut relay);
    arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice);
    arrive(&mut relay, OF_BOB, "12.0.0.3:1", &of_bob);
    relay.handle(Input::Closed { conn: ALICE });
    relay.wait(seconds(9));
    assert_eq!((relay.closed(OF_ALICE), relay.closed(OF_BOB)), (None, None));
}

#[test]
fn rendezvous_is_nothing_else() {
    let mut relay = two();
    let [of_alice, _] = invite(&mut relay);
    arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice);
    for line in ["X_NICK carol", "X_WHO", "X_PING x", "X_ADDR", "X_MEET bob", "X_FUTURE", "hello"] {
        let verb = if line == "hello" { "-" } else { line.split(' ').next().unwrap() };
        let expected = if line == "hello" {
            "X_ERR - expected an XCHER packet such as X_NICK nick, got \"hello\"\n".to_owned()
        } else {
            format!("X_ERR {verb} expected no more packets on a rendezvous\n")
        };
        assert_eq!(relay.ask(OF_ALICE, line), expected);
    }
    assert_eq!(relay.ask(BOB, "X_WHO"), "X_WHO alice\nX_WHO bob\nX_WHO EOF\n");
    for _ in 7..16 {
        relay.send(OF_ALICE, "X_NICK carol\n");
    }
    assert_eq!(relay.closed(OF_ALICE), Some(CloseReason::TooManyErrors));
}

#[test]
fn addresses_of_two_families_do_not_meet() {
    let mut relay = Relay::with_port(RelayLimits::default());
    come_online(&mut relay, ALICE, "alice", AT_ALICE, ALL);
    come_online(&mut relay, BOB, "bob", "2a00::7", ALL);
    let [of_alice, of_bob] = invite(&mut relay);
    arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice);
    let expected =
        "X_ERR X_MEET one of you has an IPv4 address here, and the other an IPv6 address\n";
    assert_eq!(arrive(&mut relay, OF_BOB, "[2a00::7]:1", &of_bob), expected);
    assert_eq!(relay.output(OF_ALICE), expected);
    let closed = Some(CloseReason::NotMet);
    assert_eq!((relay.closed(OF_ALICE), relay.closed(OF_BOB)), (closed, closed));
}

/// A bridge's client meets over TCP: over the bridge its port would be another's.
#[test]
fn clients_of_a_bridge_meet_over_tcp() {
    let mut relay = two();
    relay.handle(Input::Bridged { conn: ALICE });
    relay.handle(Input::Bridged { conn: BOB });
    let [of_alice, of_bob] = invite(&mut relay);
    relay.connect_from(STRANGER, "11.0.0.2:1");
    relay.handle(Input::Bridged { conn: STRANGER });
    assert_eq!(relay.ask(STRANGER, &format!("X_MEET {of_alice}")), NO_INVITATION);
    assert_eq!(arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice), "");
    let answer = arrive(&mut relay, OF_BOB, "12.0.0.3:1", &of_bob);
    assert!(answer.starts_with("X_MEET 11.0.0.2 1 "), "{answer}");
    assert_eq!(relay.reports, []);
}

#[test]
fn caller_and_its_address_have_few_meetings_at_a_time() {
    let limits = RelayLimits { invitations_per_address: 6, ..limits() };
    let mut relay = Relay::with_port(limits);
    come_online(&mut relay, ALICE, "alice", AT_ALICE, ALL);
    come_online(&mut relay, CAROL, "carol", AT_ALICE, ALL);
    for host in 0..8 {
        let at = format!("12.0.0.{host}");
        come_online(&mut relay, ConnId(100 + host), &format!("host{host}"), &at, ALL);
    }
    let meet = |relay: &mut Relay, conn, host: u64| relay.ask(conn, &format!("X_MEET host{host}"));
    for host in 0..4 {
        assert!(meet(&mut relay, ALICE, host).starts_with(&format!("X_MEET host{host} ")));
    }
    let refused = "X_ERR X_MEET too many of your X_MEETs wait: the limit is 4\n";
    assert_eq!(meet(&mut relay, ALICE, 4), refused);
    assert!(relay.output(ConnId(104)).is_empty());
    for host in 4..6 {
        assert!(meet(&mut relay, CAROL, host).starts_with("X_MEET host"));
    }
    let of_address = "X_ERR X_MEET too many of your address's X_MEETs wait: the limit is 6\n";
    assert_eq!(meet(&mut relay, CAROL, 6), of_address);
    // Others at the address can still be called.
    come_online(&mut relay, BOB, "bob", AT_BOB, ALL);
    assert!(relay.ask(BOB, "X_MEET alice").starts_with("X_MEET alice "));
    assert!(relay.output(ALICE).starts_with("X_FROM bob\nX_MEET "));
    relay.wait(seconds(60));
    assert!(meet(&mut relay, ALICE, 4).starts_with("X_MEET host4 "));
}

#[test]
fn meeting_that_is_complete_counts_no_more() {
    let mut relay = two();
    for at in 0..20 {
        let [of_alice, of_bob] = invite(&mut relay);
        arrive(&mut relay, ConnId(100 + at), "11.0.0.2:1", &of_alice);
        let answer = arrive(&mut relay, ConnId(200 + at), "12.0.0.3:1", &of_bob);
        assert!(answer.starts_with("X_MEET 11.0.0.2 1 "), "{answer}");
    }
}

/// Whoever calls a host most often makes room for the others.
#[test]
fn flood_of_one_caller_leaves_a_callee_able_to_meet_another() {
    let mut relay = two();
    let [of_alice, of_bob] = invite(&mut relay);
    for flooder in 0..100 {
        let at = format!("13.0.0.{}", flooder / 60);
        come_online(&mut relay, ConnId(100 + flooder), &format!("f{flooder}"), &at, ALL);
        let answer = relay.ask(ConnId(100 + flooder), "X_MEET bob");
        assert!(answer.starts_with("X_MEET bob "), "{answer}");
    }
    relay.output(BOB);
    arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice);
    assert!(arrive(&mut relay, OF_BOB, "12.0.0.3:1", &of_bob).starts_with("X_MEET 11.0.0.2 1 "));
}

#[test]
fn rendezvous_whose_meeting_makes_room_ends() {
    let mut relay = Relay::with_port(RelayLimits { invitations_per_address: 4, ..limits() });
    come_online(&mut relay, ALICE, "alice", AT_ALICE, ALL);
    come_online(&mut relay, BOB, "bob", AT_BOB, ALL);
    let [of_alice, _] = invite(&mut relay);
    arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice);
    for other in 0..4 {
        let at = format!("13.0.0.{other}");
        come_online(&mut relay, ConnId(100 + other), &format!("c{other}"), &at, ALL);
        assert_eq!(relay.closed(OF_ALICE), None);
        relay.ask(ConnId(100 + other), "X_MEET bob");
        relay.wait(Duration::ZERO);
    }
    assert_eq!(relay.output(OF_ALICE), NOBODY);
}

#[test]
fn flood_of_x_meet_is_an_ordinary_flood() {
    let mut relay = two();
    for _ in 0..600 {
        relay.send(ALICE, "X_MEET bob\n");
    }
    assert!(relay.output(BOB).lines().count() <= 8, "two lines for each of four meetings");
    for _ in 0..600 {
        let answer = relay.ask(ALICE, "X_INIT bob 11.0.0.2 4000");
        assert!(answer.contains("too many X_INIT, X_MEET and X_WHO"), "{answer}");
        assert_eq!(relay.closed(ALICE), None);
    }
    relay.send(ALICE, "X_MEET bob\n");
    assert_eq!(relay.closed(ALICE), Some(CloseReason::TooManyErrors));
}

#[test]
fn hundred_rendezvous_of_one_address_are_a_hundred_connections() {
    let mut relay = two();
    let [of_alice, of_bob] = invite(&mut relay);
    for guess in 0..100_u64 {
        assert_is_refused(&mut relay, "11.0.0.2:1", &format!("AAAAAAAAAAAAAAAAAAA{guess:03}=="));
    }
    assert_eq!(relay.registry.connections(), 2);
    arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice);
    assert!(arrive(&mut relay, OF_BOB, "12.0.0.3:1", &of_bob).starts_with("X_MEET "));
}

#[test]
fn rendezvous_counts_as_a_connection() {
    let mut relay = two_with([ALL, ALL], RelayLimits { connections: 3, ..limits() });
    let [of_alice, of_bob] = invite(&mut relay);
    assert_eq!(arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice), "");
    let answer = arrive(&mut relay, OF_BOB, "12.0.0.3:1", &of_bob);
    assert_eq!(answer, "X_ERR - too many connections: the limit is 3\n");
    assert_eq!(relay.closed(OF_BOB), Some(CloseReason::Full));
    // The invitation is not used up.
    relay.handle(Input::Closed { conn: OF_ALICE });
    let [of_alice, of_bob] = invite(&mut relay);
    arrive(&mut relay, ConnId(31), "11.0.0.2:1", &of_alice);
    relay.wait(seconds(60));
    assert_is_refused(&mut relay, "12.0.0.3:1", &of_bob);
}

#[test]
fn callee_that_does_not_read_is_closed() {
    let mut relay = two_with([ALL, ALL], RelayLimits { unsent: 60, ..limits() });
    relay.sends_at_once = false;
    relay.send(BOB, "X_PING 0123456789\n");
    let answer = relay.ask(ALICE, "X_MEET bob");
    assert_eq!(answer, "X_ERR X_MEET bob does not read and was disconnected\n");
    assert_eq!(relay.closed(BOB), Some(CloseReason::NotReading));
}

/// As X_INIT: what a caller may learn about codes and absent nicks is the same.
#[test]
fn codes_cannot_be_found_by_x_meet() {
    let mut relay = two();
    come_online(&mut relay, CAROL, "4821", "13.0.0.4", ALL);
    for number in 1000..1010 {
        assert_eq!(
            relay.ask(ALICE, &format!("X_MEET {number}")),
            format!("X_ERR X_MEET no such nick: {number}\n")
        );
    }
    for nick in ["4821", "4822", "ben"] {
        let answer = relay.ask(ALICE, &format!("X_MEET {nick}"));
        assert!(answer.starts_with("X_ERR X_MEET too many calls to absent nicks"), "{answer}");
    }
    assert_eq!(relay.output(CAROL), "");
    relay.wait(seconds(1));
    assert!(relay.ask(ALICE, "X_MEET 4821").starts_with("X_MEET 4821 "));
    assert!(relay.output(CAROL).starts_with("X_FROM alice\nX_MEET "));
    let answer = relay.ask(ALICE, "X_MEET ｂob");
    assert_eq!(answer, "X_ERR X_MEET no such nick: ｂob; the look-alike bob is online\n");
}

#[test]
fn nick_is_named_as_the_caller_spelled_it() {
    let mut relay = two();
    let answer = relay.ask(ALICE, "X_MEET BOB");
    assert!(answer.starts_with("X_MEET BOB ") && answer.ends_with(" 9247\n"), "{answer}");
}

#[test]
fn relay_tells_the_port_where_meet_is_in_force() {
    let mut relay = two();
    assert_eq!(relay.ask(ALICE, "X_ADDR"), "X_ADDR 11.0.0.2 5000\n");
    come_online(&mut relay, CAROL, "carol", "13.0.0.4", "from ticket near");
    assert_eq!(relay.ask(CAROL, "X_ADDR"), "X_ADDR 13.0.0.4\n");
    // A proxy forwarded the address without the port.
    relay.connect_from(STRANGER, "13.0.0.4:0");
    relay.ask(STRANGER, "X_CAPS meet");
    assert_eq!(relay.ask(STRANGER, "X_ADDR"), "X_ADDR 13.0.0.4\n");
    let mut relay = super::relay();
    come_online(&mut relay, ALICE, "alice", AT_ALICE, ALL);
    assert_eq!(relay.ask(ALICE, "X_ADDR"), "X_ADDR 11.0.0.2\n");
}

#[test]
fn relay_that_stops_ends_meetings() {
    let mut relay = two();
    let [of_alice, _] = invite(&mut relay);
    arrive(&mut relay, OF_ALICE, "11.0.0.2:1", &of_alice);
    relay.handle(Input::Stop);
    assert_eq!(relay.output(OF_ALICE), "X_END\n");
    assert_eq!(relay.registry.next_deadline(), None);
}
