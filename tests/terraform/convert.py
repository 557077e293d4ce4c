"""Resources of the module in terraform/ as CloudFormation writes them.

A resource of Terraform's provider is one of the template, or a part of one: `aws_s3_bucket_policy`
is a resource there, `aws_s3_bucket_versioning` a property of the bucket.
"""

import json
import re

# Resources of the module, and the names of those of the template that they are, or belong to.
NAMES = {
    "aws_s3_bucket.trail": "TrailBucket",
    "aws_s3_bucket.ledger": "LedgerBucket",
    "aws_s3_bucket_policy.trail": "TrailBucketPolicy",
    "aws_s3_bucket_policy.ledger": "LedgerBucketPolicy",
    "aws_cloudtrail.trail": "Trail",
    "aws_cloudwatch_event_rule.object_created": "ObjectCreatedRule",
    "aws_cloudwatch_event_rule.api_call": "ApiCallRule",
    "aws_cloudwatch_event_rule.sweep": "SweepSchedule",
    "aws_cloudwatch_event_rule.report": "ReportSchedule",
    "aws_cloudwatch_event_rule.canary": "CanaryRule",
    "aws_sns_topic_subscription.log_topic": "LogTopicSubscription",
    "aws_sns_topic_subscription.alert_email": "AlertEmailSubscription",
    "aws_sns_topic_subscription.operations_email": "OperationsEmailSubscription",
    "aws_sqs_queue.notifications": "NotificationQueue",
    "aws_sqs_queue.dead_letters": "DeadLetterQueue",
    "aws_sqs_queue_policy.notifications": "NotificationQueuePolicy",
    "aws_sqs_queue_policy.dead_letters": "DeadLetterQueuePolicy",
    "aws_lambda_event_source_mapping.notifications": "NotificationMapping",
    "aws_lambda_permission.sweep": "SweepPermission",
    "aws_lambda_permission.report": "ReportPermission",
    "aws_lambda_function_event_invoke_config.sweep": "SweepRetries",
    "aws_lambda_function.function": "Function",
    "aws_cloudwatch_log_group.function": "FunctionLogGroup",
    "aws_iam_role.function": "FunctionRole",
    "aws_iam_role.chat": "ChatRole",
    "aws_sns_topic.alerts": "AlertsTopic",
    "aws_sns_topic.chat": "ChatTopic",
    "aws_sns_topic.operations": "OperationsTopic",
    "aws_sns_topic_policy.alerts": "AlertsTopicPolicy",
    "aws_sns_topic_policy.chat": "ChatTopicPolicy",
    "aws_sns_topic_policy.operations": "OperationsTopicPolicy",
    "aws_chatbot_slack_channel_configuration.chat": "SlackChannel",
    "aws_chatbot_teams_channel_configuration.chat": "TeamsChannel",
    "aws_kms_key.topics": "TopicKey",
    "aws_cloudwatch_metric_alarm.unannounced": "UnannouncedAlarm",
    "aws_cloudwatch_dashboard.dashboard": "Dashboard",
}


class Addresses:
    """From addresses in the module to logical names in the template."""

    def logical(self, address):
        base, key = re.fullmatch(r"([\w.]+)(?:\[\"?(\w+)\"?\])?", address).groups()
        if base == "aws_cloudwatch_metric_alarm.alarm":
            return camel_case(key) + "Alarm"
        return NAMES.get(base)


ADDRESSES = Addresses()


def camel_case(name):
    return "".join(word.capitalize() for word in name.split("_"))


def converted(module):
    """The resources of the module by their names in the template, and what is wrong."""
    resources, problems = {}, []
    parts = []
    for address, values in module.resources():
        kind, name = re.match(r"(\w+)\.(\w+)", address).groups()
        if kind in RESOURCES:
            logical = ADDRESSES.logical(address)
            values = Values(address, values)
            resources[logical] = clean(RESOURCES[kind](values))
            if kind in RETAINABLE:
                retained = str(module.prevents_destroy(address)).lower()
                resources[logical]["Retained"] = retained
            problems += values.unused()
        elif kind in PARTS:
            parts.append((address, kind, name, values))
        else:
            problems.append(f"{address}: convert.py does not know {kind}")
    for address, kind, name, values in parts:
        whole, part = PARTS[kind]
        values = Values(address, values)
        added = clean(part(values))
        problems += values.unused()
        owner = resources[NAMES[f"{whole}.{name}"]]
        for key, one in added.items():
            owner[key] = owner[key] + one if isinstance(owner.get(key), list) else one
    return resources, problems


