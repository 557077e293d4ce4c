//! Arguments that several commands share.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use detect::ecs::OwnResources;
use detect::finding::PrivilegedGroups;
use detect::rule::{DetectionSettings, Detections, EmbeddedSets, ReadScope, RuleSet};

use crate::commands::aws::AwsArgs;
use crate::commands::setup::{self, SettingOverride};

#[derive(Debug, clap::Args)]
pub struct RuleArgs {
    /// Additional rules, a file or a directory (repeatable). A rule replaces an earlier one with
    /// the same rule_id
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Which built-in rules to use: none, or iam-groups, iam-principals, guard and
    /// identity-center:REGION, separated by commas [default: iam-groups,iam-principals,guard]
    #[arg(long, value_name = "SETS", value_parser = parse_rule_sets)]
    pub rule_sets: Option<EmbeddedSets>,
}

#[derive(Debug, clap::Args)]
pub struct DetectionArgs {
    #[command(flatten)]
    pub rules: RuleArgs,
    /// Exceptions, a file or a directory (repeatable). Findings that match one are marked as
    /// suppressed
    #[arg(long, value_name = "PATH")]
    pub exceptions: Vec<PathBuf>,
    #[command(flatten)]
    pub settings: SettingArgs,
}

#[derive(Debug, clap::Args)]
pub struct SettingArgs {
    /// Groups that are privileged by their names, separated by commas; * stands for any text [env:
    /// TRAILBELL_PRIVILEGED_GROUPS]
    #[arg(long, value_name = "NAMES", value_parser = parse_privileged_groups)]
    privileged_groups: Option<PrivilegedGroups>,
    /// What Trailbell itself consists of, for the rules that guard it: ARNs, separated by commas
    #[arg(long, value_name = "ARNS", value_parser = parse_own_resources)]
    own: Option<OwnResources>,
}

/// Places that override the function's settings.
#[derive(Debug, clap::Args)]
pub struct PlaceArgs {
    /// Where alerts go: the ARN of an SNS topic, stdout, or dir:PATH [env: TRAILBELL_ALERTS]
    #[arg(long, value_name = "PLACE")]
    alerts: Option<String>,
    #[command(flatten)]
    pub ledger: LedgerArg,
}

#[derive(Debug, Clone, clap::Args)]
pub struct LedgerArg {
    /// The ledger: s3://BUCKET/PREFIX or dir:PATH [env: TRAILBELL_LEDGER]
    #[arg(long, value_name = "PLACE")]
    pub ledger: Option<String>,
    #[command(flatten)]
    pub aws: AwsArgs,
}

impl PlaceArgs {
    pub fn settings(&self) -> [SettingOverride<'_>; 2] {
        [
            ("TRAILBELL_ALERTS", self.alerts.as_deref()),
            ("TRAILBELL_LEDGER", self.ledger.ledger.as_deref()),
        ]
    }
}

impl RuleArgs {
    fn embedded_sets(&self) -> EmbeddedSets {
        self.rule_sets.clone().unwrap_or_default()
    }

    pub fn load(&self) -> Result<RuleSet> {
        setup::load_rules(&self.embedded_sets(), &self.rules)
    }
}

impl DetectionArgs {
    pub fn load(&self) -> Result<Detections> {
        let rules = self.rules.load()?;
        let settings = self.settings.load(&self.rules)?;
        let groups = &settings.privileged_groups;
        let exceptions = setup::load_exceptions(&self.exceptions, &rules, groups);
        Ok(Detections::new(rules, exceptions.into_exceptions()?).with_settings(settings))
    }
}

impl SettingArgs {
    /// The settings named; privileged groups otherwise from the environment.
    pub fn load(&self, rules: &RuleArgs) -> Result<DetectionSettings> {
        let identity_center = rules.embedded_sets().identity_center().cloned();
        Ok(DetectionSettings {
            privileged_groups: self.load_privileged_groups()?,
            own: self.own.clone().unwrap_or_default(),
            read_scope: ReadScope { identity_center, ..ReadScope::default() },
        })
    }

    fn load_privileged_groups(&self) -> Result<PrivilegedGroups> {
        if let Some(groups) = &self.privileged_groups {
            return Ok(groups.clone());
        }
        let name = "TRAILBELL_PRIVILEGED_GROUPS";
        let text = std::env::var(name).unwrap_or_default();
        if text.is_empty() {
            return Ok(PrivilegedGroups::default());
        }
        parse_privileged_groups(&text).map_err(|expected| anyhow!("{name} is {text:?}: {expected}"))
    }
}

fn parse_rule_sets(text: &str) -> Result<EmbeddedSets, &'static str> {
    EmbeddedSets::parse(text)
        .ok_or("expected none, or iam-groups, iam-principals, guard and identity-center:REGION")
}

fn parse_own_resources(text: &str) -> Result<OwnResources, &'static str> {
    OwnResources::parse(text).ok_or("expected ARNs, separated by commas")
}

fn parse_privileged_groups(text: &str) -> Result<PrivilegedGroups, &'static str> {
    PrivilegedGroups::parse(text).ok_or("expected names of IAM groups, separated by commas")
}
