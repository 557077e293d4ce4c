//! The keys of log objects and digest files, found along CloudTrail's layout
//! (`[prefix/]AWSLogs/[o-xxxx/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/…`, see [`key`]). Nothing is
//! listed beside it.

use std::collections::BTreeSet;

use detect::cloudtrail::key::{self, ObjectKind};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::{Listing, ObjectStore, StoreError, list_pages};

/// CloudTrail delivers a call some minutes after it, and the name of an object has the time of its
/// delivery. An hour covers late deliveries.
const DELIVERY_DELAY: SignedDuration = SignedDuration::from_hours(1);

/// The folders between account and region.
const LOGS: &str = "CloudTrail";
const DIGESTS: &str = "CloudTrail-Digest";

/// Which objects are wanted.
#[derive(Clone, Copy)]
pub struct KeyFilter<'a> {
    /// The time of the first call that matters. `None` for all.
    pub since: Option<Timestamp>,
    /// The time of the last call that matters. `None` for all.
    pub until: Option<Timestamp>,
    /// Returns true for an account and a region of it that matter.
    pub place: PlaceFilter<'a>,
}

/// Returns true for an account and a region of it that matter.
pub type PlaceFilter<'a> = &'a (dyn Fn(&str, &str) -> bool + Sync);

/// Returns the regions of an account that can matter. `None` if they are to be found by listing.
pub type NamedRegions<'a> = &'a (dyn Fn(&str) -> Option<BTreeSet<String>> + Sync);

/// Lists the keys of the log objects below `prefix`, sorted. The prefix is a folder anywhere in the
/// layout, with or without a `/` at its end, or one object. Above the layout, `AWSLogs` is expected
/// in the folder itself or in one right below it. Objects that are not named as CloudTrail names
/// them are left out.
///
/// # Errors
/// A list was refused.
pub async fn log_keys(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
    filter: &KeyFilter<'_>,
) -> Result<Vec<String>, StoreError> {
    log_keys_in(store, bucket, prefix, filter, &|_| None).await
}

/// As [`log_keys`]. Accounts whose regions are named cost one list for each of these, and none to
/// find out which they have.
///
/// # Errors
/// A list was refused.
pub async fn log_keys_in(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
    filter: &KeyFilter<'_>,
    named_regions: NamedRegions<'_>,
) -> Result<Vec<String>, StoreError> {
    if is_log(prefix) {
        return Ok(vec![prefix.to_owned()]);
    }
    let folder = match prefix.trim_end_matches('/') {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    Walk { named_regions, ..Walk::new(store, bucket, filter, LOGS) }.keys(&folder).await
}

/// As [`log_keys`], for the digest files, by whole days.
///
/// # Errors
/// A list was refused.
pub async fn digest_keys(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
    filter: &KeyFilter<'_>,
) -> Result<Vec<String>, StoreError> {
    // Digests have a folder of their own in the account's.
    let account_folder = prefix.find("/CloudTrail/").map_or(prefix, |end| &prefix[..=end]);
    Walk::new(store, bucket, filter, DIGESTS).keys(account_folder).await
}

/// Lists the regions that have a folder of log objects below `prefix`, which is a folder.
///
/// # Errors
/// A list was refused.
pub async fn log_regions(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
) -> Result<BTreeSet<String>, StoreError> {
    let filter = KeyFilter { since: None, until: None, place: &|_, _| true };
    let walk = Walk::new(store, bucket, &filter, LOGS);
    Ok(walk.region_folders(prefix).await?.into_iter().map(|folder| folder.region).collect())
}

/// An account's folder, and one of the regions in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountRegion {
    /// The account's folder. Ends in `/`.
    pub folder: String,
    /// The account's id.
    pub account: String,
    /// The region's name.
    pub region: String,
}

impl AccountRegion {
    /// Lists the keys of the log objects, as [`log_keys`].
    ///
    /// # Errors
    /// A list was refused.
    pub async fn log_keys(
        &self,
        store: &dyn ObjectStore,
        bucket: &str,
        filter: &KeyFilter<'_>,
    ) -> Result<Vec<String>, StoreError> {
        let folder = format!("{}{LOGS}/{}/", self.folder, self.region);
        Walk::new(store, bucket, filter, LOGS).keys(&folder).await
    }

