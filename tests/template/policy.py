"""Holds the policies of template.yaml against what the code calls, in every mode: nothing more, nothing less.

Needs the packages of tests/tools/requirements.txt.
"""

import re
import sys
from dataclasses import dataclass

import boto3
from parameters import MODES
from resolve import ROOT, Template

LEDGER, ALERTS, QUEUE, LOG, TOPIC_KEY = "LedgerBucket", "AlertsTopic", "NotificationQueue", "FunctionLogGroup", "TopicKey"
LOG_BUCKET, LOG_OBJECTS, LOG_KEY = "the log bucket", "the log objects", "the key of the log objects"
RULES, RULES_BUCKET = "the rules", "the bucket of the rules"
EXCEPTIONS, EXCEPTIONS_BUCKET = "the exceptions", "the bucket of the exceptions"
LEDGER_OBJECTS = "the ledger's objects"


@dataclass(frozen=True)
class Call:
    """Who does `action` to `target`: the code in `file` with the words `code`, or a service in the function's name."""

    action: str
    target: str
    file: str
    code: str


OBJECTS, SMALL, RELOAD = "src/store/s3.rs", "src/store/s3/small.rs", "src/reload/place.rs"
MAPPING, POLLS = "template.yaml", "AWS::Lambda::EventSourceMapping"

# All that is called with the function's role.
CALLS = [
    Call("s3:GetObject", LOG_OBJECTS, OBJECTS, ".get_object()"),
    Call("s3:GetObjectVersion", LOG_OBJECTS, OBJECTS, ".set_version_id("),
    Call("s3:ListBucket", LOG_BUCKET, OBJECTS, ".list_objects_v2()"),
    # S3 decrypts for whoever gets an object.
    Call("kms:Decrypt", LOG_KEY, OBJECTS, ".get_object()"),
    Call("s3:GetObject", LEDGER_OBJECTS, SMALL, ".get_object()"),
    Call("s3:PutObject", LEDGER_OBJECTS, SMALL, ".put_object()"),
    Call("s3:DeleteObject", LEDGER_OBJECTS, SMALL, ".delete_object()"),
    Call("s3:ListBucket", LEDGER, OBJECTS, ".list_objects_v2()"),
    Call("s3:GetObject", RULES, RELOAD, "store.get("),
    Call("s3:ListBucket", RULES_BUCKET, RELOAD, "store.list("),
    Call("s3:GetObject", EXCEPTIONS, RELOAD, "store.get("),
    Call("s3:ListBucket", EXCEPTIONS_BUCKET, RELOAD, "store.list("),
    Call("sns:Publish", ALERTS, "src/sink/sns.rs", ".publish_batch()"),
    # SNS encrypts for whoever publishes.
    Call("kms:GenerateDataKey", TOPIC_KEY, "src/sink/sns.rs", ".publish_batch()"),
    Call("kms:Decrypt", TOPIC_KEY, "src/sink/sns.rs", ".publish_batch()"),
    # Lambda polls the queue with the function's role.
    Call("sqs:ReceiveMessage", QUEUE, MAPPING, POLLS),
    Call("sqs:DeleteMessage", QUEUE, MAPPING, POLLS),
    Call("sqs:GetQueueAttributes", QUEUE, MAPPING, POLLS),
    # Lambda writes what the function prints.
    Call("logs:CreateLogStream", LOG, "src/telemetry.rs", "io::stdout()"),
    Call("logs:PutLogEvents", LOG, "src/telemetry.rs", "io::stdout()"),
]

# Where the function's code names AWS clients.
CLIENT_CODE = ("src/store", "src/sink")
# Of it, what only the command line calls, with the rights of whoever runs it.
COMMANDS = ("src/store/s3/bucket.rs", "src/store/s3/notifications.rs", "src/sink/sns/topic.rs")
POLICY_TYPES = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")


def main():
    problems = [*check_regions(), *(f"the table: {problem}" for problem in check_table())]
    for mode, parameters in MODES.items():
        template = Template(parameters)
        found = [*check_role(template), *check_resource_policies(template), *check_senders(template)]
        problems += [f"{mode}: {problem}" for problem in found + check_kept(template)]
        print(f"{mode}: {len(statements_of_role(template))} statements of the role")
    if problems:
        sys.exit("\n".join(["failed:", *problems]))


def check_regions():
    """Where IAM is recorded, the template and the code say alike."""
    code = (ROOT / "src/cloudtrail/region.rs").read_text().split("const IAM", 1)[1].split("];", 1)[0]
    condition = Template({}).whole["Conditions"]["InRegionOfIam"]["Fn::Or"]
    if set(re.findall(r'"(\S+)"', code)) != {one["Fn::Equals"][1] for one in condition}:
        yield "InRegionOfIam and src/cloudtrail/region.rs have different regions"


def check_table():
    """Whether the table is true of the code: each place calls, and each call has its place."""
    for call in CALLS:
        if call.code not in (ROOT / call.file).read_text():
            yield f"{call.action}: {call.file} has no {call.code}"
    known = {call.code for call in CALLS}
    for file in sorted(one for folder in CLIENT_CODE for one in (ROOT / folder).rglob("*.rs")):
        name = file.relative_to(ROOT).as_posix()
        called = operations() & set(re.findall(r"\.(\w+)\(\)", file.read_text()))
        unknown = sorted(method for method in called if f".{method}()" not in known and name not in COMMANDS)
        yield from (f"{name} calls .{method}(), which is missing" for method in unknown)


def operations():
    """The calls of S3 and SNS, as the clients for Rust spell them."""
    names = set()
    for service in ("s3", "sns"):
        client = boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        names |= {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() for name in client.meta.service_model.operation_names}
    return names


