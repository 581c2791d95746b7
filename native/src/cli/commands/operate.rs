//! `xcher relay status`, `nicks`, `kick`, `ban`, `unban`, `bans`, `reload` and `quotas`: asks a running relay or bridge as its
//! operator.

use std::fmt;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use xcher_core::HumanSize;

use crate::admin::{
    AccountUse, AdminClient, AskError, BanList, BanRequest, Disconnected, HostLine, HostList,
    KickRequest, Lifted, QuotaList, Reloaded, ResetRequest, Status, UnbanRequest, WasReset,
};
use crate::cli::admin_front::token;
use crate::cli::escape::escaped;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::{Common, OperatorArgs, QuotaCommand, RelayCommand};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;

pub(crate) async fn run(
    common: &Common,
    args: &OperatorArgs,
    command: &RelayCommand,
) -> Result<(), CliError> {
    let Some(at) = args.admin.clone() else {
        return Err(CliError::usage(
            "no relay to ask; name its listener for operators with --admin, as it was started with",
        ));
    };
    let operator = Operator { client: AdminClient { at, token: token(args)? }, common };
    match command {
        RelayCommand::Status => operator.status().await,
        RelayCommand::Kick { target } => operator.kick(target).await,
        RelayCommand::Ban { banned, time } => operator.ban(banned, *time).await,
        RelayCommand::Unban { banned } => operator.unban(banned).await,
        RelayCommand::Bans => operator.bans().await,
        RelayCommand::Reload => operator.reload().await,
        RelayCommand::Quotas { count, command: None } => operator.quotas(*count).await,
        RelayCommand::Quotas { command: Some(QuotaCommand::Reset { account }), .. } => {
            operator.reset_quota(account).await
        }
        RelayCommand::Nicks => operator.nicks().await,
        // It asks no running relay.
        RelayCommand::Token { .. } => Ok(()),
    }
}

struct Operator<'a> {
    client: AdminClient,
    common: &'a Common,
}

impl Operator<'_> {
    async fn status(&self) -> Result<(), CliError> {
        let status: Status = self.client.get("/status").await.map_err(|it| self.error(it))?;
        self.print(&lines(&status).join("\n"), &JsonEvent::Status(&status))
    }

    async fn kick(&self, target: &str) -> Result<(), CliError> {
        let request = KickRequest { target: target.to_owned() };
        let done: Disconnected =
            self.client.post("/kick", &request).await.map_err(|it| self.error(it))?;
        if done.connections + done.tunnels == 0 {
            let message = format!("{target} is not connected; see `xcher who` and the log for ids");
            return Err(CliError::new(ExitCode::Incomplete, escaped(&message)));
        }
        self.print_disconnected(done)
    }

    async fn ban(&self, banned: &str, time: Option<Duration>) -> Result<(), CliError> {
        let seconds = time.map(|time| time.as_secs().max(1));
        let request = BanRequest { banned: banned.to_owned(), seconds };
        let done: Disconnected =
            self.client.post("/ban", &request).await.map_err(|it| self.error(it))?;
        self.print_disconnected(done)?;
        let until = match seconds {
            Some(seconds) => format!("for {}", duration(seconds)),
            None => "until the relay stops".to_owned(),
        };
        Output::new(self.common).note(format_args!("banned {} {until}", escaped(banned)));
        Ok(())
    }

    async fn unban(&self, banned: &str) -> Result<(), CliError> {
        let request = UnbanRequest { banned: banned.to_owned() };
        let Lifted { lifted } =
            self.client.post("/unban", &request).await.map_err(|it| self.error(it))?;
        if !lifted {
            let message = format!("{banned} is not banned; name it as `xcher relay bans` lists it");
            return Err(CliError::new(ExitCode::Incomplete, escaped(&message)));
        }
        Output::new(self.common).note(format_args!("{} is not banned any more", escaped(banned)));
        Ok(())
    }

    async fn bans(&self) -> Result<(), CliError> {
        let BanList { bans } = self.client.get("/bans").await.map_err(|it| self.error(it))?;
        for ban in bans {
            let left = ban.seconds_left.map_or_else(|| "no end".to_owned(), duration);
            let (banned, seconds_left) = (escaped(&ban.banned), ban.seconds_left);
            let line = format!("{banned}\t{left}");
            self.print(&line, &JsonEvent::Ban { banned: &ban.banned, seconds_left })?;
        }
        Ok(())
    }

    async fn reload(&self) -> Result<(), CliError> {
        let reloaded: Reloaded =
            self.client.post("/reload", &()).await.map_err(|it| self.error(it))?;
        let output = Output::new(self.common);
        for error in &reloaded.errors {
            output.error(format_args!("{}", escaped(error)));
        }
        let notes: Vec<_> = reloaded.notes.iter().map(|note| escaped(note).to_string()).collect();
        for note in notes {
            output.result(format_args!("{note}")).map_err(CliError::unwritten)?;
        }
        output.json(&JsonEvent::Reloaded(&reloaded)).map_err(CliError::unwritten)?;
        match reloaded.errors.is_empty() {
            true => Ok(()),
            false => Err(CliError::reported(ExitCode::Incomplete)),
        }
    }

    async fn quotas(&self, count: u64) -> Result<(), CliError> {
        let path = format!("/quotas?count={count}");
        let QuotaList { total, accounts } =
            self.client.get(&path).await.map_err(|it| self.error(it))?;
        let line = |account: &str, bytes, limit: Option<u64>| {
            let limit = limit.map_or_else(|| "no limit".to_owned(), |it| HumanSize(it).to_string());
            format!("{}\t{}\t{limit}", escaped(account), HumanSize(bytes))
        };
        let (bytes, limit) = (total.bytes, total.limit);
        self.print(
            &line("total", bytes, limit),
            &JsonEvent::Quota { account: None, bytes, limit },
        )?;
        for AccountUse { account, bytes, limit } in &accounts {
            let (account, bytes, limit) = (account.as_str(), *bytes, *limit);
            let event = JsonEvent::Quota { account: Some(account), bytes, limit };
            self.print(&line(account, bytes, limit), &event)?;
        }
        Ok(())
    }

    async fn reset_quota(&self, account: &str) -> Result<(), CliError> {
        let request = ResetRequest { account: account.to_owned() };
        let WasReset { reset } =
            self.client.post("/quotas/reset", &request).await.map_err(|it| self.error(it))?;
        if !reset {
            let message =
                format!("{account} has used nothing; name it as `xcher relay quotas` lists it");
            return Err(CliError::new(ExitCode::Incomplete, escaped(&message)));
        }
        Output::new(self.common).note(format_args!("{} begins anew", escaped(account)));
        Ok(())
    }

    async fn nicks(&self) -> Result<(), CliError> {
        let mut path = "/nicks".to_owned();
        loop {
            let HostList { hosts, next } =
                self.client.get(&path).await.map_err(|it| self.error(it))?;
            for host in hosts {
                let HostLine { nick, address, key, user, id, seconds } = &host;
                let (nick, key) = (escaped(nick), escaped(key.as_deref().unwrap_or("-")));
                let user = escaped(user.as_deref().unwrap_or("-"));
                let (address, time) = (escaped(address), duration(*seconds));
                let line = format!("{nick}\t{address}\t{key}\t{user}\t{id}\t{time}");
                self.print(&line, &JsonEvent::Host(&host))?;
            }
            let Some(next) = next else { return Ok(()) };
            path = format!("/nicks?after={}", utf8_percent_encode(&next, NON_ALPHANUMERIC));
        }
    }

    fn print_disconnected(&self, done: Disconnected) -> Result<(), CliError> {
        let Disconnected { connections, tunnels } = done;
        let line = format!(
            "disconnected {} and {}",
            counted(connections as u64, "connection"),
            counted(tunnels as u64, "tunnel")
        );
        self.print(&line, &JsonEvent::Disconnected { connections, tunnels })
    }

    fn print(&self, text: &str, event: &JsonEvent<'_>) -> Result<(), CliError> {
        let output = Output::new(self.common);
        output
            .result(format_args!("{text}"))
            .and_then(|()| output.json(event))
            .map_err(CliError::unwritten)
    }

    fn error(&self, error: AskError) -> CliError {
        let at = &self.client.at;
        match error {
            AskError::Unreachable(why) => CliError::new(
                ExitCode::Unreachable,
                format!("no relay or bridge answers at {at}: {}", escaped(&why)),
            ),
            AskError::Refused(why) => CliError::new(ExitCode::Policy, escaped(&why)),
        }
    }
}

