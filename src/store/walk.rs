//! Which log objects a bucket holds for some hours, found along CloudTrail's layout of keys
//! (`[prefix/]AWSLogs/[o-xxxx/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/…`, see [`key`]): nothing is
//! listed that lies beside them.

use std::collections::BTreeSet;

use detect::cloudtrail::key::{self, ObjectKind};
use jiff::{SignedDuration, Timestamp};

use super::{Listing, ObjectStore, StoreError};

/// CloudTrail delivers a call some minutes after it, and the name of an object has the time of its
/// delivery. An hour covers what is late.
const SLACK: SignedDuration = SignedDuration::from_hours(1);

/// Which log objects are wanted.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// When the first call was made that matters; absent for all.
    pub since: Option<Timestamp>,
    /// When the last call was made that matters; absent for all.
    pub until: Option<Timestamp>,
    /// Whether log objects of a region matter.
    pub region: &'a (dyn Fn(&str) -> bool + Sync),
}

/// The keys of the log objects below `prefix`, sorted. The prefix names a folder at any place of
/// the layout, with or without the `/` at its end, or one object. Above the layout, the folder
/// itself and those right in it are looked at. Objects that are not named as CloudTrail names them
/// are left out.
///
/// # Errors
/// A list was refused.
pub async fn walk(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
    wanted: &Wanted<'_>,
) -> Result<Vec<String>, StoreError> {
    if matches!(ObjectKind::from_key(prefix), ObjectKind::Log { .. }) {
        return Ok(vec![prefix.to_owned()]);
    }
    let folder = match prefix {
        "" => String::new(),
        _ => format!("{}/", prefix.trim_end_matches('/')),
    };
    Walk { store, bucket, wanted, series: Series::Logs }.keys(&folder).await
}

/// As [`walk`], but the digest files, by whole days.
///
/// # Errors
/// A list was refused.
pub async fn walk_digests(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
    wanted: &Wanted<'_>,
) -> Result<Vec<String>, StoreError> {
    let folder = beside_logs(prefix);
    Walk { store, bucket, wanted, series: Series::Digests }.keys(folder).await
}

/// The regions of which there is a folder of log objects below `prefix`, which names a folder.
///
/// # Errors
/// A list was refused.
pub async fn regions(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
) -> Result<BTreeSet<String>, StoreError> {
    let wanted = Wanted { since: None, until: None, region: &|_| true };
    let walk = Walk { store, bucket, wanted: &wanted, series: Series::Logs };
    let folders = walk.regions(prefix).await?;
    Ok(folders.into_iter().map(|folder| folder.region).collect())
}

/// Where digests are that belong to the log objects below a folder: digests have a folder of their
/// own in the account's.
fn beside_logs(prefix: &str) -> &str {
    match prefix.find("/CloudTrail/") {
        Some(at) => &prefix[..=at],
        None => prefix,
    }
}

/// Whether a prefix leads to one day of a region, or to one object: few enough to read without a
/// limit in time.
pub fn names_a_day(prefix: &str) -> bool {
    let parts: Vec<&str> = prefix.split_terminator('/').collect();
    let day = |parts: &[&str]| {
        let digits = |part: &str, count| {
            part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        digits(parts[0], 4) && digits(parts[1], 2) && digits(parts[2], 2)
    };
    is_log(prefix)
        || (matches!(place(prefix, Series::Logs), Place::Region(_))
            && parts.len() > 3
            && day(&parts[parts.len() - 3..]))
}

struct Walk<'a> {
    store: &'a dyn ObjectStore,
    bucket: &'a str,
    wanted: &'a Wanted<'a>,
    series: Series,
}

/// What is walked. Both have folders of regions, and in these of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Series {
    Logs,
    Digests,
}

impl Series {
    /// The folder between account and region.
    fn folder(self) -> &'static str {
        match self {
            Series::Logs => "CloudTrail",
            Series::Digests => "CloudTrail-Digest",
        }
    }

    fn holds(self, key: &str) -> bool {
        match self {
            Series::Logs => is_log(key),
            Series::Digests => ObjectKind::from_key(key) == ObjectKind::Digest,
        }
    }
}

/// A region's folder, or what the caller named below it.
struct RegionFolder {
    /// What to list.
    prefix: String,
    /// `…/CloudTrail/REGION/`
    root: String,
    account: String,
    region: String,
}

/// Where a folder is in the layout.
enum Place {
    /// Before `AWSLogs/`.
    Above,
    /// Among accounts (or the organization's id).
    Accounts,
    /// An account's own folder.
    Account,
    /// `CloudTrail/`: among regions.
    Regions,
    /// A region's folder, or a place below.
    Region(RegionFolder),
    /// Beside the layout.
    Elsewhere,
}