RETAINABLE = ("aws_s3_bucket", "aws_s3_bucket_policy", "aws_sqs_queue")


class Values:
    """The arguments of a resource. What the conversion does not look at is a problem."""

    def __init__(self, address, values):
        self.address, self.values, self.used = address, values, set()

    def get(self, name):
        self.used.add(name)
        return self.values.get(name)

    def __getitem__(self, name):
        self.used.add(name)
        return self.values[name]

    def block(self, name):
        """The only block of this name, or none."""
        blocks = self.get(name) or [{}]
        return blocks[0] if len(blocks) == 1 else {"too many": blocks}

    def document(self, name):
        text = self.get(name)
        return text and json.loads(text)

    def skip(self, *names):
        self.used |= set(names)

    def unused(self):
        return [
            f"{self.address}: convert.py ignores {one}" for one in self.values.keys() - self.used
        ]


def clean(value):
    """Without what is not set, and with numbers and booleans as text."""
    if isinstance(value, dict):
        return {name: clean(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [clean(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def bucket(values):
    values.skip("bucket_prefix")
    return {"BucketName": values.get("bucket") or "ledgerbucket"}


def bucket_policy(values):
    return {"Bucket": values["bucket"], "PolicyDocument": values.document("policy")}


def trail(values):
    return {
        "TrailName": values["name"],
        "S3BucketName": values["s3_bucket_name"],
        "IsLogging": values["enable_logging"],
        "IsMultiRegionTrail": values["is_multi_region_trail"],
        "IncludeGlobalServiceEvents": values["include_global_service_events"],
        "EnableLogFileValidation": values["enable_log_file_validation"],
    }


def event_rule(values):
    values.skip("name")
    return {
        "Description": values["description"],
        "EventPattern": values.document("event_pattern"),
        "ScheduleExpression": values.get("schedule_expression"),
        "Targets": [],
    }


def event_target(values):
    values.skip("rule")
    return {
        "Targets": [{"Id": values["target_id"], "Arn": values["arn"], "Input": values.get("input")}]
    }


def subscription(values):
    return {
        "TopicArn": values["topic_arn"],
        "Region": values.get("region"),
        "Protocol": values["protocol"],
        "Endpoint": values["endpoint"],
        "FilterPolicy": values.document("filter_policy"),
    }


def queue(values):
    values.skip("name")
    return {
        "SqsManagedSseEnabled": values["sqs_managed_sse_enabled"],
        "VisibilityTimeout": values.get("visibility_timeout_seconds"),
        "MessageRetentionPeriod": values["message_retention_seconds"],
        "RedrivePolicy": values.document("redrive_policy"),
    }


def queue_policy(values):
    return {"Queues": [values["queue_url"]], "PolicyDocument": values.document("policy")}


def topic(values):
    values.skip("name")
    return {
        "DisplayName": values["display_name"],
        "KmsMasterKeyId": values.get("kms_master_key_id"),
    }


def topic_policy(values):
    return {"Topics": [values["arn"]], "PolicyDocument": values.document("policy")}


def mapping(values):
    return {
        "EventSourceArn": values["event_source_arn"],
        "FunctionName": values["function_name"],
        "BatchSize": values["batch_size"],
        "FunctionResponseTypes": values["function_response_types"],
        "ScalingConfig": {
            "MaximumConcurrency": values.block("scaling_config")["maximum_concurrency"]
        },
    }


def permission(values):
    return {
        "Action": values["action"],
        "FunctionName": values["function_name"],
        "Principal": values["principal"],
        "SourceArn": values["source_arn"],
    }


def invoke_config(values):
    return {
        "FunctionName": values["function_name"],
        "Qualifier": values["qualifier"],
        "MaximumRetryAttempts": values["maximum_retry_attempts"],
        "MaximumEventAgeInSeconds": values["maximum_event_age_in_seconds"],
    }


def function(values):
    values.skip("filename", "source_code_hash")
    logging = values.block("logging_config")
    reserved = values["reserved_concurrent_executions"]
    return {
        "FunctionName": values["function_name"],
        "Description": values["description"],
        "Handler": values["handler"],
        "Runtime": values["runtime"],
        "Architectures": values["architectures"],
        "MemorySize": values["memory_size"],
        "Timeout": values["timeout"],
        "ReservedConcurrentExecutions": None if reserved == -1 else reserved,
        "Role": values["role"],
        "LoggingConfig": {"LogGroup": logging["log_group"]},
        "Environment": {"Variables": values.block("environment")["variables"]},
    }


def log_group(values):
    return {"LogGroupName": values["name"], "RetentionInDays": values["retention_in_days"]}


def role(values):
    values.skip("name_prefix")
    return {
        "Description": values["description"],
        "AssumeRolePolicyDocument": values.document("assume_role_policy"),
    }


def role_policy(values):
    values.skip("role")
    return {
        "Policies": [{"PolicyName": values["name"], "PolicyDocument": values.document("policy")}]
    }


def slack_channel(values):
    return channel(values) | {
        "SlackWorkspaceId": values["slack_team_id"],
        "SlackChannelId": values["slack_channel_id"],
    }


def teams_channel(values):
    return channel(values) | {
        "TeamsTenantId": values["tenant_id"],
        "TeamId": values["team_id"],
        "TeamsChannelId": values["channel_id"],
    }


def channel(values):
    return {
        "ConfigurationName": values["configuration_name"],
        "SnsTopicArns": values["sns_topic_arns"],
        "IamRoleArn": values["iam_role_arn"],
        "GuardrailPolicies": values["guardrail_policy_arns"],
        "LoggingLevel": values["logging_level"],
    }


def key(values):
    return {
        "Description": values["description"],
        "EnableKeyRotation": values["enable_key_rotation"],
        "PendingWindowInDays": values["deletion_window_in_days"],
        "KeyPolicy": values.document("policy"),
    }


def alarm(values):
    values.skip("alarm_name")
    queries = values.get("metric_query")
    dimensions = values.get("dimensions")
    return {
        "AlarmDescription": values["alarm_description"],
        "AlarmActions": values["alarm_actions"],
        "OKActions": values["ok_actions"] or None,
        "Namespace": values.get("namespace"),
        "MetricName": values.get("metric_name"),
        "Dimensions": dimensions and pairs(dimensions),
        "Statistic": values.get("statistic"),
        "Period": values.get("period"),
        "Metrics": queries and [metric_query(one) for one in queries],
        "EvaluationPeriods": values["evaluation_periods"],
        "DatapointsToAlarm": values["datapoints_to_alarm"],
        "ComparisonOperator": values["comparison_operator"],
        "Threshold": values["threshold"],
        "TreatMissingData": values["treat_missing_data"],
    }


def pairs(dimensions):
    return [{"Name": name, "Value": one} for name, one in dimensions.items()]


def metric_query(query):
    (metric,) = query.get("metric", [None])
    statistic = metric and {
        "Stat": metric["stat"],
        "Period": metric["period"],
        "Metric": {
            "Namespace": metric["namespace"],
            "MetricName": metric["metric_name"],
            "Dimensions": pairs(metric["dimensions"]),
        },
    }
    return {
        "Id": query["id"],
        "Label": query.get("label"),
        "Expression": query.get("expression"),
        # True by default.
        "ReturnData": None if query["return_data"] else False,
        "MetricStat": statistic,
    }


def dashboard(values):
    values.skip("dashboard_name")
    body = values.document("dashboard_body")
    for widget in body["widgets"]:
        if "alarms" in widget["properties"]:
            widget["properties"]["alarms"].sort()
    return {"DashboardBody": body}


def encryption(values):
    values.skip("bucket")
    (default,) = values.block("rule")["apply_server_side_encryption_by_default"]
    rule = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": default["sse_algorithm"]}}
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]}}


def ownership(values):
    values.skip("bucket")
    rule = {"ObjectOwnership": values.block("rule")["object_ownership"]}
    return {"OwnershipControls": {"Rules": [rule]}}


def public_access(values):
    values.skip("bucket")
    return {
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": values["block_public_acls"],
            "BlockPublicPolicy": values["block_public_policy"],
            "IgnorePublicAcls": values["ignore_public_acls"],
            "RestrictPublicBuckets": values["restrict_public_buckets"],
        }
    }