    /// Lists the keys of the digest files, as [`digest_keys`].
    ///
    /// # Errors
    /// A list was refused.
    pub async fn digest_keys(
        &self,
        store: &dyn ObjectStore,
        bucket: &str,
        filter: &KeyFilter<'_>,
    ) -> Result<Vec<String>, StoreError> {
        let folder = format!("{}{DIGESTS}/{}/", self.folder, self.region);
        Walk::new(store, bucket, filter, DIGESTS).keys(&folder).await
    }
}

/// Lists the accounts and regions below `prefix`, which is a folder, that have log objects or
/// digest files, sorted. A folder below a region stands for the region.
///
/// # Errors
/// A list was refused.
pub async fn account_regions(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
    filter: &KeyFilter<'_>,
) -> Result<BTreeSet<AccountRegion>, StoreError> {
    let mut found = BTreeSet::new();
    for service in [LOGS, DIGESTS] {
        let other = if service == LOGS { DIGESTS } else { LOGS };
        let prefix = prefix.replacen(&format!("/{other}/"), &format!("/{service}/"), 1);
        let walk = Walk::new(store, bucket, filter, service);
        for folder in walk.region_folders(&prefix).await? {
            let RegionFolder { root, account, region, .. } = folder;
            let below = format!("{service}/{region}/");
            let folder = root.strip_suffix(&below).unwrap_or(&root).to_owned();
            found.insert(AccountRegion { folder, account, region });
        }
    }
    Ok(found)
}

/// Returns true if a prefix is one day of a region, or one object: few enough to read without a
/// limit in time.
pub fn is_one_day(prefix: &str) -> bool {
    is_log(prefix)
        || match Place::of_folder(prefix, LOGS) {
            Place::Region(folder) => {
                let below = prefix[folder.root.len().min(prefix.len())..].trim_end_matches('/');
                Date::strptime("%Y/%m/%d", below).is_ok()
            }
            _ => false,
        }
}

fn is_log(key: &str) -> bool {
    matches!(ObjectKind::from_key(key), ObjectKind::Log { .. })
}

/// Where a folder is in the layout.
enum Place {
    /// Above `AWSLogs/`.
    Above,
    /// Among accounts, or the organization's id.
    Accounts,
    /// An account's own folder.
    Account(String),
    /// Among regions.
    Regions,
    /// A region's folder, or below it.
    Region(RegionFolder),
    /// Beside the layout.
    Elsewhere,
}

/// A region's folder, or one below it.
struct RegionFolder {
    /// What to list.
    prefix: String,
    /// `…/CloudTrail/REGION/`
    root: String,
    account: String,
    region: String,
}

impl Place {
    /// `folder` is empty, or ends in `/`.
    fn of_folder(folder: &str, service: &str) -> Place {
        let parts: Vec<&str> = folder.split_terminator('/').collect();
        let Some(logs) = parts.iter().rposition(|part| *part == "AWSLogs") else {
            return Place::Above;
        };
        let is_organization = parts.get(logs + 1).is_some_and(|part| part.starts_with("o-"));
        let accounts = logs + 1 + usize::from(is_organization);
        match &parts[accounts..] {
            [] => Place::Accounts,
            [account, ..] if !key::is_account_id(account) => Place::Elsewhere,
            [account] => Place::Account((*account).to_owned()),
            [_, other, ..] if *other != service => Place::Elsewhere,
            [_, _] => Place::Regions,
            [account, _, region, ..] => Place::Region(RegionFolder {
                prefix: folder.to_owned(),
                root: parts[..accounts + 3].join("/") + "/",
                account: (*account).to_owned(),
                region: (*region).to_owned(),
            }),
        }
    }
}

struct Walk<'a> {
    store: &'a dyn ObjectStore,
    bucket: &'a str,
    filter: &'a KeyFilter<'a>,
    /// [`LOGS`] or [`DIGESTS`].
    service: &'static str,
    named_regions: NamedRegions<'a>,
}

