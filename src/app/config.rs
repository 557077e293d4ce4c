//! What the operator said, in environment variables. Every place is said explicitly; what is
//! missing, wrong or unknown is an error at the start, all of it at once.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use detect::cloudtrail::Trail;
use thiserror::Error;

/// The function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `TRAILBELL_ALERTS`
    pub alerts: AlertsPlace,
    /// `TRAILBELL_STORE`
    pub store: StorePlace,
    /// `TRAILBELL_LEDGER`
    pub ledger: LedgerPlace,
    /// `TRAILBELL_TRAILS`: what a sweep lists; may be empty.
    pub trails: Vec<Trail>,
    /// `TRAILBELL_RULES`: besides the embedded rules.
    pub rules: Option<DetectionsPlace>,
    /// `TRAILBELL_EXCEPTIONS`
    pub exceptions: Option<DetectionsPlace>,
    /// `TRAILBELL_ACCOUNTS`: a file of account names.
    pub accounts: Option<PathBuf>,
    /// `TRAILBELL_DEFAULT_RULES`: whether the embedded rules are used.
    pub default_rules: bool,
    /// `TRAILBELL_MAX_OBJECT_BYTES`: inflated bytes accepted of one object.
    pub max_object_bytes: u64,
    /// `TRAILBELL_CONCURRENCY`: how many copies of the function may publish at once.
    pub concurrency: u32,
}

/// Where alerts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertsPlace {
    /// The ARN of an SNS topic.
    Topic(String),
    /// The terminal.
    Stdout,
    /// A folder.
    Dir(PathBuf),
}

/// Where log objects are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePlace {
    /// S3.
    S3,
    /// `PATH/<bucket>/<key>`.
    Dir(PathBuf),
}

/// Where rules or exceptions are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetectionsPlace {
    /// A directory or a file: read once, at the start.
    Local(PathBuf),
    /// Every `*.toml` below a prefix of a bucket: followed as it changes.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// May be empty, or a whole key.
        prefix: String,
    },
}

/// Where findings are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerPlace {
    /// Nowhere: a notification that comes twice is alerted twice.
    None,
    /// Below a prefix of a bucket.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// May be empty.
        prefix: String,
    },
    /// In a folder.
    Dir(PathBuf),
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the configuration cannot be used:\n  {}", .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

/// Every variable there is. Any other that begins with `TRAILBELL_` is a mistake, but for the
/// tests' own.
const KNOWN: [&str; 10] = [
    "TRAILBELL_ALERTS",
    "TRAILBELL_STORE",
    "TRAILBELL_LEDGER",
    "TRAILBELL_TRAILS",
    "TRAILBELL_RULES",
    "TRAILBELL_EXCEPTIONS",
    "TRAILBELL_ACCOUNTS",
    "TRAILBELL_DEFAULT_RULES",
    "TRAILBELL_MAX_OBJECT_BYTES",
    "TRAILBELL_CONCURRENCY",
];

const DEFAULT_MAX_OBJECT_BYTES: u64 = 1024 * 1024 * 1024;

const DEFAULT_CONCURRENCY: u32 = 2;

/// Bytes of the ledger's prefix.
const MOST_PREFIX: usize = 300;

impl DetectionsPlace {
    /// The directory or file; none in S3.
    pub fn local(&self) -> Option<&PathBuf> {
        match self {
            DetectionsPlace::Local(path) => Some(path),
            DetectionsPlace::S3 { .. } => None,
        }
    }
}

