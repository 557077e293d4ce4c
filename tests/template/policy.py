"""Compares the policies of template.yaml with the calls of the code, in every mode.

No right may be missing, and none may be unused.

Needs the packages of tests/tools/requirements.txt.
"""

import re
import sys
from dataclasses import dataclass

import boto3
from parameters import MODES
from resolve import ROOT, Template

LEDGER, ALERTS, CHAT, QUEUE = "LedgerBucket", "AlertsTopic", "ChatTopic", "NotificationQueue"
LOG, TOPIC_KEY = "FunctionLogGroup", "TopicKey"
LOG_BUCKET, LOG_OBJECTS, LOG_KEY = "the log bucket", "the log objects", "the key of the log objects"
RULES, RULES_FILE, RULES_BUCKET = "the rules", "the file of rules", "the bucket of the rules"
EXCEPTIONS, EXCEPTIONS_FILE = "the exceptions", "the file of exceptions"
EXCEPTIONS_BUCKET = "the bucket of the exceptions"
ACCOUNTS_FILE = "the file of account names"
LEDGER_OBJECTS, REPORTS = "the ledger's objects", "the pages of alerts"
PUBLIC_KEYS = "CloudTrail's public keys"


@dataclass(frozen=True)
class Call:
    """A use of the function's role: `action` on `target`, made by the text `code` below `place`."""

    action: str
    target: str
    place: str
    code: str


S3, SMALL_OBJECTS, RELOAD = "src/store/s3", "src/store/s3/small.rs", "src/app/reload.rs"
ACCOUNTS = "src/app/accounts.rs"
SNS, TOPIC, LOGGING = "src/sink/sns.rs", "src/sink/topic.rs", "src/telemetry"
TEMPLATE, MAPPING = "template.yaml", "AWS::Lambda::EventSourceMapping"

# Every use of the function's role.
CALLS = [
    Call("s3:GetObject", LOG_OBJECTS, S3, ".get_object()"),
    Call("s3:GetObjectVersion", LOG_OBJECTS, S3, ".set_version_id("),
    Call("s3:ListBucket", LOG_BUCKET, S3, ".list_objects_v2()"),
    # S3 decrypts with the rights of the caller of GetObject.
    Call("kms:Decrypt", LOG_KEY, S3, ".get_object()"),
    Call("s3:GetObject", LEDGER_OBJECTS, SMALL_OBJECTS, ".get_object()"),
    Call("s3:PutObject", LEDGER_OBJECTS, SMALL_OBJECTS, ".put_object()"),
    Call("s3:DeleteObject", LEDGER_OBJECTS, SMALL_OBJECTS, ".delete_object()"),
    Call("s3:PutObject", REPORTS, SMALL_OBJECTS, ".put_object()"),
    Call("s3:ListBucket", LEDGER, S3, ".list_objects_v2()"),
    Call("s3:GetObject", RULES, RELOAD, "store.get("),
    Call("s3:GetObject", RULES_FILE, RELOAD, "store.get("),
    Call("s3:ListBucket", RULES_BUCKET, RELOAD, "list_pages("),
    Call("s3:GetObject", EXCEPTIONS, RELOAD, "store.get("),
    Call("s3:GetObject", EXCEPTIONS_FILE, RELOAD, "store.get("),
    Call("s3:ListBucket", EXCEPTIONS_BUCKET, RELOAD, "list_pages("),
    Call("s3:GetObject", ACCOUNTS_FILE, ACCOUNTS, "store.get("),
    Call("sns:Publish", ALERTS, SNS, ".publish_batch()"),
    Call("sns:Publish", CHAT, SNS, ".publish_batch()"),
    Call("sns:GetTopicAttributes", ALERTS, TOPIC, ".get_topic_attributes()"),
    # SNS encrypts with the rights of the publisher.
    Call("kms:GenerateDataKey", TOPIC_KEY, SNS, ".publish_batch()"),
    Call("kms:Decrypt", TOPIC_KEY, SNS, ".publish_batch()"),
    Call("cloudtrail:ListPublicKeys", PUBLIC_KEYS, "src/integrity/keys.rs", ".list_public_keys()"),
    # Lambda polls the queue with the function's role.
    Call("sqs:ReceiveMessage", QUEUE, TEMPLATE, MAPPING),
    Call("sqs:DeleteMessage", QUEUE, TEMPLATE, MAPPING),
    Call("sqs:GetQueueAttributes", QUEUE, TEMPLATE, MAPPING),
    # Lambda writes the function's standard output to the log.
    Call("logs:CreateLogStream", LOG, LOGGING, "io::stdout()"),
    Call("logs:PutLogEvents", LOG, LOGGING, "io::stdout()"),
]

