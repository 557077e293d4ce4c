"""Compares the module in terraform/ with template.yaml: parameters, resources, policies, alarms.

Both are resolved for every mode of tests/template. A resource of the module is written as
CloudFormation writes it, with the names of the template, and must then be equal. Nothing may exist
on one side only.
"""

import json
import re
import sys
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "template"))

from convert import ADDRESSES, converted
from expressions import UnsupportedError
from module import Module
from parameters import LOGS, MODES
from resolve import Template

ACCOUNT = "123456789012"
# One where IAM is recorded, and one where it is not.
REGIONS = ["us-east-1", "eu-central-1"]
# Variables without a parameter: the stack, the code, and what CloudFormation names itself.
OWN_VARIABLES = {"name", "zip_file", "trail_bucket_name"}
# Values out of range, and what the message must name.
BAD = [
    ({"concurrency": 1}, "concurrency must be from 2 to 20"),
    ({"silence_hours": 48}, "silence_hours must be from 2 to 24"),
    ({"monitoring": "none"}, "monitoring must be one of basic, full"),
    ({"log_bucket_name": "No_Bucket"}, "log_bucket_name must be the name of a bucket"),
    ({"log_prefix": "audit"}, "log_prefix needs log_bucket_name"),
    ({"log_key_arn": "arn:aws:kms:us-east-1:111122223333:key/1"}, "log_key_arn needs log_bucket_"),
    ({"chat": "slack"}, "needs slack_workspace_id and slack_channel_id"),
    ({"account_names": "1=x"}, "account_names must be ID=NAME pairs"),
    ({"zip_file": "bootstrap"}, "zip_file must be the path of a zip"),
]


def main():
    problems = list(check_parameters())
    for mode, region in product(MODES, REGIONS):
        try:
            found, count = compare(MODES[mode], region)
        except UnsupportedError as error:
            found, count = [str(error)], 0
        problems += [f"{mode}, {region}: {problem}" for problem in found]
        print(f"{mode}, {region}: compared {count} resources, {len(found)} differences")
    problems += check_bad_values()
    print(f"{len(BAD)} bad values are named")
    if problems:
        sys.exit("\n".join(["failed: terraform/ and template.yaml differ", *problems]))


def variables_of(parameters):
    return {snake_case(name): value for name, value in parameters.items()}


