"""Which errors the official provider tries again, for how long, and how long it waits for operations.

Owns the rules, restated from the Terraform provider that the official plugin is built from (hashicorp/terraform-provider-google,
transport/error_retry_predicates.go, transport/retry_transport.go, resource_container_cluster.go, resource_container_node_pool.go;
read 2026-11). Times are Google Cloud's; whoever waits scales them. What was waited for is added up instead of measured, so
that the number of attempts does not depend on the speed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.cloud.errors import CloudError

TRANSPORT_SECONDS: Final = 90.0
"""For how long every request is tried again."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0

DELETE_CLUSTER_SECONDS: Final = 30.0
"""For how long the deletion of a cluster is tried again, whatever the error."""

_MINUTE: Final = 60
DEFAULT_TIMEOUT: Final = 20 * _MINUTE
TIMEOUTS: Final = {
    ("container.clusters", "create"): 90 * _MINUTE,
    ("container.clusters", "update"): 60 * _MINUTE,
    ("container.clusters", "delete"): 90 * _MINUTE,
    ("container.nodePools", "create"): 120 * _MINUTE,
    ("container.nodePools", "update"): 120 * _MINUTE,
    ("container.nodePools", "delete"): 120 * _MINUTE,
}
"""How long an operation may take, by kind and verb, unless the program says otherwise (`custom_timeouts`).

Node pools: two hours since GoogleCloudPlatform/magic-modules pull request 18250 (opened 2026-07-10, merged; read in
terraform-provider-google at e03b7622 of 2026-08-21). Earlier in 2026 it was 30 minutes, then 60, as sources and guides of those
releases still say. pulumi-gcp 9.35.0 (2026-08-21) bridges google-beta 7.45.0; 10.2.0, which is used here, is later.
"""

_PER_MINUTE: Final = re.compile(r"Quota exceeded for quota metric '.*' and limit '.* per minute' of service")


@dataclass
class Waited:
    """What one call has been through so far."""

    seconds: float = 0.0
    """Spent between its attempts, on Google Cloud."""
    lost: bool = False
    """Whether a connection broke while an answer was due."""


def timeout_of(kind: str, verb: str, custom: float = 0.0) -> float:
    """Seconds an operation may take; `custom` is the program's own choice, 0 for none."""
    return custom or float(TIMEOUTS.get((kind, verb), DEFAULT_TIMEOUT))


def by_transport(error: CloudError) -> bool:
    """Whether every request is tried again after this error."""
    body = f"{error.message} {error.reason}"
    match error.code:
        case 429 | 500 | 502 | 503:
            return True
        case 409:
            return "operationInProgress" in body
        case 403:
            return bool(_PER_MINUTE.search(error.message)) or error.reason == "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED"
        case 400:
            return "resourceNotReady" in body and "networks" in body
        case _:
            return False


def by_resource(kind: str, verb: str, error: CloudError) -> bool:
    """Whether the resource itself tries again, after the transport has given up, until its own timeout."""
    if kind == "container.nodePools":
        busy = error.code == 400 and error.reason == "failedPrecondition"
        return busy or (verb in {"create", "delete"} and error.code == 429)
    return kind == "container.clusters" and verb == "delete" and error.code != 404


def patience(kind: str, verb: str, timeout: float) -> float:
    """Seconds for which the resource itself tries again."""
    return DELETE_CLUSTER_SECONDS if (kind, verb) == ("container.clusters", "delete") else timeout


def transport_pauses() -> Iterator[float]:
    """Seconds between attempts of one request; ends when the time is up."""
    spent, pause, following = 0.0, _FIRST_PAUSE, _FIRST_PAUSE
    while spent + pause < TRANSPORT_SECONDS:
        yield pause
        spent += pause
        pause, following = pause + following, pause


def resource_pauses() -> Iterator[float]:
    """Seconds between attempts of a resource; never ends."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)


def spelled(seconds: float) -> str:
    """A duration as Go writes it: 2h0m0s."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s" if minutes else f"{rest}s"
