//! Credentials as people have them: each kind of profile, against a stand-in for what gives them
//! and for S3, which notes the access key of each request.

use std::sync::{Arc, Mutex};

use support::canned::{Canned, CannedRequest};

use crate::program::{TestDir, command};

/// SHA-1 of `corp`: the AWS CLI names the file of a session's token so.
const SSO_TOKEN: &str = "home/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

/// The services, and the access keys that S3 was asked with.
struct StandIn {
    server: Canned,
    keys: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    fn new() -> StandIn {
        let keys = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&keys);
        let server = Canned::new(move |request| answer(request, &noted)).unwrap();
        StandIn { server, keys }
    }
}

fn answer(request: &CannedRequest, keys: &Mutex<Vec<String>>) -> (u16, String) {
    let path = request.head.split(' ').nth(1).unwrap();
    let text = match path {
        "/latest/api/token" => "token".to_owned(),
        "/container" => credentials("CONTAINERKEY"),
        path if path.starts_with("/latest/meta-data/iam/") && path.ends_with('/') => {
            "role".to_owned()
        }
        path if path.starts_with("/latest/meta-data/iam/") => credentials("MACHINEKEY"),
        path if path.starts_with("/federation/credentials") => sso_credentials(),
        "/" if request.body.contains("AssumeRoleWithWebIdentity") => {
            assumed("AssumeRoleWithWebIdentity", "WEBKEY")
        }
        "/" if request.body.contains("AssumeRole") => assumed("AssumeRole", "ROLEKEY"),
        path if path.starts_with("/logs") => {
            let scope = request.head.split("Credential=").nth(1).unwrap();
            keys.lock().unwrap().push(scope.split('/').next().unwrap().to_owned());
            "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>".to_owned()
        }
        _ => return (404, String::new()),
    };
    (200, text)
}

fn credentials(key: &str) -> String {
    format!(
        r#"{{"Code": "Success", "Type": "AWS-HMAC", "Version": 1, "AccessKeyId": "{key}",
        "SecretAccessKey": "secret", "Token": "token", "SessionToken": "token",
        "LastUpdated": "2020-01-01T00:00:00Z", "Expiration": "2999-01-01T00:00:00Z"}}"#
    )
}

fn sso_credentials() -> String {
    r#"{"roleCredentials": {"accessKeyId": "SSOKEY", "secretAccessKey": "secret",
        "sessionToken": "token", "expiration": 32472144000000}}"#
        .to_owned()
}

fn assumed(action: &str, key: &str) -> String {
    format!(
        "<{action}Response><{action}Result><AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId>\
         <Arn>arn:aws:sts::111122223333:assumed-role/r/x</Arn></AssumedRoleUser><Credentials>\
         <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
         <SessionToken>token</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>\
         </Credentials></{action}Result></{action}Response>"
    )
}

const CONFIG: &str = "\
[default]
region = eu-central-1
[profile process]
region = eu-central-1
credential_process = cat CREDENTIALS
[profile sso]
region = eu-central-1
sso_session = corp
sso_account_id = 111122223333
sso_role_name = audit
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://example.awsapps.com/start
sso_registration_scopes = sso:account:access
[profile signed-in]
region = eu-central-1
login_session = arn:aws:iam::111122223333:user/alice
[profile base]
aws_access_key_id = BASEKEY
aws_secret_access_key = secret
[profile role]
region = eu-central-1
role_arn = arn:aws:iam::111122223333:role/r
source_profile = base
[profile chained]
region = eu-central-1
role_arn = arn:aws:iam::111122223333:role/r
source_profile = sso
[profile machine]
region = eu-central-1
role_arn = arn:aws:iam::111122223333:role/r
credential_source = Ec2InstanceMetadata
";

