//! Pages that are compared with files in `tests/golden`.

use std::path::Path;
use std::{env, fs};

/// Compares a page with `tests/golden/<name>.txt`; with `TRAILBELL_WRITE_GOLDEN=1`, writes it. `names` are those that
/// differ from run to run, and what stands for them in the file.
pub fn compare(name: &str, page: &str, names: &[(&str, &str)]) {
    let page = names.iter().fold(page.to_owned(), |page, (from, to)| page.replace(from, to));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).with_extension("txt");
    if env::var_os("TRAILBELL_WRITE_GOLDEN").is_some() {
        fs::write(&golden, &page).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert!(expected == page, "{} is otherwise now:\n{page}", golden.display());
}
