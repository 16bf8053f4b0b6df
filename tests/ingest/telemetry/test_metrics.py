"""Metrics have the names that dashboards and alerts use, and few enough series to keep."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest.telemetry.metrics import CATALOGUE, Kind, Metrics, RuleInfo


def samples(metrics):
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def metrics():
    return Metrics()


def test_a_batch_adds_up(metrics):
    """Rates, outcomes and phases on a dashboard are sums over all batches."""
    for _ in range(2):
        wall, cpu = {"map": 0.25, "database": 0.5}, {"map": 0.25, "database": 0.125}
        metrics.outcomes({("web", "GOVERNED"): 3, ("web", "STALE"): 1})
        metrics.batch(wall, cpu, 4, 900)
    seen = samples(metrics)
    assert seen["ordergate_events_total", (("channel", "web"), ("outcome", "GOVERNED"))] == 6
    assert seen["ordergate_events_total", (("channel", "web"), ("outcome", "STALE"))] == 2
    assert seen["ordergate_batch_phase_seconds_total", (("phase", "map"),)] == 0.5
    assert seen["ordergate_batch_phase_cpu_seconds_total", (("phase", "database"),)] == 0.25
    assert seen["ordergate_batches_total", ()] == 2
    assert seen["ordergate_raw_bytes_total", ()] == 1800
    assert seen["ordergate_batch_events_sum", ()] == 8
    assert seen["ordergate_batch_seconds_sum", ()] == 1.5


def test_every_report_of_the_worker_is_a_series(metrics):
    """What an alert asks for is there: lag, journal, halts, recoveries, recycles, reading anew, parked, rules, unknown
    fields."""
    metrics.lag("raw.web.orders.v1", 3, 1.5)
    metrics.journal_depth("raw.web.orders.v1", 3, 2)
    metrics.halted("raw.web.orders.v1", 3)
    metrics.readers_wait([("raw.web.orders.v1", 3)])
    metrics.recovery("assigned")
    metrics.producer_recycled("slow_commit")
    metrics.consumer_recycled()
    metrics.read_anew()
    metrics.parked(7)
    metrics.rule_failures("web", "total_matches", "quarantine", 4)
    metrics.unknown_fields("web", 5)
    seen = samples(metrics)
    place = (("partition", "3"), ("topic", "raw.web.orders.v1"))
    assert seen["ordergate_time_lag_seconds", place] == 1.5
    assert seen["ordergate_journal_rows", place] == 2
    assert seen["ordergate_partition_halted", place] == 1
    assert seen["ordergate_output_readers_wait", place] == 1
    assert seen["ordergate_recoveries_total", (("reason", "assigned"),)] == 1
    assert seen["ordergate_producer_recycles_total", (("reason", "slow_commit"),)] == 1
    assert seen["ordergate_consumer_recycles_total", ()] == 1
    assert seen["ordergate_read_anew_total", ()] == 1
    assert seen["ordergate_parked_events", ()] == 7
    rule = (("action", "quarantine"), ("channel", "web"), ("rule", "total_matches"))
    assert seen["ordergate_rule_failures_total", rule] == 4
    assert seen["ordergate_unknown_fields_total", (("channel", "web"),)] == 5


def test_a_released_partition_leaves_no_series(metrics):
    """After a rebalance one worker reports a partition, not two: an old lag would raise an alert for ever."""
    for partition in (1, 2):
        metrics.lag("raw.web.orders.v1", partition, 1)
        metrics.journal_depth("raw.web.orders.v1", partition, 1)
        metrics.halted("raw.web.orders.v1", partition)
    metrics.released("raw.web.orders.v1", 1)
    partitions = {dict(labels).get("partition") for _, labels in samples(metrics)}
    assert partitions == {None, "2"}
    metrics.released("never.assigned", 0)


def test_readers_that_go_on_leave_no_series(metrics):
    """An alert on waiting readers ends with the waiting."""
    metrics.readers_wait([("oms.orders.v1", 1), ("oms.orders.v1", 2)])
    metrics.readers_wait([("oms.orders.v1", 2)])
    waits = [dict(labels) for name, labels in samples(metrics) if name == "ordergate_output_readers_wait"]
    assert waits == [{"topic": "oms.orders.v1", "partition": "2"}]


def test_a_rule_that_changes_its_owner_has_one_series(metrics):
    """Ownership joined from rule_info is the ownership of now."""
    before = RuleInfo("total_matches", "totals", "accuracy", "error", "finance", "1")
    metrics.rules([before, RuleInfo("sku_known", "lines", "consistency", "warning", "catalog", "1")])
    metrics.rules([RuleInfo("total_matches", "totals", "accuracy", "error", "payments", "2")])
    rules = [dict(labels) for name, labels in samples(metrics) if name == "ordergate_rule_info"]
    assert [rule["owner"] for rule in rules] == ["payments"]


def test_two_instances_do_not_share_numbers():
    """Workers in one process, as in tests, count apart."""
    one, two = Metrics(), Metrics()
    one.parked(3)
    assert samples(two)["ordergate_parked_events", ()] == 0


def test_the_catalogue_is_what_is_served(metrics):
    """A name in the catalogue, hence in the docs, is a name on the port, with its help; and no other is."""
    served = {
        family.name: family
        for family in text_string_to_metric_families(metrics.exposition().decode())
        if family.name.startswith("ordergate_")
    }
    catalogue = {metric.name.removesuffix("_total"): metric for metric in CATALOGUE}
    assert set(served) == set(catalogue)
    for name, family in served.items():
        assert family.documentation == catalogue[name].help
        assert family.type == catalogue[name].kind


def test_no_label_is_open_ended():
    """No metric is labelled with something that every order adds to, which would fill a Prometheus server."""
    labels = {label for metric in CATALOGUE for label in metric.labels}
    assert labels <= {
        "channel", "outcome", "phase", "topic", "partition", "reason",
        "rule", "action", "field", "dimension", "severity", "owner", "contract_version",
    }  # fmt: skip
    assert all(metric.name.endswith("_total") == (metric.kind is Kind.COUNTER) for metric in CATALOGUE)