# The code that uses AWS clients.
CLIENT_CODE = ("src/store", "src/sink", "src/integrity")
# Calls in it that only the command line makes, with the rights of its user.
COMMAND_LINE_CALLS = {
    "head_bucket",
    "get_bucket_notification_configuration",
    "put_bucket_notification_configuration",
    "list_subscriptions_by_topic",
    "get_subscription_attributes",
}
CHANNEL_TYPES = (
    "AWS::Chatbot::SlackChannelConfiguration",
    "AWS::Chatbot::MicrosoftTeamsChannelConfiguration",
)
POLICY_TYPES = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")


def main():
    problems = [*check_regions(), *(f"CALLS: {problem}" for problem in check_table())]
    for mode, parameters in MODES.items():
        template = Template(parameters)
        found = [
            *check_role(template),
            *check_resource_policies(template),
            *check_senders(template),
            *check_ways_in(template),
            *check_chat(template),
            *check_reports(template),
            *check_consistency(template),
        ]
        problems += [f"{mode}: {problem}" for problem in found]
        print(f"{mode}: {len(statements_of_role(template))} statements in the role")
    if problems:
        sys.exit("\n".join(["failed:", *problems]))


def check_regions():
    """The template and the code list the same regions in which IAM is recorded."""
    code = (ROOT / "crates/detect/src/cloudtrail/key.rs").read_text()
    code = code.split("const IAM_REGIONS", 1)[1].split("];", 1)[0]
    condition = Template({}).whole["Conditions"]["InRegionOfIam"]["Fn::Or"]
    if set(re.findall(r'"(\S+)"', code)) != {one["Fn::Equals"][1] for one in condition}:
        yield "InRegionOfIam and cloudtrail/key.rs list different regions"


def check_table():
    """The code makes every call of the table, and no other."""
    for call in CALLS:
        if not any(call.code in file.read_text() for file in files_below(call.place)):
            yield f"{call.action}: nothing in {call.place} calls {call.code}"
    known = {call.code.strip(".()") for call in CALLS} | COMMAND_LINE_CALLS
    checked = operations() - known
    for file in (file for place in CLIENT_CODE for file in files_below(place)):
        unknown = checked & set(re.findall(r"\.(\w+)\(\)", file.read_text()))
        name = file.relative_to(ROOT).as_posix()
        yield from (f"{name} calls .{method}(), which is not listed" for method in sorted(unknown))


def files_below(place):
    """The file `place`, or the Rust files in that folder."""
    path = ROOT / place
    return [path] if path.is_file() else sorted(path.rglob("*.rs"))


def operations():
    """The operations of the services, named as in the SDK for Rust."""
    names = set()
    for service in ("s3", "sns", "cloudtrail"):
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        model = boto3.client(service, region_name="us-east-1", **keys).meta.service_model
        names |= {
            re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", one).lower() for one in model.operation_names
        }
    return names


def check_role(template):
    """The role allows exactly the calls of the table, on exactly their targets."""
    needed = {(call.action, arn): call for call in CALLS if (arn := target(template, call.target))}
    given = set()
    for statement in statements_of_role(template):
        for action in as_list(statement["Action"]):
            given |= {(action, resource) for resource in as_list(statement["Resource"])}
    for action, resource in sorted(given - needed.keys()):
        yield f"the role may {action} on {resource}: no code calls that"
    for action, resource in sorted(needed.keys() - given):
        call = needed[action, resource]
        yield f"the role may not {action} on {resource}: {call.place} needs it ({call.code})"


