//! What a person sees, as it stands in a golden file.

use std::path::{Path, PathBuf};

/// `tests/golden/<name>.txt`, and the page with what stands there for the names that differ from
/// run to run.
pub fn golden(name: &str, page: &str, names: &[(&str, &str)]) -> [(PathBuf, String); 1] {
    let page = names.iter().fold(page.to_owned(), |page, (from, to)| page.replace(from, to));
    [(Path::new("tests/golden").join(name).with_extension("txt"), page)]
}
