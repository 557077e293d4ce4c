//! Who made a call, in words that people recognise.
//!
//! Source of the identity types:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use detect::text::clean;

use super::call::AlertCall;

/// IAM Identity Center names the roles it makes `AWSReservedSSO_<permission set>_<16 hexadecimal
/// digits>`.
const SSO_ROLE: &str = "AWSReservedSSO_";

/// The caller of a [`Call`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity<'a> {
    call: AlertCall<'a>,
}

/// Whether the caller's credentials came with a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mfa {
    Yes,
    No,
    /// A long-term key signed the call: such calls carry no second factor.
    LongTermKey,
    NotRecorded,
}

/// What an access key is, by its prefix.
/// Source:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// `AKIA…`: works until someone disables it.
    LongTerm,
    /// `ASIA…`: of a session, which ends by itself.
    Temporary,
    Unknown,
}

impl<'a> Identity<'a> {
    pub(super) fn of(call: AlertCall<'a>) -> Identity<'a> {
        Identity { call }
    }

    /// The caller in a sentence, cleaned: its name, what it is and, where that tells something,
    /// with which credentials.
    pub(super) fn in_words(self) -> String {
        match (self.identity_type(), self.kind()) {
            ("AWSService", _) => format!("The AWS service {}", self.shown()),
            ("IAMUser", kind) => format!("{} ({kind}, {})", self.shown(), self.credentials()),
            ("Root", kind) => format!("The root user ({kind}{})", self.credentials()),
            (_, kind) => format!("{} ({kind})", self.shown()),
        }
    }

    /// What kind of caller it is, cleaned.
    pub(super) fn kind(self) -> String {
        match self.identity_type() {
            "IAMUser" => "IAM user".to_owned(),
            "Root" => self
                .call
                .foreign_account()
                .map(|id| format!("of account {}, ", self.call.accounts.shown(id)))
                .unwrap_or_default(),
            "AssumedRole" => self.session_in_words(),
            "FederatedUser" => format!("federated user{}", self.federated_by()),
            "IdentityCenterUser" => "IAM Identity Center user".to_owned(),
            "WebIdentityUser" => format!("signed in with {}", self.provider()),
            "SAMLUser" => "signed in with SAML".to_owned(),
            "AWSService" => "AWS service".to_owned(),
            "AWSAccount" => format!("a principal of {}", self.account()),
            "Unknown" => "type not recorded".to_owned(),
            other => clean::name(other),
        }
    }

    /// The name, cleaned.
    pub(super) fn shown(self) -> String {
        if self.identity_type() == "Root" {
            "the root user".to_owned()
        } else {
            clean::name(self.name())
        }
    }

    /// `userIdentity.type`.
    pub(super) fn identity_type(self) -> &'a str {
        &self.call.finding.principal.identity_type
    }

    /// The shortest name that people recognise; not cleaned.
    pub(super) fn name(self) -> &'a str {
        let name = match self.identity_type() {
            "AssumedRole" => self.session(),
            "FederatedUser" => self.principal_id().and_then(after_colon),
            "IdentityCenterUser" => self.principal_id(),
            _ => None,
        };
        name.unwrap_or(self.label())
    }

    fn label(self) -> &'a str {
        &self.call.finding.principal.label
    }

    /// The name for a subject; not cleaned. A role's session by itself (`session-7`) would tell
    /// little.
    pub(super) fn short(self) -> &'a str {
        let session_of_role = self.role().is_some() && self.permission_set().is_none();
        if session_of_role { self.label() } else { self.name() }
    }

    /// The name of the IAM user that made the call; absent for every other caller.
    pub(super) fn iam_user(self) -> Option<&'a str> {
        (self.identity_type() == "IAMUser").then(|| self.call.fields.text("user.name")).flatten()
    }

    /// The role whose session made the call.
    pub(super) fn role(self) -> Option<&'a str> {
        (self.identity_type() == "AssumedRole")
            .then(|| self.call.fields.text("user.name"))
            .flatten()
    }

    /// The name of the session of a role: what followed the colon in `principalId`, or ends the
    /// ARN.
    pub(super) fn session(self) -> Option<&'a str> {
        let from_arn = || self.text("arn")?.rsplit_once('/').map(|(_, session)| session);
        let session = self.principal_id().and_then(after_colon).or_else(from_arn);
        session.filter(|_| self.identity_type() == "AssumedRole")
    }

    /// The permission set of an IAM Identity Center session.
    pub(super) fn permission_set(self) -> Option<&'a str> {
        let name = self.role()?.strip_prefix(SSO_ROLE)?;
        Some(name.rsplit_once('_').map_or(name, |(set, _)| set))
    }

    pub(super) fn access_key(self) -> Option<&'a str> {
        self.text("access_key_id")
    }

    pub(super) fn key_kind(self) -> KeyKind {
        match self.access_key().and_then(|key| key.get(..4)) {
            Some("AKIA") => KeyKind::LongTerm,
            Some("ASIA") => KeyKind::Temporary,
            _ => KeyKind::Unknown,
        }
    }

    pub(super) fn mfa(self) -> Mfa {
        match self
            .call
            .fields
            .flag("aws.cloudtrail.user_identity.session_context.mfa_authenticated")
        {
            Some(true) => Mfa::Yes,
            Some(false) => Mfa::No,
            None if self.key_kind() == KeyKind::LongTerm => Mfa::LongTermKey,
            None => Mfa::NotRecorded,
        }
    }

    /// The service that made the call for the caller.
    pub(super) fn invoked_by(self) -> Option<&'a str> {
        self.text("invoked_by")
    }

    /// A field of `userIdentity`, by its ECS name.
    pub(super) fn text(self, field: &str) -> Option<&'a str> {
        self.call.fields.text(&format!("aws.cloudtrail.user_identity.{field}"))
    }

    fn principal_id(self) -> Option<&'a str> {
        self.call.fields.text("user.id")
    }

    fn account(self) -> String {
        let id = self.call.fields.text("cloud.account.id");
        id.map_or("an unknown account".to_owned(), |id| {
            format!("account {}", self.call.accounts.shown(id))
        })
    }

    fn session_in_words(self) -> String {
        match (self.permission_set(), self.role()) {
            (Some(set), _) => format!("IAM Identity Center, permission set {}", clean::name(set)),
            (None, Some(role)) => format!("session of the role {}", clean::name(role)),
            (None, None) => "session of a role".to_owned(),
        }
    }

    /// The principal id of a web identity is `provider:application:user`.
    fn provider(self) -> String {
        let provider =
            self.principal_id().and_then(|id| id.split_once(':')).map(|(provider, _)| provider);
        let named = provider.filter(|provider| provider.contains('.')).map(clean::name);
        named.unwrap_or("an external identity provider".to_owned())
    }

    fn federated_by(self) -> String {
        self.call
            .fields
            .text("user.name")
            .map(|user| format!(", through {}", clean::name(user)))
            .unwrap_or_default()
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
