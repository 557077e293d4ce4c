"""The parameters of each way to attach, of all features at once, and of samconfig.toml.example."""

import tomllib
from pathlib import Path

CONFIG = Path(__file__).resolve().parents[2] / "samconfig.toml.example"


def of_example():
    """The parameters in samconfig.toml.example."""
    deploy = tomllib.loads(CONFIG.read_text())["default"]["deploy"]["parameters"]
    return dict(override.split("=", 1) for override in deploy["parameter_overrides"])


LOGS = {"LogBucketName": "example-trail-logs"}
TOPIC = LOGS | {"LogTopicArn": "arn:aws:sns:us-east-1:444455556666:trail-logs"}
KEY = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"

MODES = {
    "samconfig.toml.example": of_example(),
    "a: new trail and bucket": {},
    "b: bucket through EventBridge": LOGS,
    "c: topic": TOPIC,
    "d: a and API calls": {"ApiCallAlerts": "on"},
    "f: b and full monitoring": LOGS
    | {"Monitoring": "full", "AccountNames": "111122223333=production,444455556666=log archive"},
    "e: a and Slack": {
        "Chat": "slack",
        "SlackWorkspaceId": "T07EA123LEP",
        "SlackChannelId": "C07EZ1ABC23",
    },
    "everything": TOPIC
    | {
        "LogPrefix": "audit/2026",
        "LogKeyArn": KEY,
        "TrailHomeRegion": "eu-west-1",
        "TrailAccountId": "444455556666",
        "IdentityCenterRegion": "eu-west-1",
        "ApiCallAlerts": "on",
        "AlertEmail": "security@example.com",
        "AlertEmailSeverity": "high",
        "OperationsEmail": "operations@example.com",
        "TopicEncryption": "key",
        "RulesLocation": "s3://example-rules/rules/",
        "ExceptionsLocation": "s3://example-exceptions/all",
        "Chat": "teams",
        "TeamsTenantId": "01234567-89ab-cdef-0123-456789abcdef",
        "TeamsTeamId": "fedcba98-7654-3210-fedc-ba9876543210",
        "TeamsChannelId": "19%3ab6ef35dc342d56ba5654e6fc6d25a071%40thread.tacv2",
        "AccountNames": "s3://example-config/accounts.toml",
        "PrivilegedGroups": "Admin*,breakglass",
        "Monitoring": "full",
        "AlertMail": "full",
        "Reports": "all",
        "Architecture": "arm64",
        "ReservedConcurrency": 5,
        "CanarySchedule": "weekly",
    },
}
