//! The fields of the view, and where in a record each of them comes from.

use super::clean::CleanRecord;
use super::derive::{NEW_NAME, TARGET_ID, TARGET_NAME};
use super::flattened::{FlattenedField, OnValue};

/// A path of keys in a record.
type Path = &'static [&'static str];

/// Where the values of a field come from.
#[derive(Clone, Copy)]
pub(super) enum FieldSource {
    /// The same text for every record.
    Constant(&'static str),
    /// A scalar or a list of scalars, as keywords.
    Keyword(Path),
    /// As `Keyword`, a name that IAM matches in any case.
    Name(Path),
    /// `true` or `false`, as a JSON boolean or as text.
    Boolean(Path),
    /// An ISO 8601 time.
    Date(Path),
    /// An IP address. Other text has no value.
    Ip(Path),
    /// A derived text.
    Text(for<'a> fn(CleanRecord<'a>) -> Option<&'a str>),
    /// The outcome of the call.
    Outcome,
    /// A derived boolean.
    Flag(fn(CleanRecord<'_>) -> Option<bool>),
    /// Any number of derived texts: a list in the document, even of one.
    Many(fn(CleanRecord<'_>, OnValue<'_>) -> bool),
    /// The text that Java makes of a part of the record.
    Rendered(FlattenedField),
    /// A field of each element of `resources`.
    Resource(&'static str),
    /// The ARNs of own resources that the record names: not in the document of a record.
    Own,
}

use FieldSource::{
    Boolean, Constant, Date, Flag, Ip, Keyword, Many, Name, Outcome, Own, Rendered, Resource, Text,
};

/// Every field with a name of its own, sorted by name for a binary search.
pub(super) static FIELDS: &[(&str, FieldSource)] = &[
    ("@timestamp", Date(&["eventTime"])),
    ("aws.cloudtrail.additional_eventdata", Rendered(FlattenedField::AdditionalEventData)),
    ("aws.cloudtrail.api_version", Keyword(&["apiVersion"])),
    (
        "aws.cloudtrail.console_login.additional_eventdata.login_to",
        Text(|record| record.login_to()),
    ),
    (
        "aws.cloudtrail.console_login.additional_eventdata.mfa_used",
        Flag(|record| record.login_flag("MFAUsed")),
    ),
    (
        "aws.cloudtrail.console_login.additional_eventdata.mobile_version",
        Flag(|record| record.login_flag("MobileVersion")),
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
    ("aws.cloudtrail.shared_event_id", Text(|record| record.shared_event_id())),
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
    ("cloud.account.id", Text(|record| record.account())),
    ("cloud.provider", Constant("aws")),
    ("cloud.region", Keyword(&["awsRegion"])),
    ("data_stream.dataset", Constant("aws.cloudtrail")),
    ("event.action", Text(|record| record.action())),
    ("event.category", Many(|record, on_value| record.any_category(on_value))),
    ("event.dataset", Constant("aws.cloudtrail")),
    ("event.id", Keyword(&["eventID"])),
    ("event.kind", Constant("event")),
    ("event.module", Constant("aws")),
    ("event.outcome", Outcome),
    ("event.provider", Text(|record| record.text(&["eventSource"]))),
    ("event.type", Many(|record, on_value| record.any_type(on_value))),
    ("group.id", Keyword(&["responseElements", "group", "groupId"])),
    ("group.name", Name(&["requestParameters", "groupName"])),
    ("related.user", Many(|record, on_value| record.any_related_user(on_value))),
    ("source.address", Keyword(&["sourceIPAddress"])),
    ("source.ip", Ip(&["sourceIPAddress"])),
    ("tls.cipher", Keyword(&["tlsDetails", "cipherSuite"])),
    ("tls.client.server_name", Keyword(&["tlsDetails", "clientProvidedHostHeader"])),
    ("trailbell.own", Own),
    ("user.changes.name", Keyword(NEW_NAME)),
    ("user.email", Text(|record| record.user_email())),
    ("user.id", Text(|record| record.user_id())),
    ("user.name", Text(|record| record.user_name())),
    ("user.target.id", Keyword(TARGET_ID)),
    ("user.target.name", Keyword(TARGET_NAME)),
    ("user_agent.name", Text(|record| record.user_agent_name())),
    ("user_agent.original", Keyword(&["userAgent"])),
];

/// The source of a field with a name of its own.
pub(super) fn find_source(name: &str) -> Option<FieldSource> {
    let at = FIELDS.binary_search_by(|(known, _)| known.cmp(&name)).ok()?;
    Some(FIELDS[at].1)
}

/// Every field with a name of its own, sorted. A record may have more fields, under
/// `aws.cloudtrail.flattened.`{`request_parameters`, `response_elements`, `additional_eventdata`,
/// `service_event_details`}.
pub fn known_fields() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(name, _)| *name)
}

/// Returns true if a record can have a value for this field. Does not expand wildcards.
pub fn is_known_field(field: &str) -> bool {
    find_source(field).is_some() || FlattenedField::split(field).is_some()
}

/// Returns true if the values of the field are names that their service matches in any case.
pub(crate) fn is_name_field(field: &str) -> bool {
    matches!(find_source(field), Some(Name(_)))
}

/// The type of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Text, compared exactly.
    Keyword,
    /// The same text in every record.
    Constant(&'static str),
    /// `true` or `false`.
    Boolean,
    /// An instant.
    Date,
    /// An IP address.
    Ip,
}

/// The type of the values of a field with a name of its own, and whether a record has at most one
/// of them. Parameters and results of calls can be lists, whatever the service documents.
pub fn field_shape(field: &str) -> Option<(ValueKind, bool)> {
    Some(match find_source(field)? {
        Constant(text) => (ValueKind::Constant(text), true),
        Keyword(["requestParameters" | "responseElements", ..]) => (ValueKind::Keyword, false),
        Keyword(_) | Text(_) | Rendered(_) | Outcome => (ValueKind::Keyword, true),
        Many(_) | Name(_) | Resource(_) | Own => (ValueKind::Keyword, false),
        Boolean(_) | Flag(_) => (ValueKind::Boolean, true),
        Date(_) => (ValueKind::Date, true),
        Ip(_) => (ValueKind::Ip, true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(FIELDS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(known_fields().all(is_known_field));
    }
}
