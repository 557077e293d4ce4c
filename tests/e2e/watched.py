"""What the template's alarms and dashboard look at, against the metrics that the function really wrote."""

import json
import re

from function import ROOT, Failure
from cloud import Template

# Metrics of services, and the dimension that they are looked up by here.
OF_SERVICES = {
    "AWS/Lambda": ("FunctionName", {"Errors", "Throttles", "Duration"}),
    "AWS/SQS": ("QueueName", {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}),
    "AWS/SNS": ("TopicName", {"NumberOfNotificationsFailed"}),
}
SEARCH = re.compile(r"""SEARCH\('\{(\w+),([\w,]+)\} (\w+)="([\w-]+)" MetricName="(\w+)"', '(\w+)', \d+\)""")


def measured(function):
    """All that a function's log has in CloudWatch's embedded format: namespace, metric, dimensions with values."""
    found = set()
    for line in function.said().splitlines():
        start = line.find('{"_aws":')
        if start < 0:
            continue
        written = json.loads(line[start:])
        for directive in written["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, written[name]) for name in names)
                found |= {(directive["Namespace"], one["Name"], dimensions) for one in directive["Metrics"]}
    return found


def check_watched(of_functions):
    """Whether there is everything that alarms and dashboard look at. Says how much that is."""
    template = Template({})
    written = set().union(*of_functions)
    alarms = {name: list(metrics_of_alarm(one)) for name, one in template.of_type("AWS::CloudWatch::Alarm").items()}
    widgets = dashboard(template)
    shown = [metric for widget in widgets for metric in metrics_of_widget(widget)]
    for where, metrics in [*alarms.items(), ("Dashboard", shown)]:
        for metric in metrics:
            check(where, metric, written, template)
    for name in alarms:
        check_told(name, template.resources[name]["Properties"], template, widgets)
    return f"watched: {len(alarms)} alarms and {len(shown)} lines of the dashboard, all of metrics that there are"


def metrics_of_alarm(alarm):
    if "MetricName" in alarm:
        yield alarm["Namespace"], alarm["MetricName"], named(alarm["Dimensions"])
    for part in alarm.get("Metrics", []):
        if metric := part.get("MetricStat", {}).get("Metric"):
            yield metric["Namespace"], metric["MetricName"], named(metric["Dimensions"])


def named(dimensions):
    return frozenset((one["Name"], one["Value"]) for one in dimensions)


def dashboard(template):
    return json.loads(template.resources["Dashboard"]["Properties"]["DashboardBody"])["widgets"]


def metrics_of_widget(widget):
    for line in widget["properties"].get("metrics", []):
        if isinstance(line[0], dict):
            yield searched(line[0]["expression"])
        else:
            namespace, metric, *dimensions = (one for one in line if isinstance(one, str))
            yield namespace, metric, frozenset(zip(dimensions[::2], dimensions[1::2], strict=True))


def searched(expression):
    """A search has any value in place of the dimensions that it does not say."""
    if not (match := SEARCH.fullmatch(expression)):
        raise Failure(f"Dashboard: cannot read the expression {expression}")
    namespace, names, name, value, metric, _ = match.groups()
    return namespace, metric, frozenset((one, value if one == name else None) for one in names.split(","))


def check(where, metric, written, template):
    namespace, name, dimensions = metric
    if namespace in OF_SERVICES:
        dimension, names = OF_SERVICES[namespace]
        ((given, value),) = dimensions
        if given != dimension or name not in names or value not in physical_names(template):
            raise Failure(f"{where}: {namespace} has no {name} of {given} {value}")
        return
    if not any(matches(metric, one) for one in written):
        raise Failure(f"{where}: the function writes no {namespace} {name} with {sorted(map(str, dimensions))}")


def matches(metric, written):
    (namespace, name, looked_for), (written_in, written_name, dimensions) = metric, written
    if (namespace, name) != (written_in, written_name):
        return False
    said, has = dict(looked_for), dict(dimensions)
    return said.keys() == has.keys() and all(value in (None, has[key]) for key, value in said.items())


def physical_names(template):
    return {template.physical(name) for name in template.types}


def check_told(name, alarm, template, widgets):
    """An alarm goes to the operations' topic, says what missing data means, is shown, and has its place in the docs."""
    for field in ("AlarmActions", "OKActions"):
        if alarm[field] != [template.outputs["OperationsTopicArn"]]:
            raise Failure(f"{name}: {field} is {alarm[field]}")
    if alarm.get("TreatMissingData") not in ("breaching", "notBreaching"):
        raise Failure(f"{name}: does not say what missing data means")
    if not any(template.attribute(name, "Arn") in widget["properties"].get("alarms", []) for widget in widgets):
        raise Failure(f"{name}: not on the dashboard")
    page, anchor = re.search(r"(docs/\w+\.md)#([\w-]+)", alarm["AlarmDescription"]).groups()
    headings = re.findall(r"(?m)^#+ (.*)$", (ROOT / page).read_text())
    if anchor not in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}:
        raise Failure(f"{name}: {page} has no heading for #{anchor}")
