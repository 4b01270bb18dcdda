"""What GKE's Gateway controller writes into the status of an HTTPRoute, and how to wait for it.

Owns the conditions' names and the question for one of them. Does not own what GKE refuses in a route (`gateway.py`) nor its
words for it (`gateway_errors.py`).
Sources: GKE's conformance reports in kubernetes-sigs/gateway-api (2026-07) for `controllerName`; operators' reports of
`Reconciled` beside the Gateway API's own conditions (2026-02 to 2026-07). The JSONPath is of the kind that pulumi-kubernetes
takes since 4.24 (RFC 9535): its waiter takes what holds already, whenever that changed last.
"""

from __future__ import annotations

from typing import Final

from rules.gateway import CONTROLLER

RESOLVED: Final = "ResolvedRefs"
"""All that the route names is there."""
RECONCILED: Final = "Reconciled"
"""The load balancer does what the route says."""


def holds(condition: str) -> str:
    """That GKE says this condition of a route, in the words of `kubectl wait --for`. Before there is a status, it does not."""
    by_gke = f'.status.parents[?(@.controllerName=="{CONTROLLER}")]'
    return f'jsonpath={{{by_gke}.conditions[?(@.type=="{condition}")].status}}=True'
