//! A bar for a person who waits.

use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::commands::output::say;

/// Who has waited this long wants to see something.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar on the terminal (standard error) that shows itself after a second, and never where there
/// is no terminal.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over this many of something, e.g. `files`.
    pub fn new(count: usize, what: &str) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(&format!(
            "{{spinner}} {{bar:30}} {{pos}}/{{len}} {what}, {{elapsed}}"
        )) {
            bar.set_style(style);
        }
        let later = bar.clone();
        // Ends with the program: nobody waits for it.
        thread::spawn(move || show(&later));
        Progress { bar }
    }

    /// One is done.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// Prints a line that the bar does not overwrite.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| say(line));
    }

    /// Does something that prints, without the bar.
    pub fn pause<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn show(bar: &ProgressBar) {
    thread::sleep(PATIENCE);
    if !bar.is_finished() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(Duration::from_millis(200));
    }
}
