//! Writes sample pages into a folder: `cargo run -p trailbell-report --example sample_pages --
//! DIR`. They are looked at by people, and by tests/browser/check.mjs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "as in tests")]

#[path = "../../tests/sample/mod.rs"]
mod sample;

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("usage: sample_pages DIR"))?;
    fs::create_dir_all(&folder)?;
    for (name, page) in sample::all() {
        fs::write(folder.join(format!("{name}.html")), page)?;
    }
    Ok(())
}
