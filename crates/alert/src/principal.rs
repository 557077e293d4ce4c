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

/// The principal of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PrincipalView<'a> {
    pub(crate) call: AlertCall<'a>,
}

/// Multi-factor authentication of the principal's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mfa {
    Yes,
    No,
    /// Calls signed with a long-term key carry no MFA.
    LongTermKey,
    NotRecorded,
}

/// What an access key is, by its prefix.
/// Source:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// `AKIA…`: valid until disabled.
    LongTerm,
    /// `ASIA…`: of a session, which expires.
    Temporary,
    Unknown,
}

impl<'a> PrincipalView<'a> {
    /// For a sentence, cleaned: name, kind and, where known, credentials.
    pub(crate) fn describe(self) -> String {
        match (self.identity_type(), self.kind_in_words()) {
            ("AWSService", _) => format!("The AWS service {}", self.display_name()),
            ("IAMUser", kind) => {
                format!("{} ({kind}, {})", self.display_name(), self.credentials())
            }
            ("Root", kind) if kind.is_empty() => format!("The root user ({})", self.credentials()),
            ("Root", kind) => format!("The root user ({kind}, {})", self.credentials()),
            (_, kind) => format!("{} ({kind})", self.display_name()),
        }
    }

    /// What kind of principal it is, cleaned. Empty for the root user of the record's account.
    pub(crate) fn kind_in_words(self) -> String {
        let user_name = self.call.fields.text("user.name");
        match self.identity_type() {
            "IAMUser" => "IAM user".to_owned(),
            "Root" => {
                let foreign = self.call.foreign_account();
                foreign.map_or(String::new(), |id| format!("of account {}", self.account_label(id)))
            }
            "AssumedRole" => self.session_in_words(),
            "FederatedUser" => user_name.map_or("federated user".to_owned(), |user| {
                format!("federated user, through {}", clean::name(user))
            }),
            "IdentityCenterUser" => "IAM Identity Center user".to_owned(),
            "WebIdentityUser" => format!("signed in with {}", self.web_identity_provider()),
            "SAMLUser" => "signed in with SAML".to_owned(),
            "AWSService" => "AWS service".to_owned(),
            "AWSAccount" => match self.call.fields.text("cloud.account.id") {
                Some(id) => format!("a principal of account {}", self.account_label(id)),
                None => "a principal of an unknown account".to_owned(),
            },
            "Unknown" => "type not recorded".to_owned(),
            other => clean::name(other),
        }
    }

    /// The name, cleaned.
    pub(crate) fn display_name(self) -> String {
        if self.identity_type() == "Root" {
            "the root user".to_owned()
        } else {
            clean::name(self.name())
        }
    }

    /// `userIdentity.type`.
    pub(crate) fn identity_type(self) -> &'a str {
        &self.call.finding.principal.identity_type
    }

    /// The shortest name that people recognise; not cleaned.
    pub(crate) fn name(self) -> &'a str {
        let name = match self.identity_type() {
            "AssumedRole" => self.session_name(),
            "FederatedUser" => self.principal_id().and_then(after_colon),
            "IdentityCenterUser" => self.principal_id(),
            _ => None,
        };
        name.unwrap_or(self.label())
    }

    /// The name for a subject, not cleaned. For a session of a role it includes the role.
    pub(crate) fn subject_name(self) -> &'a str {
        let is_plain_role_session = self.role().is_some() && self.permission_set().is_none();
        if is_plain_role_session { self.label() } else { self.name() }
    }

    fn label(self) -> &'a str {
        &self.call.finding.principal.label
    }

    /// The name of the IAM user; `None` for other kinds of principals.
    pub(crate) fn iam_user(self) -> Option<&'a str> {
        self.user_name_of_type("IAMUser")
    }

    /// The role whose session made the call.
    pub(crate) fn role(self) -> Option<&'a str> {
        self.user_name_of_type("AssumedRole")
    }

    fn user_name_of_type(self, identity_type: &str) -> Option<&'a str> {
        let user_name = self.call.fields.text("user.name");
        user_name.filter(|_| self.identity_type() == identity_type)
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

    pub(crate) fn key_kind(self) -> KeyKind {
        match self.access_key().and_then(|key| key.get(..4)) {
            Some("AKIA") => KeyKind::LongTerm,
            Some("ASIA") => KeyKind::Temporary,
            _ => KeyKind::Unknown,
        }
    }

    pub(crate) fn mfa(self) -> Mfa {
        let field = "aws.cloudtrail.user_identity.session_context.mfa_authenticated";
        match self.call.fields.flag(field) {
            Some(true) => Mfa::Yes,
            Some(false) => Mfa::No,
            None if self.key_kind() == KeyKind::LongTerm => Mfa::LongTermKey,
            None => Mfa::NotRecorded,
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
        let invoked_by = "aws.cloudtrail.user_identity.invoked_by";
        let account = "aws.cloudtrail.recipient_account_id";
        let service = field_condition(invoked_by, self.invoked_by()?);
        let account = field_condition(account, self.call.fields.text(account)?);
        (self.identity_type() == "AWSService").then(|| format!("{service} and {account}"))
    }

    fn principal_id(self) -> Option<&'a str> {
        self.call.fields.text("user.id")
    }

    fn account_label(self, id: &str) -> String {
        self.call.accounts.label(id)
    }

    fn session_in_words(self) -> String {
        match (self.permission_set(), self.role()) {
            (Some(set), _) => format!("IAM Identity Center, permission set {}", clean::name(set)),
            (None, Some(role)) => format!("session of the role {}", clean::name(role)),
            (None, None) => "session of a role".to_owned(),
        }
    }

    /// The principal id of a web identity is `provider:application:user`.
    fn web_identity_provider(self) -> String {
        let provider = self.principal_id().and_then(|id| id.split_once(':'));
        match provider {
            Some((provider, _)) if provider.contains('.') => clean::name(provider),
            _ => "an external identity provider".to_owned(),
        }
    }

    fn credentials(self) -> &'static str {
        match self.mfa() {
            Mfa::Yes => "with MFA",
            Mfa::No => "no MFA",
            Mfa::LongTermKey => "long-term access key, no MFA",
            Mfa::NotRecorded => "MFA not recorded",
        }
    }
}

fn after_colon(text: &str) -> Option<&str> {
    text.split_once(':').map(|(_, after)| after).filter(|after| !after.is_empty())
}

/// `field: "value"`, in printable ASCII without spaces but the one after the colon.
pub(crate) fn field_condition(field: &str, value: &str) -> String {
    format!("{field}: {}", kql::quote(value))
}
