//! The files with policy documents that a user names.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use detect::power::{JudgedDocument, judge_text};

/// IAM's largest policies have 10 KiB. CloudTrail records documents of up to 100 KB.
const MAX_BYTES: u64 = 1 << 20;

/// Reads and judges the document in a file, or on standard input for `-`.
pub fn judge_file(path: &Path) -> Result<JudgedDocument> {
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => io::stdin().lock().take(MAX_BYTES + 1).read_to_string(&mut text),
        false => File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text),
    };
    read?;
    ensure!(text.len() as u64 <= MAX_BYTES, "it is larger than 1 MiB, which no policy is");
    let mut judged = judge_text(text.trim_start_matches('\u{feff}'))?;
    match judged.problems.is_empty() {
        true => Ok(judged),
        false => Err(judged.problems.remove(0).into()),
    }
}

/// The paths, with every directory replaced by the JSON files below it.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            add_json_files(path, &mut files)?;
            if files.len() == before {
                bail!("{}: no file in this directory ends in .json", path.display());
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn add_json_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = || format!("cannot read the directory {}", directory.display());
    let entries = fs::read_dir(directory).with_context(failed)?;
    let mut entries: Vec<_> = entries.collect::<io::Result<_>>().with_context(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type().with_context(failed)?.is_dir() {
            add_json_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}
