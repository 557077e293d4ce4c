"""The parameters of each way to attach, and of all features at once."""

LOGS = {"LogBucketName": "example-trail-logs"}
TOPIC = LOGS | {"LogTopicArn": "arn:aws:sns:us-east-1:444455556666:trail-logs"}
KEY = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"

MODES = {
    "a: new trail and bucket": {},
    "b: bucket through EventBridge": LOGS,
    "c: topic": TOPIC,
    "d: a and API calls": {"ApiCallAlerts": "on"},
    "everything": TOPIC
    | {
        "LogPrefix": "audit/2026",
        "LogKeyArn": KEY,
        "ApiCallAlerts": "on",
        "AlertEmail": "security@example.com",
        "AlertEmailSeverity": "high",
        "OperationsEmail": "operations@example.com",
        "TopicEncryption": "key",
        "RulesLocation": "s3://example-rules/rules/",
        "ExceptionsLocation": "s3://example-exceptions/all",
        "AlertMail": "full",
        "Architecture": "arm64",
        "ReservedConcurrency": 5,
        "CanarySchedule": "weekly",
    },
}
