//! Files that a reviewer reads, and that what is written now must equal.

use std::path::PathBuf;
use std::{env, fs};

/// Compares pages with their golden files, or writes these where `TRAILBELL_WRITE_GOLDEN` is set.
pub fn compare(pages: impl IntoIterator<Item = (PathBuf, String)>) {
    let write = env::var_os("TRAILBELL_WRITE_GOLDEN").is_some();
    let mut different = Vec::new();
    for (golden, page) in pages {
        if write {
            fs::write(&golden, &page).unwrap();
        } else if let Some(difference) =
            difference(&fs::read_to_string(&golden).unwrap_or_default(), &page)
        {
            different.push(format!("{}: {difference}", golden.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn difference(golden: &str, page: &str) -> Option<String> {
    if golden == page {
        return None;
    }
    let (golden, page): (Vec<_>, Vec<_>) = (golden.lines().collect(), page.lines().collect());
    let line = (0..).find(|&line| golden.get(line) != page.get(line))?;
    Some(format!(
        "line {}\n  golden: {:?}\n  now:    {:?}",
        line + 1,
        golden.get(line),
        page.get(line)
    ))
}
