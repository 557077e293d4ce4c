//! The fields of the view: which there are, and where in a record each comes from.

use super::flattened_field::FlattenedField;
use super::identity::{NEW_NAME, TARGET_ID, TARGET_NAME};
use super::{Seen, View, nearest};

/// A path of keys in a record.
type Path = &'static [&'static str];

/// Where the values of a field come from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// The same for every record.
    Constant(&'static str),
    /// A scalar or a list of scalars, as keywords.
    Keyword(Path),
    /// `true` or `false`, as a JSON boolean or as text.
    Boolean(Path),
    /// An ISO 8601 time.
    Date(Path),
    /// An IP address; text that is none has no value.
    Ip(Path),
    /// One derived text.
    Text(for<'a> fn(&View<'a>) -> Option<&'a str>),
    /// How the call went.
    Outcome,
    /// One derived boolean.
    Flag(fn(&View<'_>) -> Option<bool>),
    /// Any number of derived texts: a list in the document, even of one.
    Many(fn(&View<'_>, Seen<'_>) -> bool),
    /// A part of free shape, as Java's text.
    Rendered(FlattenedField),
    /// A field of each element of `resources`.
    Resource(&'static str),
}

use Source::{Boolean, Constant, Date, Flag, Ip, Keyword, Many, Outcome, Rendered, Resource, Text};

/// Every field with a name of its own, sorted by name.
pub(super) static FIELDS: &[(&str, Source)] = &[
    ("@timestamp", Date(&["eventTime"])),
    ("aws.cloudtrail.additional_eventdata", Rendered(FlattenedField::AdditionalEventData)),
    ("aws.cloudtrail.api_version", Keyword(&["apiVersion"])),
    ("aws.cloudtrail.console_login.additional_eventdata.login_to", Text(|view| view.login_to())),
    (
        "aws.cloudtrail.console_login.additional_eventdata.mfa_used",
        Flag(|view| view.login_flag("MFAUsed")),
    ),
    (
        "aws.cloudtrail.console_login.additional_eventdata.mobile_version",
        Flag(|view| view.login_flag("MobileVersion")),
    ),
    ("aws.cloudtrail.error_code", Keyword(&["errorCode"])),
    ("aws.cloudtrail.error_message", Keyword(&["errorMessage"])),
    ("aws.cloudtrail.event_category", Keyword(&["eventCategory"])),
    ("aws.cloudtrail.event_type", Keyword(&["eventType"])),
    ("aws.cloudtrail.event_version", Keyword(&["eventVersion"])),
    ("aws.cloudtrail.management_event", Keyword(&["managementEvent"])),
    ("aws.cloudtrail.read_only", Boolean(&["readOnly"])),
    ("aws.cloudtrail.recipient_account_id", Keyword(&["recipientAccountId"])),
    ("aws.cloudtrail.request_id", Keyword(&["requestID"])),
    ("aws.cloudtrail.request_parameters", Rendered(FlattenedField::RequestParameters)),
    ("aws.cloudtrail.resources.account_id", Resource("account_id")),
    ("aws.cloudtrail.resources.arn", Resource("arn")),
    ("aws.cloudtrail.resources.type", Resource("type")),
    ("aws.cloudtrail.response_elements", Rendered(FlattenedField::ResponseElements)),
    ("aws.cloudtrail.service_event_details", Rendered(FlattenedField::ServiceEventDetails)),
    ("aws.cloudtrail.session_credential_from_console", Keyword(&["sessionCredentialFromConsole"])),
    ("aws.cloudtrail.shared_event_id", Text(|view| view.shared_event_id())),
    ("aws.cloudtrail.user_identity.access_key_id", Keyword(&["userIdentity", "accessKeyId"])),
    ("aws.cloudtrail.user_identity.arn", Keyword(&["userIdentity", "arn"])),
    ("aws.cloudtrail.user_identity.invoked_by", Keyword(&["userIdentity", "invokedBy"])),
    (
        "aws.cloudtrail.user_identity.session_context.creation_date",
        Date(&["userIdentity", "sessionContext", "attributes", "creationDate"]),
    ),
    (
        "aws.cloudtrail.user_identity.session_context.mfa_authenticated",
        Keyword(&["userIdentity", "sessionContext", "attributes", "mfaAuthenticated"]),
    ),
    (
        "aws.cloudtrail.user_identity.session_context.session_issuer.account_id",
        Keyword(&["userIdentity", "sessionContext", "sessionIssuer", "accountId"]),
    ),
    (
        "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
        Keyword(&["userIdentity", "sessionContext", "sessionIssuer", "arn"]),
    ),
    (
        "aws.cloudtrail.user_identity.session_context.session_issuer.principal_id",
        Keyword(&["userIdentity", "sessionContext", "sessionIssuer", "principalId"]),
    ),
    (
        "aws.cloudtrail.user_identity.session_context.session_issuer.type",
        Keyword(&["userIdentity", "sessionContext", "sessionIssuer", "type"]),
    ),
    ("aws.cloudtrail.user_identity.type", Keyword(&["userIdentity", "type"])),
    ("aws.cloudtrail.vpc_endpoint_id", Keyword(&["vpcEndpointId"])),
    ("cloud.account.id", Text(|view| view.account())),
    ("cloud.provider", Constant("aws")),
    ("cloud.region", Keyword(&["awsRegion"])),
    ("data_stream.dataset", Constant("aws.cloudtrail")),
    ("event.action", Text(|view| view.action())),
    ("event.category", Many(|view, seen| view.any_category(seen))),
    ("event.dataset", Constant("aws.cloudtrail")),
    ("event.id", Keyword(&["eventID"])),
    ("event.kind", Constant("event")),
    ("event.module", Constant("aws")),
    ("event.outcome", Outcome),
    ("event.provider", Text(|view| view.provider())),
    ("event.type", Many(|view, seen| view.any_type(seen))),
    ("group.id", Keyword(&["responseElements", "group", "groupId"])),
    ("group.name", Keyword(&["requestParameters", "groupName"])),
    ("related.user", Many(|view, seen| view.any_related_user(seen))),
    ("source.address", Keyword(&["sourceIPAddress"])),
    ("source.ip", Ip(&["sourceIPAddress"])),
    ("tls.cipher", Keyword(&["tlsDetails", "cipherSuite"])),
    ("tls.client.server_name", Keyword(&["tlsDetails", "clientProvidedHostHeader"])),
    ("user.changes.name", Keyword(NEW_NAME)),
    ("user.email", Text(|view| view.user_email())),
    ("user.id", Text(|view| view.user_id())),
    ("user.name", Text(|view| view.user_name())),
    ("user.target.id", Keyword(TARGET_ID)),
    ("user.target.name", Keyword(TARGET_NAME)),
    ("user_agent.name", Text(|view| view.user_agent_name())),
    ("user_agent.original", Keyword(&["userAgent"])),
];

/// The source of a field with a name of its own.
pub(super) fn find(name: &str) -> Option<Source> {
    let at = FIELDS.binary_search_by(|(known, _)| known.cmp(&name)).ok()?;
    Some(FIELDS[at].1)
}

/// Every field with a name of its own, sorted. Besides these there is whatever a record holds under
/// `aws.cloudtrail.flattened.`{`request_parameters`, `response_elements`, `additional_eventdata`,
/// `service_event_details`}.
pub fn known_fields() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(name, _)| *name)
}

/// Whether the view can ever hold a value for this field. No wildcards here.
pub fn is_known(field: &str) -> bool {
    find(field).is_some() || FlattenedField::within(field).is_some()
}

/// What the values of a field are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Text, compared exactly.
    Keyword,
    /// The same text in every record.
    Constant(&'static str),
    /// Text in lower case.
    LowerCase,
    /// `true` or `false`.
    Boolean,
    /// An instant.
    Date,
    /// An IP address.
    Ip,
}

/// What the values of a field with a name of its own are like, and whether a record has at most one
/// of them. Several have `event.category`, `event.type`, `related.user`,
/// `aws.cloudtrail.resources.*`, and whatever comes from the request or the response, where a
/// service may put a list: `group.*`, `user.target.*`, `user.changes.name`.
pub fn shape(field: &str) -> Option<(ValueKind, bool)> {
    Some(match find(field)? {
        Constant(text) => (ValueKind::Constant(text), true),
        Keyword(path) => (
            ValueKind::Keyword,
            !matches!(path.first(), Some(&("requestParameters" | "responseElements"))),
        ),
        Boolean(_) | Flag(_) => (ValueKind::Boolean, true),
        Date(_) => (ValueKind::Date, true),
        Ip(_) => (ValueKind::Ip, true),
        Outcome => (ValueKind::LowerCase, true),
        Text(_) | Rendered(_) => (ValueKind::Keyword, true),
        Many(_) | Resource(_) => (ValueKind::Keyword, false),
    })
}

/// The known field that was most likely meant by a name that is not known.
pub fn did_you_mean(field: &str) -> Option<&'static str> {
    nearest(field, known_fields().chain(FlattenedField::ALL.map(FlattenedField::flattened)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_because_it_is_searched_in_halves() {
        assert!(FIELDS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(known_fields().all(is_known));
    }

    #[test]
    fn a_field_that_is_not_known_has_a_neighbour_or_none() {
        let cases = [
            ("event.actoin", Some("event.action")),
            ("user.Name", Some("user.name")),
            ("event.data_set", Some("event.dataset")),
            (
                "aws.cloudtrail.flattened.request_parameter",
                Some("aws.cloudtrail.flattened.request_parameters"),
            ),
            ("process.executable", None),
            ("source.geo.country_name", None),
        ];
        for (field, meant) in cases {
            assert!(!is_known(field), "{field}");
            assert_eq!(did_you_mean(field), meant, "{field}");
        }
        assert!(is_known("aws.cloudtrail.flattened.request_parameters.anything.at-all"));
    }
}
