//! What a scan cost: `--stats`.

use std::fmt;
use std::time::Duration;

use detect::cloudtrail::reader::{ReadStats, ScanMode};

/// What one file or object cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Stored bytes.
    pub stored: u64,
    /// Getting at the stored bytes, of objects that are held whole.
    pub opening: Duration,
    pub read: ReadStats,
}

/// What a whole scan cost.
#[derive(Debug, Default)]
pub struct Stats {
    stored: u64,
    inflated: u64,
    prefiltered: u64,
    split: u64,
    records: u64,
    parsed: u64,
    opening: Duration,
    inflating: Duration,
    searching: Duration,
    splitting: Duration,
}

impl Stats {
    pub fn add(&mut self, cost: &Cost) {
        let Cost { stored, opening, read } = cost;
        self.stored += stored;
        self.inflated += read.bytes;
        match read.mode {
            ScanMode::Prefiltered => self.prefiltered += 1,
            ScanMode::Parsed => self.split += 1,
        }
        self.records += read.records;
        self.parsed += read.parsed;
        self.opening += *opening;
        self.inflating += read.times.inflate;
        self.searching += read.times.prefilter;
        self.splitting += read.times.parse;
    }

    /// Records split off.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Files that were only probed.
    pub fn prefiltered(&self) -> u64 {
        self.prefiltered
    }

    /// All of it, for people. `took` is by the clock, from start to end; `prefilter` says whether files
    /// were probed.
    pub fn tell(&self, took: Duration, prefilter: &str) -> String {
        let (seconds, inflated) = (took.as_secs_f64(), mega(self.inflated));
        let speed = if seconds > 0.0 { inflated / seconds } else { 0.0 };
        format!(
            "{:.1} MB stored, {inflated:.1} MB inflated in {seconds:.3} s: {speed:.0} MB/s\n{} only probed, {} split; {} \
             records split off, {} parsed\nprobe: {prefilter}\n{self}",
            mega(self.stored),
            self.prefiltered,
            self.split,
            self.records,
            self.parsed,
        )
    }
}

impl fmt::Display for Stats {
    /// Where the time went.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages = [
            ("opening", self.opening),
            ("inflating", self.inflating),
            ("searching", self.searching),
            ("splitting, parsing and matching", self.splitting),
        ];
        write!(f, "time of all threads together:")?;
        stages
            .iter()
            .try_for_each(|(stage, time)| write!(f, " {stage} {:.3} s;", time.as_secs_f64()))?;
        write!(f, " a file that is split as it comes is inflated while it is split")
    }
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
