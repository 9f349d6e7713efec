"""What the alerts of a plan do with log entries: which fire, and when.

Prometheus evaluates their queries, `log_query` their filters. A log-based metric counts the entries
that its filter matches. Cloud Monitoring keeps counts, and knows when each began. Prometheus keeps
only the sum, and `increase` does not see the first value of a series: so each series begins with
zero here. A minute of a test is a minute of the metrics.
"""

import json
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.support.log_query import Entry, extracted, matches

Timeline = Sequence[tuple[int, Entry]]
"""Entries, each with the minute in which it was written."""

Series = Mapping[str, Sequence[int]]
"""For each series of another metric, the minutes in which it counts one more."""

_PREFIX = "logging_googleapis_com:user_"


def missing() -> str | None:
    """Why the queries cannot be evaluated here."""
    if shutil.which("promtool"):
        return None
    return "promtool is not installed: apt-get install prometheus"


@dataclass(frozen=True)
class Alerts:
    """The alerts and log-based metrics of one connector, from the resources of a plan."""

    policies: dict[str, dict[str, Any]]
    metrics: list[dict[str, Any]]

    @classmethod
    def of(cls, resources: Iterable[dict[str, Any]], connector: str) -> "Alerts":
        own = [one for one in resources if f'module.connector["{connector}"]' in one["address"]]
        policies = [one for one in own if one["type"] == "google_monitoring_alert_policy"]
        metrics = [one["values"] for one in own if one["type"] == "google_logging_metric"]
        return cls({str(one["index"]): one["values"] for one in policies}, metrics)

    def only(self, *names: str) -> "Alerts":
        """These alerts without the others, whose evaluation takes time."""
        return Alerts({name: self.policies[name] for name in names}, self.metrics)

    def _conditions(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            name: policy["conditions"][0][kind][0]
            for name, policy in self.policies.items()
            if policy["conditions"][0][kind]
        }

    @property
    def filters(self) -> dict[str, str]:
        """The filters of the alerts on single log lines."""
        found = self._conditions("condition_matched_log")
        return {name: condition["filter"] for name, condition in found.items()}

    @property
    def queries(self) -> dict[str, str]:
        """The PromQL of the alerts on metrics."""
        found = self._conditions("condition_prometheus_query_language")
        return {name: condition["query"] for name, condition in found.items()}

    def lines(self, entries: Iterable[Entry]) -> set[str]:
        """The alerts on single log lines that these entries set off."""
        entries = list(entries)
        return {
            name
            for name, query in self.filters.items()
            if any(matches(query, entry) for entry in entries)
        }

    def counted(self, metric: str, entries: Iterable[Entry]) -> list[Entry]:
        """The entries that a metric counts, by the end of its name."""
        (found,) = [one for one in self.metrics if one["name"].endswith(f"_{metric}")]
        return [entry for entry in entries if matches(found["filter"], entry)]

    def check(
        self,
        folder: Path,
        timeline: Timeline,
        fires: Mapping[int, set[str]],
        values: Mapping[tuple[int, str], float] | None = None,
        other: Series | None = None,
    ) -> None:
        """Exactly these alerts fire in these minutes; the queries of `values` have these values.

        `other` are series of metrics that are not made from the log.
        """
        queries = self.queries
        last = max(fires)
        series = dict(self._series(timeline, last)) | {
            name: _steps(minutes, last) for name, minutes in (other or {}).items()
        }
        test = {
            "interval": "1m",
            "input_series": [{"series": name, "values": steps} for name, steps in series.items()],
            "alert_rule_test": [
                _alert_test(name, minute, name in expected)
                for minute, expected in fires.items()
                for name in queries
            ],
            "promql_expr_test": [
                {
                    "expr": self.queries[name],
                    "eval_time": f"{minute}m",
                    "exp_samples": [_one(value)],
                }
                for (minute, name), value in (values or {}).items()
            ],
        }
        unknown = set().union(*fires.values()) - set(queries)
        assert not unknown
        _promtool(folder, self._rules(), test)

    def _rules(self) -> list[dict[str, Any]]:
        found = self._conditions("condition_prometheus_query_language")
        return [
            {"alert": name, "expr": condition["query"], "for": condition["duration"]}
            for name, condition in found.items()
        ]

    def _series(self, timeline: Timeline, last: int) -> Iterable[tuple[str, str]]:
        for metric in self.metrics:
            counted = [(when, one) for when, one in timeline if matches(metric["filter"], one)]
            by_labels: dict[str, list[tuple[int, Entry]]] = defaultdict(list)
            for when, entry in counted:
                by_labels[_labels(metric, entry)].append((when, entry))
            for labels, group in by_labels.items():
                yield from _series_of(metric, labels, group, last)


def _series_of(
    metric: dict[str, Any], labels: str, group: list[tuple[int, Entry]], last: int
) -> Iterable[tuple[str, str]]:
    name = _PREFIX + metric["name"]
    if not metric["bucket_options"]:
        yield f"{name}{{{labels}}}", _steps([when for when, _ in group], last)
        return
    values = [(when, extracted(metric["value_extractor"], entry)) for when, entry in group]
    yield f"{name}_count{{{labels}}}", _steps([when for when, _ in values], last)
    for bound in [*_bounds(metric), float("inf")]:
        text = "+Inf" if bound == float("inf") else f"{bound:.6g}"
        below = [when for when, value in values if value <= bound]
        yield f'{name}_bucket{{{labels},le="{text}"}}', _steps(below, last)


def _bounds(metric: dict[str, Any]) -> list[float]:
    (buckets,) = metric["bucket_options"][0]["exponential_buckets"]
    scale, growth = buckets["scale"], buckets["growth_factor"]
    return [scale * growth**step for step in range(buckets["num_finite_buckets"] + 1)]


def _labels(metric: dict[str, Any], entry: Entry) -> str:
    found = {
        name: extracted(extractor, entry) or ""
        for name, extractor in metric["label_extractors"].items()
    }
    labels = {"monitored_resource": entry["resource"]["type"]} | found
    return ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())


def _steps(minutes: Iterable[int], last: int) -> str:
    """A series that grows by one for each of these minutes, in promtool's notation."""
    added: dict[int, int] = defaultdict(int)
    for minute in minutes:
        assert minute > 0, "a series begins with zero"
        added[minute] += 1
    total, totals = 0, []
    for minute in range(last + 1):
        total += added[minute]
        totals.append(total)
    runs = [(value, len(list(run))) for value, run in groupby(totals)]
    return " ".join(f"{value}+0x{length - 1}" for value, length in runs)


def _alert_test(name: str, minute: int, fires: bool) -> dict[str, Any]:
    expected: list[Any] = [{"exp_labels": {}, "exp_annotations": {}}] if fires else []
    return {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": expected}


def _one(value: float) -> dict[str, Any]:
    return {"labels": "{}", "value": value}


def _promtool(folder: Path, rules: list[dict[str, Any]], test: dict[str, Any]) -> None:
    """Let Prometheus evaluate; JSON is YAML, too."""
    groups = {"groups": [{"name": "plan", "interval": "1m", "rules": rules}]}
    (folder / "rules.yml").write_text(json.dumps(groups))
    tests = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    (folder / "tests.yml").write_text(json.dumps(tests))
    ran = subprocess.run(
        ["promtool", "test", "rules", str(folder / "tests.yml")],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