def versioning(values):
    values.skip("bucket")
    status = values.block("versioning_configuration")["status"]
    return {"VersioningConfiguration": {"Status": status}}


def notification(values):
    values.skip("bucket")
    configurations = [
        {
            "Event": event,
            "Queue": one["queue_arn"],
            "Filter": {
                "S3Key": {
                    "Rules": [
                        {"Name": "prefix", "Value": one["filter_prefix"]},
                        {"Name": "suffix", "Value": one["filter_suffix"]},
                    ]
                }
            },
        }
        for one in values["queue"]
        for event in one["events"]
    ]
    return {"NotificationConfiguration": {"QueueConfigurations": configurations}}


def lifecycle(values):
    values.skip("bucket")
    return {"LifecycleConfiguration": {"Rules": [lifecycle_rule(one) for one in values["rule"]]}}


def lifecycle_rule(rule):
    (expiration,) = rule.get("expiration", [{}])
    (uploads,) = rule.get("abort_incomplete_multipart_upload", [None])
    (where,) = rule["filter"]
    return {
        "Id": rule["id"],
        "Status": rule["status"],
        "Prefix": where.get("prefix"),
        "ExpirationInDays": expiration.get("days"),
        "AbortIncompleteMultipartUpload": uploads
        and {"DaysAfterInitiation": uploads["days_after_initiation"]},
    }


