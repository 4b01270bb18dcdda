"""What GKE's Gateway controller makes in Compute Engine: backend services, health checks, groups, forwarding rules.

Owns the translation of the load balancer's own account (`sandbox.balancer.state`, one file per cluster) into Compute Engine's
resources. A Gateway of a regional class has them in its region, others globally. There is one network endpoint group per
backend, in the zone of the cluster's TPU nodes, or its first. A cluster without a load balancer has none of all this.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rules import tpu
from rules.gateway import REGIONAL_INTERNAL, is_regional_class
from rules.monitoring import GATEWAY_PREFIX
from sandbox.balancer import state
from sandbox.cloud import nodepools
from sandbox.cloud.clusters import directory_of
from sandbox.cloud.container import CLUSTERS, POOLS, node_zones
from sandbox.cloud.errors import CloudError, bad_request
from sandbox.cloud.kind import Resource
from sandbox.cloud.names import COMPUTE, region_of, relative
from sandbox.cloud.settings import text
from sandbox.rest.places import known_zones, require_region
from sandbox.rest.request import Body, Request, compute_aggregated, compute_item, compute_list, one

_LONGEST_NAME: Final = 63


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One backend of a load balancer, as a cluster's account has it. `class_name` is its Gateway's."""

    cluster: Resource
    zone: str
    key: str
    entry: Mapping[str, Any]
    class_name: str

    @property
    def name(self) -> str:
        """The name of everything GKE makes for it."""
        port = self.entry["port"] or next((str(item["port"]) for item in self.entry["endpoints"]), "0")
        return gke_name(self.cluster, str(self.entry["namespace"]), str(self.entry["name"]), str(port), self.key)


def gke_name(cluster: Resource, *parts: str) -> str:
    """A name as GKE's Gateway controller makes them: readable parts, and hashes of the cluster and the whole."""
    *readable, whole = parts
    tail = _hash(f"{cluster.id}/{whole}", 12)
    middle = "-".join(readable)
    head = f"{GATEWAY_PREFIX}{_hash(cluster.id, 4)}-"
    return f"{head}{middle[: _LONGEST_NAME - len(head) - len(tail) - 1].rstrip('-')}-{tail}".lower()


def backend_services(request: Request) -> Body:
    """`regionBackendServices` and `backendServices`: list and get."""
    return _answer(request, "compute#backendService", "backendServices", _services(request))


def health_checks(request: Request) -> Body:
    """`regionHealthChecks` and `healthChecks`: list and get."""
    return _answer(request, "compute#healthCheck", "healthChecks", _checks(request))


def forwarding_rules(request: Request) -> Body:
    """`forwardingRules` and `globalForwardingRules`: one per listener of a Gateway that has an address."""
    return _answer(request, "compute#forwardingRule", "forwardingRules", _rules(request))


def aggregated(request: Request) -> Body:
    """`aggregatedList` of these three: the global ones and those of every region."""
    collection = request.path["collection"]
    kind, items = {
        "backendServices": ("compute#backendServiceAggregatedList", _services),
        "healthChecks": ("compute#healthChecksAggregatedList", _checks),
        "forwardingRules": ("compute#forwardingRuleAggregatedList", _rules),
    }[collection]
    scopes = {"global": items(request)}
    for region in sorted({region_of(zone) for zone in known_zones(request)}):
        scopes[f"regions/{region}"] = items(replace(request, path={**request.path, "region": region}))
    return compute_aggregated(request, kind, collection, scopes)


def get_health(request: Request) -> Body:
    """`getHealth`: the endpoints of the group that the body names, with the health the load balancer sees."""
    backend = found(request, "backendServices")
    group = str(request.body.get("group") or "")
    if not group:
        raise bad_request("Required field 'resource.group' not specified", "required")
    if relative(group) != _group(backend):
        raise bad_request(
            f"Invalid value for field 'resource.group': '{group}'. It is no backend of this service.", "invalid"
        )
    seen = [
        {"healthState": endpoint["state"], "ipAddress": endpoint["address"], "port": endpoint["port"]}
        for endpoint in backend.entry["endpoints"]
        if endpoint["state"] != state.DRAINING  # GKE has taken it out of the group
    ]
    return {"kind": "compute#backendServiceGroupHealth", **({"healthStatus": seen} if seen else {})}


def found(request: Request, collection: str) -> Backend:
    """The backend whose resource in `collection` is named.

    Raises:
        CloudError: 404, there is none.
    """
    name = request.path["name"]
    for backend in _backends(request):
        if backend.name == name:
            return backend
    raise CloudError(404, f"The resource '{scope_path(request)}/{collection}/{name}' was not found", "notFound")


def _answer(request: Request, kind: str, collection: str, items: list[Body]) -> Body:
    path = f"{scope_path(request)}/{collection}"
    if "name" in request.path:
        return one(items, request.path["name"], path)
    return compute_list(request, kind, path, items)


def _services(request: Request) -> list[Body]:
    return [_service(request, backend) for backend in _backends(request)]


def _checks(request: Request) -> list[Body]:
    return [_check(request, backend) for backend in _backends(request)]


