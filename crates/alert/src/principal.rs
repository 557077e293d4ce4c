//! Who made a call, in words for people and as conditions in KQL.
//!
//! Source of the identity types:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use detect::text::clean;

use crate::call::AlertCall;

/// IAM Identity Center names its roles `AWSReservedSSO_<permission set>_<16 hexadecimal digits>`.
const SSO_ROLE_PREFIX: &str = "AWSReservedSSO_";

/// Fields that identify a principal, the most readable first.
const IDENTIFYING_FIELDS: [&str; 2] = ["aws.cloudtrail.user_identity.arn", "user.id"];

/// The principal of a call. Names are not cleaned unless said so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PrincipalView<'a> {
    call: AlertCall<'a>,
}

impl<'a> AlertCall<'a> {
    pub(crate) fn principal(self) -> PrincipalView<'a> {
        PrincipalView { call: self }
    }
}

impl<'a> PrincipalView<'a> {
    /// For a sentence, cleaned: name, kind and, where known, credentials.
    pub(crate) fn describe(self) -> String {
        let name = self.display_name();
        let kind = self.kind();
        let (credentials, _) = self.mfa_in_words();
        match self.identity_type() {
            "AWSService" => format!("The AWS service {name}"),
            "IAMUser" => format!("{name} ({kind}, {credentials})"),
            "Root" if kind.is_empty() => format!("The root user ({credentials})"),
            "Root" => format!("The root user ({kind}, {credentials})"),
            _ => format!("{name} ({kind})"),
        }
    }

    /// What kind of principal it is, cleaned. Empty for the root user of the record's account.
    pub(crate) fn kind(self) -> String {
        let account = |id: &str| format!("account {}", self.call.accounts.label(id));
        match self.identity_type() {
            "IAMUser" => "IAM user".to_owned(),
            "Root" => self
                .call
                .foreign_account()
                .map_or(String::new(), |id| format!("of {}", account(id))),
            "AssumedRole" => match (self.permission_set(), self.role()) {
                (Some(set), _) => {
                    format!("IAM Identity Center, permission set {}", clean::name(set))
                }
                (None, Some(role)) => format!("session of the role {}", clean::name(role)),
                (None, None) => "session of a role".to_owned(),
            },
            "FederatedUser" => match self.call.fields.text("user.name") {
                Some(user) => format!("federated user, through {}", clean::name(user)),
                None => "federated user".to_owned(),
            },
            "IdentityCenterUser" => "IAM Identity Center user".to_owned(),
            // The principal id of a web identity is `provider:application:user`.
            "WebIdentityUser" => match self.principal_id().and_then(|id| id.split_once(':')) {
                Some((provider, _)) if provider.contains('.') => {
                    format!("signed in with {}", clean::name(provider))
                }
                _ => "signed in with an external identity provider".to_owned(),
            },
            "SAMLUser" => "signed in with SAML".to_owned(),
            "AWSService" => "AWS service".to_owned(),
            "AWSAccount" => {
                let account = self.call.fields.text("cloud.account.id").map(account);
                format!("a principal of {}", account.as_deref().unwrap_or("an unknown account"))
            }
            "Unknown" => "type not recorded".to_owned(),
            other => clean::name(other),
        }
    }

    /// The name, cleaned.
    pub(crate) fn display_name(self) -> String {
        match self.identity_type() {
            "Root" => "the root user".to_owned(),
            _ => clean::name(self.name()),
        }
    }

