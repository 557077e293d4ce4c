//! Which files a scan reads.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use detect::cloudtrail::key::ObjectKind;

/// A file that the paths of the command line lead to.
#[derive(Debug)]
pub enum Entry {
    /// To be read; whether its name says that it is line-delimited.
    Log { path: PathBuf, lines: bool },
    /// Not to be read, and why.
    Skipped { path: PathBuf, reason: &'static str },
    /// It cannot be looked at.
    Unreadable { path: PathBuf, error: io::Error },
}

/// Everything below `paths`, in the order of the command line, folders sorted by name. Links to
/// folders are not followed, so that the walk ends.
pub fn below(paths: &[PathBuf]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(what) if what.is_dir() => folder(path, &mut entries),
            Ok(what) => entries.push(file(path, &what)),
            Err(error) => entries.push(Entry::Unreadable { path: path.clone(), error }),
        }
    }
    entries
}

fn folder(path: &Path, entries: &mut Vec<Entry>) {
    let children = match children(path) {
        Ok(children) => children,
        Err(error) => return entries.push(Entry::Unreadable { path: path.to_owned(), error }),
    };
    for child in children {
        match fs::symlink_metadata(&child) {
            Ok(what) if what.is_dir() => folder(&child, entries),
            Ok(what) if what.is_symlink() && child.is_dir() => {
                entries.push(Entry::Skipped { path: child, reason: "a link to a folder" });
            }
            // A link says nothing of what it leads to.
            Ok(_) => match fs::metadata(&child) {
                Ok(what) => entries.push(file(&child, &what)),
                Err(error) => entries.push(Entry::Unreadable { path: child, error }),
            },
            Err(error) => entries.push(Entry::Unreadable { path: child, error }),
        }
    }
}

fn children(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut children =
        fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    children.sort();
    Ok(children)
}

/// The file's name in lower case, without `.gz`.
fn plain_name(path: &Path) -> String {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    name.strip_suffix(".gz").map_or(name.clone(), str::to_owned)
}

/// Whether a file's name says that each line of it is a record.
pub fn is_line_delimited(path: &Path) -> bool {
    let name = plain_name(path);
    name.ends_with(".ndjson") || name.ends_with(".jsonl")
}

fn file(path: &Path, what: &fs::Metadata) -> Entry {
    let path = path.to_owned();
    // Reading a pipe or a device need not end.
    if !what.is_file() {
        return Entry::Skipped { path, reason: "not a regular file" };
    }
    let lines = is_line_delimited(&path);
    if !lines && !plain_name(&path).ends_with(".json") {
        return Entry::Skipped { path, reason: "not named as a log file" };
    }
    // CloudTrail keeps its digests and insights beside the log objects, and a copied bucket has
    // them too.
    let kind = ObjectKind::from_key(path.to_str().unwrap_or_default());
    let reason =
        kind.skip_reason().filter(|_| matches!(kind, ObjectKind::Digest | ObjectKind::Insight));
    match reason {
        Some(reason) => Entry::Skipped { path, reason },
        None => Entry::Log { path, lines },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_files_are_read_and_the_others_named() {
        let root = tempfile::tempdir().unwrap();
        let digest =
            "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260301T100000Z.json.gz";
        for name in
            ["b.json", "a.json.gz", "c.ndjson", "d.jsonl.gz", "e.JSON", "notes.txt", "x.gz", digest]
        {
            fs::write(root.path().join(name), "").unwrap();
        }
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let (mut logs, mut skipped) = (Vec::new(), Vec::new());
        for entry in below(&[root.path().to_owned(), root.path().join("missing")]) {
            match entry {
                Entry::Log { path, lines } => logs.push((name(&path), lines)),
                Entry::Skipped { path, .. } => skipped.push(name(&path)),
                Entry::Unreadable { path, .. } => assert_eq!(name(&path), "missing"),
            }
        }
        let expected = [
            ("a.json.gz", false),
            ("b.json", false),
            ("c.ndjson", true),
            ("d.jsonl.gz", true),
            ("e.JSON", false),
        ];
        assert_eq!(logs, expected.map(|(name, lines)| (name.to_owned(), lines)));
        assert_eq!(skipped, [digest, "notes.txt", "x.gz"]);
    }
}