RESOURCES = {
    "aws_s3_bucket": bucket,
    "aws_s3_bucket_policy": bucket_policy,
    "aws_cloudtrail": trail,
    "aws_cloudwatch_event_rule": event_rule,
    "aws_sns_topic_subscription": subscription,
    "aws_sqs_queue": queue,
    "aws_sqs_queue_policy": queue_policy,
    "aws_lambda_event_source_mapping": mapping,
    "aws_lambda_permission": permission,
    "aws_lambda_function_event_invoke_config": invoke_config,
    "aws_lambda_function": function,
    "aws_cloudwatch_log_group": log_group,
    "aws_iam_role": role,
    "aws_sns_topic": topic,
    "aws_sns_topic_policy": topic_policy,
    "aws_chatbot_slack_channel_configuration": slack_channel,
    "aws_chatbot_teams_channel_configuration": teams_channel,
    "aws_kms_key": key,
    "aws_cloudwatch_metric_alarm": alarm,
    "aws_cloudwatch_dashboard": dashboard,
}

# What is a property in CloudFormation: of which resource of the same name, and its conversion.
PARTS = {
    "aws_s3_bucket_server_side_encryption_configuration": ("aws_s3_bucket", encryption),
    "aws_s3_bucket_ownership_controls": ("aws_s3_bucket", ownership),
    "aws_s3_bucket_public_access_block": ("aws_s3_bucket", public_access),
    "aws_s3_bucket_versioning": ("aws_s3_bucket", versioning),
    "aws_s3_bucket_notification": ("aws_s3_bucket", notification),
    "aws_s3_bucket_lifecycle_configuration": ("aws_s3_bucket", lifecycle),
    "aws_cloudwatch_event_target": ("aws_cloudwatch_event_rule", event_target),
    "aws_iam_role_policy": ("aws_iam_role", role_policy),
}