/// Lists a bucket of the stand-in. Returns the access key that it saw last, and what was printed
/// on standard error.
fn list(
    dir: &TestDir,
    stand_in: &StandIn,
    args: &[&str],
    vars: &[(&str, &str)],
) -> (Option<String>, String) {
    let process = dir.write("credentials.json", credentials("PROCESSKEY"));
    dir.write("config", CONFIG.replace("CREDENTIALS", &process));
    dir.write("web-token", "token");
    let mut scan = command(&[&["scan", "s3://logs/", "--since", "1d"], args].concat());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        scan.env_remove(name);
    }
    scan.env("HOME", dir.path("home"))
        .env("AWS_CONFIG_FILE", dir.path("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", dir.path("none"))
        .env("AWS_ENDPOINT_URL", &stand_in.server.url)
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &stand_in.server.url)
        .env("NO_PROXY", "127.0.0.1")
        .envs(vars.iter().copied());
    stand_in.keys.lock().unwrap().clear();
    let output = scan.output().unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    (stand_in.keys.lock().unwrap().pop(), printed)
}

fn sign_in(dir: &TestDir, until: &str) {
    let token = format!(
        r#"{{"accessToken": "token", "expiresAt": "{until}", "region": "eu-central-1",
        "startUrl": "https://example.awsapps.com/start"}}"#
    );
    dir.write(SSO_TOKEN, token);
}

/// Arguments, variables, and the access key that S3 sees.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn each_kind_of_credentials_reaches_s3() {
    let stand_in = StandIn::new();
    let dir = TestDir::new();
    sign_in(&dir, "2999-01-01T00:00:00Z");
    let container = format!("{}/container", stand_in.server.url);
    let web_token = dir.text("web-token");
    let environment =
        [("AWS_ACCESS_KEY_ID", "ENVIRONMENTKEY"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let web = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", web_token.as_str()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
    ];
    let cases: [Case<'_>; 10] = [
        (&["--profile", "process"], &[], "PROCESSKEY"),
        (&[], &[("AWS_PROFILE", "process")], "PROCESSKEY"),
        (&["--profile", "sso"], &[], "SSOKEY"),
        (&["--profile", "role"], &[], "ROLEKEY"),
        (&["--profile", "chained"], &[], "ROLEKEY"),
        (&["--profile", "machine"], &[], "ROLEKEY"),
        (&[], &environment, "ENVIRONMENTKEY"),
        // As for the AWS CLI, a profile that is named wins.
        (&["--profile", "process"], &environment, "PROCESSKEY"),
        (&[], &web, "WEBKEY"),
        (&[], &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container)], "CONTAINERKEY"),
    ];
    for (args, vars, expected) in cases {
        let (key, printed) = list(&dir, &stand_in, args, vars);
        assert_eq!(key.as_deref(), Some(expected), "{args:?} {vars:?}: {printed}");
    }
    let (key, printed) = list(&dir, &stand_in, &[], &[]);
    assert_eq!(key.as_deref(), Some("MACHINEKEY"), "{printed}");
}

#[test]
fn a_profile_that_gives_no_credentials_is_explained_with_the_fix() {
    let stand_in = StandIn::new();
    let dir = TestDir::new();
    let cases = [
        ("nobody", "there is no profile \"nobody\" in the AWS configuration, which has "),
        ("signed-in", "sign in with: aws login --profile=signed-in"),
        ("sso", "sign in with: aws sso login --profile=sso"),
        ("chained", "sign in with: aws sso login --profile=sso"),
    ];
    for sign in [None, Some("2020-01-01T00:00:00Z")] {
        sign.iter().for_each(|until| sign_in(&dir, until));
        for (profile, expected) in cases {
            let (key, printed) = list(&dir, &stand_in, &["--profile", profile], &[]);
            assert_eq!(key, None, "{profile}");
            assert!(printed.contains(expected), "{profile}: {printed}");
            assert!(!printed.contains("feature"), "{profile}: {printed}");
        }
    }
}

#[test]
fn a_region_on_the_command_line_is_used_and_checked() {
    let stand_in = StandIn::new();
    let dir = TestDir::new();
    let (_, printed) = list(&dir, &stand_in, &["--region", "frankfurt"], &[]);
    assert!(printed.contains("expected a region such as eu-central-1"), "{printed}");
}