impl<'a> Walk<'a> {
    fn new(
        store: &'a dyn ObjectStore,
        bucket: &'a str,
        filter: &'a KeyFilter<'a>,
        service: &'static str,
    ) -> Walk<'a> {
        Walk { store, bucket, filter, service, named_regions: &|_| None }
    }

    async fn keys(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut keys = Vec::new();
        for region in self.region_folders(folder).await? {
            self.add_keys(&region, &mut keys).await?;
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    async fn region_folders(&self, folder: &str) -> Result<Vec<RegionFolder>, StoreError> {
        let mut regions = Vec::new();
        let mut open = match Place::of_folder(folder, self.service) {
            Place::Above => self.log_folders(folder).await?,
            _ => vec![folder.to_owned()],
        };
        while let Some(folder) = open.pop() {
            match Place::of_folder(&folder, self.service) {
                Place::Region(folder) if (self.filter.place)(&folder.account, &folder.region) => {
                    regions.push(folder);
                }
                Place::Accounts | Place::Regions => open.extend(self.folders(&folder).await?),
                Place::Account(account) => {
                    let service = format!("{folder}{}/", self.service);
                    match (self.named_regions)(&account) {
                        Some(named) => {
                            open.extend(named.iter().map(|it| format!("{service}{it}/")))
                        }
                        None => open.push(service),
                    }
                }
                Place::Region(_) | Place::Above | Place::Elsewhere => {}
            }
        }
        Ok(regions)
    }

    /// The folders called `AWSLogs` in a folder, and in those right below it, which are the
    /// prefixes of trails.
    async fn log_folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let own = format!("{folder}AWSLogs/");
        let below = self.folders(folder).await?.into_iter().filter(|below| *below != own);
        let below: Vec<String> = below.map(|below| format!("{below}AWSLogs/")).collect();
        Ok([vec![own], below].concat())
    }

    async fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut folders = Vec::new();
        let listing = Listing { folders: true, ..self.listing(folder) };
        list_pages(self.store, listing, |page| {
            folders.extend(page.prefixes);
            true
        })
        .await?;
        Ok(folders)
    }

    /// Adds the keys of a region that were delivered in time. Keys sort by day and then by minute:
    /// the list starts at the first that can matter and ends behind the last.
    async fn add_keys(
        &self,
        folder: &RegionFolder,
        keys: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let first = self.filter.since.and_then(|since| since.checked_sub(DELIVERY_DELAY).ok());
        let last = self.filter.until.and_then(|until| until.checked_add(DELIVERY_DELAY).ok());
        // `_` sorts behind every digit and letter of a stamp that starts the same: whole minutes
        // are included.
        let last_key = last.map(|last| format!("{}Z_~", self.start_of_key(folder, last)));
        let is_beyond = |key: &String| last_key.as_ref().is_some_and(|last| key > last);
        let start_after = first.map(|first| self.start_of_key(folder, first));
        let listing = Listing { start_after, ..self.listing(&folder.prefix) };
        list_pages(self.store, listing, |page| {
            let is_over = page.keys.last().is_some_and(is_beyond);
            let wanted = |key: &String| !is_beyond(key) && self.includes(key);
            keys.extend(page.keys.into_iter().filter(wanted));
            !is_over
        })
        .await
    }

    fn listing(&self, prefix: &str) -> Listing {
        Listing { bucket: self.bucket.to_owned(), prefix: prefix.to_owned(), ..Listing::default() }
    }

    fn includes(&self, key: &str) -> bool {
        match ObjectKind::from_key(key) {
            ObjectKind::Log { .. } => self.service == LOGS,
            ObjectKind::Digest => self.service == DIGESTS,
            _ => false,
        }
    }

    /// What the key of an object begins with that was delivered in this minute. The key of a digest
    /// begins with its day: the name of its trail comes before the time.
    fn start_of_key(&self, folder: &RegionFolder, time: Timestamp) -> String {
        let RegionFolder { root, account, region, .. } = folder;
        let day = time.strftime("%Y/%m/%d");
        if self.service == DIGESTS {
            return format!("{root}{day}/");
        }
        format!("{root}{day}/{account}_CloudTrail_{region}_{}", time.strftime("%Y%m%dT%H%M"))
    }
}
