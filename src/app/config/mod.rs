//! The configuration: environment variables that name every place. There are no fallbacks: all that
//! is missing, wrong or unknown is reported at the start, at once.

mod places;
mod settings;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use detect::cloudtrail::Trail;
use detect::ecs::OwnResources;
use detect::finding::PrivilegedGroups;
use detect::rule::{DetectionSettings, EmbeddedSets, LogPlace, ReadScope};
use thiserror::Error;

pub use places::{AlertsPlace, DetectionsPlace, LedgerPlace, ReportsPlace, StorePlace};
use settings::*;

use crate::app::accounts::AccountsPlace;
use crate::integrity::VerifyMode;
use crate::notification::InlineSource;
use crate::pipeline::MailLength;
use crate::telemetry::monitoring::Monitoring;

/// The function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `TRAILBELL_ALERTS`
    pub alerts: AlertsPlace,
    /// `TRAILBELL_CHAT`: the ARN of a topic for chat channels.
    pub chat: Option<String>,
    /// `TRAILBELL_STORE`
    pub store: StorePlace,
    /// `TRAILBELL_LEDGER`
    pub ledger: LedgerPlace,
    /// `TRAILBELL_REPORTS`: where a page of every alert is written. `None` if nowhere.
    pub reports: Option<ReportsPlace>,
    /// `TRAILBELL_TRAILS`: what a sweep lists, and where log objects may be. If empty, nothing is
    /// listed, and log objects may be anywhere.
    pub trails: Vec<Trail>,
    /// `TRAILBELL_INLINE`: where records inside notifications may come from. Empty if none may.
    pub inline_sources: Vec<InlineSource>,
    /// `TRAILBELL_RULES`, in addition to the embedded rules.
    pub rules: Option<DetectionsPlace>,
    /// `TRAILBELL_EXCEPTIONS`
    pub exceptions: Option<DetectionsPlace>,
    /// `TRAILBELL_ACCOUNTS`: names of accounts.
    pub accounts: Option<AccountsPlace>,
    /// `TRAILBELL_PRIVILEGED_GROUPS`: groups that are privileged by their names.
    pub privileged_groups: PrivilegedGroups,
    /// `TRAILBELL_RULE_SETS`: which of the embedded rules are used.
    pub rule_sets: EmbeddedSets,
    /// `TRAILBELL_OWN`: the ARNs of what Trailbell itself consists of.
    pub own: OwnResources,
    /// `TRAILBELL_GUARD`: the accounts and regions whose log objects are read for the rules that
    /// guard Trailbell.
    pub guard: Vec<LogPlace>,
    /// `TRAILBELL_MAIL`: how much a mail says.
    pub mail: MailLength,
    /// `TRAILBELL_METRICS`: how much is measured.
    pub monitoring: Monitoring,
    /// `TRAILBELL_MAX_OBJECT_BYTES`: the most inflated bytes read of one object.
    pub max_object_bytes: u64,
    /// `TRAILBELL_VERIFY`: which of CloudTrail's digests are verified.
    pub verify: VerifyMode,
    /// `TRAILBELL_PUBLIC_KEYS`: a file with CloudTrail's public keys. If `None`, CloudTrail lists
    /// them.
    pub public_keys: Option<PathBuf>,
    /// `TRAILBELL_CONCURRENCY`: how many copies of the function may publish at once.
    pub concurrency: u32,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the configuration cannot be used:\n  {}", lines(.0))]
pub struct ConfigError(pub Vec<SettingError>);

/// What is wrong with one variable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingError {
    /// It begins with `TRAILBELL_`, and there is no such setting.
    #[error("{name}: no such setting")]
    Unknown {
        /// The variable.
        name: String,
    },
    /// It is required.
    #[error("{name} is missing: expected {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
    },
    /// Its value cannot be used.
    #[error("{name} is {value:?}: expected {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: OsString,
        /// What it may be.
        expected: &'static str,
    },
}