def check_role(template):
    """Nothing but what the code calls, on nothing but what it is for, and all of that."""
    needed = {(call.action, arn): call for call in CALLS if (arn := target(template, call.target))}
    given = set()
    for statement in statements_of_role(template):
        for action in listed(statement["Action"]):
            given |= {(action, resource) for resource in listed(statement["Resource"])}
    for action, resource in sorted(given - needed.keys()):
        yield f"the role may {action} on {resource}: no code calls that"
    for action, resource in sorted(needed.keys() - given):
        call = needed[action, resource]
        yield f"the role may not {action} on {resource}: {call.file} needs it ({call.code})"


def target(template, name):
    """The ARN of a target; none where this mode has none."""
    values = template.values
    bucket = values["LogBucketName"] or "trailbucket"
    prefix = f"{values['LogPrefix']}/" if values["LogPrefix"] else ""
    rules, exceptions = (values[name].removeprefix("s3://") for name in ("RulesLocation", "ExceptionsLocation"))
    s3 = "arn:aws:s3:::"
    places = {
        LOG_BUCKET: s3 + bucket,
        LOG_OBJECTS: f"{s3}{bucket}/{prefix}AWSLogs/*",
        LOG_KEY: values["LogKeyArn"],
        LEDGER_OBJECTS: s3 + "ledgerbucket/ledger/*",
        RULES: rules and f"{s3}{rules}*",
        RULES_BUCKET: rules and s3 + rules.split("/")[0],
        EXCEPTIONS: exceptions and f"{s3}{exceptions}*",
        EXCEPTIONS_BUCKET: exceptions and s3 + exceptions.split("/")[0],
    }
    if name in places:
        return places[name]
    return template.attribute(name, "Arn") if name in template.types else None


def statements_of_role(template):
    policies = template.resources["FunctionRole"]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def check_resource_policies(template):
    """Whoever is let in is named by ARN or account, over TLS only; "*" is for a key's own policy alone."""
    for kind in POLICY_TYPES:
        for name, properties in template.of_type(kind).items():
            statements = properties["PolicyDocument"]["Statement"]
            if not any(is_tls_only(statement) for statement in statements):
                yield f"{name}: nothing denies a connection without TLS"
            for statement in (one for one in statements if one["Effect"] == "Allow"):
                if "*" in listed(statement["Resource"]):
                    yield f"{name}: {statement['Sid']} is for every resource"
                yield from check_let_in(name, statement)
    for name, properties in template.of_type("AWS::KMS::Key").items():
        for statement in properties["KeyPolicy"]["Statement"]:
            if "AWS" not in statement["Principal"]:
                yield from check_let_in(name, statement)


def check_let_in(name, statement):
    condition = str(statement.get("Condition", ""))
    if "aws:SourceArn" not in condition and "aws:SourceAccount" not in condition:
        yield f"{name}: {statement['Sid']} lets in a service for whoever uses it"
    if any(action.endswith(":*") for action in listed(statement["Action"])):
        yield f"{name}: {statement['Sid']} allows every action"


def is_tls_only(statement):
    denied = statement["Effect"] == "Deny" and statement["Principal"] == "*"
    return denied and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def check_senders(template):
    """The queue takes messages from what leads there, and from nobody else."""
    queue = template.attribute(QUEUE, "Arn")
    expected = {
        template.attribute(name, "Arn")
        for name, rule in template.of_type("AWS::Events::Rule").items()
        if any(one["Arn"] == queue for one in rule["Targets"])
    }
    expected |= {one["TopicArn"] for one in template.of_type("AWS::SNS::Subscription").values() if one["Endpoint"] == queue}
    if not template.values["LogTopicArn"]:
        # A new bucket waits for the policy, which therefore cannot name it.
        expected.add(f"arn:aws:s3:::{template.values['LogBucketName'] or '*'}")
    statements = template.resources["NotificationQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    let_in = {
        operator["aws:SourceArn"]
        for statement in statements
        if statement["Effect"] == "Allow" and listed(statement["Action"]) == ["sqs:SendMessage"]
        for operator in statement["Condition"].values()
        if "aws:SourceArn" in operator
    }
    yield from (f"the queue refuses {arn}, which leads there" for arn in sorted(expected - let_in))
    yield from (f"the queue takes messages from {arn}, which does not lead there" for arn in sorted(let_in - expected))


def check_kept(template):
    """What holds data stays, and what must be in step is."""
    resources = template.resources
    kept = [*template.of_type("AWS::S3::Bucket"), "DeadLetterQueue"]
    policies = ("DeletionPolicy", "UpdateReplacePolicy")
    lost = [name for name in kept if any(resources[name].get(policy) != "Retain" for policy in policies)]
    function, queue = resources["Function"]["Properties"], resources[QUEUE]["Properties"]
    concurrency = resources["NotificationMapping"]["Properties"]["ScalingConfig"]["MaximumConcurrency"]
    steps = {
        "VisibilityTimeout is six times the Timeout": queue["VisibilityTimeout"] == 6 * function["Timeout"],
        "dead letters are kept for 14 days": resources["DeadLetterQueue"]["Properties"]["MessageRetentionPeriod"] == 14 * 86400,
        "MaximumConcurrency is TRAILBELL_CONCURRENCY": concurrency
        == function["Environment"]["Variables"]["TRAILBELL_CONCURRENCY"],
    }
    return [f"{name} is lost with the stack" for name in lost] + [f"not so: {what}" for what, so in steps.items() if not so]


def listed(value):
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    main()
