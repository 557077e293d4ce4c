//! Expected values for each kind of record.

use serde_json::{Value, json};

use super::check;

fn call_by(identity: Value) -> Value {
    json!({"eventSource": "iam.amazonaws.com", "eventName": "ListUsers", "userIdentity": identity})
}

#[test]
fn names_and_ids_of_each_type_of_identity() {
    check(
        call_by(json!({
            "type": "IAMUser",
            "principalId": "AIDA1",
            "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333",
            "accessKeyId": "AKIA1",
            "userName": "alice",
        })),
        &[
            ("user.name", &["alice"]),
            ("user.id", &["AIDA1"]),
            ("user.email", &[]),
            ("related.user", &["alice", "AIDA1"]),
            ("cloud.account.id", &["111122223333"]),
            ("aws.cloudtrail.user_identity.type", &["IAMUser"]),
            ("aws.cloudtrail.user_identity.arn", &["arn:aws:iam::111122223333:user/alice"]),
            ("aws.cloudtrail.user_identity.access_key_id", &["AKIA1"]),
        ],
    );
    check(
        call_by(json!({
            "type": "Root",
            "principalId": "111122223333",
            "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:root",
        })),
        &[("user.name", &[]), ("user.id", &["111122223333"]), ("related.user", &["111122223333"])],
    );
    check(
        call_by(json!({
            "type": "AssumedRole",
            "principalId": "AROA1:alice@example.com",
            "arn": "arn:aws:sts::111122223333:assumed-role/Deploy/alice@example.com",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROA1",
                    "accountId": "111122223333",
                    "arn": "arn:aws:iam::111122223333:role/Deploy",
                    "userName": "Deploy",
                },
                "attributes": {
                    "creationDate": "2026-03-01T09:00:00Z",
                    "mfaAuthenticated": "false",
                },
            },
        })),
        &[
            ("user.name", &["Deploy"]),
            ("user.id", &["AROA1:alice@example.com"]),
            ("related.user", &["Deploy", "AROA1:alice@example.com", "alice@example.com", "alice"]),
            ("aws.cloudtrail.user_identity.session_context.mfa_authenticated", &["false"]),
            (
                "aws.cloudtrail.user_identity.session_context.creation_date",
                &["2026-03-01T09:00:00Z"],
            ),
            ("aws.cloudtrail.user_identity.session_context.session_issuer.type", &["Role"]),
            (
                "aws.cloudtrail.user_identity.session_context.session_issuer.principal_id",
                &["AROA1"],
            ),
            (
                "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
                &["arn:aws:iam::111122223333:role/Deploy"],
            ),
            (
                "aws.cloudtrail.user_identity.session_context.session_issuer.account_id",
                &["111122223333"],
            ),
        ],
    );
    check(
        call_by(json!({
            "type": "FederatedUser",
            "principalId": "111122223333:bob",
            "userName": "other",
            "arn": "arn:aws:sts::111122223333:federated-user/bob",
            "sessionContext": {"sessionIssuer": {"type": "IAMUser", "userName": "alice"}},
        })),
        &[("user.name", &["alice"]), ("related.user", &["alice", "111122223333:bob", "bob"])],
    );
    check(
        call_by(json!({
            "type": "IdentityCenterUser",
            "accountId": "111122223333",
            "onBehalfOf": {
                "userId": "94182498-1",
                "identityStoreArn": "arn:aws:identitystore::1:identitystore/d-1",
            },
        })),
        &[("user.name", &[]), ("user.id", &["94182498-1"])],
    );
    check(
        call_by(json!({
            "type": "WebIdentityUser",
            "principalId": "accounts.example.com:app:42",
            "userName": "42",
            "identityProvider": "accounts.example.com",
        })),
        &[
            ("user.name", &["42"]),
            ("user.id", &["accounts.example.com:app:42"]),
            ("cloud.account.id", &[]),
        ],
    );
    check(
        call_by(json!({"type": "AWSService", "invokedBy": "cloudformation.amazonaws.com"})),
        &[
            ("user.name", &[]),
            ("user.id", &[]),
            ("related.user", &[]),
            ("aws.cloudtrail.user_identity.invoked_by", &["cloudformation.amazonaws.com"]),
        ],
    );
    check(
        call_by(json!({
            "type": "AWSAccount",
            "principalId": "AIDA2",
            "accountId": "444455556666",
            "onBehalfOf": {"userId": "not asked"},
        })),
        &[("user.name", &[]), ("user.id", &["AIDA2"]), ("cloud.account.id", &["444455556666"])],
    );
    check(
        call_by(json!({"type": "IAMUser", "userName": "bob@example.com"})),
        &[("user.email", &["bob@example.com"])],
    );
    check(call_by(json!({"type": "IAMUser", "userName": "@bob"})), &[("user.email", &[])]);
    check(call_by(json!(null)), &[("user.name", &[]), ("aws.cloudtrail.user_identity.type", &[])]);
}