/// Where a folder (empty, or ending with a `/`) is.
fn place(folder: &str, series: Series) -> Place {
    let parts: Vec<&str> = folder.split_terminator('/').collect();
    let Some(logs) = parts.iter().rposition(|part| *part == "AWSLogs") else { return Place::Above };
    let below = &parts[logs + 1..];
    let organization = usize::from(below.first().is_some_and(|part| part.starts_with("o-")));
    match &below[organization..] {
        [] => Place::Accounts,
        [account] if key::is_account_id(account) => Place::Account,
        [account, service] if key::is_account_id(account) && *service == series.folder() => {
            Place::Regions
        }
        [account, service, region, ..]
            if key::is_account_id(account) && *service == series.folder() =>
        {
            Place::Region(RegionFolder {
                prefix: folder.to_owned(),
                root: parts[..logs + organization + 4]
                    .iter()
                    .flat_map(|part| [*part, "/"])
                    .collect(),
                account: (*account).to_owned(),
                region: (*region).to_owned(),
            })
        }
        _ => Place::Elsewhere,
    }
}

impl Walk<'_> {
    /// Sorted keys below a folder.
    async fn keys(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut keys = Vec::new();
        for region in self.regions(folder).await? {
            self.objects(&region, &mut keys).await?;
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// The wanted regions' folders below a folder.
    async fn regions(&self, folder: &str) -> Result<Vec<RegionFolder>, StoreError> {
        let mut regions = Vec::new();
        let mut open = match place(folder, self.series) {
            Place::Above => self.logs_below(folder).await?,
            _ => vec![folder.to_owned()],
        };
        while let Some(folder) = open.pop() {
            match place(&folder, self.series) {
                Place::Region(region) if (self.wanted.region)(&region.region) => {
                    regions.push(region)
                }
                Place::Accounts | Place::Regions => open.extend(self.folders(&folder).await?),
                Place::Account => open.push(format!("{folder}{}/", self.series.folder())),
                Place::Region(_) | Place::Above | Place::Elsewhere => {}
            }
        }
        Ok(regions)
    }

    /// The folders called `AWSLogs` in a folder, and in those right in it: a trail's own prefix.
    async fn logs_below(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut logs = vec![format!("{folder}AWSLogs/")];
        let inside = self.folders(folder).await?.into_iter().filter(|inside| *inside != logs[0]);
        let below: Vec<String> = inside.map(|inside| format!("{inside}AWSLogs/")).collect();
        logs.extend(below);
        Ok(logs)
    }

    async fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut folders = Vec::new();
        let (bucket, prefix) = (self.bucket.to_owned(), folder.to_owned());
        let mut listing = Listing { bucket, prefix, folders: true, ..Listing::default() };
        loop {
            let page = self.page(&listing).await?;
            folders.extend(page.prefixes);
            listing.continuation = page.next;
            if listing.continuation.is_none() {
                return Ok(folders);
            }
        }
    }

    /// The log objects of a region that were delivered in time. Keys sort by day and then by
    /// minute: the list starts at the first that can matter and ends behind the last.
    async fn objects(
        &self,
        folder: &RegionFolder,
        keys: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let first = self.wanted.since.and_then(|since| since.checked_sub(SLACK).ok());
        let last = self.wanted.until.and_then(|until| until.checked_add(SLACK).ok());
        // `_` sorts behind every digit and letter of a stamp that starts the same, so whole minutes
        // are taken in.
        let last_key = last.map(|last| format!("{}Z_~", folder.key(last, self.series)));
        let (bucket, prefix) = (self.bucket.to_owned(), folder.prefix.clone());
        let start_after = first.map(|first| folder.key(first, self.series));
        let mut listing = Listing { bucket, prefix, start_after, ..Listing::default() };
        loop {
            let page = self.page(&listing).await?;
            let beyond = |key: &String| last_key.as_ref().is_some_and(|last| key > last);
            let ends = page.next.is_none() || page.keys.last().is_some_and(beyond);
            keys.extend(page.keys.into_iter().filter(|key| !beyond(key) && self.series.holds(key)));
            if ends {
                return Ok(());
            }
            listing.continuation = page.next;
        }
    }

    async fn page(&self, listing: &Listing) -> Result<super::Page, StoreError> {
        self.store.list(listing).await
    }
}

impl RegionFolder {
    /// The start of the key of an object that was delivered in this minute; of a digest, on this
    /// day: its name has that of the trail before the time.
    fn key(&self, time: Timestamp, series: Series) -> String {
        let RegionFolder { root, account, region, .. } = self;
        let day = time.strftime("%Y/%m/%d");
        match series {
            Series::Logs => format!(
                "{root}{day}/{account}_CloudTrail_{region}_{}",
                time.strftime("%Y%m%dT%H%M")
            ),
            Series::Digests => format!("{root}{day}/"),
        }
    }
}

fn is_log(key: &str) -> bool {
    matches!(ObjectKind::from_key(key), ObjectKind::Log { .. })
}
