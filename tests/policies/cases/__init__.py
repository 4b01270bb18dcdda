"""Cases of each policy, by its name; `test_cases.py` runs them."""

from __future__ import annotations

from typing import Final

from tests.policies.cases import (
    backends,
    callers,
    capacity,
    edge,
    encryption,
    flags,
    images,
    installation,
    listeners,
    monitoring,
    network,
    nodes,
    order,
    placeholders,
    pods,
    remedied,
    scaling,
    security,
    serving,
    storage,
    versions,
)
from tests.policies.cases.case import Cases

CASES: Final[Cases] = {
    **serving.CASES,
    **backends.CASES,
    **callers.CASES,
    **scaling.CASES,
    **storage.CASES,
    **installation.CASES,
    **images.CASES,
    **capacity.CASES,
    **security.CASES,
    **listeners.CASES,
    **pods.CASES,
    **edge.CASES,
    **nodes.CASES,
    **order.CASES,
    **encryption.CASES,
    **flags.CASES,
    **placeholders.CASES,
    **network.CASES,
    **monitoring.CASES,
    **remedied.CASES,
    **versions.CASES,
}