pub(super) fn create_group() -> Value {
    json!({
        "eventVersion": "1.11",
        "eventTime": "2026-03-01T10:00:00Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateGroup",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.15.0 Python/3.11",
        "errorCode": null,
        "errorMessage": "",
        "userIdentity": {"type": "IAMUser", "userName": "alice", "principalId": "AIDA1"},
        "requestParameters": {"groupName": "Admins", "path": "/"},
        "responseElements": {
            "group": {
                "path": "/",
                "groupName": "Admins",
                "groupId": "AGPA1",
                "arn": "arn:aws:iam::111122223333:group/Admins",
                "createDate": "Mar 1, 2026 10:00:00 AM",
            },
        },
        "requestID": "r-1",
        "eventID": "e-1",
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "012345678901",
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": "iam.amazonaws.com",
        },
        "sessionCredentialFromConsole": "true",
        "sharedEventID": "s-1",
        "vpcEndpointId": "vpce-1",
    })
}

#[test]
fn fields_of_a_created_group() {
    check(
        create_group(),
        &[
            ("@timestamp", &["2026-03-01T10:00:00Z"]),
            ("event.dataset", &["aws.cloudtrail"]),
            ("data_stream.dataset", &["aws.cloudtrail"]),
            ("event.module", &["aws"]),
            ("event.kind", &["event"]),
            ("event.provider", &["iam.amazonaws.com"]),
            ("event.action", &["CreateGroup"]),
            ("event.id", &["e-1"]),
            ("event.outcome", &["success"]),
            ("event.category", &["iam"]),
            ("event.type", &["group", "creation"]),
            ("cloud.provider", &["aws"]),
            ("cloud.region", &["us-east-1"]),
            ("cloud.account.id", &["012345678901"]),
            ("group.name", &["Admins"]),
            ("group.id", &["AGPA1"]),
            ("source.ip", &["198.51.100.7"]),
            ("user_agent.original", &["aws-cli/2.15.0 Python/3.11"]),
            ("user_agent.name", &["aws-cli"]),
            ("tls.client.server_name", &["iam.amazonaws.com"]),
            ("aws.cloudtrail.request_parameters", &["{path=/, groupName=Admins}"]),
            (
                "aws.cloudtrail.response_elements",
                &["{group={path=/, groupName=Admins, groupId=AGPA1, \
                    arn=arn:aws:iam::111122223333:group/Admins, \
                    createDate=Mar 1, 2026 10:00:00 AM}}"],
            ),
            ("aws.cloudtrail.flattened.response_elements.group.groupId", &["AGPA1"]),
            ("aws.cloudtrail.flattened.request_parameters", &["Admins", "/"]),
            ("aws.cloudtrail.error_code", &[]),
            ("aws.cloudtrail.event_type", &["AwsApiCall"]),
            ("aws.cloudtrail.event_category", &["Management"]),
            ("aws.cloudtrail.event_version", &["1.11"]),
            ("aws.cloudtrail.request_id", &["r-1"]),
            ("aws.cloudtrail.recipient_account_id", &["012345678901"]),
            ("aws.cloudtrail.read_only", &["false"]),
            ("aws.cloudtrail.management_event", &["true"]),
            ("aws.cloudtrail.shared_event_id", &["s-1"]),
            ("aws.cloudtrail.vpc_endpoint_id", &["vpce-1"]),
            ("aws.cloudtrail.session_credential_from_console", &["true"]),
            ("source.geo.country_name", &[]),
            ("event", &[]),
            ("", &[]),
        ],
    );
}

#[test]
fn fields_of_a_denied_call() {
    check(
        json!({
            "eventName": "AddUserToGroup",
            "eventSource": "iam.amazonaws.com",
            "errorCode": "AccessDenied",
            "errorMessage": "not authorized",
            "requestParameters": null,
            "responseElements": null,
        }),
        &[
            ("event.outcome", &["failure"]),
            ("event.type", &["group", "change"]),
            ("aws.cloudtrail.error_code", &["AccessDenied"]),
            ("aws.cloudtrail.error_message", &["not authorized"]),
            ("group.name", &[]),
            ("user.target.name", &[]),
            ("aws.cloudtrail.request_parameters", &[]),
            ("aws.cloudtrail.flattened.request_parameters", &[]),
        ],
    );
    check(json!({"errorMessage": "only a message"}), &[("event.outcome", &["failure"])]);
    check(json!({"errorCode": "-", "errorMessage": "none"}), &[("event.outcome", &["success"])]);
}

