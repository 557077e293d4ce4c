//! Rules from a directory or a file.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{LoadedRules, Problem};
use crate::rule::RuleOrigin;

/// No file is larger: 1 MiB. The largest public rules have some 40 KiB.
const MAX_BYTES: u64 = 1 << 20;

/// Reads one file.
pub(in crate::rule) fn file(path: PathBuf) -> LoadedRules {
    let mut load = LoadedRules::default();
    match read_text(&path) {
        Ok(text) => load.add(RuleOrigin::File(path), &text),
        Err(message) => load.problems.push(Problem::of_file(path.display().to_string(), message)),
    }
    load
}

/// Gives the text of one file, or of every `*.toml` as [`folder`] finds them, to `read`.
pub(in crate::rule) fn each(
    path: &Path,
    problems: &mut Vec<Problem>,
    read: &mut dyn FnMut(PathBuf, &str),
) {
    let found =
        if path.is_dir() { files(path, "toml") } else { (vec![path.to_owned()], Vec::new()) };
    problems.extend(found.1);
    if found.0.is_empty() && problems.is_empty() {
        problems.push(Problem::of_file(
            path.display().to_string(),
            "there is no .toml file in it".to_owned(),
        ));
    }
    for file in found.0 {
        match read_text(&file) {
            Ok(text) => read(file, &text),
            Err(message) => problems.push(Problem::of_file(file.display().to_string(), message)),
        }
    }
}

/// The files of a directory and of those below it whose names end with a dot and `ending`, sorted,
/// and the directories that cannot be listed.
pub(in crate::rule) fn files(folder: &Path, ending: &str) -> (Vec<PathBuf>, Vec<Problem>) {
    let mut found = Found { ending: format!(".{ending}"), files: Vec::new(), problems: Vec::new() };
    found.collect(folder);
    found.files.sort();
    (found.files, found.problems)
}

struct Found {
    ending: String,
    files: Vec<PathBuf>,
    problems: Vec<Problem>,
}

impl Found {
    fn collect(&mut self, folder: &Path) {
        if let Err(error) = self.try_collect(folder) {
            self.problems.push(Problem::of_file(
                folder.display().to_string(),
                format!("cannot be listed: {error}"),
            ));
        }
    }

    fn try_collect(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            // Links to directories are not followed: they can lead in circles.
            if entry.file_type()?.is_dir() {
                if !is_aside(&name) {
                    self.collect(&path);
                }
            } else if name.as_encoded_bytes().ends_with(self.ending.as_bytes()) && !path.is_dir() {
                self.files.push(path);
            }
        }
        Ok(())
    }
}

fn is_aside(name: &OsStr) -> bool {
    name == "_deprecated" || name.as_encoded_bytes().starts_with(b".")
}

/// The text of a file of at most 1 MiB, or why it cannot be had.
pub(in crate::rule) fn read_text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("is larger than 1 MiB".to_owned());
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
}
