//! Rules from a directory or a file.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Load, Problem};
use crate::rule::RuleOrigin;

/// No rule file is larger: 1 MiB. The largest public ones have some 40 KiB.
const MAX_BYTES: u64 = 1 << 20;

/// Reads one file, or every `*.toml` of a directory and of those below it, in the order of their paths. A directory
/// called `_deprecated` is read only if it is named itself, and so is one whose name starts with a dot: mounted
/// configuration keeps second copies there.
pub fn folder(path: &Path) -> Load {
    let mut load = Load::default();
    for file in files(path, &mut load) {
        match text(&file) {
            Ok(text) => load.add(RuleOrigin::File(file), &text),
            Err(message) => load.problems.push(Problem::of_file(file.display().to_string(), message)),
        }
    }
    load.check_ids();
    load
}

fn files(path: &Path, load: &mut Load) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if !path.is_dir() {
        files.push(path.to_owned());
        return files;
    }
    collect(path, &mut files, load);
    files.sort();
    if files.is_empty() && load.problems.is_empty() {
        load.problems.push(Problem::of_file(path.display().to_string(), "there is no .toml file in it".to_owned()));
    }
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>, load: &mut Load) {
    if let Err(error) = try_collect(folder, files, load) {
        load.problems.push(Problem::of_file(folder.display().to_string(), format!("cannot be listed: {error}")));
    }
}

fn try_collect(folder: &Path, files: &mut Vec<PathBuf>, load: &mut Load) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // Links to directories are not followed: they can lead in circles.
        if entry.file_type()?.is_dir() {
            if !is_aside(&entry.file_name()) {
                collect(&path, files, load);
            }
        } else if path.extension() == Some(OsStr::new("toml")) && !path.is_dir() {
            files.push(path);
        }
    }
    Ok(())
}

fn is_aside(name: &OsStr) -> bool {
    name == "_deprecated" || name.as_encoded_bytes().starts_with(b".")
}

fn text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("is larger than 1 MiB, which no rule file is".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| format!("is not UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
}
