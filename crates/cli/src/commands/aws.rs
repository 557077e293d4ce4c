//! How commands reach AWS: as the AWS CLI does, with its profiles.

use std::sync::Arc;

use aws_config::profile::{self, ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as CredentialsFuture;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use detect::text::shell::ShellCommand;
use trailbell::app::wiring::{self, Aws};

/// The profile that AWS's tools use if none is named.
const DEFAULT_PROFILE: &str = "default";

const NO_REGION: Region = Region::from_static("us-east-1");

/// For a command whose `--region` is something else.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ProfileArg {
    /// The profile of ~/.aws/config whose credentials and region are used [env: AWS_PROFILE]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct AwsArgs {
    #[command(flatten)]
    profile: ProfileArg,
    /// The AWS region [env: AWS_REGION]
    #[arg(long, value_name = "REGION", value_parser = parse_region)]
    region: Option<String>,
}

impl ProfileArg {
    /// The clients of AWS. Nothing is loaded before one of them is needed.
    pub fn connect(&self) -> Aws {
        AwsArgs { profile: self.clone(), region: None }.connect()
    }

    fn in_use(&self) -> String {
        let variable = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
        self.profile.clone().or(variable).unwrap_or_else(|| DEFAULT_PROFILE.to_owned())
    }
}

impl AwsArgs {
    /// The clients of AWS. Nothing is loaded before one of them is needed.
    pub fn connect(&self) -> Aws {
        let args = Arc::new(self.clone());
        Aws::new(move || {
            let args = Arc::clone(&args);
            Box::pin(async move { args.load().await })
        })
    }

    async fn load(&self) -> SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(wiring::http_client())
            .timeout_config(wiring::timeouts());
        if let Some(profile) = &self.profile.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader.load().await;
        let found = match &self.profile.profile {
            Some(profile) => Some(profile_credentials(profile, &config)),
            None => config.credentials_provider(),
        };
        let Some(found) = found else { return config };
        let profile = self.profile.in_use();
        let is_missing = load_profiles(&profile).await.is_some_and(|profiles| {
            profile != DEFAULT_PROFILE && profiles.get_profile(&profile).is_none()
        });
        let provider = ExplainedCredentials { found, profile };
        let provider = SharedCredentialsProvider::new(provider);
        // Without a region a request fails before it asks for credentials, which say that there is
        // no such profile.
        let region = config.region().cloned().or(Some(NO_REGION).filter(|_| is_missing));
        config.into_builder().credentials_provider(provider).region(region).build()
    }
}

/// The credentials of a profile that is named on the command line: before those of the environment,
/// which the SDK's own chain prefers and the AWS CLI does not.
fn profile_credentials(profile: &str, config: &SdkConfig) -> SharedCredentialsProvider {
    let settings = ProviderConfig::without_region()
        .with_region(config.region().cloned())
        .with_http_client(wiring::http_client());
    let provider = ProfileFileCredentialsProvider::builder()
        .configure(&settings)
        .profile_name(profile)
        .build();
    SharedCredentialsProvider::new(provider)
}

/// Credentials whose failures say what to do about the profile.
#[derive(Debug)]
struct ExplainedCredentials {
    found: SharedCredentialsProvider,
    profile: String,
}

impl ProvideCredentials for ExplainedCredentials {
    fn provide_credentials<'a>(&'a self) -> CredentialsFuture<'a>
    where
        Self: 'a,
    {
        CredentialsFuture::new(async move {
            match self.found.provide_credentials().await {
                Ok(credentials) => Ok(credentials),
                Err(error) => Err(explain(&self.profile, error).await),
            }
        })
    }
}

async fn explain(profile: &str, error: CredentialsError) -> CredentialsError {
    let Some(profiles) = load_profiles(profile).await else { return error };
    if profiles.get_profile(profile).is_none() && profile != DEFAULT_PROFILE {
        let others = profiles.profiles().map(str::to_owned).collect();
        return CredentialsError::invalid_configuration(ProfileError::Missing {
            profile: profile.to_owned(),
            others,
        });
    }
    match sign_in_command(profile, &profiles) {
        Some(command) => CredentialsError::invalid_configuration(ProfileError::NotSignedIn {
            command,
            cause: error,
        }),
        None => error,
    }
}

/// The profiles of ~/.aws/config and ~/.aws/credentials, if these can be read.
async fn load_profiles(profile: &str) -> Option<ProfileSet> {
    let name = Some(profile.to_owned().into());
    profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), name).await.ok()
}

/// Why a profile gives no credentials.
#[derive(Debug, thiserror::Error)]
enum ProfileError {
    #[error("there is no profile {profile:?} in the AWS configuration{}", known_profiles(others))]
    Missing { profile: String, others: Vec<String> },
    #[error("sign in with: {command}")]
    NotSignedIn {
        command: String,
        #[source]
        cause: CredentialsError,
    },
}

fn known_profiles(names: &[String]) -> String {
    match names {
        [] => String::new(),
        _ => format!(", which has {}", names.join(", ")),
    }
}

/// The command that signs in again, for a profile that signs in, or whose source does.
fn sign_in_command(profile: &str, profiles: &ProfileSet) -> Option<String> {
    // A source may name itself, and a circle is no source.
    let mut name = profile;
    for _ in 0..profiles.profiles().count() {
        let section = profiles.get_profile(name)?;
        let sign_in = |words| ShellCommand::new(words).option("--profile", name).to_string();
        if section.get("sso_session").is_some() || section.get("sso_start_url").is_some() {
            return Some(sign_in("aws sso login"));
        }
        if section.get("login_session").is_some() {
            return Some(sign_in("aws login"));
        }
        name = section.get("source_profile")?;
    }
    None
}

fn parse_region(text: &str) -> Result<String, &'static str> {
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let parts: Vec<&str> = text.split('-').collect();
    match parts.len() >= 3 && parts.iter().all(|part| is_part(part)) {
        true => Ok(text.to_owned()),
        false => Err("expected a region such as eu-central-1"),
    }
}
