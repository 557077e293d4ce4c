//! Finding and reading files.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::problem::Problem;

/// 1 MiB; the largest public rules have about 40 KiB.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// `path` itself if it is a file, otherwise every `*.toml` below it, sorted by path, and what could
/// not be listed. A directory without a rule file is a problem.
///
/// Directories called `_deprecated` or with a dot in front are skipped below `path`: mounted
/// configuration keeps second copies of its files there.
pub(crate) fn toml_files(path: &Path) -> (Vec<PathBuf>, Vec<Problem>) {
    if !path.is_dir() {
        return (vec![path.to_owned()], Vec::new());
    }
    let (files, mut problems) = files_below(path, ".toml");
    if files.is_empty() && problems.is_empty() {
        problems.push(Problem::in_file(path.display(), "there is no .toml file in it"));
    }
    (files, problems)
}

/// The files below a directory whose names end with `ending`, sorted by path, and the directories
/// that cannot be listed.
pub(crate) fn files_below(directory: &Path, ending: &str) -> (Vec<PathBuf>, Vec<Problem>) {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    let mut unread = vec![directory.to_owned()];
    while let Some(directory) = unread.pop() {
        if let Err(error) = list_directory(&directory, ending, &mut files, &mut unread) {
            let message = format!("cannot be listed: {error}");
            problems.push(Problem::in_file(directory.display(), message));
        }
    }
    files.sort();
    (files, problems)
}

fn list_directory(
    directory: &Path,
    ending: &str,
    files: &mut Vec<PathBuf>,
    directories: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        // Links to directories are not followed: they can form a cycle.
        if entry.file_type()?.is_dir() {
            if !is_skipped(&name) {
                directories.push(entry.path());
            }
        } else if name.as_encoded_bytes().ends_with(ending.as_bytes()) && !entry.path().is_dir() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn is_skipped(directory_name: &OsStr) -> bool {
    directory_name == "_deprecated" || directory_name.as_encoded_bytes().starts_with(b".")
}

/// Fails for a pipe or a device: to open or to read it may never end.
pub(crate) fn check_regular_file(path: &Path) -> Result<(), Problem> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            Err(Problem::in_file(path.display(), "is not a regular file"))
        }
        // Reading it says why it cannot be read.
        _ => Ok(()),
    }
}

/// Reads a UTF-8 file of at most 1 MiB, or standard input for `-`.
pub(crate) fn read_text(path: &Path) -> Result<String, Problem> {
    let problem = |message: String| Problem::in_file(path.display(), message);
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)
    } else {
        check_regular_file(path)?;
        File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| problem(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(problem("is larger than 1 MiB".to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        problem(format!("is not UTF-8 from byte {}", error.utf8_error().valid_up_to()))
    })
}