    pub(crate) fn identity_type(self) -> &'a str {
        &self.call.finding.principal.identity_type
    }

    /// The shortest name that people recognise.
    pub(crate) fn name(self) -> &'a str {
        let name = match self.identity_type() {
            "AssumedRole" => self.session_name(),
            "FederatedUser" => self.principal_id().and_then(after_colon),
            "IdentityCenterUser" => self.principal_id(),
            _ => None,
        };
        name.unwrap_or(&self.call.finding.principal.label)
    }

    /// The name for a subject. For a session of a role it includes the role.
    pub(crate) fn subject_name(self) -> &'a str {
        let is_plain_session = self.role().is_some() && self.permission_set().is_none();
        if is_plain_session { &self.call.finding.principal.label } else { self.name() }
    }

    /// The name of the IAM user; `None` for other kinds of principals.
    pub(crate) fn iam_user(self) -> Option<&'a str> {
        let user_name = self.call.fields.text("user.name");
        user_name.filter(|_| self.identity_type() == "IAMUser")
    }

    pub(crate) fn role(self) -> Option<&'a str> {
        let user_name = self.call.fields.text("user.name");
        user_name.filter(|_| self.identity_type() == "AssumedRole")
    }

    /// The name of the session of a role: `principalId` after the colon, or the end of the ARN.
    pub(crate) fn session_name(self) -> Option<&'a str> {
        let from_arn = || self.identity_field("arn")?.rsplit_once('/').map(|(_, name)| name);
        let name = self.principal_id().and_then(after_colon).or_else(from_arn);
        name.filter(|_| self.identity_type() == "AssumedRole")
    }

    /// The permission set of an IAM Identity Center session.
    pub(crate) fn permission_set(self) -> Option<&'a str> {
        let name = self.role()?.strip_prefix(SSO_ROLE_PREFIX)?;
        Some(name.rsplit_once('_').map_or(name, |(set, _)| set))
    }

    pub(crate) fn access_key(self) -> Option<&'a str> {
        self.identity_field("access_key_id")
    }

    /// Returns true if the call was signed with a key that is valid until it is disabled.
    /// Source:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
    pub(crate) fn has_long_term_key(self) -> bool {
        self.access_key().is_some_and(|key| key.starts_with("AKIA"))
    }

    /// Whether the principal authenticated with MFA: for a sentence, and after the key.
    pub(crate) fn mfa_in_words(self) -> (&'static str, &'static str) {
        let field = "aws.cloudtrail.user_identity.session_context.mfa_authenticated";
        match self.call.fields.flag(field) {
            Some(true) => ("with MFA", "with MFA"),
            // The user may have signed in with MFA at another identity provider.
            Some(false) if self.role().is_some() => {
                ("no MFA", "no MFA (unless at an external sign-in)")
            }
            Some(false) => ("no MFA", "no MFA"),
            None if self.has_long_term_key() => ("long-term access key, no MFA", "no MFA"),
            None => ("MFA not recorded", "MFA not recorded"),
        }
    }

    /// The service that made the call for the principal.
    pub(crate) fn invoked_by(self) -> Option<&'a str> {
        self.identity_field("invoked_by")
    }

    /// A field of `userIdentity`, by its ECS name.
    pub(crate) fn identity_field(self, name: &str) -> Option<&'a str> {
        self.call.fields.text(&format!("aws.cloudtrail.user_identity.{name}"))
    }

    /// Conditions in KQL that only this principal meets, each sufficient for its identity type.
    /// Empty if the record does not name the principal.
    pub(crate) fn conditions(self) -> Vec<String> {
        let fields = self.call.fields;
        let identifying = IDENTIFYING_FIELDS
            .iter()
            .filter_map(|field| Some(field_condition(field, fields.text(field)?)));
        identifying.chain(self.service_condition()).collect()
    }

    /// A service that calls for itself has a name only, the same in every account.
    fn service_condition(self) -> Option<String> {
        let account = "aws.cloudtrail.recipient_account_id";
        let invoked_by =
            field_condition("aws.cloudtrail.user_identity.invoked_by", self.invoked_by()?);
        let account = field_condition(account, self.call.fields.text(account)?);
        (self.identity_type() == "AWSService").then(|| format!("{invoked_by} and {account}"))
    }

    fn principal_id(self) -> Option<&'a str> {
        self.call.fields.text("user.id")
    }
}

/// Returns true if a role's name is one that IAM Identity Center makes.
pub(crate) fn is_of_identity_center(role: &str) -> bool {
    role.starts_with(SSO_ROLE_PREFIX)
}

fn after_colon(text: &str) -> Option<&str> {
    text.split_once(':').map(|(_, after)| after).filter(|after| !after.is_empty())
}

/// `field: "value"`, in printable ASCII without spaces but the one after the colon.
pub(crate) fn field_condition(field: &str, value: &str) -> String {
    // In a mail, no part of it is a link.
    format!("{field}: {}", kql::quote(value).replace("://", r"\u003a//"))
}
