"""Compares the metrics of alarms and dashboard with those that the function wrote."""

import json
import re

from cloud import Template
from function import ROOT, Failure

# The metrics of AWS services that the template uses, and their dimension.
SERVICE_METRICS = {
    "AWS/Lambda": ("FunctionName", {"Errors", "Throttles", "Duration"}),
    "AWS/SQS": (
        "QueueName",
        {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    ),
    "AWS/SNS": ("TopicName", {"NumberOfNotificationsFailed"}),
}
# It ends by itself after an hour, which does not bring the subscription back.
WITHOUT_OK = {"SubscriptionLostAlarm"}
SEARCH = re.compile(
    r"""SEARCH\('\{(\w+),([\w,]+)\} (\w+)="([\w-]+)" MetricName="(\w+)"', '(\w+)', \d+\)"""
)


def written_metrics(function):
    """Namespace, name and dimensions of every metric in a function's log."""
    metrics = set()
    for line in function.output().splitlines():
        start = line.find('{"_aws":')
        if start < 0:
            continue
        written = json.loads(line[start:])
        for directive in written["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, written[name]) for name in names)
                metrics |= {
                    (directive["Namespace"], one["Name"], dimensions)
                    for one in directive["Metrics"]
                }
    return metrics


def check_alarms_and_dashboard(written):
    """Fails if an alarm or a line of the dashboard uses a metric that does not exist."""
    template = Template({"Chat": "topic", "Monitoring": "full"})
    alarms = {
        name: list(metrics_of_alarm(one))
        for name, one in template.of_type("AWS::CloudWatch::Alarm").items()
    }
    widgets = dashboard(template)
    shown = [metric for widget in widgets for metric in metrics_of_widget(widget)]
    for where, metrics in [*alarms.items(), ("Dashboard", shown)]:
        for metric in metrics:
            check_metric(where, metric, written, template)
    for name in alarms:
        check_alarm(name, template.resources[name]["Properties"], template, widgets)
    print(f"metrics of {len(alarms)} alarms and {len(shown)} lines of the dashboard exist")


def metrics_of_alarm(alarm):
    if "MetricName" in alarm:
        yield alarm["Namespace"], alarm["MetricName"], dimensions_of(alarm["Dimensions"])
    for part in alarm.get("Metrics", []):
        if metric := part.get("MetricStat", {}).get("Metric"):
            yield metric["Namespace"], metric["MetricName"], dimensions_of(metric["Dimensions"])


def dimensions_of(dimensions):
    return frozenset((one["Name"], one["Value"]) for one in dimensions)


def dashboard(template):
    return json.loads(template.resources["Dashboard"]["Properties"]["DashboardBody"])["widgets"]


def metrics_of_widget(widget):
    for line in widget["properties"].get("metrics", []):
        if isinstance(line[0], dict):
            yield searched_metric(line[0]["expression"])
        else:
            namespace, metric, *dimensions = (one for one in line if isinstance(one, str))
            yield namespace, metric, frozenset(zip(dimensions[::2], dimensions[1::2], strict=True))


def searched_metric(expression):
    """The metric of a search. None stands for any value of a dimension."""
    if not (match := SEARCH.fullmatch(expression)):
        raise Failure(f"Dashboard: cannot parse the expression {expression}")
    namespace, names, name, value, metric, _ = match.groups()
    dimensions = ((one, value if one == name else None) for one in names.split(","))
    return namespace, metric, frozenset(dimensions)


def check_metric(where, metric, written, template):
    namespace, name, dimensions = metric
    if namespace in SERVICE_METRICS:
        dimension, names = SERVICE_METRICS[namespace]
        ((given, value),) = dimensions
        if given != dimension or name not in names or value not in physical_names(template):
            raise Failure(f"{where}: {namespace} has no metric {name} with {given} {value}")
        return
    if not any(matches(metric, one) for one in written):
        names = sorted(map(str, dimensions))
        raise Failure(f"{where}: the function writes no {namespace} {name} with {names}")


def matches(metric, written):
    if metric[:2] != written[:2]:
        return False
    wanted, actual = dict(metric[2]), dict(written[2])
    if wanted.keys() != actual.keys():
        return False
    return all(value in (None, actual[key]) for key, value in wanted.items())


def physical_names(template):
    return {template.physical(name) for name in template.types}


def check_alarm(name, alarm, template, widgets):
    """Every alarm has its topic, a setting for missing data, a place on the dashboard, and docs."""
    topic = [template.outputs["OperationsTopicArn"]]
    for field, expected in (
        ("AlarmActions", topic),
        ("OKActions", None if name in WITHOUT_OK else topic),
    ):
        if alarm.get(field) != expected:
            raise Failure(f"{name}: {field} is {alarm.get(field)}")
    if alarm.get("TreatMissingData") not in ("breaching", "notBreaching"):
        raise Failure(f"{name}: does not set TreatMissingData to breaching or notBreaching")
    if not any(
        template.attribute(name, "Arn") in widget["properties"].get("alarms", [])
        for widget in widgets
    ):
        raise Failure(f"{name}: not on the dashboard")
    page, anchor = re.search(r"(docs/\w+\.md)#([\w-]+)", alarm["AlarmDescription"]).groups()
    headings = re.findall(r"(?m)^#+ (.*)$", (ROOT / page).read_text())
    if anchor not in {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings
    }:
        raise Failure(f"{name}: {page} has no heading for #{anchor}")
