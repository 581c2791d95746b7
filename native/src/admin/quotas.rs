//! What accounts have used of their quotas, and how an operator gives one back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tracing::info;
use xcher_core::Quoted;
use xcher_core::tunnel::{QuotaAccount, Reset};

use super::Servers;
use super::routes::unprocessable;
use super::status::QuotaStatus;
use crate::bridge::{AccountState, QuotaStore};
use crate::net::log_line;

/// The most accounts of an answer, and how many it has without a number.
const MAX_ACCOUNTS: usize = 10_000;
const DEFAULT_ACCOUNTS: usize = 100;
/// What stands for all accounts.
const ALL: &str = "all";

/// The answer to `GET /quotas`, `GET /quotas?count=N`: those that used most, the most first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct QuotaList {
    /// All tunnels.
    pub(crate) total: QuotaStatus,
    pub(crate) accounts: Vec<AccountUse>,
}

/// What an account has used in this month.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AccountUse {
    /// An address, or `user/NAME`.
    pub(crate) account: String,
    pub(crate) bytes: u64,
    /// The most bytes, if there is a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
}

/// `POST /quotas/reset`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ResetRequest {
    /// An address, `user/NAME`, or `all`.
    pub(crate) account: String,
}

/// The answer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct WasReset {
    /// False if the account had used nothing.
    pub(crate) reset: bool,
}

pub(super) async fn list(State(servers): State<Arc<Servers>>, uri: Uri) -> Response {
    let Some((bridge, _)) = servers.quotas() else { return no_bridge() };
    let count = uri.query().and_then(|query| query.strip_prefix("count="));
    let Some(count) = count.map_or(Some(DEFAULT_ACCOUNTS), |count| count.parse().ok()) else {
        return unprocessable("count is a number of accounts".to_owned());
    };
    let account = |AccountState { account, bytes, limit }| AccountUse {
        account: account.to_string(),
        bytes,
        limit,
    };
    let largest = bridge.largest_accounts(count.min(MAX_ACCOUNTS)).into_iter();
    let total = QuotaStatus::of(&bridge.quota_state());
    Json(QuotaList { total, accounts: largest.map(account).collect() }).into_response()
}

pub(super) async fn reset(
    State(servers): State<Arc<Servers>>,
    Json(ResetRequest { account }): Json<ResetRequest>,
) -> Response {
    let Some((_, store)) = servers.quotas() else { return no_bridge() };
    let reset = match (account.as_str(), QuotaAccount::parse(&account)) {
        (ALL, _) => Reset::All,
        (_, Some(account)) => Reset::Account(account),
        (_, None) => {
            let what = Quoted(&account);
            return unprocessable(format!("{what} is not an address, user/NAME, nor all"));
        }
    };
    let (store, shown) = (Arc::clone(store), account.escape_default().to_string());
    let done = spawn_blocking(move || QuotaStore::reset(&store, &reset)).await;
    match done {
        Ok(reset) => {
            info!(target: log_line::OPERATOR, account = shown, reset, "quota reset");
            Json(WasReset { reset }).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn no_bridge() -> Response {
    unprocessable("this relay has no bridge, and only tunnels have quotas".to_owned())
}
