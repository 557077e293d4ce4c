//! The settings: their names, what each may be, and how it is read.

use std::path::PathBuf;

use detect::cloudtrail::Trail;
use detect::ecs::OwnResources;
use detect::finding::PrivilegedGroups;
use detect::rule::{EmbeddedSets, LogPlace};

use super::places::{
    AlertsPlace, DetectionsPlace, LedgerPlace, ReportsPlace, StorePlace, is_topic, local_path,
};
use crate::app::accounts::AccountsPlace;
use crate::integrity::VerifyMode;
use crate::notification::InlineSource;
use crate::pipeline::MailLength;
use crate::telemetry::monitoring::Monitoring;

/// A variable, what it may be, and how it is read.
pub(super) struct Setting<T> {
    pub(super) name: &'static str,
    pub(super) expected: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
}

pub(super) const ALERTS: Setting<AlertsPlace> = Setting {
    name: "TRAILBELL_ALERTS",
    expected: "the ARN of a standard topic (a FIFO topic has no e-mail), stdout or dir:PATH",
    parse: AlertsPlace::parse,
};

pub(super) const CHAT: Setting<String> = Setting {
    name: "TRAILBELL_CHAT",
    expected: "the ARN of a standard topic, in addition to another topic in TRAILBELL_ALERTS",
    parse: |value| is_topic(value).then(|| value.to_owned()),
};

pub(super) const STORE: Setting<StorePlace> =
    Setting { name: "TRAILBELL_STORE", expected: "s3 or dir:PATH", parse: StorePlace::parse };

pub(super) const LEDGER: Setting<LedgerPlace> = Setting {
    name: "TRAILBELL_LEDGER",
    expected: "s3://BUCKET/PREFIX, dir:PATH or none",
    parse: LedgerPlace::parse,
};

pub(super) const REPORTS: Setting<ReportsPlace> = Setting {
    name: "TRAILBELL_REPORTS",
    expected: "s3://BUCKET/PREFIX or dir:PATH, and another prefix than that of the ledger",
    parse: ReportsPlace::parse,
};

pub(super) const TRAILS: Setting<Vec<Trail>> = Setting {
    name: "TRAILBELL_TRAILS",
    expected: "s3://BUCKET/PREFIX, separated by commas",
    parse: |value| value.split(',').map(|trail| Trail::parse(trail.trim())).collect(),
};

pub(super) const INLINE: Setting<Vec<InlineSource>> = Setting {
    name: "TRAILBELL_INLINE",
    expected: "off, eventbridge or logs, or the last two separated by a comma",
    parse: parse_inline_sources,
};

pub(super) const RULES: Setting<DetectionsPlace> = Setting {
    name: "TRAILBELL_RULES",
    expected: "a directory, a file, s3://BUCKET/FOLDER or s3://BUCKET/FILE.toml",
    parse: DetectionsPlace::parse,
};

pub(super) const EXCEPTIONS: Setting<DetectionsPlace> =
    Setting { name: "TRAILBELL_EXCEPTIONS", ..RULES };

pub(super) const ACCOUNTS: Setting<AccountsPlace> = Setting {
    name: "TRAILBELL_ACCOUNTS",
    expected: "ID=NAME, separated by commas, a file, or s3://BUCKET/FILE.toml",
    parse: AccountsPlace::parse,
};

pub(super) const PRIVILEGED_GROUPS: Setting<PrivilegedGroups> = Setting {
    name: "TRAILBELL_PRIVILEGED_GROUPS",
    expected: "names of groups, separated by commas; `*` stands for any text",
    parse: PrivilegedGroups::parse,
};

pub(super) const RULE_SETS: Setting<EmbeddedSets> = Setting {
    name: "TRAILBELL_RULE_SETS",
    expected: "none, or iam-groups, iam-principals, guard and identity-center:REGION, separated by \
               commas",
    parse: EmbeddedSets::parse,
};

pub(super) const OWN: Setting<OwnResources> = Setting {
    name: "TRAILBELL_OWN",
    expected: "ARNs, separated by commas",
    parse: OwnResources::parse,
};

pub(super) const GUARD: Setting<Vec<LogPlace>> = Setting {
    name: "TRAILBELL_GUARD",
    expected: "ACCOUNT/REGION, separated by commas",
    parse: parse_guard,
};

pub(super) const MAIL: Setting<MailLength> =
    Setting { name: "TRAILBELL_MAIL", expected: "short or full", parse: MailLength::from_word };

pub(super) const METRICS: Setting<Monitoring> =
    Setting { name: "TRAILBELL_METRICS", expected: "basic or full", parse: Monitoring::from_word };

pub(super) const MAX_OBJECT_BYTES: Setting<u64> = Setting {
    name: "TRAILBELL_MAX_OBJECT_BYTES",
    expected: "a number of bytes, at least 1",
    parse: |value| value.parse().ok().filter(|bytes| *bytes > 0),
};

pub(super) const VERIFY: Setting<VerifyMode> =
    Setting { name: "TRAILBELL_VERIFY", expected: "all, rules or off", parse: VerifyMode::parse };

pub(super) const PUBLIC_KEYS: Setting<PathBuf> =
    Setting { name: "TRAILBELL_PUBLIC_KEYS", expected: "a file", parse: local_path };

/// Of more copies each could publish so rarely that most of its time would be waiting.
const MAX_CONCURRENCY: u32 = 20;

pub(super) const CONCURRENCY: Setting<u32> = Setting {
    name: "TRAILBELL_CONCURRENCY",
    expected: "a number from 1 to 20",
    parse: |value| value.parse().ok().filter(|count| (1..=MAX_CONCURRENCY).contains(count)),
};

/// Any other variable that begins with `TRAILBELL_` is a mistake, except those of the tests.
pub(super) const NAMES: [&str; 20] = [
    ALERTS.name,
    CHAT.name,
    STORE.name,
    LEDGER.name,
    REPORTS.name,
    TRAILS.name,
    INLINE.name,
    RULES.name,
    EXCEPTIONS.name,
    ACCOUNTS.name,
    PRIVILEGED_GROUPS.name,
    RULE_SETS.name,
    OWN.name,
    GUARD.name,
    MAIL.name,
    METRICS.name,
    MAX_OBJECT_BYTES.name,
    CONCURRENCY.name,
    VERIFY.name,
    PUBLIC_KEYS.name,
];

/// Without an account, the objects of all accounts would be read.
fn parse_guard(value: &str) -> Option<Vec<LogPlace>> {
    let places = value.split(',').map(|place| LogPlace::parse(place.trim()));
    places.map(|place| place.filter(|place| place.account.is_some())).collect()
}

fn parse_inline_sources(value: &str) -> Option<Vec<InlineSource>> {
    match value {
        "off" => Some(Vec::new()),
        _ => value.split(',').map(|name| InlineSource::from_setting(name.trim())).collect(),
    }
}
