"""Which request of the REST face is answered by whom. A path that is none of these is Google's 404, any other change its 501."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.errors import CloudError
from sandbox.rest import backends, changes, clusters, machines, monitoring, places
from sandbox.rest.request import Body, Request

Handler = Callable[[Request], Body]

_COMPUTE: Final = "/compute/v1/projects/{project}"
_GKE: Final = "/v1/projects/{project}/locations/{location}"
_OLD_GKE: Final = "/v1/projects/{project}/zones/{location}"
_QUOTAS: Final = "/v1/projects/{project}/locations/global/services/compute.googleapis.com/quotaInfos"
_TPU: Final = "/v2/projects/{project}/locations"
_MONITORING: Final = "/v3/projects/{project}"
_DASHBOARDS: Final = "/v1/projects/{project}/dashboards"

_GET: Final[Mapping[str, Handler]] = {
    f"{_COMPUTE}/zones": places.zones,
    f"{_COMPUTE}/zones/{{zone}}": places.zones,
    f"{_COMPUTE}/regions": places.regions,
    f"{_COMPUTE}/regions/{{region}}": places.regions,
    f"{_COMPUTE}/zones/{{zone}}/machineTypes": machines.machine_type_items,
    f"{_COMPUTE}/zones/{{zone}}/machineTypes/{{name}}": machines.machine_type_items,
    f"{_COMPUTE}/zones/{{zone}}/acceleratorTypes": machines.accelerator_type_items,
    f"{_COMPUTE}/zones/{{zone}}/acceleratorTypes/{{name}}": machines.accelerator_type_items,
    **{
        f"{_COMPUTE}/{scope}/{collection}{name}": handler
        for scope in ("global", "regions/{region}")
        for name in ("", "/{name}")
        for collection, handler in (
            ("backendServices", backends.backend_services),
            ("healthChecks", backends.health_checks),
            ("forwardingRules", backends.forwarding_rules),
        )
    },
    f"{_COMPUTE}/aggregated/machineTypes": machines.machine_type_items,
    f"{_COMPUTE}/aggregated/acceleratorTypes": machines.accelerator_type_items,
    f"{_COMPUTE}/aggregated/{{collection:backendServices|healthChecks|forwardingRules}}": backends.aggregated,
    f"{_GKE}/serverConfig": clusters.server_config,
    f"{_OLD_GKE}/serverconfig": clusters.server_config,
    **{
        f"{parent}/clusters{rest}": handler
        for parent in (_GKE, _OLD_GKE)
        for rest, handler in (
            ("", clusters.clusters),
            ("/{cluster}", clusters.clusters),
            ("/{cluster}/nodePools", clusters.node_pools),
            ("/{cluster}/nodePools/{name}", clusters.node_pools),
        )
    },
    **{f"{parent}/operations{name}": clusters.operations for parent in (_GKE, _OLD_GKE) for name in ("", "/{name}")},
    _QUOTAS: places.tpu_quota,
    f"{_QUOTAS}/{{quota}}": places.tpu_quota,
    **{
        f"{path}{name}": handler
        for path, handler in (
            (f"{_MONITORING}/alertPolicies", monitoring.alert_policies),
            (f"{_MONITORING}/notificationChannels", monitoring.notification_channels),
            (_DASHBOARDS, monitoring.dashboards),
        )
        for name in ("", "/{name}")
    },
    _TPU: machines.tpu_locations,
    f"{_TPU}/{{zone}}": machines.tpu_locations,
    f"{_TPU}/{{zone}}/acceleratorTypes": machines.tpu_accelerator_types,
    f"{_TPU}/{{zone}}/acceleratorTypes/{{name}}": machines.tpu_accelerator_types,
}

_POST: Final[Mapping[str, Handler]] = {
    f"{_COMPUTE}/{scope}/backendServices/{{name}}/getHealth": backends.get_health
    for scope in ("global", "regions/{region}")
}

_CHANGE: Final[Mapping[str, Handler]] = {
    f"{_COMPUTE}/{scope}/healthChecks/{{name}}": changes.health_check for scope in ("global", "regions/{region}")
}


def _compiled(table: Mapping[str, Handler]) -> list[tuple[re.Pattern[str], Handler]]:
    """`{name}` in a path is any one part of it, `{name:a|b}` one of those."""
    return [(re.compile(re.sub(r"\{(\w+)(?::([^}]+))?\}", _part, path)), handler) for path, handler in table.items()]


def _part(variable: re.Match[str]) -> str:
    return f"(?P<{variable[1]}>{variable[2] or '[^/]+'})"


_ROUTES: Final = {
    "GET": _compiled(_GET),
    "POST": _compiled(_POST),
    **dict.fromkeys(("PATCH", "PUT"), _compiled(_CHANGE)),
}


def answer(cloud: Cloud, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> Body:
    """The answer to a request.

    Raises:
        CloudError: what Google's API would refuse, or what the sandbox does not know.
    """
    for pattern, handler in _ROUTES.get(method, []):
        match = pattern.fullmatch(path)
        if match is not None:
            return handler(Request(cloud=cloud, path=match.groupdict(), query=query, body=body))
    if any(pattern.fullmatch(path) for routes in _ROUTES.values() for pattern, _ in routes):
        raise CloudError(
            501, f"The sandbox's REST face is for reading; {method} {path} is not simulated.", "notImplemented"
        )
    raise CloudError(404, f"The requested URL {path} was not found on this server.", "notFound")
