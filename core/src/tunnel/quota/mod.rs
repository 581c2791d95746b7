//! How many bytes a bridge carries in a month: of each account, and in all.

mod account;
mod month;
mod quotas;
mod used;

pub use account::QuotaAccount;
pub use month::Month;
pub use quotas::{QuotaError, QuotaLimits, QuotaRecord, Quotas, Reset, Spent};
pub use used::MAX_QUOTA_ADDRESSES;
