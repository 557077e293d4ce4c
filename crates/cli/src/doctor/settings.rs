//! The function's settings, the credentials and the region. Without them nothing else can be
//! checked.

use aws_config::SdkConfig;
use aws_sdk_s3::config::ProvideCredentials;
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use trailbell::app::config::{ConfigError, SettingError};
use trailbell::aws_error::{AwsError, AwsErrorKind};

use super::{Check, DoctorReport, fixes};

/// The credentials and the region of the requests.
#[derive(Debug, Clone)]
pub struct CallerIdentity {
    /// The region that requests go to.
    pub region: Option<String>,
    /// The access key, or why there is none.
    pub key: Result<AccessKey, AwsError>,
}

/// An access key.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its account, if the source of the credentials knows it.
    pub account: Option<String>,
}

impl CallerIdentity {
    /// Loads the credentials. Makes no request, unless the credentials come from a service.
    pub(super) async fn from_credentials(config: &SdkConfig) -> CallerIdentity {
        let region = config.region().map(ToString::to_string);
        let credentials = match config.credentials_provider() {
            None => Err(AwsError::new(AwsErrorKind::Credentials, "no source of AWS credentials")),
            Some(provider) => {
                provider.provide_credentials().await.map_err(AwsError::from_credentials)
            }
        };
        let key = credentials.map(|credentials| AccessKey {
            id: credentials.access_key_id().to_owned(),
            account: credentials.account_id().map(|account| account.as_str().to_owned()),
        });
        CallerIdentity { region, key }
    }
}

/// Characters of the key's id that are shown: enough to distinguish it from others.
const SHOWN_CHARACTERS: usize = 4;

pub(super) fn evaluate_identity(identity: &CallerIdentity) -> Check {
    let key = match &identity.key {
        Ok(key) => key,
        Err(error) => return Check::fail("identity", error_chain(error), fixes::sign_in()),
    };
    let Some(region) = &identity.region else {
        let message = "no region: AWS_REGION is not set, and no profile has one";
        return Check::fail("identity", message, ShellCommand::new("export AWS_REGION=REGION"));
    };
    let hidden = key.id.chars().count().saturating_sub(SHOWN_CHARACTERS);
    let end: String = key.id.chars().skip(hidden).collect();
    let account = key.account.as_ref().map(|account| format!(" of account {account}"));
    let account = account.unwrap_or_default();
    Check::ok("identity", format!("access key …{end}{account}, region {region}"))
}

/// The report if the settings cannot be used: a line for each that is wrong.
pub fn evaluate_settings(error: &ConfigError) -> DoctorReport {
    let check = |error: &SettingError| {
        let fix = match error {
            SettingError::Unknown { name } => ShellCommand::new("unset").argument(name),
            SettingError::Missing { name, .. } | SettingError::Invalid { name, .. } => {
                ShellCommand::export(name, None)
            }
        };
        Check::fail("settings", error.to_string(), fix)
    };
    DoctorReport(error.0.iter().map(check).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(key: Result<AccessKey, AwsError>, region: Option<&str>) -> String {
        evaluate_identity(&CallerIdentity { region: region.map(str::to_owned), key }).to_string()
    }

    #[test]
    fn an_identity_is_shown_by_the_end_of_the_key() {
        let key = |account: Option<&str>| {
            Ok(AccessKey { id: "AKIAEXAMPLE1234".to_owned(), account: account.map(str::to_owned) })
        };
        assert_eq!(
            line(key(Some("111122223333")), Some("us-east-1")),
            "ok    identity      access key …1234 of account 111122223333, region us-east-1"
        );
        assert!(line(key(None), None).starts_with("fail  identity      no region"));
        let missing = AwsError::new(AwsErrorKind::Credentials, "none were found");
        let missing = line(Err(missing), None);
        assert!(missing.starts_with("fail  identity      none were found (sign in again"));
    }
}
