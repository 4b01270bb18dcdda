"""The one thing that can be changed through the REST face: the path of a health check, which GKE puts back.

Owns what of such a request is taken and the operation that answers it. Every other field has to be as it is: what the sandbox
would silently ignore is refused.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.balancer import by_hand
from sandbox.cloud.clusters import directory_of
from sandbox.cloud.errors import CloudError, bad_request
from sandbox.cloud.names import COMPUTE
from sandbox.rest import backends
from sandbox.rest.request import Body, Request, compute_item

_MEMBERS: Final = ("httpHealthCheck", "httpsHealthCheck", "http2HealthCheck")
_PATH: Final = "requestPath"


def health_check(request: Request) -> Body:
    """`patch` and `update` of `regionHealthChecks` and `healthChecks`: holds until GKE's Gateway controller looks again.

    Raises:
        CloudError: 404, there is no such health check; 400, the path is none; 501, another field is to be changed.
    """
    path = f"{backends.scope_path(request)}/healthChecks"
    now = backends.health_checks(request)
    backend = backends.found(request, "healthChecks")
    wanted = _path(request.body, now)
    if not wanted.startswith("/"):
        raise bad_request(
            f"Invalid value for field 'resource.{_PATH}': '{wanted}'. A path begins with a slash.", "invalid"
        )
    by_hand.change(directory_of(request.cloud.home, backend.cluster), backend.key, wanted)
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return compute_item(
        "compute#operation",
        f"{backends.scope_path(request)}/operations/operation-{time.time_ns()}",
        operationType="patch",
        targetLink=f"{COMPUTE}{path}/{backend.name}",
        status="DONE",
        progress=100,
        insertTime=moment,
        startTime=moment,
        endTime=moment,
        **backends.region_field(request),
    )


def _path(body: Body | Any, now: Body) -> str:
    """The path that is asked for; `now` is the health check as it is."""
    found: str | None = None
    for name, value in body.items():
        if name in _MEMBERS and name in now and isinstance(value, dict):
            found = str(value.get(_PATH, now[name][_PATH]))
            others = {key: each for key, each in value.items() if key != _PATH and now[name].get(key) != each}
            changed = [f"{name}.{key}" for key in others]
        else:
            changed = [] if now.get(name) == value else [name]
        if changed:
            raise CloudError(
                501,
                f"The sandbox's REST face changes the path of a health check and nothing else; {changed[0]} is not simulated.",
                "notImplemented",
            )
    if found is None:
        raise bad_request(f"Required field 'resource.httpHealthCheck.{_PATH}' not specified", "required")
    return found