def target(template, name):
    """The ARN of a target, or a false value if this mode does not have it."""
    values = template.values
    bucket = values["LogBucketName"] or template.physical("TrailBucket")
    prefix = f"{values['LogPrefix']}/" if values["LogPrefix"] else ""
    rules = values["RulesLocation"].removeprefix("s3://")
    exceptions = values["ExceptionsLocation"].removeprefix("s3://")
    names = values["AccountNames"]
    s3 = "arn:aws:s3:::"
    places = {
        LOG_BUCKET: s3 + bucket,
        LOG_OBJECTS: f"{s3}{bucket}/{prefix}AWSLogs/*",
        LOG_KEY: values["LogKeyArn"],
        # The action has no resources.
        PUBLIC_KEYS: "*",
        LEDGER_OBJECTS: s3 + "ledgerbucket/ledger/*",
        REPORTS: values["Reports"] != "off" and s3 + "ledgerbucket/reports/*",
        RULES: rules and f"{s3}{folder(rules)}*",
        RULES_FILE: rules and s3 + rules,
        RULES_BUCKET: rules and s3 + rules.split("/")[0],
        EXCEPTIONS: exceptions and f"{s3}{folder(exceptions)}*",
        EXCEPTIONS_FILE: exceptions and s3 + exceptions,
        ACCOUNTS_FILE: names.startswith("s3://") and s3 + names.removeprefix("s3://"),
        EXCEPTIONS_BUCKET: exceptions and s3 + exceptions.split("/")[0],
    }
    if name in places:
        return places[name]
    return template.attribute(name, "Arn") if name in template.types else None


def folder(place):
    """A place as the function reads it: "exceptions" is not "exceptions-drafts" too."""
    return place.rstrip("/") + "/"


def statements_of_role(template):
    policies = template.resources["FunctionRole"]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def check_resource_policies(template):
    """Resource policies require TLS, and allow named senders only.

    Only the policy of a key may have "*" as its resource.
    """
    for kind in POLICY_TYPES:
        for name, properties in template.of_type(kind).items():
            statements = properties["PolicyDocument"]["Statement"]
            if not any(denies_plain_http(statement) for statement in statements):
                yield f"{name}: nothing denies connections without TLS"
            for statement in (one for one in statements if one["Effect"] == "Allow"):
                if "*" in as_list(statement["Resource"]):
                    yield f"{name}: {statement['Sid']} allows every resource"
                yield from check_principal(name, statement)
    for name, properties in template.of_type("AWS::KMS::Key").items():
        for statement in properties["KeyPolicy"]["Statement"]:
            if "AWS" not in statement["Principal"]:
                yield from check_principal(name, statement)


def check_principal(name, statement):
    condition = str(statement.get("Condition", ""))
    if "aws:SourceArn" not in condition and "aws:SourceAccount" not in condition:
        yield f"{name}: {statement['Sid']} allows a service on behalf of any account"
    if any(action.endswith(":*") for action in as_list(statement["Action"])):
        yield f"{name}: {statement['Sid']} allows every action"


def denies_plain_http(statement):
    denied = statement["Effect"] == "Deny" and statement["Principal"] == "*"
    return denied and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def check_senders(template):
    """The queue accepts messages from the sources that are wired to it, and from no others."""
    queue = template.attribute(QUEUE, "Arn")
    expected = {
        template.attribute(name, "Arn")
        for name, rule in template.of_type("AWS::Events::Rule").items()
        if any(one["Arn"] == queue for one in rule["Targets"])
    }
    subscriptions = template.of_type("AWS::SNS::Subscription").values()
    expected |= {one["TopicArn"] for one in subscriptions if one["Endpoint"] == queue}
    if not template.values["LogTopicArn"]:
        expected.add(target(template, LOG_BUCKET))
    policy = template.resources["NotificationQueuePolicy"]["Properties"]["PolicyDocument"]
    allowed = {
        operator["aws:SourceArn"]
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow" and as_list(statement["Action"]) == ["sqs:SendMessage"]
        for operator in statement["Condition"].values()
        if "aws:SourceArn" in operator
    }
    yield from (
        f"the queue allows {arn}, which is no name" for arn in sorted(allowed) if "*" in arn
    )
    yield from (f"the queue refuses {arn}, which sends to it" for arn in sorted(expected - allowed))
    yield from (f"the queue allows {arn}, which never sends" for arn in sorted(allowed - expected))