#[test]
fn fields_of_the_target_user() {
    check(
        json!({
            "userIdentity": {"userName": "alice"},
            "requestParameters": {"userName": "bob", "newUserName": "carol"},
            "responseElements": {"user": {"userId": "AIDA9"}},
        }),
        &[
            ("user.target.name", &["bob"]),
            ("user.changes.name", &["carol"]),
            ("user.target.id", &["AIDA9"]),
            ("related.user", &["alice", "bob", "AIDA9", "carol"]),
        ],
    );
    check(
        json!({"userIdentity": {"userName": "bob"}, "requestParameters": {"userName": "bob"}}),
        &[("related.user", &["bob"])],
    );
}

pub(super) fn console_login() -> Value {
    json!({
        "eventName": "ConsoleLogin",
        "eventSource": "signin.amazonaws.com",
        "eventTime": "2026-03-01T10:00:00",
        "sourceIPAddress": "192.0.2.10",
        "readOnly": "false",
        "managementEvent": true,
        "errorMessage": "Failed authentication",
        "responseElements": {"ConsoleLogin": "Success"},
        "additionalEventData": {
            "MFAUsed": "Yes",
            "MobileVersion": "No",
            "LoginTo": "https://console.example.com",
            "attempts": 2,
        },
    })
}

#[test]
fn a_console_login_states_its_outcome() {
    check(
        console_login(),
        &[
            ("event.outcome", &["success"]),
            ("event.category", &["authentication"]),
            ("aws.cloudtrail.console_login.additional_eventdata.mfa_used", &["true"]),
            ("aws.cloudtrail.console_login.additional_eventdata.mobile_version", &["false"]),
            (
                "aws.cloudtrail.console_login.additional_eventdata.login_to",
                &["https://console.example.com"],
            ),
        ],
    );
    let login = |outcome: &str| {
        json!({"eventName": "ConsoleLogin",
        "responseElements": {"ConsoleLogin": outcome}})
    };
    let with_mfa = |used: Value| {
        json!({"eventName": "ConsoleLogin",
        "additionalEventData": {"MFAUsed": used}})
    };
    for (value, used) in [(json!("No"), "false"), (json!("Yes"), "true"), (json!("Maybe"), "true")]
    {
        check(
            with_mfa(value),
            &[("aws.cloudtrail.console_login.additional_eventdata.mfa_used", &[used])],
        );
    }
    check(login("Failure"), &[("event.outcome", &["failure"])]);
    check(login("MAYBE"), &[("event.outcome", &["maybe"])]);
    check(
        json!({
            "eventName": "SwitchRole",
            "responseElements": {"ConsoleLogin": "Failure"},
            "additionalEventData": {"MFAUsed": "Yes"},
        }),
        &[
            ("event.outcome", &["success"]),
            ("aws.cloudtrail.console_login.additional_eventdata.mfa_used", &[]),
        ],
    );
    check(
        json!({"eventName": "UserAuthentication", "additionalEventData": {"UserName": "alice"}}),
        &[("user.name", &["alice"])],
    );
}

#[test]
fn unusual_values_of_real_records() {
    let service = json!({
        "sourceIPAddress": "cloudformation.amazonaws.com",
        "userAgent": "cloudformation.amazonaws.com",
    });
    check(
        service,
        &[
            ("source.address", &["cloudformation.amazonaws.com"]),
            ("source.ip", &[]),
            ("user_agent.name", &["Other"]),
            ("@timestamp", &[]),
            ("event.type", &["info"]),
            ("event.category", &[]),
        ],
    );
    check(json!({"sourceIPAddress": "2001:db8::1"}), &[("source.ip", &["2001:db8::1"])]);
    check(json!({"userAgent": "[aws-cli/1.16 Python]"}), &[("user_agent.name", &["aws-cli"])]);
    check(
        json!({"userAgent": "-", "eventName": "none"}),
        &[("user_agent.original", &[]), ("event.action", &[])],
    );
    check(
        json!({"eventTime": "2026-03-01T10:00:00"}),
        &[("@timestamp", &["2026-03-01T10:00:00Z"])],
    );
    check(json!({"eventTime": "yesterday"}), &[("@timestamp", &[])]);
    check(
        json!({"userIdentity": {"accountId": "012345678901"}}),
        &[("cloud.account.id", &["012345678901"])],
    );
    check(
        json!({"requestParameters": "text"}),
        &[("aws.cloudtrail.request_parameters", &["text"])],
    );
    check(
        json!({"eventName": 7, "eventVersion": 1.08, "readOnly": "maybe"}),
        &[
            ("event.action", &[]),
            ("aws.cloudtrail.event_version", &["1.08"]),
            ("aws.cloudtrail.read_only", &[]),
        ],
    );
}
