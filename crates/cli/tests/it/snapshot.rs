//! Comparison of what a person sees with the files in `snapshots/`.
//! `INSTA_UPDATE=always cargo test -p trailbell-cli` writes these.

/// Compares a page with the snapshot of this name. `replaced` are texts that differ between runs,
/// and what the snapshot has instead.
pub fn assert_page(name: &str, page: &str, replaced: &[(&str, &str)]) {
    let page = replaced.iter().fold(page.to_owned(), |page, (from, to)| page.replace(from, to));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, page));
}