def check_ways_in(template):
    """The function accepts the log objects and records that the stack sends, and no others."""
    variables = template.resources["Function"]["Properties"]["Environment"]["Variables"]
    objects = target(template, LOG_OBJECTS).removeprefix("arn:aws:s3:::").removesuffix("*")
    if variables["TRAILBELL_TRAILS"] != f"s3://{objects}":
        yield f"TRAILBELL_TRAILS is not s3://{objects}"
    sends_records = any(
        "via CloudTrail" in str(rule.get("EventPattern"))
        for rule in template.of_type("AWS::Events::Rule").values()
    )
    inline = "eventbridge" if sends_records else "off"
    if variables["TRAILBELL_INLINE"] != inline:
        yield f"TRAILBELL_INLINE is not {inline}"


def check_chat(template):
    """Channels get the chat topic alone, and nobody in them can do anything."""
    for kind in CHANNEL_TYPES:
        for name, channel in template.of_type(kind).items():
            if channel["SnsTopicArns"] != [template.attribute(CHAT, "Arn")]:
                yield f"{name}: its topics are {channel['SnsTopicArns']}"
            if channel["GuardrailPolicies"] != ["arn:aws:iam::aws:policy/AWSDenyAll"]:
                yield f"{name}: its guardrails are {channel['GuardrailPolicies']}"
    for name in template.of_type("AWS::IAM::Role").keys() - {"FunctionRole"}:
        role = template.resources[name]["Properties"]
        if role.keys() - {"AssumeRolePolicyDocument", "Description"}:
            yield f"{name}: it has permissions"
    variables = template.resources["Function"]["Properties"]["Environment"]["Variables"]
    has_topic = CHAT in template.types
    if has_topic != ("TRAILBELL_CHAT" in variables):
        yield "TRAILBELL_CHAT is not there where the chat topic is"


def check_reports(template):
    """Pages are written where the role may write them, and nowhere if they are off."""
    variables = template.resources["Function"]["Properties"]["Environment"]["Variables"]
    objects = target(template, REPORTS)
    place = objects and objects.replace("arn:aws:s3:::", "s3://").removesuffix("/*")
    if variables.get("TRAILBELL_REPORTS") != (place or None):
        yield f"TRAILBELL_REPORTS is not {place or 'absent'}"


def check_consistency(template):
    """Resources that hold data are retained, and settings that depend on each other agree."""
    resources = template.resources
    retained = [*template.of_type("AWS::S3::Bucket"), "DeadLetterQueue"]
    for name in retained:
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resources[name].get(policy) != "Retain":
                yield f"{name}: {policy} is not Retain"
    function, queue = resources["Function"]["Properties"], resources[QUEUE]["Properties"]
    dead_letters = resources["DeadLetterQueue"]["Properties"]
    scaling = resources["NotificationMapping"]["Properties"]["ScalingConfig"]
    concurrency = function["Environment"]["Variables"]["TRAILBELL_CONCURRENCY"]
    if queue["VisibilityTimeout"] != 6 * function["Timeout"]:
        yield "VisibilityTimeout is not six times the Timeout"
    if dead_letters["MessageRetentionPeriod"] != 14 * 86400:
        yield "dead letters are not kept for 14 days"
    if scaling["MaximumConcurrency"] != concurrency:
        yield "MaximumConcurrency is not TRAILBELL_CONCURRENCY"


def as_list(value):
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    main()
