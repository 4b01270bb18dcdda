"""Helm releases of other people's controllers, pinned, from their registry or from a mirror.

Owns how a chart becomes a release: awaited, with its hooks, in a namespace of this program, with a bounded wait. What is
inside a release is opaque to previews and policies, so everything of ours is a resource of the program instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.kubernetes import Release
from rules.kserve import Chart

__all__ = ["WAIT_SECONDS", "Release", "release"]

WAIT_SECONDS = 600
"""How long a release may take until its workloads are ready."""


def release(
    chart: Chart,
    *,
    mirror: str | None,
    values: Mapping[str, Any],
    namespace: pulumi.Resource,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource] = (),
) -> Release:
    """The Helm release of `chart`, under the chart's own name, in `namespace`.

    `mirror` is a folder or an oci:// prefix that holds the chart by its name instead of its publisher's registry.
    """
    source = (mirror or chart.repository).rstrip("/")
    return Release(
        chart.name,
        name=chart.name,
        chart=f"{source}/{chart.name}",
        version=chart.version,
        namespace=chart.namespace,
        values=dict(values),
        timeout=WAIT_SECONDS,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[namespace, *depends_on]),
    )
