"""Counts metrics, alarms and dashboards of both kinds of monitoring, and prints their month.

docs/cost.md must have the printed tables: `cost.py --write` writes them there. The metrics are
those of docs/metrics.md, which a test of the function compares with the code.
"""

import re
import sys
from dataclasses import dataclass

from parameters import LOGS
from resolve import ROOT, Template

PAGE = ROOT / "docs" / "cost.md"
METRICS = ROOT / "docs" / "metrics.md"
START, END = "<!-- month: tests/template/cost.py --write -->", "<!-- end of month -->"

# US dollars in us-east-1.
METRIC, ALARM, DASHBOARD = 0.30, 0.10, 3.00
GB_SECOND, INVOCATION = 0.0000166667, 0.20e-6
PUT_OR_LIST, GET = 0.005e-3, 0.0004e-3
SQS_REQUEST = 0.40e-6

# What CloudWatch gives an account for free, all of its metrics and alarms together.
FREE_METRICS, FREE_ALARMS, FREE_DASHBOARDS = 10, 10, 3

TIMES = "\N{MULTIPLICATION SIGN}"

SWEEPS = 30 * 24 * 6
# Of one sweep of one account in which nothing happened: 11 and 4, which
# tests/it/sweep/lists.rs counts. Digests are listed every hour, so add one of each, and one GET for
# settings in S3.
PUTS_AND_LISTS, GETS = 12, 6
# Lambda polls an idle queue five times in 20 seconds.
POLLS = 5 * 3 * 60 * 24 * 30


@dataclass(frozen=True)
class Watched:
    """What CloudWatch charges for."""

    metrics: int
    alarms: int
    dashboards: int

    def without_allowances(self):
        return self.metrics * METRIC + self.alarms * ALARM + self.dashboards * DASHBOARD

    def with_allowances(self):
        charged = Watched(
            max(0, self.metrics - FREE_METRICS),
            max(0, self.alarms - FREE_ALARMS),
            max(0, self.dashboards - FREE_DASHBOARDS),
        )
        return charged.without_allowances()


def main():
    basic, full = watched("basic"), watched("full")
    problems = list(check(basic, full))
    page = PAGE.read_text()
    before, rest = page.split(START)
    _, after = rest.split(END)
    table = f"{START}\n\n{month(basic, full)}\n\n{END}"
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(before + table + after)
    elif before + table + after != page:
        problems.append("docs/cost.md has another month: run tests/template/cost.py --write")
    for name, one in (("basic", basic), ("full", full)):
        print(f"{name}: {one.metrics} metrics, {one.alarms} alarms, {one.dashboards} dashboards")
    if problems:
        sys.exit("\n".join(["failed:", *problems]))


def watched(monitoring):
    template = Template(LOGS | {"Monitoring": monitoring})
    alarms = template.of_type("AWS::CloudWatch::Alarm").values()
    dashboards = len(template.of_type("AWS::CloudWatch::Dashboard"))
    return Watched(len(totals(monitoring)), sum(map(metrics_of_alarm, alarms)), dashboards)


def totals(monitoring):
    """The metrics that an invocation writes, those by rule aside."""
    rows = re.findall(r"(?m)^\| `(\w+)` \| \w+ \| (yes|) \|", METRICS.read_text())
    return [name for name, basic in rows if monitoring == "full" or basic]


def metrics_of_alarm(alarm):
    """An alarm that computes with metrics is charged for each of them."""
    return 1 if "MetricName" in alarm else sum("MetricStat" in one for one in alarm["Metrics"])


def check(basic, full):
    if basic.metrics > 10 or basic.alarms > 10 or basic.dashboards:
        yield f"basic has more than ten metrics or alarms, or a dashboard: {basic}"
    if full.metrics <= basic.metrics or full.alarms <= basic.alarms or full.dashboards != 1:
        yield f"full does not have more than basic: {full}"
    if (cost := basic.with_allowances() + sum(fixed().values())) > 1:
        yield f"a month of basic costs {cost:.2f} USD with CloudWatch's allowances, more than 1"
    alarms = Template(LOGS).of_type("AWS::CloudWatch::Alarm").values()
    used = {one["MetricName"] for one in alarms if one.get("Namespace") == "Trailbell"}
    if unwritten := used - set(totals("basic")):
        yield f"alarms of basic use metrics that it does not write: {sorted(unwritten)}"
    if unused := set(totals("basic")) - used:
        yield f"basic writes metrics without an alarm: {sorted(unused)}"


def fixed():
    """What does not depend on the monitoring, by what it is."""
    requests = PUTS_AND_LISTS * PUT_OR_LIST + GETS * GET
    return {
        f"sweeps: {SWEEPS:,} {TIMES} (1 s {TIMES} 0.25 GB {TIMES} $0.0000166667 + $0.0000002)": (
            SWEEPS * (0.25 * GB_SECOND + INVOCATION)
        ),
        f"their requests: {SWEEPS:,} {TIMES} ({PUTS_AND_LISTS} PUT and LIST {TIMES} $0.005 + "
        f"{GETS} GET {TIMES} $0.0004) / 1,000": SWEEPS * requests,
        f"polls of the idle queue: {POLLS:,} {TIMES} $0.40 / 1,000,000": POLLS * SQS_REQUEST,
    }


def month(basic, full):
    header = [
        "| item | basic | basic, with allowances | full | full, with allowances |",
        "|---|---|---|---|---|",
    ]
    kinds = [
        ("metrics", METRIC, FREE_METRICS),
        ("alarms", ALARM, FREE_ALARMS),
        ("dashboards", DASHBOARD, FREE_DASHBOARDS),
    ]
    rows = []
    for name, price, free in kinds:
        cells = []
        for one in (basic, full):
            count = getattr(one, name)
            cells += [product(count, price), product(max(0, count - free), price)]
        rows.append(row(f"{name} at ${price:.2f}, {free} of them free", cells))
    rows += [row(name, [dollars(cost)] * 4) for name, cost in fixed().items()]
    sums = [
        one + sum(fixed().values())
        for watched in (basic, full)
        for one in (watched.without_allowances(), watched.with_allowances())
    ]
    rows.append(row("**a month**", [f"**{dollars(one)}**" for one in sums]))
    return "\n".join(header + rows)


def product(count, price):
    return f"{count} {TIMES} ${price:.2f} = {dollars(count * price)}"


def dollars(amount):
    return f"${amount:.2f}"


def row(name, cells):
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