/// Returns the lines of a status, for people.
fn lines(status: &Status) -> Vec<String> {
    let mut lines = vec![
        format!("version      {}", escaped(&status.version)),
        format!("running for  {}", duration(status.uptime_seconds)),
    ];
    match status.ready {
        true => lines.push("ready        yes".to_owned()),
        false => lines.extend(
            status.reasons.iter().map(|it| format!("ready        no: {}", escaped(&it.why))),
        ),
    }
    if let Some(relay) = &status.relay {
        let (now, max) = (relay.connections, relay.max_connections);
        lines.push(format!("connections  {now}, at most {max}"));
        lines.push(format!("nicks        {}", relay.nicks));
        if let (Some(users), Some(online)) = (relay.users, relay.users_online) {
            lines.push(format!("users        {users}, {online} of them online"));
        }
        let (delivered, refused) = (relay.calls_delivered, relay.calls_refused);
        lines.push(format!("calls        {delivered} delivered, {refused} refused"));
        lines.push(bytes("relay bytes", relay.bytes_received, relay.bytes_sent));
    }
    if let Some(bridge) = &status.bridge {
        lines.push(format!(
            "tunnels      {}, with {} and {}",
            bridge.tunnels,
            counted(bridge.streams as u64, "stream"),
            counted(bridge.allocated_ports as u64, "allocated port")
        ));
        lines.push(bytes("tunnel bytes", bridge.bytes_received, bridge.bytes_sent));
    }
    if let Some(quota) = &status.quota {
        let (month, used) = (escaped(&quota.month), HumanSize(quota.bytes));
        let limit = quota.limit.map(|limit| format!(" of {}", HumanSize(limit)));
        let (limit, refused) = (limit.unwrap_or_default(), quota.refused);
        lines.push(format!("quota        {used}{limit} in {month}, {refused} refused"));
    }
    lines.push(format!("bans         {}", status.bans));
    lines
}

fn bytes(what: &str, received: u64, sent: u64) -> String {
    let (received, sent) = (HumanSize(received), HumanSize(sent));
    format!("{what:<12} {received} from clients, {sent} to them")
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn duration(seconds: u64) -> String {
    let display: &dyn fmt::Display = &humantime::format_duration(Duration::from_secs(seconds));
    display.to_string()
}
