"""A pod, how it is read, and what it says of itself."""

from __future__ import annotations

from typing import Any

from sandbox.metrics.targets import Target
from tests.sandbox.metrics.objects import IMAGE

Object = dict[str, Any]


IN_FLIGHT = "inference_in_flight_requests"


TEXT = """# TYPE inference_in_flight_requests gauge
inference_in_flight_requests 12.0
# TYPE requests counter
requests_total{code="200"} %d
# TYPE took histogram
took_bucket{le="+Inf"} 1
took_count 1
took_sum 1
no_type 3
"""


def pod(name: str = "a", namespace: str = "n", phase: str = "Running", image: str = IMAGE, **labels: str) -> Object:
    """A pod of the Deployment `web`."""
    container = {"name": "server", "image": image, "ports": [{"name": "http", "containerPort": 8000}]}
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": {"app": "web", **labels}},
        "spec": {"containers": [container], "nodeName": "node"},
        "status": {"phase": phase, "podIP": "10.0.0.1"},
    }


def target(name: str = "a", names: tuple[tuple[str, str], ...] | None = None) -> Target:
    """How `pod(name)` is read."""
    return Target(
        namespace="n",
        pod=name,
        uid=f"uid-{name}",
        source="managed-prometheus" if names is None else "autoscaling",
        monitor="web",
        port=8000,
        path="/metrics",
        scheme="http",
        interval=15,
        names=names,
    )


class Clock:
    """Time that passes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        """Unix time."""
        return self.now
