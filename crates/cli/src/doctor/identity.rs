//! Who asks, as far as that can be told without asking anybody.

use aws_config::SdkConfig;
use aws_sdk_s3::config::ProvideCredentials;
use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use trailbell::aws_error::{AwsError, AwsErrorKind};

use super::Check;

/// Who asks, and where.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The region that requests go to.
    pub region: Option<String>,
    /// The id of the access key, and the account where the source of the credentials knows it; or
    /// why there are none.
    pub key: Result<(String, Option<String>), AwsError>,
}

impl Identity {
    /// Reads the credentials. No service is asked, unless the credentials come from one.
    pub(super) async fn from_credentials(config: &SdkConfig) -> Identity {
        let region = config.region().map(ToString::to_string);
        let key = match config.credentials_provider() {
            None => Err(AwsError::new(AwsErrorKind::Credentials, "no provider of them is set up")),
            Some(provider) => {
                provider.provide_credentials().await.map_err(AwsError::from_credentials)
            }
        };
        let key = key.map(|found| {
            let account = found.account_id().map(|account| account.as_str().to_owned());
            (found.access_key_id().to_owned(), account)
        });
        Identity { region, key }
    }
}

/// Characters of the key's id that are shown: enough to tell it from others.
const SHOWN: usize = 4;

pub(super) fn judge(identity: &Identity) -> Vec<Check> {
    let key = match &identity.key {
        Ok((id, account)) => {
            let account = account.as_ref().map(|account| format!(" of account {account}"));
            let hidden = id.chars().count().saturating_sub(SHOWN);
            let end: String = id.chars().skip(hidden).collect();
            Ok(format!("access key …{end}{}", account.unwrap_or_default()))
        }
        Err(error) => {
            Err(Check::fail("identity", error_chain(error), ShellCommand::new("aws sso login")))
        }
    };
    match (key, &identity.region) {
        (Err(check), _) => vec![check],
        (Ok(_), None) => {
            let told = "no region: neither AWS_REGION nor a profile says one";
            vec![Check::fail("identity", told, ShellCommand::new("export AWS_REGION=REGION"))]
        }
        (Ok(key), Some(region)) => vec![Check::ok("identity", format!("{key}, region {region}"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_told_by_the_end_of_the_key() {
        let key =
            |account: Option<&str>| Ok(("AKIAEXAMPLE1234".to_owned(), account.map(str::to_owned)));
        let told = |key, region: Option<&str>| {
            let identity = Identity { region: region.map(str::to_owned), key };
            judge(&identity).iter().map(ToString::to_string).collect::<String>()
        };
        let known = told(key(Some("111122223333")), Some("us-east-1"));
        assert_eq!(
            known,
            "ok    identity      access key …1234 of account 111122223333, region us-east-1"
        );
        assert!(told(key(None), None).starts_with("fail  identity      no region"));
        assert!(
            told(Err(AwsError::new(AwsErrorKind::Credentials, "none were found")), None)
                .starts_with("fail  identity      none were found (sign in again")
        );
    }
}
