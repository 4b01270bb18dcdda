"""Which pods are read, and how often."""

from __future__ import annotations

import pytest

from sandbox.metrics.selectors import SelectorError, parse, selects
from sandbox.metrics.targets import seconds, targets
from tests.sandbox.metrics.exposition import IN_FLIGHT, pod
from tests.sandbox.metrics.objects import autoscaling_metric, pod_monitoring


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        ("a=b", True),
        ("a==b,c", True),
        ("a!=b", False),
        ("d!=e", True),
        ("a in (x, b),!d", True),
        ("a notin (b)", False),
        ("!a", False),
    ],
)
def test_selectors(text: str, fits: bool) -> None:
    """As the API server writes them into its queries."""
    assert selects(parse(text), {"a": "b", "c": ""}) is fits


def test_a_selector_that_is_none() -> None:
    """It is refused, not taken for one that selects everything."""
    with pytest.raises(SelectorError, match="a b"):
        parse("a b")


def test_only_what_is_selected_is_read() -> None:
    """Pods of other namespaces, other labels, other phases or without the named port are not there for an autoscaler."""
    pods = [pod(), pod("b", namespace="other"), pod("c", app="x"), pod("d", phase="Pending")]
    assert {item.pod for item in targets(pods, [pod_monitoring("n")], [], [])} == {"a"}
    everywhere = {**pod_monitoring("n"), "metadata": {"name": "web"}}
    assert {item.pod for item in targets(pods, [], [everywhere], [])} == {"a", "b"}
    elsewhere = pod_monitoring("n")
    elsewhere["spec"]["endpoints"][0]["port"] = "other"
    assert targets(pods, [elsewhere], [], []) == set()
    (native,) = targets(pods, [], [], [autoscaling_metric("n", IN_FLIGHT)])
    assert native.names == ((IN_FLIGHT, "load"),)


@pytest.mark.parametrize(("text", "wanted"), [("15s", 15), ("1m30s", 90), ("500ms", 0.5), ("", 60), ("x", 60)])
def test_intervals(text: str, wanted: float) -> None:
    """Prometheus durations; a minute where none is given."""
    assert seconds(text) == wanted
