//! The local network: whether multicast works, and who is there.

use std::time::Duration;

use xcher_core::Nick;

use crate::cli::ui::finding::{Check, Facts, Finding, State};
use crate::lan::{self, Announcement, SEARCH_TIME};

/// Time to tell the network that the announcement has ended.
const GOODBYE_TIME: Duration = Duration::from_millis(300);

/// What was found.
pub(super) struct Lan {
    pub(super) works: bool,
    pub(super) finding: Finding,
}

/// Announces a random number, listens for it and for others.
pub(super) async fn check(is_used: bool) -> Lan {
    if !is_used {
        let finding = Finding::new(Check::Lan, State::Skipped, "not checked: --no-lan");
        return Lan { works: false, finding };
    }
    match hear().await {
        Ok((true, hosts)) => Lan { works: true, finding: found(hosts) },
        Ok((false, hosts)) => {
            let text = "this host does not hear its own announcement: multicast is blocked here, by a firewall \
                        for example (UDP port 5353)";
            let finding = Finding::new(Check::Lan, State::Failed, text);
            Lan { works: false, finding: finding.with(facts(hosts)) }
        }
        Err(why) => {
            let finding = Finding::new(Check::Lan, State::Failed, format!("no multicast: {why}"));
            Lan { works: false, finding }
        }
    }
}

fn found(hosts: usize) -> Finding {
    let others = match hosts {
        0 => "no other XCHER host answers".to_owned(),
        1 => "1 other XCHER host answers".to_owned(),
        hosts => format!("{hosts} other XCHER hosts answer"),
    };
    let text = format!("multicast works on this host; {others}");
    Finding::new(Check::Lan, State::Ok, text).with(facts(hosts))
}

fn facts(hosts: usize) -> Facts {
    Facts { hosts: Some(hosts), ..Facts::default() }
}

/// Returns whether the announcement was heard, and the number of others.
async fn hear() -> Result<(bool, usize), String> {
    // Lists of nicks leave out numbers, which belong to codes. This one has more digits than any code.
    let number = format!("{:016}", fastrand::u64(..10_000_000_000_000_000));
    let nick = Nick::parse(&number).map_err(|error| error.to_string())?;
    // Nobody connects, because nobody looks for this number.
    let announced = Announcement::new(&nick, UNUSED_PORT, true).await;
    let announced = announced.map_err(|error| error.to_string())?;
    let heard = lan::list(SEARCH_TIME).await.map_err(|error| error.to_string());
    if let Ok(announcement) = announced {
        let _ = tokio::time::timeout(GOODBYE_TIME, announcement.end()).await;
    }
    let heard = heard?;
    Ok((heard.contains(&nick), heard.iter().filter(|other| **other != nick).count()))
}

/// The discard port's number among those that a host may announce.
const UNUSED_PORT: u16 = 9009;
