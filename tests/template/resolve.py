"""template.yaml as CloudFormation sees it, with parameters, conditions and references resolved.

The logical names of resources serve as their physical names, unless the template names them, and
ARNs have AWS's format. Only the
functions that the template uses are supported; any other is an error that names it.
"""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "template.yaml"
FUNCTION_NAME = "trailbell-lambda"
STACK_ID = (
    "arn:aws:cloudformation:{region}:{account}:stack/trailbell/51af3dc0-da77-11e4-872e-1234567abcde"
)
NOTHING = object()

# The ARN of a resource, by type.
ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::CloudTrail::Trail": "cloudtrail:{region}:{account}:trail/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
}


class Loader(yaml.SafeLoader):
    """Loads YAML, and expands CloudFormation's short forms."""


def short_form(loader, tag, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt":
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


Loader.add_multi_constructor("!", short_form)


class Template:
    """The resources and outputs for some parameters in some region."""

    def __init__(self, parameters, region="us-east-1", account="123456789012"):
        self.whole = yaml.load(FILE.read_text(), Loader)
        defaults = {name: one["Default"] for name, one in self.whole["Parameters"].items()}
        if unknown := parameters.keys() - defaults.keys():
            raise ValueError(f"template.yaml has no parameter {sorted(unknown)}")
        self.values = defaults | parameters
        self.pseudo = {
            "AWS::AccountId": account,
            "AWS::NoValue": NOTHING,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackId": STACK_ID.format(region=region, account=account),
            "AWS::StackName": "trailbell",
        }
        self.types = {
            name: one["Type"] for name, one in self.whole["Resources"].items() if self.exists(one)
        }
        self.resources = {name: self.resolve(self.whole["Resources"][name]) for name in self.types}
        outputs = {name: one for name, one in self.whole["Outputs"].items() if self.exists(one)}
        self.outputs = {name: self.resolve(one["Value"]) for name, one in outputs.items()}

    def of_type(self, kind):
        """The properties of all resources of a type, by name."""
        return {
            name: self.resources[name].get("Properties", {})
            for name, one in self.types.items()
            if one == kind
        }

    def exists(self, one):
        return "Condition" not in one or self.holds({"Condition": one["Condition"]})

    def holds(self, condition):
        ((function, value),) = condition.items()
        match function:
            case "Condition":
                return self.holds(self.whole["Conditions"][value])
            case "Fn::Not":
                return not self.holds(value[0])
            case "Fn::And":
                return all(map(self.holds, value))
            case "Fn::Or":
                return any(map(self.holds, value))
            case "Fn::Equals":
                left, right = (str(self.resolve(side)) for side in value)
                return left == right
        raise ValueError(f"unsupported condition: {function}")

    def resolve(self, value):
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, given),) = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self.call(function, given)
        resolved = {name: self.resolve(one) for name, one in value.items()}
        return {name: one for name, one in resolved.items() if one is not NOTHING}

    def call(self, function, given):
        match function:
            case "Ref":
                return self.ref(given)
            case "Fn::GetAtt":
                return self.attribute(*given)
            case "Fn::Sub":
                return self.sub(given)
            case "Fn::If":
                return self.resolve(given[1] if self.holds({"Condition": given[0]}) else given[2])
            case "Fn::Select":
                return self.resolve(given[1])[given[0]]
            case "Fn::Split":
                return self.resolve(given[1]).split(given[0])
            case "Fn::Join":
                return given[0].join(self.resolve(given[1]))
            case "Fn::FindInMap":
                table, first, second = map(self.resolve, given)
                return self.whole["Mappings"][table][first][second]
        raise ValueError(f"unsupported function: {function}")

    def sub(self, given):
        text, own = given if isinstance(given, list) else (given, {})

        def one(match):
            name = match[1]
            if name in own:
                return str(self.resolve(own[name]))
            return str(self.attribute(*name.split(".", 1)) if "." in name else self.ref(name))

        return re.sub(r"\$\{([\w:.]+)\}", one, text)

    def ref(self, name):
        if name in self.values:
            return self.values[name]
        if name in self.pseudo:
            return self.pseudo[name]
        return (
            self.attribute(name, "Arn")
            if self.types[name] == "AWS::SNS::Topic"
            else self.physical(name)
        )

    def attribute(self, name, attribute):
        if attribute in ("QueueName", "TopicName"):
            return self.physical(name)
        if attribute != "Arn":
            raise ValueError(f"unsupported attribute: {name}.{attribute}")
        place = {"region": self.pseudo["AWS::Region"], "account": self.pseudo["AWS::AccountId"]}
        return "arn:aws:" + ARNS[self.types[name]].format(name=self.physical(name), **place)

    def physical(self, name):
        match self.types[name]:
            case "AWS::S3::Bucket":
                properties = self.whole["Resources"][name]["Properties"]
                return self.resolve(properties.get("BucketName", name.lower()))
            case "AWS::Serverless::Function":
                return FUNCTION_NAME
        return name
