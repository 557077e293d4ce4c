//! Listing a directory as S3 lists a bucket.

use std::path::Path;
use std::{fs, io};

use super::dir::{DirResult, is_inside, no_bucket};
use super::{Listing, Page};

/// Keys and folders of one page, as in S3.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
const PAGE_SIZE: usize = 1_000;

/// The keys of a bucket's folder. Blocks.
pub(super) fn list(bucket: &Path, listing: &Listing) -> DirResult<Page> {
    if !bucket.is_dir() {
        return Err(no_bucket(bucket));
    }
    let mut page = Page::default();
    // All keys with a prefix are in the folder up to its last `/`.
    let folder = listing.prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    if is_inside(Path::new(folder)) {
        collect(bucket, folder, listing, &mut page)?;
    }
    Ok(first_page(page, listing))
}

/// The first names of all that were collected, as many as fit a page.
fn first_page(all: Page, listing: &Listing) -> Page {
    let limit = listing.limit.map_or(PAGE_SIZE, usize::from).min(PAGE_SIZE);
    let keys = all.keys.into_iter().map(|key| (key, false));
    let mut names: Vec<_> = keys.chain(all.prefixes.into_iter().map(|it| (it, true))).collect();
    names.sort_unstable();
    let is_last = names.len() <= limit;
    names.truncate(limit);
    let next = names.last().filter(|_| !is_last).map(|(name, _)| name.clone());
    let (prefixes, keys): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|(_, is_folder)| *is_folder);
    let names = |names: Vec<(String, bool)>| names.into_iter().map(|(name, _)| name).collect();
    Page { keys: names(keys), prefixes: names(prefixes), next, ..Page::default() }
}

fn collect(bucket: &Path, folder: &str, listing: &Listing, page: &mut Page) -> io::Result<()> {
    let entries = match fs::read_dir(bucket.join(folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| {
            // It has no key, so nothing could say later what became of it.
            let path = entry.path();
            io::Error::other(format!("{}: its name is not UTF-8", path.display()))
        })?;
        let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if !entry.file_type()?.is_dir() {
            page.keys.extend(Some(key).filter(|key| listing.includes(key)));
        } else if !listing.folders {
            collect(bucket, &key, listing, page)?;
        } else {
            page.prefixes.extend(Some(format!("{key}/")).filter(|it| listing.includes(it)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DirStore;

    #[tokio::test]
    async fn a_long_list_has_pages_of_a_thousand_names() {
        let root = tempfile::tempdir().unwrap();
        for name in 0..1_500 {
            let folder = root.path().join(format!("logs/{:04}", name / 2 * 2));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(name.to_string()), "").unwrap();
        }
        fs::write(root.path().join("logs/0000-key"), "").unwrap();
        let store = DirStore::new(root.path());
        for (folders, start_after, expected) in [
            (false, None, vec![1_000, 501]),
            (true, None, vec![751]),
            (false, Some("0500/500"), vec![999]),
            (true, Some("0500/"), vec![499]),
        ] {
            let mut listing = Listing { bucket: "logs".to_owned(), folders, ..Listing::default() };
            listing.start_after = start_after.map(str::to_owned);
            let mut names = Vec::new();
            let mut sizes = Vec::new();
            crate::store::list_pages(&store, listing, |page| {
                sizes.push(page.keys.len() + page.prefixes.len());
                names.extend(page.keys.into_iter().chain(page.prefixes));
                true
            })
            .await
            .unwrap();
            assert_eq!(sizes, expected, "{folders} {start_after:?}");
            assert!(folders || names.is_sorted());
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), expected.iter().sum::<usize>(), "none twice");
        }
    }
}