def snake_case(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def module_for(template, variables):
    """The module, with the names that the template's resources have."""

    def attribute(address, name):
        if not (logical := ADDRESSES.logical(address)):
            raise UnsupportedError(f"{address} is not compared: add it to convert.py")
        match name:
            case "arn" if template.types[logical] == "AWS::Logs::LogGroup":
                return template.attribute(logical, "Arn").removesuffix(":*")
            case "arn":
                return template.attribute(logical, "Arn")
            case "id" | "key_id" | "name" | "function_name" | "url":
                return template.physical(logical)
        raise UnsupportedError(f"unsupported attribute: {address}.{name}")

    known = {"name": "trailbell", "zip_file": "trailbell-lambda-x86_64.zip"}
    if not template.values["LogBucketName"]:
        known["trail_bucket_name"] = template.physical("TrailBucket")
    return Module(known | variables, attribute, ACCOUNT, template.pseudo["AWS::Region"])


def compare(parameters, region):
    """What differs, and how many resources were compared."""
    template = Template(parameters, region, ACCOUNT)
    module = module_for(template, variables_of(parameters))
    ours, problems = converted(module)
    problems += module.failed_conditions()
    # Fails if one refers to something that does not exist.
    module.outputs()
    for name, kind in template.types.items():
        if name not in ours:
            problems.append(f"{name} ({kind}) is missing in the module")
    for name in ours.keys() - template.types.keys():
        problems.append(f"the module has {name}, which is not in the template")
    for name in ours.keys() & template.types.keys():
        theirs = in_the_template(template, name)
        problems += [f"{name}: {one}" for one in differences("", theirs, ours[name])]
    return sorted(problems), len(ours.keys() & template.types.keys())


# What only one of the two can say.
IGNORED = {
    "AWS::Serverless::Function": ["CodeUri"],
    "AWS::CloudWatch::Dashboard": ["DashboardName"],
}


def in_the_template(template, name):
    resource = template.resources[name]
    properties = dict(resource.get("Properties", {}))
    for ignored in IGNORED.get(template.types[name], []):
        properties.pop(ignored, None)
    if "DashboardBody" in properties:
        properties["DashboardBody"] = sorted_alarms(json.loads(properties["DashboardBody"]))
    if template.types[name] in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::SQS::Queue"):
        properties["Retained"] = resource.get("DeletionPolicy") == "Retain"
    if template.types[name] == "AWS::S3::Bucket":
        properties["BucketName"] = template.physical(name)
    return without_text(properties)


def sorted_alarms(body):
    for widget in body["widgets"]:
        if "alarms" in widget["properties"]:
            widget["properties"]["alarms"].sort()
    return body


def without_text(value):
    """Numbers and booleans as text, as CloudFormation takes them."""
    if isinstance(value, dict):
        return {name: without_text(one) for name, one in value.items()}
    if isinstance(value, list):
        return [without_text(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def differences(place, theirs, ours):
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted(theirs.keys() | ours.keys()):
            below = f"{place}.{name}" if place else name
            if name not in ours:
                yield f"{below} is only in the template: {theirs[name]}"
            elif name not in theirs:
                yield f"{below} is only in the module: {ours[name]}"
            else:
                yield from differences(below, theirs[name], ours[name])
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(f"{place}[{label(one, index)}]", one, other)
    elif isinstance(theirs, list) and isinstance(ours, list):
        yield from (f"{place} has {one} only in the template" for one in beyond(theirs, ours))
        yield from (f"{place} has {one} only in the module" for one in beyond(ours, theirs))
        if not beyond(theirs, ours) + beyond(ours, theirs):
            yield f"{place} has {len(theirs)} items in the template and {len(ours)} in the module"
    elif theirs != ours:
        yield f"{place} is {theirs} in the template and {ours} in the module"


def label(value, index):
    return value.get("Sid", index) if isinstance(value, dict) else index


def beyond(values, others):
    """What is in one list and not in the other, by name if it has one."""
    names = [label(other, other) for other in others]
    return [name for value in values if (name := label(value, value)) not in names]


def check_parameters():
    """Every parameter is a variable, with the same default and the same limits."""
    template = Template({})
    module = module_for(template, {})
    blocks = module.blocks["variable"]
    parameters = {snake_case(name): one for name, one in template.whole["Parameters"].items()}
    for name in sorted(parameters.keys() - blocks.keys()):
        yield f"terraform/variables.tf has no variable {name}"
    for name in sorted(blocks.keys() - parameters.keys() - OWN_VARIABLES):
        yield f"template.yaml has no parameter for the variable {name}"
    for name in sorted(parameters.keys() & blocks.keys()):
        parameter, block = parameters[name], blocks[name]
        if module.value(block["default"]) != parameter["Default"]:
            yield f"variable {name}: its default is not {parameter['Default']!r}"
        conditions = [check["condition"] for check in block.get("validation", [])]
        for limit in limits(name, parameter):
            if f"${{{limit}}}" not in conditions:
                yield f"variable {name}: no validation says {limit}"


def limits(name, parameter):
    """The limits of a parameter as conditions of a validation."""
    quote = json.dumps
    if "AllowedPattern" in parameter:
        yield f"can(regex({quote(parameter['AllowedPattern'])}, var.{name}))"
    if "AllowedValues" in parameter:
        values = ", ".join(map(quote, parameter["AllowedValues"]))
        yield f"contains([{values}], var.{name})"
    if "MinValue" in parameter:
        low, high = parameter["MinValue"], parameter["MaxValue"]
        yield f"var.{name} >= {low} && var.{name} <= {high}"
    if "MaxLength" in parameter:
        yield f"length(var.{name}) <= {parameter['MaxLength']}"


def check_bad_values():
    for variables, message in BAD:
        needs_trail = {"log_prefix", "log_key_arn"} & variables.keys()
        template = Template({} if needs_trail else LOGS)
        logs = {} if needs_trail else variables_of(LOGS)
        failed = module_for(template, logs | variables).failed_conditions()
        if not any(message in one for one in failed):
            yield f"{variables}: expected {message!r}, got {failed}"


if __name__ == "__main__":
    main()