def _rules(request: Request) -> list[Body]:
    scope = scope_path(request)
    return [
        compute_item(
            "compute#forwardingRule",
            f"{scope}/forwardingRules/{gke_name(cluster, gateway['namespace'], gateway['name'], listener['name'])}",
            description=json.dumps({"k8sResource": f"/namespaces/{gateway['namespace']}/gateways/{gateway['name']}"}),
            IPAddress=gateway["address"],
            IPProtocol="TCP",
            portRange=f"{listener['port']}-{listener['port']}",
            loadBalancingScheme=_scheme(gateway["className"]),
            networkTier="PREMIUM",
            **region_field(request),
        )
        for cluster, gateway in _gateways(request)
        for listener in gateway["listeners"]
        if gateway["address"]
    ]


def _service(request: Request, backend: Backend) -> Body:
    scope, entry = scope_path(request), backend.entry
    group = {"group": f"{COMPUTE}{_group(backend)}", "balancingMode": "RATE", "capacityScaler": 1.0}
    return compute_item(
        "compute#backendService",
        f"{scope}/backendServices/{backend.name}",
        description=_description(entry),
        protocol=str(entry["protocol"]).upper(),
        loadBalancingScheme=_scheme(backend.class_name),
        timeoutSec=int(entry["timeoutSec"]),
        connectionDraining={"drainingTimeoutSec": int(entry["drainingTimeoutSec"])},
        sessionAffinity="NONE",
        port=80,
        healthChecks=[f"{COMPUTE}{scope}/healthChecks/{backend.name}"],
        backends=[{**group, "maxRatePerEndpoint": 1e8}],
        **region_field(request),
    )


def _check(request: Request, backend: Backend) -> Body:
    entry = backend.entry["healthCheck"]
    kind = str(entry["type"])
    member = {"HTTP": "httpHealthCheck", "HTTPS": "httpsHealthCheck", "HTTP2": "http2HealthCheck"}.get(kind)
    specification = {"portSpecification": "USE_SERVING_PORT", "proxyHeader": "NONE"}
    detail = {
        member or f"{kind.lower()}HealthCheck": {"requestPath": entry["requestPath"], **specification}
        if member
        else {"portSpecification": "USE_SERVING_PORT"}
    }
    return compute_item(
        "compute#healthCheck",
        f"{scope_path(request)}/healthChecks/{backend.name}",
        description=_description(backend.entry),
        type=kind,
        **{
            name: int(entry[name])
            for name in ("checkIntervalSec", "timeoutSec", "healthyThreshold", "unhealthyThreshold")
        },
        **detail,
        **region_field(request),
    )


def _description(entry: Mapping[str, Any]) -> str:
    name = f"{entry['namespace']}/{entry['name']}"
    what = {"Service": "service"}.get(str(entry["kind"]), str(entry["kind"]).lower())
    port = {"kubernetes.io/service-port": str(entry["port"])} if entry["port"] else {}
    return json.dumps({f"kubernetes.io/{what}-name": name, **port})


def _backends(request: Request) -> list[Backend]:
    found: dict[str, Backend] = {}
    for cluster, gateway in _gateways(request):
        account: Body = state.read(directory_of(request.cloud.home, cluster)) or {}
        served = {
            item["backend"]
            for listener in gateway["listeners"]
            for rule in listener["rules"]
            for item in rule["backends"]
        }
        served |= {entry["picker"] for key, entry in account["backends"].items() if key in served and entry["picker"]}
        for key in sorted(served & account["backends"].keys()):
            backend = Backend(
                cluster=cluster,
                zone=_zone(request, cluster),
                key=key,
                entry=account["backends"][key],
                class_name=gateway["className"],
            )
            found.setdefault(backend.name, backend)
    return list(found.values())


def _gateways(request: Request) -> Iterator[tuple[Resource, Body]]:
    region = require_region(request) if "region" in request.path else None
    if region is None:
        request.cloud.require_api(request.project, "compute.googleapis.com")
    for cluster in request.cloud.all(CLUSTERS, request.project):
        account = state.read(directory_of(request.cloud.home, cluster))
        for gateway in (account or {}).get("gateways", []):
            regional = is_regional_class(gateway["className"])
            here = region_of(text(cluster.properties, "location")) == region
            if (regional and here) if region else not regional:
                yield cluster, gateway


def _zone(request: Request, cluster: Resource) -> str:
    for pool in request.cloud.all(POOLS, request.project):
        if nodepools.cluster_path(pool.id) == cluster.id and tpu.is_tpu_machine_name(nodepools.machine_of(pool)):
            return nodepools.zones_of(pool, cluster)[0]
    return node_zones(cluster)[0]


def _group(backend: Backend) -> str:
    """The path of its network endpoint group."""
    project = backend.cluster.project
    name = f"k8s1-{_hash(backend.cluster.id, 8)}-{backend.entry['namespace']}-{backend.entry['name']}"
    tail = _hash(backend.key, 8)
    return (
        f"projects/{project}/zones/{backend.zone}/networkEndpointGroups/{name[: _LONGEST_NAME - 9].rstrip('-')}-{tail}"
    )


def _scheme(class_name: str) -> str:
    return "INTERNAL_MANAGED" if class_name == REGIONAL_INTERNAL else "EXTERNAL_MANAGED"


def scope_path(request: Request) -> str:
    """The path of the region or of the project's global resources that is asked about."""
    where = f"regions/{request.path['region']}" if "region" in request.path else "global"
    return f"projects/{request.project}/{where}"


def region_field(request: Request) -> Body:
    """The field that says where a regional resource is."""
    return {"region": f"{COMPUTE}{scope_path(request)}"} if "region" in request.path else {}


def _hash(of: str, digits: int) -> str:
    return hashlib.sha256(of.encode()).hexdigest()[:digits]
