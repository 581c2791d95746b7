//! The members of the channel are those online.

use super::Talk;

fn who(talk: &mut Talk) -> alloc::vec::Vec<alloc::string::String> {
    talk.host("X_WHO");
    talk.to_host()
}

#[test]
fn lists_the_members_and_no_codes() {
    let mut talk = Talk::online("kim", "@amy +bob ~&cat x4821 X77 x5y irc.example");
    let listed = ["amy", "bob", "cat", "irc.example", "kim", "x5y"];
    let mut expected: alloc::vec::Vec<_> =
        listed.iter().map(|nick| alloc::format!("X_WHO {nick}")).collect();
    expected.push("X_WHO EOF".into());
    assert_eq!(who(&mut talk), expected);
}

#[test]
fn follows_those_who_come_leave_and_change_their_nicks() {
    let mut talk = Talk::online("kim", "amy bob cat");
    for line in [
        ":Dan!~d@h JOIN #FILES",
        ":eve!~e@h JOIN #other",
        ":amy!~a@h PART #files :bye",
        ":cat!~c@h PART #other",
        ":bob!~b@h NICK :Rob",
        ":op!~o@h KICK #files CAT :no",
        ":fay!~f@h NICK gus",
    ] {
        talk.server(line);
        talk.silent();
    }
    assert_eq!(who(&mut talk), ["X_WHO Dan", "X_WHO kim", "X_WHO Rob", "X_WHO EOF"]);
    talk.server(":dan!~d@h QUIT :Ping timeout");
    assert_eq!(who(&mut talk), ["X_WHO kim", "X_WHO Rob", "X_WHO EOF"]);
}

#[test]
fn a_host_that_is_removed_or_renamed_is_offline() {
    for (line, reason) in [
        (":op!~o@h KICK #files KIM :spam", "kicked from #files by op: spam"),
        (":kim!~k@h PART #files :removed by op", "removed from #files: removed by op"),
        (
            ":kim!~k@h NICK :Guest7",
            "the server changed the nick of this host to Guest7; the nick may be registered to an account",
        ),
        ("ERROR :Killed", "the server closed the connection: Killed"),
    ] {
        let mut talk = Talk::online("kim", "amy");
        talk.server(line);
        talk.ended(true, reason);
        let is_decided = line.contains(" KICK ") || line.contains(" PART ");
        assert_eq!(talk.output.is_barred, is_decided, "{line}");
        // Nothing is read any more.
        talk.server("PING :x");
        assert_eq!(talk.to_server(), [""; 0]);
    }
    let mut talk = Talk::online("kim", "amy");
    talk.server(":kim!~k@h NICK :KIM");
    talk.silent();
}

#[test]
fn pings_of_the_host_are_answered_by_the_server() {
    let mut talk = Talk::online("kim", "");
    talk.host("X_PING 1");
    assert_eq!((talk.to_server(), talk.to_host().len()), (["PING :xcher".into()].into(), 0));
    talk.server(":s PONG s :xcher");
    assert_eq!(talk.to_host(), ["X_PONG 1"]);
    talk.server(":s PONG s :xcher");
    talk.silent();
}

#[test]
fn the_number_of_members_is_limited() {
    let mut talk = Talk::online("kim", "");
    for n in 0..10_100 {
        talk.server(&alloc::format!(":m{n}a!~m@h JOIN #files"));
    }
    assert_eq!(who(&mut talk).len(), 10_001);
}
