"""Kubernetes Engine's side of the REST face: server config, clusters, node pools, operations, in the API's own shapes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sandbox.cloud import nodepools, versions
from sandbox.cloud.container import CLUSTERS, POOLS, node_zones
from sandbox.cloud.errors import CloudError, bad_request
from sandbox.cloud.kind import Resource
from sandbox.cloud.names import CONTAINER, is_location, is_zone
from sandbox.cloud.settings import text
from sandbox.cloud.store import Record
from sandbox.rest import gke_forms
from sandbox.rest.request import Body, Request

_API: Final = "container.googleapis.com"
_STOCKOUT: Final = "GCE_STOCKOUT"


def server_config(request: Request) -> Body:
    """`getServerConfig`: the versions the sandbox offers."""
    _location(request)
    channels = [
        {"channel": name, "defaultVersion": offered[0], "validVersions": list(offered)}
        for name, offered in versions.CHANNELS.items()
        if name != "UNSPECIFIED"
    ]
    offered = list(versions.CHANNELS["UNSPECIFIED"])
    return {
        "defaultClusterVersion": versions.CHANNELS["REGULAR"][0],
        "validMasterVersions": offered,
        "validNodeVersions": offered,
        "defaultImageType": "COS_CONTAINERD",
        "validImageTypes": ["COS_CONTAINERD", "UBUNTU_CONTAINERD"],
        "channels": channels,
    }


def clusters(request: Request) -> Body:
    """`clusters.list` (location `-` is everywhere) and `clusters.get`."""
    location = _location(request)
    if "cluster" in request.path:
        return _cluster(request, request.cloud.get(CLUSTERS, _cluster_id(request)))
    found = [item for item in request.cloud.all(CLUSTERS, request.project) if _is_in(item, location)]
    return {"clusters": [_cluster(request, item) for item in found]} if found else {}


def node_pools(request: Request) -> Body:
    """`nodePools.list` and `nodePools.get`."""
    _location(request)
    cluster = request.cloud.get(CLUSTERS, _cluster_id(request))
    if "name" in request.path:
        found = request.cloud.get(POOLS, f"{cluster.id}/nodePools/{request.path['name']}")
        return _pool(cluster, found)
    pools = [_pool(cluster, pool) for pool in _pools(request, cluster)]
    return {"nodePools": pools} if pools else {}


def operations(request: Request) -> Body:
    """`operations.list` (location `-` is everywhere) and `operations.get`."""
    location = _location(request)
    records = [
        record
        for record in request.cloud.operations.known()
        if record["type"] in {CLUSTERS, POOLS} and str(record["id"]).startswith(f"projects/{request.project}/")
    ]
    if "name" in request.path:
        found = next((record for record in records if record["name"] == request.path["name"]), None)
        if found is None:
            raise CloudError(404, f"Not found: operations/{request.path['name']}.", "notFound")
        return _operation(found)
    here = [record for record in records if location in {"-", _place(record)}]
    return {"operations": [_operation(record) for record in here]}  # GKE has no pages


def _location(request: Request) -> str:
    request.cloud.require_api(request.project, _API)
    location = request.path["location"]
    if location != "-" and not is_location(location):
        raise bad_request(f'Location "{location}" does not exist.')
    return location


def _cluster_id(request: Request) -> str:
    return f"projects/{request.project}/locations/{request.path['location']}/clusters/{request.path['cluster']}"


def _is_in(cluster: Resource, location: str) -> bool:
    return location in {"-", text(cluster.properties, "location")}


def _pools(request: Request, cluster: Resource) -> list[Resource]:
    pools = request.cloud.all(POOLS, request.project)
    return [pool for pool in pools if nodepools.cluster_path(pool.id) == cluster.id]


def _cluster(request: Request, cluster: Resource) -> Body:
    held = cluster.state()
    location = text(held, "location")
    return {
        "name": cluster.name,
        **gke_forms.cluster(held),
        "location": location,
        "zone": location,
        "locations": node_zones(cluster),
        "network": text(held, "network").rsplit("/", 1)[-1],
        "subnetwork": text(held, "subnetwork").rsplit("/", 1)[-1],
        "clusterIpv4Cidr": held.get("clusterIpv4Cidr", ""),
        "servicesIpv4Cidr": held.get("servicesIpv4Cidr", ""),
        "currentMasterVersion": held.get("masterVersion", ""),
        "currentNodeVersion": held.get("nodeVersion", ""),
        "initialClusterVersion": held.get("masterVersion", ""),
        "nodePools": [_pool(cluster, pool) for pool in _pools(request, cluster)],
        "currentNodeCount": sum(_nodes(request, pool) for pool in _pools(request, cluster)),
        "selfLink": f"{CONTAINER}{cluster.id}",
        "createTime": cluster.created,
        **_status(cluster),
    }


def _pool(cluster: Resource, pool: Resource) -> Body:
    return {
        "name": pool.name,
        **gke_forms.pool(pool.state()),
        "locations": nodepools.zones_of(pool, cluster),
        "selfLink": f"{CONTAINER}{pool.id}",
        **_status(pool),
    }


def _status(resource: Resource) -> Body:
    if not resource.error:
        return {"status": resource.status}
    stockout = _STOCKOUT in resource.error
    condition = {
        "code": _STOCKOUT if stockout else "UNKNOWN",
        "canonicalCode": "RESOURCE_EXHAUSTED" if stockout else "UNKNOWN",
        "message": resource.error,
    }
    return {"status": resource.status, "statusMessage": resource.error, "conditions": [condition]}


def _nodes(request: Request, pool: Resource) -> int:
    return request.cloud.node_count(pool) if pool.status != "ERROR" else 0


def _operation(record: Record) -> Body:
    noun = "CLUSTER" if record["type"] == CLUSTERS else "NODE_POOL"
    project, place = str(record["id"]).split("/")[1], _place(record)
    error: dict[str, Any] | None = record.get("error")
    return {
        "name": record["name"],
        "operationType": f"{str(record['verb']).upper()}_{noun}",
        "status": "DONE" if record["done"] else "RUNNING",
        "detail": (record["progress"] or [""])[-1],
        "location": place,
        "zone": place if is_zone(place) else "",
        "startTime": _time(record["started"]),
        **({"endTime": _time(record["ended"])} if record.get("ended") else {}),
        "selfLink": f"{CONTAINER}projects/{project}/locations/{place}/operations/{record['name']}",
        "targetLink": f"{CONTAINER}{record['id']}",
        **({"statusMessage": error["message"], "error": {"code": 2, "message": error["message"]}} if error else {}),
    }


def _place(record: Record) -> str:
    return str(record["id"]).split("/")[3]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