fn lines(errors: &[SettingError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
}

const DEFAULT_MAX_OBJECT_BYTES: u64 = 1024 * 1024 * 1024;

const DEFAULT_CONCURRENCY: u32 = 2;

impl Config {
    /// Reads the configuration from variables, e.g. [`std::env::vars_os`]. Those that do not begin
    /// with `TRAILBELL_` are ignored.
    pub fn from_vars(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Config, ConfigError> {
        let mut vars = Vars::new(vars);
        let alerts = vars.required(&ALERTS);
        let chat = vars.chat_topic(alerts.as_ref());
        let store = vars.required(&STORE);
        let ledger = vars.required(&LEDGER);
        let reports = vars.reports(ledger.as_ref());
        let trails = vars.optional(&TRAILS);
        let inline_sources = vars.optional(&INLINE);
        let rules = vars.optional(&RULES);
        let exceptions = vars.optional(&EXCEPTIONS);
        let accounts = vars.optional(&ACCOUNTS);
        let privileged_groups = vars.optional(&PRIVILEGED_GROUPS);
        let rule_sets = vars.optional(&RULE_SETS);
        let own = vars.optional(&OWN);
        let guard = vars.optional(&GUARD);
        let mail = vars.optional(&MAIL);
        let monitoring = vars.optional(&METRICS);
        let max_object_bytes = vars.optional(&MAX_OBJECT_BYTES);
        let concurrency = vars.optional(&CONCURRENCY);
        let verify = vars.optional(&VERIFY);
        let public_keys = vars.optional(&PUBLIC_KEYS);
        match (alerts, store, ledger) {
            (Some(alerts), Some(store), Some(ledger)) if vars.errors.is_empty() => Ok(Config {
                alerts,
                chat,
                store,
                ledger,
                reports,
                trails: trails.unwrap_or_default(),
                inline_sources: inline_sources.unwrap_or_default(),
                rules,
                exceptions,
                accounts,
                privileged_groups: privileged_groups.unwrap_or_default(),
                rule_sets: rule_sets.unwrap_or_default(),
                own: own.unwrap_or_default(),
                guard: guard.unwrap_or_default(),
                mail: mail.unwrap_or_default(),
                monitoring: monitoring.unwrap_or_default(),
                max_object_bytes: max_object_bytes.unwrap_or(DEFAULT_MAX_OBJECT_BYTES),
                concurrency: concurrency.unwrap_or(DEFAULT_CONCURRENCY),
                verify: verify.unwrap_or(VerifyMode::Rules),
                public_keys,
            }),
            _ => Err(ConfigError(vars.errors)),
        }
    }

    /// What rules are matched with.
    pub fn detection_settings(&self) -> DetectionSettings {
        DetectionSettings {
            privileged_groups: self.privileged_groups.clone(),
            own: self.own.clone(),
            read_scope: ReadScope {
                guard: self.guard.clone(),
                identity_center: self.rule_sets.identity_center().cloned(),
                home_region: self.topic_region(),
            },
        }
    }

    /// The region of the topic: the function and its trails are in the same partition.
    fn topic_region(&self) -> Option<String> {
        let AlertsPlace::Topic(arn) = &self.alerts else { return None };
        arn.split(':').nth(3).filter(|region| !region.is_empty()).map(str::to_owned)
    }

    /// The directory or file of rules on this machine, if there is one.
    pub fn local_rules(&self) -> Vec<PathBuf> {
        self.rules.iter().filter_map(DetectionsPlace::local).cloned().collect()
    }

    /// The directory or file of exceptions on this machine, if there is one.
    pub fn local_exceptions(&self) -> Vec<PathBuf> {
        self.exceptions.iter().filter_map(DetectionsPlace::local).cloned().collect()
    }
}

/// The variables, and what is wrong with them so far.
struct Vars {
    values: Vec<(String, OsString)>,
    errors: Vec<SettingError>,
}

impl Vars {
    fn new(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Vars {
        let is_setting = |name: &OsStr| {
            let name = name.as_encoded_bytes();
            name.starts_with(b"TRAILBELL_") && !name.starts_with(b"TRAILBELL_TEST_")
        };
        let mut settings = Vars { values: Vec::new(), errors: Vec::new() };
        for (name, value) in vars.into_iter().filter(|(name, _)| is_setting(name)) {
            let name = name.to_string_lossy().into_owned();
            if NAMES.contains(&name.as_str()) {
                settings.values.push((name, value));
            } else {
                let name = name.escape_debug().to_string();
                settings.errors.push(SettingError::Unknown { name });
            }
        }
        settings
    }

    fn get(&self, name: &str) -> Option<&OsString> {
        let (_, value) = self.values.iter().find(|(other, _)| other == name)?;
        Some(value).filter(|value| !value.to_string_lossy().trim().is_empty())
    }

    fn required<T>(&mut self, setting: &Setting<T>) -> Option<T> {
        let Setting { name, expected, .. } = *setting;
        if self.get(name).is_none() {
            self.errors.push(SettingError::Missing { name, expected });
        }
        self.optional(setting)
    }

    /// The topic for chat channels. Subscribers of the alerts would get its messages as well if
    /// both were one topic.
    fn chat_topic(&mut self, alerts: Option<&AlertsPlace>) -> Option<String> {
        let topic = self.optional(&CHAT)?;
        if matches!(alerts, Some(AlertsPlace::Topic(alerts)) if *alerts != topic) {
            return Some(topic);
        }
        let Setting { name, expected, .. } = CHAT;
        self.errors.push(SettingError::Invalid { name, value: topic.into(), expected });
        None
    }

    /// Where pages are written. A page must not take the place of an object of the ledger.
    fn reports(&mut self, ledger: Option<&LedgerPlace>) -> Option<ReportsPlace> {
        let place = self.optional(&REPORTS)?;
        if !ledger.is_some_and(|ledger| place.is_in(ledger)) {
            return Some(place);
        }
        let Setting { name, expected, .. } = REPORTS;
        let value = self.get(name).cloned().unwrap_or_default();
        self.errors.push(SettingError::Invalid { name, value, expected });
        None
    }

    fn optional<T>(&mut self, setting: &Setting<T>) -> Option<T> {
        let Setting { name, expected, parse } = *setting;
        let value = self.get(name)?;
        let parsed = value.to_str().and_then(|text| parse(text.trim()));
        if parsed.is_none() {
            let value = value.clone();
            self.errors.push(SettingError::Invalid { name, value, expected });
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use detect::cloudtrail::S3Prefix;

    use super::*;

    fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_vars(vars.iter().map(|(name, value)| (name.into(), value.into())))
    }

    const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:alerts";

    #[test]
    fn places_are_required_and_the_rest_has_defaults() {
        let vars =
            [("TRAILBELL_ALERTS", TOPIC), ("TRAILBELL_STORE", "s3"), ("TRAILBELL_LEDGER", "none")];
        let config = config(&vars).unwrap();
        assert_eq!(config.alerts, AlertsPlace::Topic(TOPIC.to_owned()));
        let home_region = config.detection_settings().read_scope.home_region;
        assert_eq!(home_region.as_deref(), Some("us-east-1"));
        assert_eq!(
            (config.store, config.rule_sets, config.concurrency),
            (StorePlace::S3, EmbeddedSets::default(), 2)
        );
        assert_eq!(config.max_object_bytes, 1 << 30);
    }

    #[test]
    fn chat_has_a_topic_of_its_own_beside_that_of_the_alerts() {
        const CHAT: &str = "arn:aws:sns:us-east-1:111122223333:chat";
        for (alerts, chat, expected) in [
            (TOPIC, CHAT, Some(Some(CHAT))),
            (TOPIC, "", Some(None)),
            (TOPIC, TOPIC, None),
            (TOPIC, "stdout", None),
            ("stdout", CHAT, None),
            ("dir:out", CHAT, None),
        ] {
            let config = config(&[
                ("TRAILBELL_ALERTS", alerts),
                ("TRAILBELL_CHAT", chat),
                ("TRAILBELL_STORE", "s3"),
                ("TRAILBELL_LEDGER", "none"),
            ]);
            let chosen = config.ok().map(|config| config.chat);
            assert_eq!(chosen, expected.map(|it| it.map(str::to_owned)), "{alerts} {chat}");
        }
    }

    #[test]
    fn a_ledger_is_in_a_bucket_or_a_folder_or_nowhere() {
        let s3 = |bucket: &str, prefix: &str| {
            let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
            LedgerPlace::S3(S3Prefix { bucket, prefix })
        };
        let long = format!("s3://b/{}", "p".repeat(301));
        for (value, expected) in [
            ("none", Some(LedgerPlace::None)),
            ("dir:x/y", Some(LedgerPlace::Dir(PathBuf::from("x/y")))),
            ("s3://b", Some(s3("b", ""))),
            ("s3://b/p/q/", Some(s3("b", "p/q/"))),
            ("s3:///p", None),
            ("s3://", None),
            ("s3", None),
            ("dir:", None),
            ("memory", None),
            (&*long, None),
        ] {
            assert_eq!(LedgerPlace::parse(value), expected, "{value}");
        }
    }

    #[test]
    fn pages_are_written_beside_the_ledger_and_never_into_it() {
        let s3 = |bucket: &str, prefix: &str| {
            let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
            Some(ReportsPlace::S3(S3Prefix { bucket, prefix }))
        };
        for (ledger, reports, expected) in [
            ("s3://b/ledger", "s3://b/reports", Some(s3("b", "reports"))),
            ("s3://b/ledger", "s3://b", Some(s3("b", ""))),
            ("s3://b/ledger", "s3://other/ledger", Some(s3("other", "ledger"))),
            ("s3://b/ledger", "dir:out", Some(Some(ReportsPlace::Dir(PathBuf::from("out"))))),
            ("dir:out", "dir:out", Some(Some(ReportsPlace::Dir(PathBuf::from("out"))))),
            ("none", "s3://b/x", Some(s3("b", "x"))),
            ("s3://b/ledger", "", Some(None)),
            ("s3://b/ledger", "s3://b/ledger/", None),
            ("s3://b", "s3://b/", None),
            ("s3://b/ledger", "none", None),
            ("s3://b/ledger", "https://b/reports", None),
            ("s3://b/ledger", "reports", None),
        ] {
            let config = config(&[
                ("TRAILBELL_ALERTS", TOPIC),
                ("TRAILBELL_STORE", "s3"),
                ("TRAILBELL_LEDGER", ledger),
                ("TRAILBELL_REPORTS", reports),
            ]);
            let chosen = config.ok().map(|config| config.reports);
            assert_eq!(chosen, expected, "{ledger} {reports}");
        }
    }

    #[test]
    fn trails_are_folders_of_buckets() {
        for (value, expected) in [
            ("s3://logs", Some(vec!["s3://logs/"])),
            ("s3://logs/audit, s3://other/a/b/", Some(vec!["s3://logs/audit/", "s3://other/a/b/"])),
            ("s3://", None),
            ("logs", None),
            ("s3://logs,", None),
        ] {
            let trails: Option<Vec<String>> = (TRAILS.parse)(value)
                .map(|trails| trails.iter().map(ToString::to_string).collect());
            let expected: Option<Vec<String>> =
                expected.map(|all| all.into_iter().map(str::to_owned).collect());
            assert_eq!(trails, expected, "{value}");
        }
    }

    #[test]
    fn inline_sources_are_named_one_by_one() {
        let eventbridge = InlineSource::EventBridge;
        let logs = InlineSource::CloudWatchLogs;
        for (value, expected) in [
            ("off", Some(vec![])),
            ("eventbridge", Some(vec![eventbridge])),
            ("logs", Some(vec![logs])),
            ("eventbridge, logs", Some(vec![eventbridge, logs])),
            ("off,logs", None),
            ("logs,", None),
            ("on", None),
            ("EventBridge", None),
        ] {
            assert_eq!((INLINE.parse)(value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_guarded_is_read_in_regions_of_single_accounts() {
        let places = |value: &str| {
            let places = (GUARD.parse)(value)?;
            Some(places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        for (value, expected) in [
            (
                "111122223333/us-east-1, 444455556666/eu-west-1",
                Some("111122223333/us-east-1 444455556666/eu-west-1"),
            ),
            ("eu-west-1", None),
            ("111122223333", None),
            ("111122223333/us-east-1,", None),
        ] {
            assert_eq!(places(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let vars = [
            ("TRAILBELL_ALERTS", "arn:aws:sns:us-east-1:111122223333:alerts.fifo"),
            ("TRAILBELL_STORE", ""),
            ("TRAILBELL_CONCURRENCY", "0"),
            ("TRAILBELL_INLINE", "on"),
            ("TRAILBELL_MAIL", "long"),
            ("TRAILBELL_METRICS", "all"),
            ("TRAILBELL_ACCOUNTS", "111122223333=prod,17=test"),
            ("TRAILBELL_LEGDER", "none"),
            ("TRAILBELL_RULE_SETS", "groups"),
            ("TRAILBELL_OWN", "alerts"),
            ("TRAILBELL_TEST_MOTO", "http://127.0.0.1:1"),
            ("PATH", "/bin"),
        ];
        let text = config(&vars).unwrap_err().to_string();
        for part in [
            "ALERTS is \"arn",
            "STORE is missing",
            "CONCURRENCY is \"0\"",
            "INLINE is \"on\": expected off, eventbridge or logs",
            "RULE_SETS is \"groups\"",
            "OWN is \"alerts\": expected ARNs",
            "MAIL is \"long\": expected short or full",
            "METRICS is \"all\": expected basic or full",
            "ACCOUNTS is \"111122223333=prod,17=test\": expected ID=NAME",
            "LEGDER: no such",
            "LEDGER is missing",
        ] {
            assert!(text.contains(&format!("TRAILBELL_{part}")), "{part} in {text}");
        }
        assert_eq!(text.lines().count(), 12, "{text}");
    }

    #[test]
    #[cfg(unix)]
    fn a_value_that_is_not_utf_8_is_an_error() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(vec![b's', 0xff]);
        let ConfigError(errors) =
            Config::from_vars([("TRAILBELL_STORE".into(), value)]).unwrap_err();
        let invalid = |error: &SettingError| {
            matches!(error, SettingError::Invalid { name: "TRAILBELL_STORE", .. })
        };
        assert!(errors.iter().any(invalid), "{errors:?}");
    }
}