impl LedgerPlace {
    /// Reads `none`, `s3://BUCKET/PREFIX` or `dir:PATH`.
    pub fn parse(value: &str) -> Option<LedgerPlace> {
        if value == "none" {
            return Some(LedgerPlace::None);
        }
        let Some(place) = value.strip_prefix("s3://") else {
            return dir(value).map(LedgerPlace::Dir);
        };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        // A key has 1,024 bytes, and ours need most of them.
        let fits = !bucket.is_empty() && prefix.len() <= MOST_PREFIX;
        fits.then(|| LedgerPlace::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl Config {
    /// The rules that are on this machine, as a list of places.
    pub fn local_rules(&self) -> Vec<PathBuf> {
        self.rules.iter().filter_map(DetectionsPlace::local).cloned().collect()
    }

    /// The exceptions that are on this machine, as a list of places.
    pub fn local_exceptions(&self) -> Vec<PathBuf> {
        self.exceptions.iter().filter_map(DetectionsPlace::local).cloned().collect()
    }

    /// Reads the configuration from variables, e.g. [`std::env::vars_os`]. Those that do not begin
    /// with `TRAILBELL_` do not matter.
    pub fn from_vars(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Config, ConfigError> {
        let mut vars = Vars::new(vars);
        let alerts = vars.required(
            "TRAILBELL_ALERTS",
            "the ARN of a standard topic (a FIFO topic has no e-mail), stdout or dir:PATH",
            alerts_place,
        );
        let store = vars.required("TRAILBELL_STORE", "s3 or dir:PATH", store_place);
        let ledger = vars.required(
            "TRAILBELL_LEDGER",
            "s3://BUCKET/PREFIX, dir:PATH or none",
            LedgerPlace::parse,
        );
        let trails = vars.optional(
            "TRAILBELL_TRAILS",
            "s3://BUCKET/PREFIX, several with commas between",
            trails,
        );
        let rules = vars.optional(
            "TRAILBELL_RULES",
            "a directory, a file or s3://BUCKET/PREFIX",
            detections_place,
        );
        let exceptions = vars.optional(
            "TRAILBELL_EXCEPTIONS",
            "a directory, a file or s3://BUCKET/PREFIX",
            detections_place,
        );
        let accounts = vars.optional("TRAILBELL_ACCOUNTS", "a file", local_file);
        let default_rules = vars.optional("TRAILBELL_DEFAULT_RULES", "on or off", switch);
        let max_object_bytes =
            vars.optional("TRAILBELL_MAX_OBJECT_BYTES", "a number of bytes, at least 1", positive);
        let concurrency =
            vars.optional("TRAILBELL_CONCURRENCY", "a number from 1 to 1000", workers);
        match (alerts, store, ledger) {
            (Some(alerts), Some(store), Some(ledger)) if vars.problems.is_empty() => Ok(Config {
                alerts,
                store,
                ledger,
                trails: trails.unwrap_or_default(),
                rules,
                exceptions,
                accounts,
                default_rules: default_rules.unwrap_or(true),
                max_object_bytes: max_object_bytes.unwrap_or(DEFAULT_MAX_OBJECT_BYTES),
                concurrency: concurrency.unwrap_or(DEFAULT_CONCURRENCY),
            }),
            _ => Err(ConfigError(vars.problems)),
        }
    }
}

/// The variables, and what is wrong with them so far.
struct Vars {
    given: Vec<(String, String)>,
    problems: Vec<String>,
}

impl Vars {
    fn new(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Vars {
        let mut ours = Vars { given: Vec::new(), problems: Vec::new() };
        vars.into_iter().for_each(|(name, value)| ours.take(&name, value));
        ours
    }

    fn take(&mut self, name: &OsStr, value: OsString) {
        let Some(name) = name.to_str() else { return };
        if !name.starts_with("TRAILBELL_") || name.starts_with("TRAILBELL_TEST_") {
            return;
        }
        if !KNOWN.contains(&name) {
            self.problems.push(format!("{}: no such setting", name.escape_debug()));
        }
        match value.into_string() {
            Ok(value) => self.given.push((name.to_owned(), value)),
            Err(_) => {
                self.problems.push(format!("{}: the value is not UTF-8", name.escape_debug()))
            }
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.given.iter().find(|(given, _)| given == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    fn required<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: fn(&str) -> Option<T>,
    ) -> Option<T> {
        if self.get(name).is_none() {
            self.problems.push(format!("{name} is missing: expected {expected}"));
        }
        self.optional(name, expected, read)
    }

    fn optional<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(name)?;
        let result = read(value);
        if result.is_none() {
            self.problems.push(format!("{name} is {value:?}: expected {expected}"));
        }
        result
    }
}

fn alerts_place(value: &str) -> Option<AlertsPlace> {
    match value {
        "stdout" => Some(AlertsPlace::Stdout),
        _ if is_topic(value) => Some(AlertsPlace::Topic(value.to_owned())),
        _ => dir(value).map(AlertsPlace::Dir),
    }
}

/// `arn:PARTITION:sns:REGION:ACCOUNT:NAME`; e-mail needs a standard topic, not a FIFO one.
fn is_topic(value: &str) -> bool {
    let parts: Vec<&str> = value.split(':').collect();
    let complete = parts.len() == 6 && parts.iter().all(|part| !part.is_empty());
    complete && parts[0] == "arn" && parts[2] == "sns" && !parts[5].ends_with(".fifo")
}

fn store_place(value: &str) -> Option<StorePlace> {
    if value == "s3" { Some(StorePlace::S3) } else { dir(value).map(StorePlace::Dir) }
}

fn trails(value: &str) -> Option<Vec<Trail>> {
    value.split(',').map(|trail| Trail::parse(trail.trim())).collect()
}

fn detections_place(value: &str) -> Option<DetectionsPlace> {
    let Some(place) = value.strip_prefix("s3://") else {
        return (!value.contains("://")).then(|| DetectionsPlace::Local(PathBuf::from(value)));
    };
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let s3 = || DetectionsPlace::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
    (!bucket.is_empty()).then(s3)
}

fn local_file(value: &str) -> Option<PathBuf> {
    (!value.contains("://")).then(|| PathBuf::from(value))
}

fn dir(value: &str) -> Option<PathBuf> {
    value.strip_prefix("dir:").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn positive(value: &str) -> Option<u64> {
    value.parse().ok().filter(|number| *number > 0)
}

fn workers(value: &str) -> Option<u32> {
    value.parse().ok().filter(|number| (1..=1000).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_vars(vars.iter().map(|(name, value)| (name.into(), value.into())))
    }

    const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:alerts";

    #[test]
    fn places_are_said_and_the_rest_has_defaults() {
        let said =
            [("TRAILBELL_ALERTS", TOPIC), ("TRAILBELL_STORE", "s3"), ("TRAILBELL_LEDGER", "none")];
        let config = config(&said).unwrap();
        assert_eq!(config.alerts, AlertsPlace::Topic(TOPIC.to_owned()));
        assert_eq!(
            (config.store, config.default_rules, config.concurrency),
            (StorePlace::S3, true, 2)
        );
        assert_eq!(config.max_object_bytes, 1 << 30);
    }

    #[test]
    fn a_ledger_is_in_a_bucket_in_a_folder_or_nowhere() {
        let s3 = |bucket: &str, prefix: &str| LedgerPlace::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        for (said, expected) in [
            ("none", Some(LedgerPlace::None)),
            ("dir:x/y", Some(LedgerPlace::Dir(PathBuf::from("x/y")))),
            ("s3://b", Some(s3("b", ""))),
            ("s3://b/p/q/", Some(s3("b", "p/q/"))),
            ("s3:///p", None),
            ("s3://", None),
            ("s3", None),
            ("dir:", None),
            ("memory", None),
        ] {
            assert_eq!(LedgerPlace::parse(said), expected, "{said}");
        }
    }

    #[test]
    fn trails_are_prefixes_of_buckets() {
        let read = |said| {
            trails(said).map(|trails| trails.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        for (said, expected) in [
            ("s3://logs", Some(vec!["s3://logs/"])),
            ("s3://logs/audit, s3://other/a/b/", Some(vec!["s3://logs/audit/", "s3://other/a/b/"])),
            ("s3://", None),
            ("logs", None),
            ("s3://logs,", None),
        ] {
            assert_eq!(
                read(said),
                expected.map(|all| all.into_iter().map(str::to_owned).collect()),
                "{said}"
            );
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let said = [
            ("TRAILBELL_ALERTS", "arn:aws:sns:us-east-1:111122223333:alerts.fifo"),
            ("TRAILBELL_STORE", ""),
            ("TRAILBELL_CONCURRENCY", "0"),
            ("TRAILBELL_LEGDER", "none"),
            ("TRAILBELL_TEST_MOTO", "http://127.0.0.1:1"),
            ("PATH", "/bin"),
        ];
        let told = config(&said).unwrap_err().to_string();
        for name in [
            "ALERTS is \"arn",
            "STORE is missing",
            "CONCURRENCY is \"0\"",
            "LEGDER: no such",
            "LEDGER is missing",
        ] {
            assert!(told.contains(&format!("TRAILBELL_{name}")), "{name} in {told}");
        }
        assert_eq!(told.lines().count(), 6, "{told}");
    }
}
