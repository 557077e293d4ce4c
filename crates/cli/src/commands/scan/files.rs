//! Log files in directories.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use detect::cloudtrail::key::ObjectKind;
use detect::cloudtrail::reader::Layout;

use super::source::Source;
use crate::commands::input::is_standard_input;

/// Finds the files below `paths`, in their order, and in a directory by name. Does not follow links
/// to directories, which could lead in a circle.
pub fn find_files(paths: &[&Path]) -> Vec<Source> {
    let mut sources = Vec::new();
    for path in paths {
        if is_standard_input(path) {
            sources.push(Source::File { path: path.to_path_buf(), layout: Layout::Records });
            continue;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => add_directory(path, &mut sources),
            Ok(metadata) => sources.push(classify_file(path, &metadata)),
            Err(error) => sources.push(Source::Failed { path: path.to_path_buf(), error }),
        }
    }
    sources
}

fn add_directory(path: &Path, sources: &mut Vec<Source>) {
    let children = match children(path) {
        Ok(children) => children,
        Err(error) => return sources.push(Source::Failed { path: path.to_owned(), error }),
    };
    for path in children {
        let is_link = path.is_symlink();
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() && is_link => {
                sources.push(Source::Skipped { path, reason: "a link to a directory" });
            }
            Ok(metadata) if metadata.is_dir() => add_directory(&path, sources),
            Ok(metadata) => sources.push(classify_file(&path, &metadata)),
            Err(error) => sources.push(Source::Failed { path, error }),
        }
    }
}

fn children(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut children =
        fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    children.sort();
    Ok(children)
}

/// Returns the file's name in lower case, without `.gz`.
fn plain_name(path: &Path) -> String {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    name.strip_suffix(".gz").unwrap_or(&name).to_owned()
}

/// Where the records of a file are, by its name.
pub fn layout(path: &Path) -> Layout {
    let name = plain_name(path);
    match name.ends_with(".ndjson") || name.ends_with(".jsonl") {
        true => Layout::Lines,
        false => Layout::Records,
    }
}

fn classify_file(path: &Path, metadata: &fs::Metadata) -> Source {
    let path = path.to_owned();
    if path.file_name().is_some_and(|name| name.to_str().is_none()) {
        return Source::Failed { path, error: io::Error::other("its name is not UTF-8") };
    }
    // A pipe or a device may have no end.
    if !metadata.is_file() {
        return Source::Skipped { path, reason: "not a regular file" };
    }
    let layout = layout(&path);
    if layout != Layout::Lines && !plain_name(&path).ends_with(".json") {
        return Source::Skipped { path, reason: "not named like a log file" };
    }
    // A copy of a bucket also contains digests and insights.
    let kind = ObjectKind::from_key(path.to_str().unwrap_or_default());
    let reason =
        kind.skip_reason().filter(|_| matches!(kind, ObjectKind::Digest | ObjectKind::Insight));
    match reason {
        Some(reason) => Source::Skipped { path, reason },
        None => Source::File { path, layout },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_files_are_found_and_others_are_skipped_by_name() {
        let root = tempfile::tempdir().unwrap();
        let digest =
            "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260301T100000Z.json.gz";
        for name in
            ["b.json", "a.json.gz", "c.ndjson", "d.jsonl.gz", "e.JSON", "notes.txt", "x.gz", digest]
        {
            fs::write(root.path().join(name), "").unwrap();
        }
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut logs = Vec::new();
        let mut skipped = Vec::new();
        for source in find_files(&[root.path(), &root.path().join("missing")]) {
            match source {
                Source::File { path, layout } => logs.push((name(&path), layout == Layout::Lines)),
                Source::Skipped { path, .. } => skipped.push(name(&path)),
                Source::Failed { path, .. } => assert_eq!(name(&path), "missing"),
                Source::Object { .. } => panic!("a file is not an object"),
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

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_utf_8_fails_by_name() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(OsStr::from_bytes(b"a\xff.json"));
        fs::write(&path, "").unwrap();
        let sources = find_files(&[root.path()]);
        let is_failed =
            |source: &Source| matches!(source, Source::Failed { path: it, .. } if *it == path);
        assert!(sources.len() == 1 && is_failed(&sources[0]));
    }

    #[cfg(unix)]
    #[test]
    fn links_to_files_are_followed_and_links_to_directories_are_not() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.json"), "").unwrap();
        std::os::unix::fs::symlink("a.json", root.path().join("b.json")).unwrap();
        std::os::unix::fs::symlink(".", root.path().join("circle")).unwrap();
        let sources = find_files(&[root.path()]);
        let files = sources.iter().filter(|source| matches!(source, Source::File { .. }));
        assert_eq!(files.count(), 2);
        let is_skipped = |source: &Source| matches!(source, Source::Skipped { .. });
        assert!(sources.len() == 3 && sources.iter().any(is_skipped));
    }
}
