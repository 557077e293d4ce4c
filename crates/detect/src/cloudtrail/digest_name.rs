//! How CloudTrail names its digest files, and what a name says about the content.
//!
//! Folders: `[prefix/]AWSLogs/[o-xxxx/]ACCOUNT/CloudTrail-Digest/REGION/YYYY/MM/DD/`, then the
//! file:
//! `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOMEREGION_YYYYMMDDTHHmmssZ[_backfill].json.gz`.
//!
//! Source:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>

use jiff::Timestamp;

use super::key::{is_account_id, parse_stamp};
use crate::text::time::format_compact_time;

/// The name of a digest file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestName<'a> {
    /// Whose calls the log files hold.
    pub account: &'a str,
    /// Where the log files were recorded.
    pub region: &'a str,
    /// The name of the trail.
    pub trail: &'a str,
    /// Where the trail was created.
    pub home_region: &'a str,
    /// The end of the hour that the digest covers.
    pub end: Timestamp,
    /// It covers log files that were delivered too late for the digest of their hour.
    pub is_backfill: bool,
}

impl<'a> DigestName<'a> {
    /// Reads the file name of a key. Returns `None` for the key of anything else.
    pub fn from_key(key: &'a str) -> Option<DigestName<'a>> {
        let name = key.rsplit_once('/').map_or(key, |(_, name)| name).strip_suffix(".json.gz")?;
        let (name, is_backfill) = match name.strip_suffix("_backfill") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (account, rest) = name.split_once('_')?;
        let (region, rest) = rest.strip_prefix("CloudTrail-Digest_")?.split_once('_')?;
        // The name of a trail may hold `_` as well.
        let (rest, stamp) = rest.rsplit_once('_')?;
        let (trail, home_region) = rest.rsplit_once('_')?;
        let end = parse_stamp("%Y%m%dT%H%M%SZ", stamp)?;
        let name = DigestName { account, region, trail, home_region, end, is_backfill };
        is_account_id(account).then_some(name)
    }

    /// The key of the digest of the same trail that ends at `end`. `folder` is that of the account,
    /// and ends in `/`.
    pub fn key_at(&self, folder: &str, end: Timestamp) -> String {
        let DigestName { account, region, trail, home_region, .. } = self;
        let day = end.strftime("%Y/%m/%d");
        let stamp = format_compact_time(end);
        let suffix = if self.is_backfill { "_backfill" } else { "" };
        format!(
            "{folder}CloudTrail-Digest/{region}/{day}/\
             {account}_CloudTrail-Digest_{region}_{trail}_{home_region}_{stamp}{suffix}.json.gz"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = "audit/AWSLogs/o-example/111122223333/";

    #[test]
    fn a_name_is_read_and_written() {
        for (trail, suffix) in [("trail", ""), ("my_trail-2.x", ""), ("trail", "_backfill")] {
            let key = format!(
                "{FOLDER}CloudTrail-Digest/us-west-2/2026/03/01/111122223333_CloudTrail-Digest_\
                 us-west-2_{trail}_eu-west-1_20260301T100512Z{suffix}.json.gz"
            );
            let name = DigestName::from_key(&key).unwrap();
            let end = "2026-03-01T10:05:12Z".parse().unwrap();
            let expected = DigestName {
                account: "111122223333",
                region: "us-west-2",
                trail,
                home_region: "eu-west-1",
                end,
                is_backfill: !suffix.is_empty(),
            };
            assert_eq!(name, expected);
            assert_eq!(name.key_at(FOLDER, end), key);
            let next = name.key_at(FOLDER, "2026-03-02T00:05:12Z".parse().unwrap());
            assert!(next.contains("/2026/03/02/") && next.contains("_20260302T000512Z"), "{next}");
        }
    }

    #[test]
    fn other_names_are_not_those_of_digests() {
        for name in [
            "",
            "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260301T1005Z.json.gz",
            "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20261301T100512Z.json.gz",
            "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260301T100512Z.json",
            "111122223333_CloudTrail-Digest_us-east-1_20260301T100512Z.json.gz",
            "11112222333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260301T100512Z.json.gz",
            "111122223333_CloudTrail_us-east-1_20260301T1005Z_a1B2c3D4e5F6g7H8.json.gz",
            "111122223333_CloudTrail-Digest_.json.gz",
        ] {
            assert_eq!(DigestName::from_key(name), None, "{name}");
        }
    }
}
