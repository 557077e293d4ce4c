//! What a path stands for: a bucket, or the copies of buckets in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use detect::cloudtrail::content::inflate_content;
use detect::cloudtrail::{DigestName, S3Prefix};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use trailbell::app::wiring::Aws;
use trailbell::integrity::digest::{DigestFile, MAX_DIGEST_BYTES};
use trailbell::store::{DirStore, ObjectStore, S3Store, open_file};

use crate::commands::time_range::TimeRange;

/// Digests of a copy that are asked for the name of its bucket. One may be damaged.
const WITNESSES: usize = 20;

/// What is to be verified.
pub struct Places {
    pub store: Box<dyn ObjectStore>,
    /// The store is a folder.
    pub is_copy: bool,
    pub places: Vec<Place>,
}

/// A folder of a bucket, and a time.
pub struct Place {
    pub bucket: String,
    /// Empty, or ends in `/`.
    pub prefix: String,
    pub range: TimeRange,
}

impl Places {
    pub async fn resolve(path: &Path, range: TimeRange, aws: &Aws) -> Result<Places> {
        let Some(S3Prefix { bucket, prefix }) = path.to_str().and_then(S3Prefix::parse) else {
            return find_copies(path, range);
        };
        let place = Place::new(bucket, &prefix, range)?;
        if place.range.since.is_none() {
            bail!("{}: a time range is needed: add --since, or name a day", path.display());
        }
        let store = Box::new(S3Store::new(aws.s3().await));
        Ok(Places { store, is_copy: false, places: vec![place] })
    }
}

impl Place {
    fn new(bucket: String, prefix: &str, range: TimeRange) -> Result<Place> {
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        let range = limit_to_day(&prefix, range).with_context(|| {
            format!("s3://{bucket}/{prefix}: name an account, a region or a day")
        })?;
        Ok(Place { bucket, prefix, range })
    }
}

/// Limits the range to the day of a folder below a region. Returns `None` for a folder below a
/// region that is not a day, and for a file.
fn limit_to_day(prefix: &str, range: TimeRange) -> Option<TimeRange> {
    let mut parts = prefix.split_terminator('/');
    let is_service = |part: &str| part == "CloudTrail" || part == "CloudTrail-Digest";
    let below_region = parts.by_ref().find(|part| is_service(part)).and_then(|_| parts.next());
    let day = parts.collect::<Vec<_>>().join("/");
    if below_region.is_none() || day.is_empty() {
        return (!prefix.trim_end_matches('/').ends_with(".gz")).then_some(range);
    }
    let day = Date::strptime("%Y/%m/%d", day).ok()?;
    let start = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let next = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let end = next.checked_sub(1.nanosecond()).ok()?;
    Some(TimeRange {
        since: Some(range.since.map_or(start, |since| since.max(start))),
        until: Some(range.until.map_or(end, |until| until.min(end))),
    })
}

/// Finds the copies of buckets in, or around, a folder: each has a folder `AWSLogs`. Its digests
/// say of which bucket it is a copy, and which folder is the bucket's.
fn find_copies(path: &Path, range: TimeRange) -> Result<Places> {
    let path = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
    let around = path.ancestors().find(|ancestor| ancestor.ends_with("AWSLogs"));
    let mut roots = Vec::new();
    match around {
        Some(root) => roots.push(root.to_owned()),
        None => find_folders(&path, &mut roots)?,
    }
    if roots.is_empty() {
        bail!("{}: there is no folder AWSLogs in it, nor above it", path.display());
    }
    let mut folders: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut places = Vec::new();
    for root in roots {
        let (bucket, folder) = identify(&root)?;
        let start = if path.starts_with(&folder) { &path } else { &folder };
        let below = if start.starts_with(&root) { start } else { &root };
        let names = below.strip_prefix(&folder)?.iter().map(|name| name.to_string_lossy());
        let prefix = names.collect::<Vec<_>>().join("/");
        places.push(Place::new(bucket.clone(), &prefix, range)?);
        if let Some(other) = folders.insert(bucket.clone(), folder.clone())
            && other != folder
        {
            let (one, two) = (other.display(), folder.display());
            bail!("{one} and {two} are both copies of the bucket {bucket}: verify one at a time");
        }
    }
    Ok(Places { store: Box::new(DirStore::of_copies(folders)), is_copy: true, places })
}

fn find_folders(path: &Path, roots: &mut Vec<PathBuf>) -> Result<()> {
    for child in children(path)? {
        if !child.is_dir() || child.is_symlink() {
            continue;
        }
        match child.ends_with("AWSLogs") {
            true => roots.push(child),
            false => find_folders(&child, roots)?,
        }
    }
    Ok(())
}

/// The bucket and its folder, by what most of some digests say; without any, the folder around
/// `AWSLogs` and its name.
fn identify(root: &Path) -> Result<(String, PathBuf)> {
    let mut votes: BTreeMap<(String, PathBuf), usize> = BTreeMap::new();
    let mut digests = Vec::new();
    find_digests(root, &mut digests)?;
    for (bucket, folder) in digests.iter().filter_map(|digest| says(digest)) {
        *votes.entry((bucket, folder)).or_default() += 1;
    }
    if let Some((named, _)) = votes.into_iter().max_by_key(|(_, count)| *count) {
        return Ok(named);
    }
    let folder = root.parent().unwrap_or(root);
    let name = folder.file_name().map_or("bucket".into(), |name| name.to_string_lossy());
    Ok((name.into_owned(), folder.to_owned()))
}

fn find_digests(path: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for child in children(path)? {
        if found.len() == WITNESSES {
            return Ok(());
        }
        if child.is_dir() && !child.is_symlink() && !child.ends_with("CloudTrail") {
            find_digests(&child, found)?;
        } else if child.to_str().and_then(DigestName::from_key).is_some() {
            found.push(child);
        }
    }
    Ok(())
}

/// The bucket that a digest names, and the folder that is the bucket's if it lies where it says.
fn says(digest: &Path) -> Option<(String, PathBuf)> {
    let content = inflate_content(open_file(digest).ok()?, MAX_DIGEST_BYTES).ok()?;
    let file = DigestFile::from_json(&content).ok()?;
    let folder = digest.to_str()?.strip_suffix(&file.key)?.strip_suffix('/')?;
    Some((file.bucket, PathBuf::from(folder)))
}

fn children(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let children = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>();
    let mut children = children.with_context(|| format!("cannot read {}", path.display()))?;
    children.sort();
    Ok(children)
}
