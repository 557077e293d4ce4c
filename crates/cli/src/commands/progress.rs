//! A progress bar.

use std::fmt::Display;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::commands::output::print_error;
use crate::commands::style;

/// The bar is not shown before.
const DELAY: Duration = Duration::from_secs(1);

/// A bar on standard error, if that is a terminal.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over `count` items, e.g. `files`.
    pub fn new(count: usize, items: &str) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::hidden());
        let template = format!("{{spinner}} {{bar:30}} {{pos}}/{{len}} {items}, {{elapsed}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        let delayed = bar.clone();
        // The thread ends with the program.
        thread::spawn(move || {
            thread::sleep(DELAY);
            if !delayed.is_finished() && !style::is_quiet() {
                delayed.set_draw_target(ProgressDrawTarget::stderr());
                delayed.enable_steady_tick(Duration::from_millis(200));
            }
        });
        Progress { bar }
    }

    /// Makes the bar longer.
    pub fn add(&self, items: usize) {
        self.bar.inc_length(items as u64);
    }

    pub fn advance(&self, items: usize) {
        self.bar.inc(items as u64);
    }

    pub fn print_error(&self, error: impl Display) {
        self.bar.suspend(|| print_error(error));
    }

    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
