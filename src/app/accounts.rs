//! Names of accounts: in the setting itself, in a file, or in S3, from where they are reloaded when
//! they change.

use std::path::PathBuf;

use alert::{Accounts, AccountsError};
use detect::cloudtrail::S3Prefix;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::store::{ObjectStore, StoreError};

/// How long what was read is taken to be the latest.
const CHECK_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// Where names of accounts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountsPlace {
    /// In the setting itself.
    Listed(Accounts),
    /// In a file, which is read once, at the start.
    File(PathBuf),
    /// In an object.
    S3(S3Prefix),
}

/// Names of accounts could not be read from S3.
#[derive(Debug, Error)]
pub enum FetchAccountsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is there cannot be used.
    #[error(transparent)]
    Names(#[from] AccountsError),
}

/// Names of accounts in S3.
pub struct StoredAccounts {
    store: Box<dyn ObjectStore>,
    place: S3Prefix,
    last_check: Option<Timestamp>,
    etag: Option<String>,
}

impl AccountsPlace {
    /// Reads `ID=NAME` pairs separated by commas, `s3://BUCKET/FILE.toml`, or the path of a file.
    pub(super) fn parse(value: &str) -> Option<AccountsPlace> {
        if value.contains("://") {
            let place = S3Prefix::parse(value)?;
            return place.prefix.ends_with(".toml").then_some(AccountsPlace::S3(place));
        }
        let starts_with_id = value.find(|letter: char| !letter.is_ascii_digit());
        match starts_with_id.map(|end| value.split_at(end)) {
            Some((_, rest)) if rest.trim_start().starts_with('=') => {
                Accounts::from_pairs(value).ok().map(AccountsPlace::Listed)
            }
            _ => Some(AccountsPlace::File(PathBuf::from(value))),
        }
    }

    /// The names that are not in S3, and none if they are.
    ///
    /// # Errors
    /// The file cannot be read or used.
    pub fn local_names(place: Option<&AccountsPlace>) -> Result<Accounts, AccountsError> {
        match place {
            Some(AccountsPlace::Listed(accounts)) => Ok(accounts.clone()),
            Some(AccountsPlace::File(path)) => Accounts::from_file(Some(path)),
            Some(AccountsPlace::S3(_)) | None => Ok(Accounts::default()),
        }
    }
}

impl StoredAccounts {
    /// Names in this object of the store.
    pub fn new(store: Box<dyn ObjectStore>, place: S3Prefix) -> StoredAccounts {
        StoredAccounts { store, place, last_check: None, etag: None }
    }

    /// Returns the names if they changed since the last call. Asks the store every ten minutes at
    /// most.
    ///
    /// # Errors
    /// The object cannot be read or used.
    pub async fn check(&mut self, now: Timestamp) -> Result<Option<Accounts>, FetchAccountsError> {
        let is_fresh = |last: Timestamp| now.duration_since(last).abs() < CHECK_INTERVAL;
        if self.last_check.is_some_and(is_fresh) {
            return Ok(None);
        }
        self.last_check = Some(now);
        let S3Prefix { bucket, prefix: key } = &self.place;
        let object = self.store.get(bucket, key).await?;
        if self.etag.as_ref() == Some(&object.etag) {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&object.bytes);
        let accounts = Accounts::parse(&format!("s3://{bucket}/{key}"), &text)?;
        self.etag = Some(object.etag);
        Ok(Some(accounts))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::DirStore;

    fn s3(bucket: &str, prefix: &str) -> AccountsPlace {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        AccountsPlace::S3(S3Prefix { bucket, prefix })
    }

    #[test]
    fn names_are_in_the_setting_or_a_file_or_an_object() {
        let listed = |text| Accounts::from_pairs(text).ok().map(AccountsPlace::Listed);
        let file = |path: &str| Some(AccountsPlace::File(path.into()));
        let pairs = "111122223333=production, 444455556666=log archive";
        for (value, expected) in [
            (pairs, listed(pairs)),
            ("111122223333=", None),
            ("1111=x", None),
            ("111122223333=a,b", None),
            ("s3://config/accounts.toml", Some(s3("config", "accounts.toml"))),
            ("s3://config/accounts", None),
            ("https://example.com/accounts.toml", None),
            ("accounts.toml", file("accounts.toml")),
            ("2026/a=b.toml", file("2026/a=b.toml")),
        ] {
            assert_eq!(AccountsPlace::parse(value), expected, "{value}");
        }
    }

    #[tokio::test]
    async fn names_in_s3_are_reloaded_and_the_last_good_ones_stay() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("config/accounts.toml");
        fs::create_dir(root.path().join("config")).unwrap();
        let place = S3Prefix { bucket: "config".to_owned(), prefix: "accounts.toml".to_owned() };
        let mut stored = StoredAccounts::new(Box::new(DirStore::new(root.path())), place);
        let mut now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        assert!(matches!(stored.check(now).await, Err(FetchAccountsError::Store(_))));
        for (text, minutes, expected) in [
            ("111122223333 = 'production'", 5, Ok(None)),
            ("111122223333 = 'production'", 5, Ok(Some("111122223333=production"))),
            ("111122223333 = 'production'", 10, Ok(None)),
            ("111122223333 = 7", 10, Err(())),
            ("111122223333 = 'audit'", 10, Ok(Some("111122223333=audit"))),
        ] {
            fs::write(&file, text).unwrap();
            now += SignedDuration::from_mins(minutes);
            let changed = stored.check(now).await.map_err(drop);
            let expected = expected.map(|pairs| pairs.and_then(|it| Accounts::from_pairs(it).ok()));
            assert_eq!(changed, expected, "{text} after {minutes} min");
        }
    }
}
