"""iam_calls.py SEED CALLS: makes so many random calls of IAM to moto, in this process.

Prints JSON: `records`, what CloudTrail would have recorded of the calls that succeeded, one second
each, and `details`, what get-account-authorization-details says at the end.
"""

import json
import os
import random
import sys
from datetime import UTC, datetime, timedelta

import boto3
from moto import mock_aws

ACCOUNT = "123456789012"
START = datetime(2026, 3, 1, 10, tzinfo=UTC)
GROUPS = ["Ops", "Dev", "Temp", "Lunch"]
USERS = ["alice", "bob", "carol", "dave"]
POLICIES = ["deploy", "read", "admin"]
MANAGED = ["AdministratorAccess", "ReadOnlyAccess", "IAMFullAccess"]
ACTIONS = ["*", "s3:Get*", "iam:PutUserPolicy", "iam:PassRole", "lambda:*"]


def document(generator):
    """A policy document of one statement."""
    actions = generator.sample(ACTIONS, generator.randint(1, 2))
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def random_call(generator):
    """The name of a method of boto3's client, and its parameters."""
    group = {"GroupName": generator.choice(GROUPS)}
    user = {"UserName": generator.choice(USERS)}
    own = f"arn:aws:iam::{ACCOUNT}:policy/{generator.choice(POLICIES)}"
    managed = f"arn:aws:iam::aws:policy/{generator.choice(MANAGED)}"
    policy = {"PolicyArn": generator.choice([own, own, managed])}
    text = {"PolicyDocument": document(generator)}
    inline = {"PolicyName": generator.choice(["inline-a", "inline-b"])}
    version = {"PolicyArn": own, "VersionId": f"v{generator.randint(1, 4)}"}
    calls = {
        "create_group": group,
        "delete_group": group,
        "update_group": group | {"NewGroupName": generator.choice(GROUPS)},
        "add_user_to_group": group | user,
        "remove_user_from_group": group | user,
        "attach_group_policy": group | policy,
        "detach_group_policy": group | policy,
        "put_group_policy": group | inline | text,
        "delete_group_policy": group | inline,
        "create_user": user,
        "delete_user": user,
        "update_user": user | {"NewUserName": generator.choice(USERS)},
        "attach_user_policy": user | policy,
        "detach_user_policy": user | policy,
        "put_user_policy": user | inline | text,
        "delete_user_policy": user | inline,
        "create_policy": {"PolicyName": own.rsplit("/", 1)[1]} | text,
        "delete_policy": {"PolicyArn": own},
        "create_policy_version": {"PolicyArn": own, "SetAsDefault": generator.random() < 0.5}
        | text,
        "set_default_policy_version": version,
        "delete_policy_version": version,
    }
    weights = {"create_group": 3, "create_policy": 3, "create_user": 3}
    weights |= {"delete_group": 1, "update_group": 2, "delete_user": 1, "update_user": 1}
    names = list(calls)
    name = generator.choices(names, [weights.get(name, 4) for name in names])[0]
    return name, calls[name]


def is_refused_by_iam(client, name, parameters):
    """Whether IAM would refuse a call that moto makes."""
    group = parameters.get("GroupName")
    user = parameters.get("UserName")
    if name == "delete_group":
        attached = client.list_attached_group_policies(GroupName=group)["AttachedPolicies"]
        inline = client.list_group_policies(GroupName=group)["PolicyNames"]
        return attached or inline or client.get_group(GroupName=group)["Users"]
    if name == "delete_policy":
        return client.get_policy(PolicyArn=parameters["PolicyArn"])["Policy"]["AttachmentCount"]
    if name == "update_group":
        return parameters["NewGroupName"] == group
    if name == "delete_user":
        attached = client.list_attached_user_policies(UserName=user)["AttachedPolicies"]
        inline = client.list_user_policies(UserName=user)["PolicyNames"]
        return attached or inline or client.list_groups_for_user(UserName=user)["Groups"]
    if name == "update_user":
        users = [user["UserName"] for user in client.list_users()["Users"]]
        return parameters["NewUserName"] in users
    if name == "detach_user_policy":
        attached = client.list_attached_user_policies(UserName=user)["AttachedPolicies"]
        return parameters["PolicyArn"] not in [policy["PolicyArn"] for policy in attached]
    if name == "detach_group_policy":
        attached = client.list_attached_group_policies(GroupName=group)["AttachedPolicies"]
        return parameters["PolicyArn"] not in [policy["PolicyArn"] for policy in attached]
    return False


def camel(name):
    """`PolicyArn` as CloudTrail writes it: `policyArn`."""
    return name[0].lower() + name[1:]


def record(number, name, parameters, answer):
    """What CloudTrail records of a call."""
    response = {
        camel(key): {camel(field): value for field, value in answer[key].items()}
        for key in ["Policy", "PolicyVersion"]
        if key in answer
    }
    return {
        "eventVersion": "1.11",
        "eventSource": "iam.amazonaws.com",
        "eventName": "".join(word.capitalize() for word in name.split("_")),
        "eventTime": (START + timedelta(seconds=number)).isoformat().replace("+00:00", "Z"),
        "eventID": f"event-{number}",
        "awsRegion": "us-east-1",
        "recipientAccountId": ACCOUNT,
        "userIdentity": {
            "type": "IAMUser",
            "userName": "root-like",
            "accountId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:user/root-like",
        },
        "requestParameters": {camel(key): value for key, value in parameters.items()},
        "responseElements": response or None,
    }


@mock_aws
def main():
    generator = random.Random(int(sys.argv[1]))
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    client = boto3.client("iam", region_name="us-east-1")
    for user in USERS:
        client.create_user(UserName=user)
    records = []
    number = 0
    while len(records) < int(sys.argv[2]):
        number += 1
        name, parameters = random_call(generator)
        try:
            if is_refused_by_iam(client, name, parameters):
                continue
            answer = getattr(client, name)(**parameters)
        except client.exceptions.ClientError:
            continue
        records.append(record(number, name, parameters, answer))
    details = client.get_account_authorization_details()
    del details["ResponseMetadata"]
    print(json.dumps({"records": records, "details": details}, default=str))


if __name__ == "__main__":
    main()
